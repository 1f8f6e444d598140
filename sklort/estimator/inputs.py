"""Any X -> the arrays a graph reads, or the statement that only the model itself can judge this X.

Nothing is guessed: an X that is plainly what the model takes becomes arrays; for every other X `Unsure` is raised, and
the lane above asks the scikit-learn model, which either raises its own error or shows that it can cope.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.acceptance import Acceptance, Warned

Array = npt.NDArray[Any]
Signature = tuple[str, ...]
"""One dtype a graph input, e.g. ``("float64",)`` for a matrix: which compiled graph this X needs."""

FLOAT32, FLOAT64, INT64, OBJECT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64), np.dtype(object)
EXACT_INTEGER = 2**53
"""Integers up to here are float64 values; a larger one may round differently on scikit-learn's way to float32."""
FEW_ROWS = 16
"""Up to here a mixed pandas frame is read whole as objects: one call, where each column would cost one."""


class Unsure(Exception):
    """This X is not plainly acceptable; the text says why."""


class GraphInput(NamedTuple):
    """One input of the graph: its columns by position in the fitted X, and the dtype it was converted with."""

    name: str
    columns: tuple[int, ...]
    dtype: np.dtype[Any]


class _Layout(NamedTuple):
    """How the columns of a frame seen before map to graph inputs."""

    names: Any
    dtypes: list[Any]
    positions: tuple[tuple[int, ...], ...]
    signature: Signature
    warned: Warned | None


