"""Estimators whose graphs passes rewrite - neighbours, isolation forests, one-vs-rest - against scikit-learn.

``python -m benchmarks.estimators [--markdown FILE]``. Each predictor's answers are compared with scikit-learn's before
anything is timed, and all take turns; a ratio is that of the medians of one interleaved run. ``session`` is
`InferenceSession` on the file skl2onnx writes, which ``onnxruntime`` (where it is installed) runs too; ``estimator`` is
what `sklort.convert` gives.
"""

from __future__ import annotations

import argparse
import os
import platform
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

import sklort
from benchmarks.timing import Spread, race, times_faster

SIZES = (1, 100, 10_000)
HEAD = f"""# Benchmarks

Estimators whose graphs are rewritten by passes. Written by `python -m benchmarks.estimators --markdown
docs/benchmarks.md` on {platform.machine()} with {os.cpu_count()} cores: do not edit it. What is compared, and how, says
the head of that program.

"""
OPSET = {"": 21, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class Task:
    """A fitted model and one of its methods; `output` is the graph's name for the answer."""

    name: str
    model: Any
    method: str
    output: str
    dtype: type
    tolerance: float
    options: dict[str, Any]
    scale: float = 1.0  # of the rows

    def rows(self) -> Any:
        """The 10,000 rows to ask about."""
        return np.ascontiguousarray(digits(self.dtype)[2] * self.scale, self.dtype)


def digits(dtype: type) -> tuple[Any, Any, Any]:
    """The 1,797 digits with their labels, and 10,000 rows like them without equal distances."""
    X, y = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    rows = X[random.integers(0, len(X), max(SIZES))] + random.normal(scale=0.5, size=(max(SIZES), X.shape[1]))
    return X.astype(dtype), y, np.ascontiguousarray(rows, dtype)


def tasks() -> list[Task]:
    found = []
    for dtype in (np.float32, np.float64):
        X, y, _ = digits(dtype)
        plain = {"zipmap": False}
        neighbours = KNeighborsClassifier().fit(X, y)
        found.append(Task("k-nearest neighbours", neighbours, "predict", "label", dtype, 0, plain))
        scale = 1 / 16
        one_vs_rest = OneVsRestClassifier(LogisticRegression(max_iter=1000)).fit(X * dtype(scale), y)
        found.append(
            Task("one-vs-rest logistic", one_vs_rest, "predict_proba", "probabilities", dtype, 2e-4, plain, scale)
        )
    X, _, _ = digits(np.float32)
    forest = IsolationForest(random_state=0).fit(X)
    found.append(Task("isolation forest", forest, "decision_function", "scores", np.float32, 1e-5, {}))
    found.append(Task("isolation forest", forest, "predict", "label", np.float32, 0, {}))
    return found


def predictors(task: Task, sample: Any) -> dict[str, Callable[[Any], Any]]:
    """Who can answer, scikit-learn first, as functions of the rows; the conversion is checked on `sample`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(task.model, sample[:1], target_opset=OPSET, options={id(task.model): task.options})
        fast = sklort.convert(task.model, sample)
    session = sklort.InferenceSession(proto)
    (name,) = (one.name for one in session.get_inputs())
    found = {
        "scikit-learn": getattr(task.model, task.method),
        "estimator": getattr(fast, task.method),
        "session": lambda rows: session.run([task.output], {name: rows})[0],
    }
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        other = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        found["onnxruntime"] = lambda rows: other.run([task.output], {name: rows})[0]
    return found


def disagreement(tolerance: float) -> Callable[[Any, Any], str | None]:
    """Labels: one row in a thousand may differ, where the rounded distances of a graph are equal."""

    def compare(truth: Any, answer: Any) -> str | None:
        answer = np.asarray(answer).reshape(truth.shape)
        if tolerance == 0:
            different = int((truth != answer).sum())
            return None if different <= len(truth) // 1000 else f"{different} of {len(truth)} labels differ"
        worst = float(np.abs(truth - answer).max())
        return None if worst <= tolerance else f"values differ by {worst:.1e}"

    return compare


def measure(task: Task, seconds: float) -> dict[int, dict[str, Spread]]:
    rows = task.rows()
    found = predictors(task, rows[:1000])
    return {
        size: race(
            {name: partial(predict, rows[:size]) for name, predict in found.items()},
            disagreement=disagreement(task.tolerance),
            seconds=seconds,
        )
        for size in SIZES
    }


def lines(task: Task, times: dict[int, dict[str, Spread]]) -> list[str]:
    """Rows of a Markdown table: median (minimum to maximum), and how many times as fast as scikit-learn."""
    title = f"{task.name}, `{task.method}`, {np.dtype(task.dtype).name}"
    found = []
    for size, spreads in times.items():
        base = spreads["scikit-learn"]
        for name, spread in spreads.items():
            found.append(f"| {title} | {size:,} | {name} | {spread} | {times_faster(base, spread)} |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    parser.add_argument("--seconds", type=float, default=2.0, help="to measure each row of the table for")
    arguments = parser.parse_args()
    table = [
        "| model | rows | who | a call: median (minimum to maximum) | scikit-learn's time / its time |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(table))
    for task in tasks():
        more = lines(task, measure(task, arguments.seconds))
        print("\n".join(more), flush=True)
        table += more
    if arguments.markdown is not None:
        arguments.markdown.write_text(HEAD + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
