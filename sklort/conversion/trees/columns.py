"""Columns of X in the form a tree compares them in, where that is not the value as it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, FLOAT, STRING
from sklort.exceptions import ConversionError

NAN = float("nan")


def numbered(column: Tensor, known: NDArray[Any]) -> Tensor:
    """The place of each value of a column among the categories `known`, as a double; NaN for others."""
    writer = column.writer
    if column.dtype == STRING:
        if not all(isinstance(v, str) for v in known):
            raise ConversionError(f"{writer.where} is fed strings in a column of which it knows other categories")
        if writer.graph.opsets["ai.onnx.ml"] < 2:
            raise ConversionError(f"{writer.where} numbers strings, which needs target_opset ai.onnx.ml 2 or later")
        name = writer.node(
            "LabelEncoder",
            [column.name],
            domain="ai.onnx.ml",
            keys_strings=[str(v) for v in known] or [""],
            values_floats=[float(i) for i in range(len(known))] or [NAN],
            default_float=NAN,
        )
        return Tensor(writer, name, FLOAT, 1).astype(DOUBLE)
    if any(isinstance(v, str) for v in known):
        raise ConversionError(f"{writer.where} is fed numbers in a column of which it knows strings as categories")
    hot = column.astype(DOUBLE).equals(known.astype(np.float64).reshape(1, -1)).astype(DOUBLE)
    place = hot @ np.arange(len(known), dtype=np.float64).reshape(-1, 1)
    return (hot.sum() > 0.0).where(place, NAN).with_width(1)


def truncated(column: Tensor) -> Tensor:
    """Numbers as a C++ cast to int makes them, towards zero; NaN and what no int holds stay outside every set."""
    whole = column.apply("Abs").apply("Floor")
    return (column < 0.0).where(-whole, whole)


def floored(column: Tensor) -> Tensor:
    """Numbers rounded down: nothing negative becomes category 0."""
    return column.apply("Floor")


def without(value: float) -> Callable[[Tensor], Tensor]:
    """NaN in place of `value`."""

    def marked(column: Tensor) -> Tensor:
        return column.equals(value).where(NAN, column)

    return marked


def without_zeros(tiny: float) -> Callable[[Tensor], Tensor]:
    """NaN in place of what is within `tiny` of 0."""

    def marked(column: Tensor) -> Tensor:
        return (column.apply("Abs") <= tiny).where(NAN, column)

    return marked


@dataclass
class Views:
    """The columns of X, and columns made of them: a tree refers to both by number.

    Parameters
    ----------
    width : int
        Columns of X.
    """

    width: int
    made: list[tuple[Callable[[Tensor], Tensor], list[int]]] = field(default_factory=list)
    _count: int = 0

    def view(self, make: Callable[[Tensor], Tensor], columns: list[int]) -> dict[int, int]:
        """Numbers of new columns, by number of the column of X each is made of."""
        first = self.width + self._count
        self._count += len(columns)
        self.made.append((make, columns))
        return {column: first + i for i, column in enumerate(columns)}

    def matrix(self, rows: Tensor) -> Tensor:
        """X with the new columns on its right."""
        parts = [make(rows.take(np.array(columns, np.int64))) for make, columns in self.made if columns]
        return rows.concat(*parts).with_width(self.width + self._count) if parts else rows