@dataclass
class Intake:
    """How X becomes the values of a graph.

    Parameters
    ----------
    layout : {"matrix", "columns"}
        One matrix, or one input for each column (or group of columns).
    inputs : tuple of GraphInput
        In graph order.
    n_features : int
    names : tuple of str or None
        The column names seen in fit.
    acceptance : Acceptance
    """

    layout: str
    inputs: tuple[GraphInput, ...]
    n_features: int
    names: tuple[str, ...] | None
    acceptance: Acceptance
    _seen: _Layout | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_seen": None}

    def admit(self, X: Any) -> tuple[Signature, list[Array]]:
        """The values of the graph inputs, in order, and the signature of the graph they need.

        Raises
        ------
        Unsure
            When only the model can say what becomes of this X.
        """
        kind = frames.kind_of(X)
        if kind in ("pandas", "polars", "arrow"):
            return self._matrix_of_frame(X, kind) if self.layout == "matrix" else self._columns_of_frame(X, kind)
        if kind == "sparse":
            if not self.acceptance.sparse:
                raise Unsure("a sparse matrix")
            X = X.toarray()
        array = X if kind == "array" else _as_array(X)
        if type(array) is not np.ndarray:
            raise Unsure(f"an array of type {type(array).__name__}")
        self._check_shape(array)
        if self.names is not None:
            if self.acceptance.bare_refused:
                raise Unsure("X without column names")
            _warn(self.acceptance.bare)
        if self.layout == "matrix":
            return self._matrix(array, listed=kind == "other")
        return self._columns_of_array(array)

    # -- one matrix ----------------------------------------------------------------------------------------------

    def _matrix(self, array: Array, *, listed: bool = False) -> tuple[Signature, list[Array]]:
        expected = self.inputs[0].dtype
        if expected == OBJECT:
            return ("object",), [_strings(array)]
        kind = array.dtype.kind
        if kind in "iu" and array.dtype.itemsize == 8 and array.size:
            if int(array.max()) > EXACT_INTEGER or int(array.min()) < -EXACT_INTEGER:
                raise Unsure("integers beyond 2**53")
        elif kind not in "fiubO":
            raise Unsure(f"an array of dtype {array.dtype}")
        want = FLOAT32 if array.dtype == FLOAT32 and not listed else FLOAT64
        values = _cast(array, want)
        self._check_values(values, range(self.n_features))
        return (want.name,), [values]

    def _matrix_of_frame(self, X: Any, kind: frames.Kind) -> tuple[Signature, list[Array]]:
        if X.shape[1] != self.n_features and not self.acceptance.extra:
            raise Unsure(f"{X.shape[1]} columns instead of {self.n_features}")
        if kind == "pandas":
            layout = self._pandas_layout(X)
            order = layout.positions[0]
            if order != tuple(range(X.shape[1])):
                X = X.iloc[:, list(order)]
            _warn(layout.warned)
            if layout.signature == ("object",):
                values = X.to_numpy(dtype=object)
            else:
                values = _pandas_numbers(X, np.dtype(layout.signature[0]))
        else:
            names = frames.column_names(X)
            positions, warned = self._positions(names, list(X.columns) if kind == "polars" else X.column_names)
            if positions != tuple(range(X.shape[1])):
                X = frames.pick(X, [list(names or ())[i] for i in positions])
            _warn(warned)
            values = np.asarray(X)
            if self.inputs[0].dtype != OBJECT:
                values = _cast(values, FLOAT64)
        self._check_shape(values)
        if self.inputs[0].dtype == OBJECT:
            return ("object",), [_strings(values)]
        self._check_values(values, range(self.n_features))
        return (values.dtype.name,), [values]

    # -- one input a column --------------------------------------------------------------------------------------

    def _columns_of_array(self, array: Array) -> tuple[Signature, list[Array]]:
        values = [self._column(array[:, list(one.columns)], one) for one in self.inputs]
        return tuple(v.dtype.name for v in values), values

    def _columns_of_frame(self, X: Any, kind: frames.Kind) -> tuple[Signature, list[Array]]:
        if not X.shape[0]:
            raise Unsure("no rows")
        values: list[Array] = []
        if kind == "pandas":
            layout = self._pandas_layout(X)
            _warn(layout.warned)
            whole = X.to_numpy() if len(X) <= FEW_ROWS else None
            for one, positions, dtype in zip(self.inputs, layout.positions, layout.signature, strict=True):
                if whole is not None:
                    piece = whole[:, positions[0] : positions[0] + 1] if len(positions) == 1 else whole[:, positions]
                else:
                    piece = _side_by_side([_pandas_column(X, i, dtype) for i in positions])
                values.append(self._column(piece, one, np.dtype(dtype)))
            return layout.signature, values
        names = list(X.columns) if kind == "polars" else X.column_names
        order, warned = self._positions(frames.column_names(X), names)
        _warn(warned)
        for one in self.inputs:
            piece = _side_by_side([_other_column(X, names[order[i]], kind) for i in one.columns])
            values.append(self._column(piece, one))
        return tuple(v.dtype.name for v in values), values

    def _column(self, piece: Array, one: GraphInput, dtype: np.dtype[Any] | None = None) -> Array:
        """One graph input of shape (n_samples, n_columns) from its columns."""
        if one.dtype == OBJECT:
            return _strings(piece)
        dtype = dtype if dtype is not None else np.dtype(_needed(one.dtype, piece.dtype))
        values = _cast(piece, dtype)
        self._check_values(values, one.columns)
        return values

    # -- names, shapes, values -----------------------------------------------------------------------------------

    def _pandas_layout(self, X: Any) -> _Layout:
        """Where this frame's columns go; remembered, for frames come again with the same columns."""
        seen, columns, dtypes = self._seen, X.columns, X.dtypes.tolist()
        if seen is not None and dtypes == seen.dtypes and (columns is seen.names or columns.equals(seen.names)):
            return seen
        positions, warned = self._positions(frames.column_names(X), columns.tolist())
        if self.layout == "matrix":
            used = [dtypes[i] for i in positions]
            signature: Signature = ("object",) if self.inputs[0].dtype == OBJECT else (_common(used).name,)
            layout = _Layout(columns, dtypes, (positions,), signature, warned)
        else:
            places = tuple(tuple(positions[i] for i in one.columns) for one in self.inputs)
            signature = tuple(
                _needed(one.dtype, *(dtypes[i] for i in place)) for one, place in zip(self.inputs, places, strict=True)
            )
            layout = _Layout(columns, dtypes, places, signature, warned)
        self._seen = layout
        return layout

    def _positions(
        self, names: tuple[str, ...] | None, columns: Sequence[Any]
    ) -> tuple[tuple[int, ...], Warned | None]:
        """For each fitted column its position in a frame with these columns."""
        n = self.n_features
        if self.names is None:
            if len(columns) != n:
                raise Unsure(f"{len(columns)} columns instead of {n}")
            return tuple(range(n)), self.acceptance.framed if names is not None else None
        if names is None:
            raise Unsure("column names that are not all strings")
        if names == self.names:
            return tuple(range(n)), None
        if len(names) > n and not self.acceptance.extra:
            raise Unsure("columns the model does not know")
        if names[:n] != self.names and not self.acceptance.by_name:
            raise Unsure("columns in another order or of another name")
        if len(set(names)) != len(names):
            raise Unsure("a column name that comes twice")
        where = {name: i for i, name in enumerate(names)}
        missing = [name for name in self.names if name not in where]
        if missing:
            raise Unsure(f"missing columns {missing[:5]}")
        return tuple(where[name] for name in self.names), None

    def _check_shape(self, array: Array) -> None:
        if array.ndim != 2:
            raise Unsure(f"an array of {array.ndim} dimensions")
        if not array.shape[0]:
            raise Unsure("no rows")
        if array.shape[1] != self.n_features:
            raise Unsure(f"{array.shape[1]} features instead of {self.n_features}")

    def _check_values(self, values: Array, columns: Sequence[int]) -> None:
        """Refuse what the model refuses: NaN, infinities, magnitudes its own float32 cast cannot hold."""
        if values.dtype.kind != "f" or not values.size:
            return
        limit = self.acceptance.limit
        if -limit <= float(values.min()) and float(values.max()) <= limit:  # NaN fails both
            return
        if float(np.fmin.reduce(values, axis=None)) < -limit or float(np.fmax.reduce(values, axis=None)) > limit:
            raise Unsure(f"values beyond {limit:g}")
        refused = ~np.asarray([self.acceptance.nan[i] for i in columns])
        if refused.any() and np.isnan(values[:, refused]).any():
            raise Unsure("NaN in a column that takes none")


