"""Fitted models, their graphs and estimators, made once and kept in a folder: fitting them all takes many minutes."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import skl2onnx
import sklearn

import sklort
from benchmarks import graphs, rivals
from benchmarks.data import Table
from benchmarks.families import Family

SHOWN = 2000
"""Rows that a conversion is checked on."""


@dataclass(frozen=True)
class Fitted:
    """All that a family needs to run.

    Attributes
    ----------
    family : Family
    table : Table
    model : estimator
        Fitted.
    graph : bytes
        For a session of sklort's and one of onnxruntime's.
    size : Size
    estimator : OnnxEstimator or None
    refusal : str
        Why there is no estimator.
    folder : Path
        Where compiled models of rivals are kept.
    """

    family: Family
    table: Table
    model: Any
    graph: bytes
    size: graphs.Size
    estimator: Any
    refusal: str
    folder: Path


def fitted(family: Family, cache: Path, say: Callable[[str], None] = lambda line: None) -> Fitted:
    """Read what the folder has of the family; make and keep the rest."""
    table = family.source(family.learnt)
    versions = f"{sklearn.__version__} {skl2onnx.__version__} {graphs.OPSET}"
    recipe = f"{family.model.get_params()!r} {family.learnt} {_name(family.source)} {versions}"
    folder = cache / f"{family.key}-{_digest(recipe.encode())}"
    folder.mkdir(parents=True, exist_ok=True)

    def fit() -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a solver stopped early: as good a model to time
            if hasattr(family.model, "n_estimators"):  # others would start processes
                rivals.use_threads(family.model, os.cpu_count() or 1)
            return pickle.dumps(family.model.fit(table.training, table.target))

    def convert() -> bytes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return pickle.dumps(sklort.convert(model, table.training[:SHOWN]))
        except sklort.ConversionError as error:
            return pickle.dumps(str(error).splitlines()[0])

    def kept(name: str, make: Callable[[], bytes]) -> bytes:
        path = folder / name
        if not path.exists():
            begin = perf_counter()
            content = make()
            path.with_suffix(".part").write_bytes(content)
            path.with_suffix(".part").rename(path)
            say(f"{family.key}: made {name} in {perf_counter() - begin:.1f} s")
        return path.read_bytes()

    model = pickle.loads(kept("model.pickle", fit))
    graph = kept("graph.onnx", lambda: graphs.graph_of(model, table.rows))
    size = pickle.loads(kept("size.pickle", lambda: pickle.dumps(graphs.size_of(graph))))
    estimator = pickle.loads(kept(f"estimator-{_converters()}.pickle", convert))
    if isinstance(estimator, str):
        return Fitted(family, table, model, graph, size, None, estimator, folder)
    return Fitted(family, table, model, graph, size, estimator, "", folder)


def _name(source: Any) -> str:
    inner = getattr(source, "func", source)
    return f"{inner.__name__} {getattr(source, 'keywords', {})}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _converters() -> str:
    """Of the sources that write an estimator's graph: a changed converter converts anew."""
    root = Path(sklort.__file__).parent
    sources = sorted((root / "conversion").rglob("*.py")) + sorted((root / "estimator").rglob("*.py"))
    return _digest(b"".join(path.read_bytes() for path in sources))
