"""Data frames that come again: a native reader for each layout, made from what the slow lane found out about the first.

A reader is an optimisation and nothing else. It knows one list of columns with their dtypes; it declines every other
frame, every missing string and every number that is not plainly what the model takes; and it is believed only after it
has read a frame and found what `Intake.admit` found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.inputs import Intake, Signature
from sklort.estimator.values import OBJECT, Unsure
from sklort.graph.missing import NAN, NONE
from sklort.graph.types import DType
from sklort.providers.cpu import make_table_reader

Array = npt.NDArray[Any]

_MOST_ATTEMPTS = 64
"""Frames of ever new layouts must not cost more than reading them."""

_NUMBERS = {
    "float32": DType.FLOAT,
    "float64": DType.DOUBLE,
    "int8": DType.INT8,
    "int16": DType.INT16,
    "int32": DType.INT32,
    "int64": DType.INT64,
    "uint8": DType.UINT8,
    "uint16": DType.UINT16,
    "uint32": DType.UINT32,
    "uint64": DType.UINT64,
    "bool": DType.BOOL,
    "object": DType.STRING,
}
_ARROW = {
    "float": "float32",
    "double": "float64",
    "string": "object",
    "large_string": "object",
    "string_view": "object",
}


class Tables:
    """The readers for frames given to one fitted model."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._readers: dict[Any, Any] = {}

    def reader(self, X: Any, signature: Signature, values: Sequence[Array]) -> tuple[Any, Any] | None:
        """What reads frames like `X`, under a key of their layout.

        Parameters
        ----------
        X : data frame
        signature : tuple of str
        values : sequence of ndarray
            What `Intake.admit` made of X.

        Returns
        -------
        (key, reader) or None
        """
        kind = frames.kind_of(X)
        if kind not in ("pandas", "polars", "arrow"):
            return None
        columns, dtypes = _columns(X, kind)
        key = (type(X), tuple(columns), tuple(dtypes), signature)
        if key not in self._readers:
            if len(self._readers) == _MOST_ATTEMPTS:
                return None
            self._readers[key] = self._make(X, kind, columns, dtypes, signature, values)
        reader = self._readers[key]
        return None if reader is None else (key, reader)

    def _make(
        self,
        X: Any,
        kind: frames.Kind,
        columns: list[Any],
        dtypes: list[str],
        signature: Signature,
        values: Sequence[Array],
    ) -> Any:
        intake = self._intake
        try:
            positions, warned = intake.positions(frames.column_names(X), columns)
        except Unsure:
            return None
        if warned is not None:
            return None
        read = [(0, "", "")] * len(columns)
        targets = []
        for one, dtype in zip(intake.inputs, signature, strict=True):
            places = [positions[i] for i in one.columns]
            for place, column in zip(places, one.columns, strict=True):
                if dtypes[place] not in _NUMBERS:
                    return None
                words = intake.missing(column) if dtypes[place] == "object" else ()
                read[place] = (int(_NUMBERS[dtypes[place]]), *_words(X, place, words))
            targets.append((int(_NUMBERS[dtype]), places, [not intake.acceptance.nan[i] for i in one.columns]))
        names = X.columns if kind == "pandas" else columns
        reader = make_table_reader(type(X), names, read, targets, intake.acceptance.limit)
        return reader if reader is not None and _same(reader.arrays(X), values) else None


def _columns(X: Any, kind: frames.Kind) -> tuple[list[Any], list[str]]:
    """The labels of the columns and the names of their dtypes, "object" for strings however they are held."""
    if kind == "pandas":
        return X.columns.tolist(), [_pandas_dtype(dtype) for dtype in X.dtypes]
    if kind == "polars":
        named = [str(dtype).lower().replace("boolean", "bool") for dtype in X.dtypes]
        return list(X.columns), ["object" if name == "string" else _not_object(name) for name in named]
    return X.column_names, [_ARROW.get(str(field.type), _not_object(str(field.type))) for field in X.schema]


def _pandas_dtype(dtype: Any) -> str:
    if isinstance(dtype, np.dtype):
        return dtype.name if dtype.isnative else str(dtype)
    return "object" if str(dtype) in ("str", "string") else f"pandas {dtype}"


def _words(X: Any, place: int, allowed: Sequence[str]) -> tuple[str, str]:
    """What stands for NaN and for None in a column of strings: pandas' own strings have NaN only, or pandas.NA."""
    nan, none = (word if word in allowed else "" for word in (NAN, NONE))
    if frames.kind_of(X) == "pandas" and not isinstance(dtype := X.dtypes.iloc[place], np.dtype):
        return (nan if isinstance(dtype.na_value, float) else "", "")
    return nan, none


def _not_object(name: str) -> str:
    return f"no {name}" if name == "object" else name


def _same(found: list[Array] | None, expected: Sequence[Array]) -> bool:
    if found is None or len(found) != len(expected):
        return False
    return all(
        mine.dtype == theirs.dtype
        and mine.shape == theirs.shape
        and np.array_equal(mine, theirs, equal_nan=theirs.dtype != OBJECT and theirs.dtype.kind == "f")
        for mine, theirs in zip(found, expected)
    )
