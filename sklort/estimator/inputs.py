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
from sklort.estimator.values import (
    FLOAT32,
    FLOAT64,
    OBJECT,
    Unsure,
    cast,
    check_integers,
    common,
    needed,
    other_column,
    pandas_column,
    side_by_side,
    strings,
)

Array = npt.NDArray[Any]
Signature = tuple[str, ...]
"""One dtype a graph input, e.g. ``("float64",)`` for a matrix: which compiled graph this X needs."""

FEW_ROWS = 200
"""Up to here a mixed pandas frame is read whole as objects: one call, where each column would cost one."""
MOST_ROW_KINDS = 32


class GraphInput(NamedTuple):
    """One input of the graph: its columns by position in the fitted X, and the dtype it was converted with."""

    name: str
    columns: tuple[int, ...]
    dtype: np.dtype[Any]


class _Group(NamedTuple):
    """Graph inputs of one column and one dtype each, read together."""

    dtype: np.dtype[Any]
    inputs: tuple[int, ...]
    positions: Array
    refused: Array
    """Which of them must not hold NaN."""
    missing: tuple[str, ...]


class _Layout(NamedTuple):
    """How the columns of a pandas frame seen before map to graph inputs."""

    dtypes: list[Any]
    positions: tuple[tuple[int, ...], ...]
    signature: Signature
    groups: tuple[_Group, ...] | None