def _warn(warned: Warned | None) -> None:
    if warned is not None:
        warnings.warn(warned[1], warned[0], stacklevel=5)


def _as_array(X: Any) -> Array:
    if hasattr(X, "dtypes"):
        raise Unsure(f"a {type(X).__name__}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(X)
    except Exception as error:
        raise Unsure(f"{type(X).__name__} that is no array: {error}") from error


def _cast(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` C-contiguous in `dtype`; Unsure where NumPy cannot or where an integer would not be kept."""
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    try:
        with np.errstate(all="ignore"):
            out = np.ascontiguousarray(array, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unsure(str(error)) from error
    if dtype.kind in "iub" and array.dtype.kind not in "iub" and not np.array_equal(out, array):
        raise Unsure(f"values that are no {dtype}")
    return out


def _strings(array: Array) -> Array:
    """An object array of `str`, whatever holds the strings."""
    kind = array.dtype.kind
    if kind == "U":
        return array.astype(object)
    if kind == "O":
        if set(map(type, array.ravel().tolist())) <= {str}:
            return np.ascontiguousarray(array)
        raise Unsure("values that are not strings in a column of strings")
    raise Unsure(f"values of dtype {array.dtype} in a column of strings")


def _needed(fitted: np.dtype[Any], *given: Any) -> str:
    """The graph dtype for columns of these dtypes, where the model was converted with `fitted`."""
    if fitted == OBJECT:
        if any(getattr(d, "kind", "O") not in "OU" for d in given):
            raise Unsure(f"values of dtype {given[0]} in a column of strings")
        return "object"
    common = _common(given)
    if fitted.kind in "iub":
        whole = all(getattr(d, "kind", "O") in "iubO" for d in given)
        return fitted.name if whole else common.name
    return common.name if common == FLOAT32 else FLOAT64.name


def _common(dtypes: Sequence[Any]) -> np.dtype[Any]:
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


def _pandas_numbers(X: Any, dtype: np.dtype[Any]) -> Array:
    """A frame of number columns as one matrix, missing values as NaN."""
    values = None
    try:
        values = X.to_numpy()
        if values.dtype.kind != "O":
            return _whole(values, dtype)
        return _cast(values, dtype)
    except Unsure:
        if values is not None and values.dtype.kind != "O":
            raise
    return _side_by_side([_cast(_pandas_column(X, i, dtype.name), dtype) for i in range(X.shape[1])])


def _whole(values: Array, dtype: np.dtype[Any]) -> Array:
    if values.dtype.kind in "iu" and values.size and np.abs(values).max() > EXACT_INTEGER:
        raise Unsure("integers beyond 2**53")
    return _cast(values, dtype)


def _pandas_column(X: Any, position: int, dtype: str) -> Array:
    column = X.iloc[:, position]
    if dtype == "object":
        return np.asarray(column.to_numpy(dtype=object))
    if isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy())
    try:
        return np.asarray(column.to_numpy(dtype=dtype, na_value=np.nan) if dtype.startswith("f") else column.to_numpy())
    except (TypeError, ValueError) as error:
        raise Unsure(str(error)) from error


def _other_column(X: Any, name: str, kind: frames.Kind) -> Array:
    column = X[name]
    values = np.asarray(column.to_numpy())
    if values.dtype.kind in "iufbO":
        return values
    return np.asarray(column.to_list() if kind == "polars" else column.to_pylist(), dtype=object)


def _side_by_side(columns: list[Array]) -> Array:
    return columns[0].reshape(-1, 1) if len(columns) == 1 else np.column_stack(columns)
