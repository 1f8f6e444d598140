"""`inverse_transform` of transformers, for targets that were transformed before the regressor saw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklort.conversion.converters.functions import apply_function
from sklort.conversion.converters.powers import inverse_power
from sklort.conversion.converters.quantiles import inverse_quantiles
from sklort.conversion.selection import is_idle
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import Writer
from sklort.exceptions import ConversionError

Inverse = Callable[[Writer, Any, Tensor], Tensor]


def inverse(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    """``model.inverse_transform(rows)`` for a matrix of floats."""
    if isinstance(model, Pipeline):
        for _, step in reversed(model.steps):
            if not is_idle(step):
                rows = inverse(writer, step, rows)
        return rows
    if type(model) not in _INVERSES:
        raise ConversionError(f"the inverse of {type(model).__name__} in {writer.where} has no ONNX form")
    return _INVERSES[type(model)](writer, model, rows)


def _in_place(rows: Tensor, *steps: tuple[str, Any]) -> Tensor:
    """NumPy's in-place operators: computed in the promoted dtype, kept in the rows' own."""
    dtype = rows.dtype
    for sign, parameter in steps:
        values = np.asarray(parameter)
        result = {"+": rows.__add__, "-": rows.__sub__, "*": rows.__mul__, "/": rows.__truediv__}[sign](values)
        rows = result.astype(dtype)
    return rows


def _standard(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    steps: list[tuple[str, Any]] = []
    if model.with_std:
        steps.append(("*", np.asarray(model.scale_).astype(rows.dtype)))
    if model.with_mean:
        steps.append(("+", np.asarray(model.mean_).astype(rows.dtype)))
    return _in_place(rows, *steps)


def _min_max(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    return _in_place(rows, ("-", model.min_), ("/", model.scale_))


def _max_abs(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    return _in_place(rows, ("*", model.scale_))


def _robust(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    if model.with_scaling:
        rows = _in_place(rows, ("*", model.scale_))
    return _in_place(rows, ("+", model.center_)) if model.with_centering else rows


def _function(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    return apply_function(writer, model.inverse_func, model.inv_kw_args, rows)


_INVERSES: dict[type, Inverse] = {
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: _robust,
    FunctionTransformer: _function,
    PowerTransformer: inverse_power,
    QuantileTransformer: inverse_quantiles,
}
