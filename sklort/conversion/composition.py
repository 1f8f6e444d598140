"""Pipeline, ColumnTransformer, FeatureUnion, and estimators that only pass calls on.

These dissolve while parsing: their steps become operators of the graph, joined by small steps of our own. `Select`
takes columns; `Merge` sets columns and matrices side by side in the dtype NumPy would give them (skl2onnx's own
concatenation takes the dtype of its first input); `Widen` makes float64 and `Weigh` multiplies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skl2onnx import get_model_alias
from skl2onnx._parse import (
    _parse_sklearn,  # the dispatcher that skl2onnx's documented examples of parsers call
)
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklort.conversion.adapter import Answers, Converter, parser
from sklort.conversion.converters import CONVERTERS
from sklort.conversion.writer import Writer, dtype_of, width_of
from sklort.exceptions import ConversionError

Parser = Callable[..., Any]
_BOOLEAN = np.dtype(np.bool_)
_DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True)
class Select:
    """Columns of one matrix, by number."""

    columns: tuple[int, ...]


@dataclass(frozen=True)
class Merge:
    """Columns or matrices side by side."""


@dataclass(frozen=True)
class Widen:
    """A matrix as float64."""


@dataclass(frozen=True)
class Weigh:
    """A matrix times a number."""

    weight: float


def _write_select(writer: Writer) -> Answers:
    (rows,) = writer.inputs
    columns = writer.constant(np.array(writer.model.columns, np.int64), "columns")
    return {"transform": (writer.node("Gather", [rows.name, columns], axis=1), rows.dtype)}


def _write_merge(writer: Writer) -> Answers:
    rows = writer.matrix()
    return {"transform": (rows.name, rows.dtype)}


def _write_widen(writer: Writer) -> Answers:
    rows = writer.matrix(_DOUBLE)
    return {"transform": (rows.name, rows.dtype)}


def _weighed_dtype(model: Any, came: np.dtype) -> np.dtype:
    return came if came.kind == "f" else _DOUBLE


def _write_weigh(writer: Writer) -> Answers:
    rows = writer.matrix()
    dtype = _weighed_dtype(writer.model, rows.dtype)
    weight = writer.constant(np.array(writer.model.weight, dtype))
    return {
        "transform": (
            writer.node("Mul", [writer.cast(rows.name, rows.dtype, dtype), weight]),
            dtype,
        )
    }


STEPS: dict[type, Converter] = {
    Select: Converter("transformer", _write_select, width=lambda model, came: len(model.columns)),
    Merge: Converter("transformer", _write_merge),
    Widen: Converter("transformer", _write_widen, lambda model, came: _DOUBLE),
    Weigh: Converter("transformer", _write_weigh, _weighed_dtype),
}


def _apply(scope: Any, step: Any, inputs: Sequence[Any]) -> Any:
    return parser(STEPS[type(step)], None)(scope, step, list(inputs))[0]


def merge(scope: Any, inputs: Sequence[Any]) -> Any:
    """`inputs` as one variable."""
    return inputs[0] if len(inputs) == 1 else _apply(scope, Merge(), inputs)


def pass_through(scope: Any, inputs: Sequence[Any]) -> Any:
    """`inputs` as one variable, when they are columns that nothing transforms.

    They stay a DataFrame in scikit-learn, and as an array booleans beside numbers are objects, in the end float64.
    """
    boolean = [dtype_of(v.type) == _BOOLEAN for v in inputs]
    if any(boolean) and not all(boolean):
        inputs = [_apply(scope, Widen(), [v]) if b else v for v, b in zip(inputs, boolean, strict=True)]
    return merge(scope, inputs)


def parse_step(scope: Any, model: Any, inputs: Sequence[Any], custom_parsers: Any) -> list[Any]:
    """Parse one step; several inputs are merged first unless the step's converter takes columns of different dtypes."""
    composite = custom_parsers is not None and type(model) in custom_parsers and type(model) not in CONVERTERS
    if type(model) not in CONVERTERS and not composite:
        _refuse_unknown(model)
        inputs = [merge(scope, inputs)]
    return list(_parse_sklearn(scope, model, list(inputs), custom_parsers=custom_parsers))


def _refuse_unknown(model: Any) -> None:
    if isinstance(model, str):
        raise ConversionError(f"step {model!r} is not an estimator")
    try:
        get_model_alias(type(model))
    except RuntimeError:
        if not hasattr(model, "onnx_converter"):
            raise ConversionError(
                f"{type(model).__name__} has no converter to ONNX, here or in skl2onnx: "
                "replace this step, or apply it before the model that is converted"
            ) from None


def _skipped(step: Any) -> bool:
    """Nothing happens in this step. A fitted ColumnTransformer holds an idle FunctionTransformer for "passthrough"."""
    if isinstance(step, str):
        return step == "passthrough"
    return step is None or (type(step) is FunctionTransformer and step.func is None)


