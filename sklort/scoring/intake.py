"""Columns of a table -> columns of the dtype that a model reads, with nothing lost on the way but what is said.

A null in a column of numbers is NaN, as it is in pandas. Numbers become float32 where that is what the model reads;
nothing else is rounded, cut off, or guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sklort.exceptions import ScoringError
from sklort.scoring.models import OBJECT, Column

FILL = "fill it, or leave the row out"


class Refused(ScoringError):
    """Rows that a model does not take.

    Parameters
    ----------
    what, remedy : str
    column : str, optional
    row : int, optional
        Counted from the first row of the batch.
    """

    def __init__(self, what: str, remedy: str = "", column: str | None = None, row: int | None = None) -> None:
        super().__init__(what, remedy, column, row)
        self.what, self.remedy, self.column, self.row = what, remedy, column, row

    def __str__(self) -> str:
        return self.told("", self.row)

    def told(self, where: str, row: int | None) -> str:
        """The sentence, with the place in front and the row counted from somewhere else."""
        places = [
            where,
            f"row {row}" if row is not None else "",
            f"column {self.column!r}" if self.column is not None else "",
        ]
        place = ", ".join(filter(None, places))
        return (f"{place}: " if place else "") + self.what + (f": {self.remedy}" if self.remedy else "")


def mismatch(type_: Any, want: Column) -> tuple[str, str] | None:
    """Why a column of this Arrow type is not what the model reads, and the remedy; None when it may be."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if want.dtype == OBJECT:
        text = pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
        if text or pa.types.is_null(type_):
            return None
        return f"holds {type_} where the model reads texts", "cast it to string"
    if pa.types.is_boolean(type_) or pa.types.is_null(type_):
        return None
    if want.dtype == np.bool_:
        return f"holds {type_} where the model reads true or false", "cast it to bool"
    if pa.types.is_integer(type_) or (pa.types.is_floating(type_) and want.dtype.kind == "f"):
        return None
    return f"holds {type_} where the model reads {_spoken(want.dtype)}", f"cast it to {want.dtype.name}"


def rounded(type_: Any, want: Column) -> bool:
    """Whether numbers of this type may lose digits on their way into the model."""
    if want.dtype != np.float32:
        return False
    return bool(type_ == pa.float64() or (pa.types.is_integer(type_) and type_.bit_width > 16))


def taken(table: Any, columns: Sequence[Column]) -> Any:
    """The table with its columns, which are the model's in its order, as the model reads them.

    Raises
    ------
    Refused
        A type or a value that the model does not take; it names the column and the first such row.
    """
    ready = [_one(table.column(i), want, table.column_names[i]) for i, want in enumerate(columns)]
    named = [want.name or name for want, name in zip(columns, table.column_names, strict=True)]
    return pa.table(ready, names=named)


def _one(column: Any, want: Column, name: str) -> Any:
    wrong = mismatch(column.type, want)
    if wrong is not None:
        raise Refused(*wrong, name)
    if column.null_count and not (want.dtype.kind == "f" and want.nan):
        first = pc.index(column.is_null(), True).as_py()
        raise Refused("a missing value, which the model refuses", FILL, name, first)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if want.dtype == OBJECT:
        return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column
    target = pa.from_numpy_dtype(want.dtype)
    if column.type != target:
        try:
            column = pc.cast(column, target, safe=want.dtype != np.float32)
        except pa.ArrowInvalid as error:
            raise Refused(f"{_first_line(error)} (read as {target})", "cast the column yourself", name) from error
    return pc.fill_null(column, float("nan")) if column.null_count else column


def first_refused(run: Callable[[Any], object], table: Any, error: Exception) -> Refused:
    """The row, and where it can be told the column, behind an error of the model.

    Parameters
    ----------
    run : callable
        Of a table as `taken` returns it.
    table : Table
    error : Exception
        What `run` raised.
    """
    start, rows = 0, table.num_rows
    while rows > 1:
        half = rows // 2
        found = _error(run, table.slice(start, half))
        if found is None:
            start, rows = start + half, rows - half
            if (found := _error(run, table.slice(start, rows))) is None:
                return Refused(_first_line(error))  # no row alone: the batch as a whole
        else:
            rows = half
        error = found
    row = table.slice(start, 1)
    for i, name in enumerate(row.column_names):
        value = row.column(i)[0].as_py()
        if isinstance(value, float) and not np.isfinite(value):
            only = pa.table(
                [*row.columns[:i], pa.array([0.0], row.column(i).type), *row.columns[i + 1 :]], row.column_names
            )
            again = _error(run, only)
            if again is None or str(again) != str(error):
                what = "NaN" if np.isnan(value) else "an infinity"
                return Refused(f"{what}, which the model refuses", FILL, name, start)
    return Refused(_first_line(error), row=start)


def _error(run: Callable[[Any], object], table: Any) -> Exception | None:
    try:
        run(table)
    except Exception as error:  # noqa: BLE001 - whatever the model says of these rows
        return error
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _spoken(dtype: np.dtype[Any]) -> str:
    return "whole numbers" if dtype.kind in "iu" else "numbers"
