"""Seconds of processor time to convert models of trees, beside skl2onnx in the same run.

    python -m benchmarks.conversion                    prints the table
    python -m benchmarks.conversion --page docs        writes docs/conversion.md
    python -m benchmarks.conversion --models et25k,lgbm100 --limit 10

skl2onnx works in a process of its own and is stopped after ``--limit`` seconds: the table then says "more than".
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sklort
from benchmarks import machine
from sklort.conversion import convert_model
from sklort.exceptions import SklortError

COLUMNS = 10
_STOP = 5.0  # seconds that a process has to end once told to


@dataclass(frozen=True)
class Model:
    """A model that can be fitted quickly, to any size."""

    title: str
    fit: Callable[[], tuple[Any, Any]]


@dataclass(frozen=True)
class Line:
    """What was measured of one model; seconds, or a sentence where there is none."""

    title: str
    nodes: int
    graph: float
    whole: float
    checked: float
    other: float | str


def _rows(count: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.random((count, COLUMNS), np.float32)
    return X, rng.random(count), rng.integers(0, 3, count)


def _extra_trees(leaves: int, trees: int) -> Callable[[], tuple[Any, Any]]:
    def fit() -> tuple[Any, Any]:
        from sklearn.ensemble import ExtraTreesRegressor

        X, y, _ = _rows(leaves)
        return ExtraTreesRegressor(trees, max_features=1, random_state=0).fit(X, y), X

    return fit


def _classes(leaves: int, trees: int) -> Callable[[], tuple[Any, Any]]:
    def fit() -> tuple[Any, Any]:
        from sklearn.ensemble import RandomForestClassifier

        X, _, y = _rows(leaves)
        return RandomForestClassifier(trees, random_state=0).fit(X, y), X

    return fit


def _boosted(package: str, kind: str, **parameters: Any) -> Callable[[], tuple[Any, Any]]:
    def fit() -> tuple[Any, Any]:
        from importlib import import_module

        X, y, _ = _rows(20_000)
        target = (y + X[:, 0] > 1).astype(np.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(import_module(package), kind)(**parameters).fit(X, target), X

    return fit


MODELS: dict[str, Model] = {
    "et25k": Model("25,000 nodes, 10 extremely random trees", _extra_trees(1_250, 10)),
    "et252k": Model("252,000 nodes, 100 extremely random trees", _extra_trees(1_260, 100)),
    "et4600k": Model("4.6 million nodes, 18 extremely random trees", _extra_trees(128_000, 18)),
    "rf3": Model("random forest of 100 trees, three classes", _classes(3_000, 100)),
    "gb100": Model(
        "gradient boosting, 100 trees", _boosted("sklearn.ensemble", "GradientBoostingClassifier", subsample=0.2)
    ),
    "iso100": Model("isolation forest, 100 trees", _boosted("sklearn.ensemble", "IsolationForest")),
    "hgb100": Model(
        "histogram gradient boosting, 100 trees", _boosted("sklearn.ensemble", "HistGradientBoostingClassifier")
    ),
    "lgbm100": Model("LightGBM, 100 trees", _boosted("lightgbm", "LGBMClassifier", verbose=-1)),
    "lgbm1000": Model("LightGBM, 1,000 trees", _boosted("lightgbm", "LGBMClassifier", n_estimators=1000, verbose=-1)),
    "xgb100": Model("XGBoost, 100 trees", _boosted("xgboost", "XGBClassifier")),
    "cat100": Model(
        "CatBoost, 100 trees",
        _boosted("catboost", "CatBoostClassifier", iterations=100, verbose=0, allow_writing_files=False),
    ),
}


def _seconds(work: Callable[[], Any]) -> float:
    """Of processor time, the least of three, of one where it takes long: what others take is not the converter's."""
    least = float("inf")
    for _ in range(3):
        started = time.process_time()
        work()
        least = min(least, time.process_time() - started)
        if least > 2:
            break
    return least


