"""Scalers and Normalizer, with scikit-learn's own order of operations and roundings.

scikit-learn transforms a float32 X in place: NumPy computes ``X -= center_`` in float64 where ``center_`` is float64,
and rounds the result to float32; StandardScaler, since it supports the array API, rounds its parameters to float32
first. Both are written as they are, because what a scaler gives decides the leaf of a tree behind it. Integers and
booleans become float64. Source: ``sklearn/preprocessing/_data.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.fixes import parse_version

from sklort.conversion.writer import STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError

FLOAT = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)

_STANDARD_SCALER_ROUNDS_PARAMETERS = parse_version(sklearn.__version__) >= parse_version("1.8")


def float_dtype(model: Any, came: np.dtype) -> np.dtype:
    """What ``check_array(dtype=FLOAT_DTYPES)`` makes of X: floats stay, everything else becomes float64."""
    if came == STRING:
        raise ConversionError(f"{type(model).__name__} computes on numbers but receives strings: encode them first")
    return came if came in (FLOAT, DOUBLE) else DOUBLE


class _InPlace:
    """A matrix under NumPy's in-place operators: computed in the promoted dtype, kept in its own."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        rows = writer.matrix()
        self.dtype = float_dtype(writer.model, rows.dtype)
        self.name = writer.cast(rows.name, rows.dtype, self.dtype)

    def apply(self, op_type: str, parameter: Any, *, rounded: bool = False) -> None:
        writer = self.writer
        values = np.asarray(parameter)
        if rounded:
            values = values.astype(self.dtype)
        wide = np.dtype(np.result_type(self.dtype, values.dtype))
        left = writer.cast(self.name, self.dtype, wide)
        out = writer.node(op_type, [left, writer.constant(values.astype(wide), "parameters")])
        self.name = writer.cast(out, wide, self.dtype)

    def clip(self, low: float, high: float) -> None:
        writer = self.writer
        bounds = [writer.constant(np.array(v, self.dtype)) for v in (low, high)]
        self.name = writer.node("Clip", [self.name, *bounds])

    def answers(self) -> Answers:
        return {"transform": (self.name, self.dtype)}


def _write_standard_scaler(writer: Writer) -> Answers:
    model, rows = writer.model, _InPlace(writer)
    if model.with_mean:
        rows.apply("Sub", model.mean_, rounded=_STANDARD_SCALER_ROUNDS_PARAMETERS)
    if model.with_std:
        rows.apply("Div", model.scale_, rounded=_STANDARD_SCALER_ROUNDS_PARAMETERS)
    return rows.answers()


def _write_min_max_scaler(writer: Writer) -> Answers:
    model, rows = writer.model, _InPlace(writer)
    rows.apply("Mul", model.scale_)
    rows.apply("Add", model.min_)
    if model.clip:
        rows.clip(*model.feature_range)
    return rows.answers()


def _write_max_abs_scaler(writer: Writer) -> Answers:
    rows = _InPlace(writer)
    rows.apply("Div", writer.model.scale_)
    if getattr(writer.model, "clip", False):
        rows.clip(-1.0, 1.0)
    return rows.answers()


def _write_robust_scaler(writer: Writer) -> Answers:
    model, rows = writer.model, _InPlace(writer)
    if model.with_centering:
        rows.apply("Sub", model.center_)
    if model.with_scaling:
        rows.apply("Div", model.scale_)
    return rows.answers()


def _write_normalizer(writer: Writer) -> Answers:
    rows = _InPlace(writer)
    axis = writer.constant(np.array([1], np.int64))
    if writer.model.norm == "l2":
        squares = writer.node("Mul", [rows.name, rows.name])
        norms = writer.node("Sqrt", [writer.node("ReduceSum", [squares, axis], keepdims=1)])
    else:
        size = writer.node("Abs", [rows.name])
        norms = writer.node(
            "ReduceSum" if writer.model.norm == "l1" else "ReduceMax",
            [size, axis],
            keepdims=1,
        )
    # scikit-learn leaves rows alone whose norm is below ten times the machine epsilon.
    tiny = writer.node(
        "Less",
        [norms, writer.constant(np.array(10 * np.finfo(rows.dtype).eps, rows.dtype))],
    )
    divisor = writer.node("Where", [tiny, writer.constant(np.array(1, rows.dtype)), norms])
    return {"transform": (writer.node("Div", [rows.name, divisor]), rows.dtype)}


CONVERTERS: dict[type, Write] = {
    StandardScaler: _write_standard_scaler,
    MinMaxScaler: _write_min_max_scaler,
    MaxAbsScaler: _write_max_abs_scaler,
    RobustScaler: _write_robust_scaler,
    Normalizer: _write_normalizer,
}
