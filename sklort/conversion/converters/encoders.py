"""OneHotEncoder: one column at a time, side by side in the end.

Categories are matched exactly. Strings and integers go through the OneHotEncoder of ai.onnx.ml; floats, which that
operator would truncate to integers, are first matched with Equal and numbered. Source of the rules:
``sklearn/preprocessing/_encoders.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError

INT64 = np.dtype(np.int64)
_OUTPUT_DTYPES = {np.dtype(t) for t in (np.float32, np.float64, np.int64, np.bool_)}


def _dtype(model: Any) -> np.dtype:
    dtype: np.dtype = np.dtype(model.dtype)
    if dtype not in _OUTPUT_DTYPES:
        raise ConversionError(f"OneHotEncoder(dtype={dtype}): choose float32, float64, int64 or bool")
    return dtype


def _kept(model: Any) -> np.ndarray:
    """Numbers of the one-hot columns that ``drop`` leaves, counted over all categories."""
    sizes = [len(c) for c in model.categories_]
    keep = np.ones(sum(sizes), bool)
    if model.drop_idx_ is not None:
        starts = np.cumsum([0, *sizes[:-1]])
        keep[[start + drop for start, drop in zip(starts, model.drop_idx_, strict=True) if drop is not None]] = False
    return np.flatnonzero(keep)


def _refuse_infrequent(model: Any) -> None:
    infrequent = getattr(model, "_infrequent_indices", None)
    if infrequent is not None and any(v is not None and len(v) for v in infrequent):
        raise ConversionError(
            "OneHotEncoder groups infrequent categories (min_frequency, max_categories): not converted; "
            "group them before the encoder, or fit it without these options"
        )


def _one_hot(writer: Writer, column: Tensor, categories: np.ndarray, *, strict: bool, number: int) -> str:
    """(n, 1) -> (n, len(categories)) of zeros and ones, float32. With `strict` an unknown value is an error."""
    attributes: dict[str, Any] = {"zeros": 0 if strict else 1}
    name = column.name
    strings = categories.dtype.kind in "OU" and all(isinstance(v, str) for v in categories)
    if column.dtype == STRING:
        if not strings:
            raise ConversionError(
                f"column {number} of {writer.where} has categories beside strings (missing values, or other types): "
                "ONNX strings cannot be missing; fill them with a word before fitting"
            )
        attributes["cats_strings"] = [str(v) for v in categories]
    elif (categories := _numbers(categories)).dtype.kind not in "biuf":
        raise ConversionError(
            f"column {number} of {writer.where} has categories of dtype {categories.dtype}, not numbers"
        )
    elif column.dtype.kind in "bi" and (categories.astype(np.int64) == categories).all():
        name = writer.cast(name, column.dtype, INT64)
        attributes["cats_int64s"] = categories.astype(np.int64).tolist()
    else:
        name = _numbered(writer, column, categories)
        attributes["cats_int64s"] = list(range(1, len(categories) + 1))
    hot = writer.node("OneHotEncoder", [name], domain="ai.onnx.ml", **attributes)
    return writer.node("Reshape", [hot, writer.constant(np.array([-1, len(categories)], np.int64))])


def _numbers(categories: np.ndarray) -> np.ndarray:
    """Categories of a column of Python objects as numbers, where they all are."""
    if categories.dtype.kind == "O" and all(isinstance(v, int | float | np.number | np.bool_) for v in categories):
        return categories.astype(np.float64)
    return categories


def _numbered(writer: Writer, column: Tensor, categories: np.ndarray) -> str:
    """1 for the first category, 2 for the second, ..., 0 for a value that is none: int64 (n, 1)."""
    wide = np.dtype(np.float64)
    rows = writer.cast(column.name, column.dtype, wide)
    values = categories.astype(wide)
    found = writer.node("Equal", [rows, writer.constant(values.reshape(1, -1), "categories")])
    if np.isnan(values).any():
        missing = writer.node("IsNaN", [rows])
        at = writer.constant(np.isnan(values).reshape(1, -1))
        found = writer.node("Or", [found, writer.node("And", [missing, at])])
    ranks = writer.constant(np.arange(1, len(values) + 1, dtype=np.int64).reshape(1, -1))
    marked = writer.node("Mul", [writer.cast(found, np.dtype(np.bool_), INT64), ranks])
    return writer.node("ReduceSum", [marked, writer.constant(np.array([1], np.int64))], keepdims=1)


def _write_one_hot(writer: Writer) -> Answers:
    model = writer.model
    _refuse_infrequent(model)
    strict = model.handle_unknown == "error"
    parts = [
        _one_hot(writer, column, np.asarray(categories), strict=strict, number=i)
        for i, (column, categories) in enumerate(
            zip(writer.columns(len(model.categories_)), model.categories_, strict=True)
        )
    ]
    name = parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=1)
    kept = _kept(model)
    if len(kept) < sum(len(c) for c in model.categories_):
        name = writer.node("Gather", [name, writer.constant(kept.astype(np.int64))], axis=1)
    dtype = _dtype(model)
    return {"transform": (writer.cast(name, np.dtype(np.float32), dtype), dtype)}


CONVERTERS: dict[type, Write] = {OneHotEncoder: _write_one_hot}
