"""Models of real flights behind three back-ends of the same service: sklort, scikit-learn itself, onnxruntime.

A back-end is what `sklort.serving` needs of a model, and nothing else of the service knows which one it has.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklort
from benchmarks import flights
from benchmarks.engines import feed_of, onnxruntime_session
from benchmarks.graphs import graph_of
from sklort.serving.model import Computer, Model, load

OURS, THEIRS, OTHER = "sklort", "scikit-learn", "onnxruntime"
ROWS = 200
"""Different rows that are asked for, in turn."""
LEARNT = 30_000


@dataclass(frozen=True)
class Served:
    """A model of the benchmark.

    Attributes
    ----------
    key, title : str
    make : callable
        The estimator, not fitted.
    frame : bool
        Whether it learns from the data frame, with its strings; else from numbers.
    """

    key: str
    title: str
    make: Callable[[], Any]
    frame: bool = False


def _pipeline() -> Any:
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), flights.KNOWN),
            ("codes", OneHotEncoder(handle_unknown="ignore"), flights.CODES),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=300))


def _forest() -> Any:
    return RandomForestClassifier(300, max_depth=10, random_state=0, n_jobs=-1)


def _boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=500, early_stopping=False, random_state=0)


MODELS = (
    Served("pipeline", "StandardScaler and OneHotEncoder into LogisticRegression, 10 named columns", _pipeline, True),
    Served("forest", "RandomForestClassifier, 300 trees of depth 10", _forest),
    Served("boosting", "HistGradientBoostingClassifier, 500 trees", _boosting),
)


def rows(served: Served, count: int) -> Any:
    """Flights that the model has not seen, as it takes them."""
    known = flights.read()
    rest = np.setdiff1d(np.arange(len(known.late)), known.training)[:: len(known.late) // (2 * count)][:count]
    X = known.frame[[*flights.KNOWN, *flights.CODES]] if served.frame else known.numbers
    return flights.rows(X, rest)


def made(served: Served, folder: Path, learnt: int = LEARNT) -> tuple[Path, Path]:
    """The pickle of the fitted model, which is kept, and its ONNX file, which is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{served.key}-{learnt}-{sklearn.__version__}.pickle"
    known = flights.read()
    some = known.training[:learnt]
    X = known.frame[[*flights.KNOWN, *flights.CODES]] if served.frame else known.numbers
    if not kept.exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a solver stopped early: as good a model to time
            model = served.make().fit(flights.rows(X, some), known.late[some])
        if hasattr(model, "n_jobs"):
            model.n_jobs = None  # for one row, threads only cost
        kept.write_bytes(pickle.dumps(model))
    path = kept.with_suffix(".onnx")
    sklort.convert(pickle.loads(kept.read_bytes()), flights.rows(X, some[:500])).save(path)
    return kept, path


def backends(model: Any, path: Path, X: Any) -> dict[str, Model]:
    """The model on each of the three, with the inputs and outputs of its file."""
    whole = load(path)
    answer = whole.answers["predict_proba"]
    port = next(one for one in whole.outputs if one.name == answer.output)
    asked = replace(whole, usual=("predict_proba",), answers={"predict_proba": answer}, outputs=(port,))
    found: dict[str, Model] = {OURS: asked, THEIRS: Original(asked, model)}
    with suppress(ImportError):
        found[OTHER] = Onnxruntime(asked, model, path, X)
    return found


class Original(Model):
    """scikit-learn's own model: a matrix as it is, named columns as a data frame."""

    def __init__(self, face: Model, model: Any) -> None:
        super().__init__(**vars(face))
        self._model = model

    def compute(self, outputs: tuple[str, ...]) -> Computer:
        names, named, ask = [port.name for port in self.inputs], self.named, self._model.predict_proba

        def run(values: list[Any], options: Any = None) -> Sequence[Any]:
            X = pd.DataFrame({name: value[:, 0] for name, value in zip(names, values)}) if named else values[0]
            return [ask(X)]

        return Computer(run, run)


class Onnxruntime(Model):
    """onnxruntime, with the file that it runs faster, ours or skl2onnx's, on one thread: more only cost for one row."""

    def __init__(self, face: Model, model: Any, path: Path, X: Any) -> None:
        super().__init__(**vars(face))
        narrow = X if isinstance(X, pd.DataFrame) else X.astype(np.float32)
        runs = [
            _runner(onnxruntime_session(graph), [port.name for port in self.inputs])
            for graph in (path.read_bytes(), graph_of(model, narrow))
        ]
        some = [_values(X[at : at + 1]) for at in range(min(len(X), 50))]
        self._run = min(runs, key=lambda run: _seconds(run, some))

    def compute(self, outputs: tuple[str, ...]) -> Computer:
        return Computer(self._run, self._run)


Run = Callable[..., Sequence[Any]]


def _runner(session: Any, names: Sequence[str]) -> Run:
    asked = [one.name for one in session.get_outputs() if one.name.startswith("probabilit")]
    floats = [one.type == "tensor(float)" for one in session.get_inputs()]

    def run(values: list[Any], options: Any = None) -> Sequence[Any]:
        feed = {name: value.astype(np.float32) if short else value for name, value, short in zip(names, values, floats)}
        found: Sequence[Any] = session.run(asked, feed)
        return found

    return run


def _values(row: Any) -> list[Any]:
    return list(feed_of(row).values()) if isinstance(row, pd.DataFrame) else [row]


def _seconds(run: Run, some: Sequence[list[Any]]) -> float:
    """The median of one row."""
    times = []
    for values in [*some[:5], *some]:
        begin = perf_counter()
        run(values)
        times.append(perf_counter() - begin)
    return float(np.median(times))
