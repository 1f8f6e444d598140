"""Pipeline, ColumnTransformer, FeatureUnion, and estimators that only pass calls on.

They leave few nodes of their own: columns are chosen with Gather and set side by side with Concat, in the dtype NumPy
would give them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sklort.conversion.selection import column_numbers, delegate, is_idle
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import BOOL, DOUBLE, Answers, Write, Writer, common_dtype
from sklort.exceptions import ConversionError


def _transformed(writer: Writer, step: Any, inputs: Sequence[Tensor]) -> Tensor:
    """What the transformer `step` makes of `inputs`."""
    return writer.answer(step, "transform", inputs)


def _side_by_side(writer: Writer, parts: Sequence[Tensor]) -> Tensor:
    kind = common_dtype([p.dtype for p in parts], writer.where)
    return writer.beside([p.astype(kind) for p in parts])


def _passed_through(writer: Writer, inputs: Sequence[Tensor]) -> Tensor:
    """Columns that nothing transforms.

    They stay a DataFrame in scikit-learn, and as an array booleans beside numbers are objects, in the end float64.
    """
    boolean = [v.dtype == BOOL for v in inputs]
    if any(boolean) and not all(boolean):
        inputs = [v.astype(DOUBLE) if b else v for v, b in zip(inputs, boolean, strict=True)]
    return _side_by_side(writer, inputs)


def _write_pipeline(writer: Writer) -> Answers:
    steps = [step for _, step in writer.model.steps if not is_idle(step)]
    if not steps:
        return {"transform": _passed_through(writer, writer.inputs)}
    values = writer.inputs
    for step in steps[:-1]:
        values = [_transformed(writer, step, values)]
    return writer.answers(steps[-1], values)


def _weighed(model: Any, name: str, part: Tensor) -> Tensor:
    weights = model.transformer_weights or {}
    return part * float(weights[name]) if name in weights else part


def _write_feature_union(writer: Writer) -> Answers:
    model = writer.model
    parts = []
    for name, step in model.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = _passed_through(writer, writer.inputs) if is_idle(step) else _transformed(writer, step, writer.inputs)
        parts.append(_weighed(model, name, part))
    if not parts:
        raise ConversionError("FeatureUnion drops every step: there is nothing to convert")
    return {"transform": _side_by_side(writer, parts)}


def _input_widths(writer: Writer) -> list[int]:
    count = int(writer.model.n_features_in_)
    if len(writer.inputs) == 1:
        return [count]
    widths = [v.width for v in writer.inputs]
    known = [w for w in widths if w is not None]
    if len(known) < len(widths) or sum(known) != count:
        raise ConversionError(f"ColumnTransformer was fitted on {count} columns but its inputs have widths {widths}")
    return known


def _selected(writer: Writer, columns: list[int]) -> list[Tensor]:
    """Tensors that together hold `columns` of the inputs, in order, each cut from one input."""
    widths = _input_widths(writer)
    owner = np.repeat(np.arange(len(widths)), widths)
    offset = np.concatenate([np.arange(w) for w in widths])
    parts: list[Tensor] = []
    start = 0
    while start < len(columns):
        stop = start
        while stop < len(columns) and owner[columns[stop]] == owner[columns[start]]:
            stop += 1
        which = owner[columns[start]]
        within = [int(offset[c]) for c in columns[start:stop]]
        value = writer.inputs[which]
        parts.append(value if within == list(range(widths[which])) else value.take(within))
        start = stop
    return parts


def _write_column_transformer(writer: Writer) -> Answers:
    model = writer.model
    parts = []
    for name, step, columns in model.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        numbers = column_numbers(model, columns)
        if not numbers:
            continue
        chosen = _selected(writer, numbers)
        part = _passed_through(writer, chosen) if is_idle(step) else _transformed(writer, step, chosen)
        parts.append(_weighed(model, name, part))
    if not parts:
        raise ConversionError("ColumnTransformer keeps no column: there is nothing to convert")
    return {"transform": _side_by_side(writer, parts)}


def _write_delegate(writer: Writer) -> Answers:
    return writer.answers(delegate(writer.model))


def _delegates() -> list[type]:
    found: list[type] = [model_selection.GridSearchCV, model_selection.RandomizedSearchCV]
    from sklearn.model_selection import (
        _search_successive_halving as halving,  # public only after an experimental import
    )

    found += [halving.HalvingGridSearchCV, halving.HalvingRandomSearchCV]
    try:
        from sklearn.frozen import FrozenEstimator
    except ImportError:  # before 1.6
        return found
    return [*found, FrozenEstimator]


CONVERTERS: dict[type, Write] = {
    Pipeline: _write_pipeline,
    FeatureUnion: _write_feature_union,
    ColumnTransformer: _write_column_transformer,
    **dict.fromkeys(_delegates(), _write_delegate),
}