@dataclass
class Intake:
    """How X becomes the values of a graph.

    Parameters
    ----------
    layout : {"matrix", "columns", "texts"}
        One matrix, one input for each column (or group of columns), or a list of texts.
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
    _named: tuple[Any, tuple[int, ...], Warned | None] | None = field(default=None, repr=False, compare=False)
    _seen: tuple[tuple[int, ...], _Layout] | None = field(default=None, repr=False, compare=False)
    _rows: dict[tuple[Any, ...], _Layout] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_named": None, "_seen": None, "_rows": {}}

    def admit(self, X: Any) -> tuple[Signature, list[Array]]:
        """The values of the graph inputs, in order, and the signature of the graph they need.

        Raises
        ------
        Unsure
            When only the model can say what becomes of this X.
        """
        kind = frames.kind_of(X)
        if self.layout == "texts":
            return ("object",), [_texts(X)]
        if kind in ("pandas", "polars", "arrow"):
            if self.acceptance.framing:
                raise Unsure("a frame, of which the model makes a frame")
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
            say(self.acceptance.bare)
        if self.layout == "matrix":
            return self._matrix(array, listed=kind == "other")
        return self._columns_of_array(array)

    # -- one matrix ----------------------------------------------------------------------------------------------

    def _matrix(self, array: Array, *, listed: bool = False) -> tuple[Signature, list[Array]]:
        expected = self.inputs[0].dtype
        if expected == OBJECT:
            return ("object",), [strings(array, self._missing(self.inputs[0]))]
        if array.dtype.kind not in "fiubO" or (array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8)):
            raise Unsure(f"an array of dtype {array.dtype}")
        self._check_whole(array.dtype)
        check_integers(array)
        want = FLOAT32 if array.dtype == FLOAT32 and not listed else FLOAT64
        values = cast(array, want)
        self._check_values(values, range(self.n_features))
        return (want.name,), [values]

    def _matrix_of_frame(self, X: Any, kind: frames.Kind) -> tuple[Signature, list[Array]]:
        if kind == "pandas":
            values = self._pandas_matrix(X)
        else:
            names = list(X.columns) if kind == "polars" else X.column_names
            positions, warned = self.positions(frames.column_names(X), names)
            say(warned)
            if positions != tuple(range(len(names))):
                X = frames.pick(X, [names[i] for i in positions])
            values = np.asarray(X)
            if self.inputs[0].dtype != OBJECT:
                self._check_whole(values.dtype)
                values = cast(values, FLOAT32 if frames.all_float32(X) else FLOAT64)
        self._check_shape(values)
        if self.inputs[0].dtype == OBJECT:
            return ("object",), [strings(values, self._missing(self.inputs[0]))]
        self._check_values(values, range(self.n_features))
        return (values.dtype.name,), [values]

    def _pandas_matrix(self, X: Any) -> Array:
        positions, warned = self._pandas_positions(X.columns)
        say(warned)
        if len(positions) != X.shape[1] or positions != tuple(range(self.n_features)):
            X = X.iloc[:, list(positions)]
        if self.inputs[0].dtype == OBJECT:
            return np.asarray(X.to_numpy(dtype=object))
        values = np.asarray(X.to_numpy())
        if values.dtype == FLOAT64:
            return np.ascontiguousarray(values)
        dtype = common(X.dtypes.tolist())
        self._check_whole(values.dtype)
        if values.dtype.kind in "fiub":
            check_integers(values)
            return cast(values, dtype)
        return side_by_side([cast(pandas_column(X, i, dtype.name), dtype) for i in range(X.shape[1])])

    # -- one input a column --------------------------------------------------------------------------------------

    def _columns_of_array(self, array: Array) -> tuple[Signature, list[Array]]:
        values = [self._column(array[:, list(one.columns)], one) for one in self.inputs]
        return tuple(v.dtype.name for v in values), values

    def _columns_of_frame(self, X: Any, kind: frames.Kind) -> tuple[Signature, list[Array]]:
        if not X.shape[0]:
            raise Unsure("no rows")
        if kind == "pandas":
            return self._columns_of_pandas(X)
        names = list(X.columns) if kind == "polars" else X.column_names
        order, warned = self.positions(frames.column_names(X), names)
        say(warned)
        values: list[Array] = []
        for one in self.inputs:
            piece = side_by_side([other_column(X, names[order[i]], kind) for i in one.columns])
            values.append(self._column(piece, one))
        return tuple(v.dtype.name for v in values), values

    def _columns_of_pandas(self, X: Any) -> tuple[Signature, list[Array]]:
        positions, warned = self._pandas_positions(X.columns)
        say(warned)
        if len(X) == 1:
            row = X.iloc[0].to_numpy()
            # A row of mixed columns holds a NumPy scalar for each number: their types tell the dtypes of the columns.
            kinds = (positions, *map(type, row.tolist())) if row.dtype == OBJECT else None
            layout = self._rows.get(kinds) if kinds is not None else None
            if layout is not None and layout.groups is not None:
                return layout.signature, self._in_groups(row.reshape(-1, 1), layout.groups, checked=True)
            layout = self._pandas_layout(X, positions)
        else:
            kinds, layout = None, self._pandas_layout(X, positions)
        if len(X) <= FEW_ROWS and layout.groups is not None:
            try:
                values = self._in_groups(X.to_numpy().T, layout.groups)
            except Unsure:
                pass  # a missing value that is no float: column by column pandas turns it into NaN
            else:
                if kinds is not None and len(self._rows) < MOST_ROW_KINDS and _plain(kinds[1:], layout.groups):
                    self._rows[kinds] = layout
                return layout.signature, values
        values = []
        for one, places, dtype in zip(self.inputs, layout.positions, layout.signature, strict=True):
            piece = side_by_side([pandas_column(X, i, dtype) for i in places])
            values.append(self._column(piece, one, np.dtype(dtype)))
        return layout.signature, values

    def _in_groups(self, columns: Array, groups: tuple[_Group, ...], *, checked: bool = False) -> list[Array]:
        """The graph inputs from columns of shape (n_columns, n_samples).

        `checked`: values of these very types have been read before; only the range of the numbers is open.
        """
        values: list[Any] = [None] * len(self.inputs)
        for group in groups:
            piece = columns[group.positions]
            if group.dtype != OBJECT:
                piece = piece.astype(group.dtype) if checked else cast(piece, group.dtype)
                if group.dtype.kind == "f":
                    self._check_range(piece.T, group.refused)
            elif group.missing or not checked:
                piece = strings(piece, group.missing)
            for i, column in zip(group.inputs, piece, strict=True):
                values[i] = column.reshape(-1, 1)
        return values

    def _column(self, piece: Array, one: GraphInput, dtype: np.dtype[Any] | None = None) -> Array:
        """One graph input of shape (n_samples, n_columns) from its columns."""
        if one.dtype == OBJECT:
            return strings(piece, self._missing(one))
        self._check_whole(piece.dtype, one.dtype)
        dtype = dtype if dtype is not None else np.dtype(needed(one.dtype, piece.dtype))
        values = cast(piece, dtype)
        self._check_values(values, one.columns)
        return values

    # -- names, shapes, values -----------------------------------------------------------------------------------

    def _pandas_positions(self, columns: Any) -> tuple[tuple[int, ...], Warned | None]:
        """`positions`, remembered: frames come again with the same columns."""
        seen = self._named
        if seen is not None and (columns is seen[0] or columns.equals(seen[0])):
            return seen[1], seen[2]
        names = columns.tolist()
        all_strings = bool(names) and all(isinstance(name, str) for name in names)
        positions, warned = self.positions(tuple(names) if all_strings else None, names)
        self._named = (columns, positions, warned)
        return positions, warned

    def _pandas_layout(self, X: Any, positions: tuple[int, ...]) -> _Layout:
        """Where the columns of this frame go, by their dtypes; the last one is remembered."""
        dtypes, seen = X.dtypes.tolist(), self._seen
        if seen is not None and seen[0] == positions and dtypes == seen[1].dtypes:
            return seen[1]
        places = tuple(tuple(positions[i] for i in one.columns) for one in self.inputs)
        signature = tuple(
            needed(one.dtype, *(dtypes[i] for i in place)) for one, place in zip(self.inputs, places, strict=True)
        )
        for one, place in zip(self.inputs, places, strict=True):
            for i in place:
                self._check_whole(dtypes[i], one.dtype)
        layout = _Layout(dtypes, places, signature, self._groups(places, signature))
        self._seen = (positions, layout)
        return layout

    def _groups(self, places: tuple[tuple[int, ...], ...], signature: Signature) -> tuple[_Group, ...] | None:
        if any(len(place) != 1 for place in places):
            return None
        groups = []
        kinds = [(name, self._missing(one)) for name, one in zip(signature, self.inputs, strict=True)]
        for name, missing in dict.fromkeys(kinds):
            members = tuple(i for i, one in enumerate(kinds) if one == (name, missing))
            at = np.asarray([places[i][0] for i in members], dtype=np.intp)
            refused = self._refused([self.inputs[i].columns[0] for i in members])
            groups.append(_Group(np.dtype(name), members, at, refused, missing))
        return tuple(groups)

    def _refused(self, columns: Sequence[int]) -> Array:
        """Which of these columns must not hold NaN."""
        return ~np.asarray([self.acceptance.nan[i] for i in columns])

    def missing(self, column: int) -> tuple[str, ...]:
        """The words for what may be missing in a column of strings."""
        taken = self.acceptance.missing
        return taken[column] if taken else ()

    def _missing(self, one: GraphInput) -> tuple[str, ...]:
        """Those that every column of an input may hold."""
        first, *others = map(self.missing, one.columns)
        return tuple(word for word in first if all(word in other for other in others))

    def positions(self, names: tuple[str, ...] | None, columns: Sequence[Any]) -> tuple[tuple[int, ...], Warned | None]:
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

    def _check_whole(self, dtype: Any, fitted: Any = FLOAT64) -> None:
        """Leave whole numbers to a model that computes with them otherwise than with the same numbers in double."""
        if not self.acceptance.whole and getattr(dtype, "kind", "O") in "iub" and dtype != fitted:
            raise Unsure("whole numbers, which the model answers otherwise than the same numbers in double")

    def _check_values(self, values: Array, columns: Sequence[int]) -> None:
        if values.dtype.kind == "f" and values.size:
            self._check_range(values, self._refused(columns))

    def _check_range(self, values: Array, refused: Array) -> None:
        """Refuse what the model refuses: NaN, infinities, magnitudes its own float32 cast cannot hold."""
        limit = self.acceptance.limit
        if -limit <= float(values.min()) and float(values.max()) <= limit:  # NaN fails both
            return
        if float(np.fmin.reduce(values, axis=None)) < -limit or float(np.fmax.reduce(values, axis=None)) > limit:
            raise Unsure(f"values beyond {limit:g}")
        if refused.any() and np.isnan(values[:, refused]).any():
            raise Unsure("NaN in a column that takes none")


def say(warned: Warned | None) -> None:
    """Warn of how columns are named, as the model would."""
    if warned is not None:
        warnings.warn(warned[1], warned[0], stacklevel=5)


def _texts(X: Any) -> Array:
    """A list, an array or a series of strings, as one column."""
    if isinstance(X, str | bytes) or not hasattr(X, "__len__"):  # a generator is the model's to read
        raise Unsure(f"{type(X).__name__} where a list of texts is expected")
    values = X if type(X) is np.ndarray else np.asarray(X, dtype=object)
    if values.ndim != 1 or not len(values):
        raise Unsure(f"texts in an array of shape {values.shape}")
    return strings(values).reshape(-1, 1)


def _as_array(X: Any) -> Array:
    if hasattr(X, "dtypes"):
        raise Unsure(f"a {type(X).__name__}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(X)
    except Exception as error:
        raise Unsure(f"{type(X).__name__} that is no array: {error}") from error


def _plain(kinds: tuple[Any, ...], groups: tuple[_Group, ...]) -> bool:
    """Whether values of these types always fit the graph: a float in a column of whole numbers only sometimes does."""
    whole = (bool, np.bool_, int, np.signedinteger)
    return all(
        issubclass(kinds[i], whole) for group in groups if group.dtype == np.int64 for i in group.positions
    ) and (
        all(
            issubclass(kinds[i], (bool, np.bool_))
            for group in groups
            if group.dtype == np.bool_
            for i in group.positions
        )
    )
