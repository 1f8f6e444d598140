"""SimpleImputer. Source of the rules: ``sklearn/impute/_base.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer

from sklort.conversion.converters.scalers import float_dtype
from sklort.conversion.missing import is_missing
from sklort.conversion.writer import STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _marks_nan(model: Any) -> bool:
    return is_missing(model.missing_values)


def _imputed_dtype(model: Any, came: np.dtype) -> np.dtype:
    """Means and medians want floats; the most frequent value and a constant leave the dtype of X."""
    if came == STRING or model.strategy in ("most_frequent", "constant"):
        return came
    return float_dtype(model, came)


def _kept(model: Any) -> np.ndarray:
    """Columns that had a value in fit (all of them with ``keep_empty_features``)."""
    statistics = np.asarray(model.statistics_)
    if model.keep_empty_features:
        return np.arange(len(statistics))
    if statistics.dtype.kind == "O":
        empty = np.array([is_missing(v) for v in statistics], bool)
    else:
        empty = np.isnan(statistics) if statistics.dtype.kind == "f" else np.zeros(len(statistics), bool)
    return np.flatnonzero(~empty)


def _indicated(model: Any) -> np.ndarray:
    return np.asarray(model.indicator_.features_, np.int64) if model.add_indicator else np.empty(0, np.int64)


def _columns(writer: Writer, name: str, columns: np.ndarray, width: int) -> str:
    if len(columns) == width:
        return name
    return writer.node("Gather", [name, writer.constant(columns.astype(np.int64))], axis=1)


def _missing(writer: Writer, name: str, dtype: np.dtype) -> str | None:
    """Boolean matrix of the missing values; None where this dtype cannot hold any."""
    model = writer.model
    if not _marks_nan(model):
        if (dtype == STRING) != isinstance(model.missing_values, str):
            return None
        return writer.node("Equal", [name, writer.constant(np.array(model.missing_values, dtype))])
    return writer.node("IsNaN", [name]) if dtype.kind == "f" else None


def _write(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.matrix()
    dtype = _imputed_dtype(model, rows.dtype)
    width = len(model.statistics_)
    name = writer.cast(rows.name, rows.dtype, dtype)
    missing = _missing(writer, name, dtype)
    kept = _kept(model)
    out = _columns(writer, name, kept, width)
    if missing is not None:
        values = np.asarray(model.statistics_)[kept]
        if dtype != STRING:
            values = values.astype(getattr(model, "_fill_dtype", np.float64)).astype(dtype)
        fill = writer.constant(values, "statistics")
        out = writer.node("Where", [_columns(writer, missing, kept, width), fill, out])
    if model.add_indicator:
        if missing is None or dtype == STRING:
            raise ConversionError("SimpleImputer(add_indicator=True) is converted for numbers that may be missing only")
        marks = _columns(writer, missing, _indicated(model), width)
        out = writer.node("Concat", [out, writer.cast(marks, np.dtype(np.bool_), dtype)], axis=1)
    return {"transform": (out, dtype)}


CONVERTERS: dict[type, Write] = {SimpleImputer: _write}
