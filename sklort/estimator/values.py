"""Columns and matrices of values -> arrays of the dtype a graph reads, with nothing lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.graph.missing import NAN, NONE, word_of

Array = npt.NDArray[Any]

FLOAT32, FLOAT64, INT64, OBJECT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64), np.dtype(object)
EXACT_INTEGER = 2**53
"""Integers up to here are float64 values; a larger one may round differently on scikit-learn's way to float32."""


class Unsure(Exception):
    """This X is not plainly acceptable; the text says why."""


def cast(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` C-contiguous in `dtype`; Unsure where NumPy cannot or where an integer would not be kept."""
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    try:
        with np.errstate(all="ignore"):
            out = np.ascontiguousarray(array, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unsure(str(error)) from error
    if dtype.kind in "iub" and not np.can_cast(array.dtype, dtype, "safe") and not np.array_equal(out, array):
        raise Unsure(f"values that are no {dtype}")
    return out


def strings(array: Array, missing: Sequence[str] = ()) -> Array:
    """An object array of `str`, whatever holds the strings.

    `missing` are the words that may stand for a missing one, of None or of NaN.
    """
    kind = array.dtype.kind
    if kind not in "OU":
        raise Unsure(f"values of dtype {array.dtype} in a column of strings")
    values = array.ravel().tolist()
    plain = kind == "U" or set(map(type, values)) <= {str}
    words = values if plain else [value if isinstance(value, str) else word_of(value) for value in values]
    if not plain and not {word for word, value in zip(words, values) if word is not value} <= {*missing}:
        raise Unsure("values that are not strings in a column of strings")
    if missing and not {NAN, NONE}.isdisjoint(values):
        raise Unsure("a string that stands for a missing one")
    if plain:
        return np.ascontiguousarray(array.astype(object, copy=False))
    found = np.empty(len(words), dtype=object)
    found[:] = list(map(str, words))
    return found.reshape(array.shape)


def needed(fitted: np.dtype[Any], *given: Any) -> str:
    """The graph dtype for columns of these dtypes, where the model was converted with `fitted`."""
    if fitted == OBJECT:
        if any(getattr(d, "kind", "O") not in "OU" for d in given):
            raise Unsure(f"values of dtype {given[0]} in a column of strings")
        return "object"
    shared = common(given)
    if fitted.kind in "iub":
        whole = all(getattr(d, "kind", "O") in "iubO" for d in given)
        return fitted.name if whole else shared.name
    return shared.name if shared == FLOAT32 else FLOAT64.name


def common(dtypes: Sequence[Any]) -> np.dtype[Any]:
    """float32 when all columns are float32, else float64 (scikit-learn's rule for number columns)."""
    for d in dtypes:
        if getattr(d, "kind", "O") not in "fiubO":
            raise Unsure(f"a column of dtype {d} where numbers are expected")
        if _text(d):
            raise Unsure("a column of strings where numbers are expected")
    plain = all(isinstance(d, np.dtype) and d.kind == "f" and d.itemsize <= 4 for d in dtypes)
    return FLOAT32 if plain and np.result_type(*dtypes) == FLOAT32 else FLOAT64


def _text(dtype: Any) -> bool:
    return not isinstance(dtype, np.dtype) and str(dtype).startswith(("str", "string"))


def check_integers(values: Array) -> None:
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:
        return
    if int(values.max()) > EXACT_INTEGER or int(values.min()) < -EXACT_INTEGER:
        raise Unsure("integers beyond 2**53")


def pandas_column(X: Any, position: int, dtype: str) -> Array:
    column = X.iloc[:, position]
    if dtype == "object":
        return np.asarray(column.to_numpy(dtype=object))
    if isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy())
    try:
        return np.asarray(column.to_numpy(dtype=dtype, na_value=np.nan) if dtype.startswith("f") else column.to_numpy())
    except (TypeError, ValueError) as error:
        raise Unsure(str(error)) from error


def other_column(X: Any, name: str, kind: frames.Kind) -> Array:
    column = X[name]
    values = np.asarray(column.to_numpy())
    if values.dtype.kind in "iufbO":
        return values
    return np.asarray(column.to_list() if kind == "polars" else column.to_pylist(), dtype=object)


def side_by_side(columns: list[Array]) -> Array:
    return columns[0].reshape(-1, 1) if len(columns) == 1 else np.column_stack(columns)