def _nodes_of(graph: Any) -> int:
    """Nodes and leaves of the trees, each of them once."""
    for node in graph.node:
        if node.op_type == "TreeEnsemble":
            lists = {a.name: a for a in node.attribute}
            copies = lists["n_targets"].i if len(lists["tree_roots"].ints) % lists["n_targets"].i == 0 else 1
            inner, leaves = len(lists["nodes_featureids"].ints), len(lists["leaf_targetids"].ints)
            return int((inner + leaves) // copies)
    return 0


def _work_of_skl2onnx(answer: Any, model: Any, X: Any) -> None:
    """In its own process: seconds, or why there are none."""
    try:
        from skl2onnx import to_onnx  # not timed

        options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            to_onnx(model, X[:1], options=options, target_opset={"": 21, "ai.onnx.ml": 3})
        answer.send(time.process_time() - started)
    except Exception as error:  # noqa: BLE001 - skl2onnx raises anything
        answer.send(f"raises {type(error).__name__}")


def _skl2onnx(model: Any, X: Any, limit: float) -> float | str:
    if not type(model).__module__.startswith("sklearn."):
        return "not in skl2onnx"
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_work_of_skl2onnx, args=(there, model, X))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(limit) else f"more than {limit:.0f}, stopped"
    except EOFError:
        return "ended without a word"
    finally:
        if process.is_alive():
            process.terminate()
        process.join(_STOP)


def measure(model: Model, limit: float) -> Line | str:
    """The figures of one model, or why there are none."""
    try:
        fitted, X = model.fit()
    except ImportError as error:
        return f"{model.title}: {error.name} is not installed"
    try:
        graph = convert_model(fitted, X).onnx_model.graph
        nodes = _nodes_of(graph)
        del graph
        return Line(
            model.title,
            nodes,
            _seconds(lambda: convert_model(fitted, X)),
            _seconds(lambda: sklort.convert(fitted, X, parity=False)),
            _seconds(lambda: sklort.convert(fitted, X)),
            _skl2onnx(fitted, X, limit),
        )
    except SklortError as error:
        return f"{model.title}: {error}"


def _told(seconds: float | str) -> str:
    return seconds if isinstance(seconds, str) else f"{seconds:.3g}"


def _times(line: Line) -> str:
    if isinstance(line.other, str):
        return ""
    return f"{line.other / line.graph:.0f} ×"


def table(lines: Sequence[Line]) -> str:
    columns = ("nodes and leaves", "graph", "`sklort.convert` without parity", "with parity", "skl2onnx", "as fast")
    head = ["| model | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    body = [
        f"| {one.title} | {one.nodes:,} | {_told(one.graph)} | {_told(one.whole)} | {_told(one.checked)} "
        f"| {_told(one.other)} | {_times(one)} |"
        for one in lines
    ]
    return "\n".join([*head, *body])


def page(lines: Sequence[Line], sentences: Sequence[str], here: dict[str, str]) -> str:
    machine_lines = "\n".join(f"| {name} | {value} |" for name, value in here.items() if name != "cores used")
    left_out = "\n".join(f"- {sentence}" for sentence in sentences)
    return f"""# Converting models of trees

Made by `python -m benchmarks.conversion --page docs`; do not edit it. Seconds of processor time, the least of three
runs (of one where it takes longer than two seconds).

- *graph*: the ONNX model alone, `sklort.conversion.convert_model`: the part that skl2onnx does.
- *`sklort.convert` without parity*: the graph, read again, checked, planned and compiled, and serialised.
- *with parity*: and compared with the original, on up to 2,000 rows of X and as many made from thresholds. The
  original's own predictions take most of that.
- *skl2onnx*: `to_onnx`, in a process of its own, after it was imported; stopped where it says "more than".
- *as fast*: skl2onnx's seconds over those of the graph.

{table(lines)}
{chr(10) + left_out + chr(10) if left_out else ""}
skl2onnx writes the trees of float32 operators; the graphs here hold doubles, and member sets for categories.

| measured on | |
|---|---|
{machine_lines}
"""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS), help="keys, with commas between; all: %(default)s")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that skl2onnx has for a model (%(default)s)")
    parser.add_argument("--page", type=Path, metavar="FOLDER", help="write conversion.md there")
    arguments = parser.parse_args(words)
    keys = arguments.models.split(",")
    unknown = [key for key in keys if key not in MODELS]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(MODELS)}")
    import sklearn.ensemble  # noqa: F401 - it loads the threads that are limited next
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)  # scikit-learn's own threads, which on a busy machine wait for each other
    lines: list[Line] = []
    sentences: list[str] = []
    for key in keys:
        found = measure(MODELS[key], arguments.limit)
        (lines if isinstance(found, Line) else sentences).append(found)  # type: ignore[arg-type]
        print(table([found]).splitlines()[-1] if isinstance(found, Line) else found, flush=True)
    if arguments.page is not None:
        (arguments.page / "conversion.md").write_text(page(lines, sentences, machine.description()))
        print(f"{arguments.page / 'conversion.md'} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