def parse_pipeline(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    outputs = list(inputs)
    for _, step in model.steps:
        if not _skipped(step):
            outputs = parse_step(scope, step, outputs, custom_parsers)
    return outputs


def parse_feature_union(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    parts = []
    for name, step in model.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = pass_through(scope, inputs) if _skipped(step) else parse_step(scope, step, inputs, custom_parsers)[0]
        parts.append(_weighed(scope, model, name, part))
    return [merge(scope, parts)]


def _weighed(scope: Any, model: Any, name: str, part: Any) -> Any:
    weights = model.transformer_weights or {}
    return _apply(scope, Weigh(float(weights[name])), [part]) if name in weights else part


def column_numbers(model: ColumnTransformer, columns: Any) -> list[int]:
    """The columns one transformer of a fitted ColumnTransformer takes, as numbers in its input."""
    names = list(getattr(model, "feature_names_in_", ()))
    if isinstance(columns, slice) and not (isinstance(columns.start, str) or isinstance(columns.stop, str)):
        return list(range(model.n_features_in_))[columns]
    if isinstance(columns, slice):
        start = 0 if columns.start is None else names.index(columns.start)
        stop = len(names) if columns.stop is None else names.index(columns.stop) + 1
        return list(range(start, stop, columns.step or 1))
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, int | np.integer):
        return [int(columns) % model.n_features_in_]
    chosen = np.asarray(columns)
    if chosen.dtype == bool:
        return np.flatnonzero(chosen).tolist()
    return [names.index(c) if isinstance(c, str) else int(c) % model.n_features_in_ for c in columns]


def _input_widths(model: ColumnTransformer, inputs: Sequence[Any]) -> list[int]:
    """Columns of each input. While parsing, an intermediate matrix has no width yet; as the only input it has all."""
    count = int(model.n_features_in_)
    if len(inputs) == 1:
        return [count]
    widths = [width_of(v.type) for v in inputs]
    known = [w for w in widths if w is not None]
    if len(known) < len(inputs) or sum(known) != count:
        raise ConversionError(f"ColumnTransformer was fitted on {count} columns but its inputs have widths {widths}")
    return known


def _selected(scope: Any, model: ColumnTransformer, inputs: Sequence[Any], columns: list[int]) -> list[Any]:
    """Variables that together hold `columns` of `inputs`, in order, each cut from one input."""
    widths = _input_widths(model, inputs)
    owner = np.repeat(np.arange(len(inputs)), widths)
    offset = np.concatenate([np.arange(w) for w in widths])
    parts: list[Any] = []
    start = 0
    while start < len(columns):
        stop = start
        while stop < len(columns) and owner[columns[stop]] == owner[columns[start]]:
            stop += 1
        which = owner[columns[start]]
        within = tuple(int(offset[c]) for c in columns[start:stop])
        whole = within == tuple(range(widths[which]))
        parts.append(inputs[which] if whole else _apply(scope, Select(within), [inputs[which]]))
        start = stop
    return parts


def parse_column_transformer(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    parts = []
    for name, step, columns in model.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        numbers = column_numbers(model, columns)
        if not numbers:
            continue
        chosen = _selected(scope, model, inputs, numbers)
        part = pass_through(scope, chosen) if _skipped(step) else parse_step(scope, step, chosen, custom_parsers)[0]
        parts.append(_weighed(scope, model, name, part))
    if not parts:
        raise ConversionError("ColumnTransformer keeps no column: there is nothing to convert")
    return [merge(scope, parts)]


def _delegate(attribute: str) -> Parser:
    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        return parse_step(scope, getattr(model, attribute), inputs, custom_parsers)

    return parse


def _delegates() -> dict[type, str]:
    delegates: dict[type, str] = {
        GridSearchCV: "best_estimator_",
        RandomizedSearchCV: "best_estimator_",
    }
    try:
        from sklearn.frozen import FrozenEstimator
    except ImportError:  # before 1.6
        return delegates
    return {**delegates, FrozenEstimator: "estimator"}


DELEGATES = _delegates()

PARSERS: dict[type, Parser] = {
    Pipeline: parse_pipeline,
    FeatureUnion: parse_feature_union,
    ColumnTransformer: parse_column_transformer,
    **{kind: _delegate(attribute) for kind, attribute in DELEGATES.items()},
}


def last_step(model: Any) -> Any:
    """The estimator that answers for `model`, inside pipelines, searches and frozen estimators."""
    while True:
        if type(model) in DELEGATES:
            model = getattr(model, DELEGATES[type(model)])
        elif isinstance(model, Pipeline):
            steps = [s for _, s in model.steps if not _skipped(s)]
            if not steps:
                raise ConversionError("a Pipeline of passthrough steps computes nothing: there is nothing to convert")
            model = steps[-1]
        else:
            return model
