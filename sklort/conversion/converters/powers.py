"""PowerTransformer. Source of the rules: ``sklearn/preprocessing/_data.py`` and SciPy's ``boxcox``, ``yeojohnson``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import PowerTransformer

from sklort.conversion.special import expm1, log1p
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError

_TINY = np.spacing(1.0)


def _row(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(1, -1)


def _box_cox(x: Tensor, powers: np.ndarray) -> Tensor:
    logarithm = x.apply("Log")
    zero = np.abs(powers) < 1e-19
    curved = expm1(logarithm * _row(powers)) / _row(np.where(zero, 1, powers))
    return x.writer.tensor(_row(zero).astype(bool)).where(logarithm, curved)


def _yeo_johnson(x: Tensor, powers: np.ndarray) -> Tensor:
    """Both halves are computed for every value, of its size, and the sign chooses."""
    size = log1p(x.apply("Abs"))
    zero, two = np.abs(powers) < _TINY, np.abs(powers - 2) <= _TINY
    upper = expm1(size * _row(powers)) / _row(np.where(zero, 1, powers))
    lower = expm1(size * _row(2 - powers)) / _row(-(2 - np.where(two, 1, powers)))
    upper = _where(zero, size, upper)
    lower = _where(two, -size, lower)
    return (x >= 0.0).where(upper, lower)


def _where(mask: np.ndarray, yes: Tensor, no: Tensor) -> Tensor:
    return yes.writer.tensor(_row(mask).astype(bool)).where(yes, no) if mask.any() else no


def _write(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    transform = _box_cox if model.method == "box-cox" else _yeo_johnson
    out = transform(rows.astype(DOUBLE), np.asarray(model.lambdas_, np.float64)).astype(rows.dtype)
    if model.standardize:
        out = writer.answer(model._scaler, "transform", [out])
    return {"transform": out}


def inverse_power(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    """`PowerTransformer.inverse_transform`."""
    from sklort.conversion.converters.inverses import inverse

    if model.method != "yeo-johnson":
        raise ConversionError("the inverse of PowerTransformer(method='box-cox') has no ONNX form here")
    if model.standardize:
        rows = inverse(writer, model._scaler, rows)
    x, powers = rows.astype(DOUBLE), np.asarray(model.lambdas_, np.float64)
    zero, two = np.abs(powers) < _TINY, np.abs(powers - 2) <= _TINY
    upper = _where(zero, x.apply("Exp") - 1.0, (x * _row(powers) + 1.0) ** _row(1 / np.where(zero, 1, powers)) - 1.0)
    rest = 2 - np.where(two, 1, powers)
    lower = _where(two, 1.0 - (-x).apply("Exp"), 1.0 - (x * _row(-rest) + 1.0) ** _row(1 / rest))
    return (x >= 0.0).where(upper, lower).astype(rows.dtype)


CONVERTERS: dict[type, Write] = {PowerTransformer: _write}
