"""Rows from a file, and of those what a model takes."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

READERS = (".npy", ".npz", ".csv", ".parquet", ".feather")


class Rows(NamedTuple):
    """What a file holds: a data frame, an array, or, of a .npz with several, arrays by name."""

    path: Path
    values: Any

    @property
    def columns(self) -> list[str] | None:
        """The names of the columns, where they have any."""
        return [str(name) for name in self.values.columns] if hasattr(self.values, "columns") else None


def read_rows(path: Path, *, drop: Sequence[str] = (), text: str | None = None) -> Rows:
    """Read a file of rows; its suffix says how.

    Parameters
    ----------
    path : Path
    drop : sequence of str
        Columns to leave out, the target for example.
    text : str, optional
        The one column of texts, for a model that takes texts instead of columns.

    Raises
    ------
    ValueError
        The file is none of `READERS`, or cannot be read as what its suffix says; there is no such column.
    ModuleNotFoundError
        pandas or pyarrow are needed, and not there.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ValueError(
            f"{path}: rows are read from {', '.join(READERS)}, not from {suffix or 'a file without suffix'}"
        )
    with path.open("rb"):  # a missing file is said to be missing by Python
        pass
    try:
        values = _arrays(path) if suffix in (".npy", ".npz") else _frame(path, suffix)
    except (ValueError, EOFError, BadZipFile, OSError) as error:
        raise ValueError(f"{path} cannot be read as {suffix}: {error}") from error
    rows = Rows(path, values)
    for name in [*drop, *([text] if text is not None else [])]:
        if rows.columns is None:
            raise ValueError(f"{path} has no names of columns: there is no {name!r}")
        _missing([name], rows)
    if drop:
        rows = Rows(path, values.drop(columns=list(drop)))
    if text is not None:
        rows = Rows(path, values[text].to_numpy(dtype=object))
    return rows


def _arrays(path: Path) -> Any:
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except ValueError as error:
        if "pickle" in str(error):
            raise ValueError(
                "it is no file of numbers or fixed-width strings. Objects would have to be unpickled, which is not "
                "done: save them as .csv or .parquet"
            ) from None
        raise
    if isinstance(found, np.ndarray):
        return found
    with found:
        arrays = {name: found[name] for name in found.files}
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _frame(path: Path, suffix: str) -> Any:
    import pandas as pd

    if suffix == ".csv":
        return pd.read_csv(path)
    if find_spec("pyarrow") is None:
        raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
    return pd.read_parquet(path) if suffix == ".parquet" else pd.read_feather(path)


def rows_of_model(rows: Rows, model: Any) -> Any:
    """The rows as a fitted estimator takes them: columns by name where it knows names, an array where it does not.

    Raises
    ------
    ValueError
        Columns are missing, or there are more or fewer than the model has.
    """
    if isinstance(rows.values, dict):
        raise ValueError(
            f"{rows.path} has several arrays, {_list(rows.values)}, and the model takes one: save it alone"
        )
    if rows.columns is None:
        return rows.values
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        _missing([str(name) for name in names], rows)
        return rows.values[list(names)]
    width = getattr(model, "n_features_in_", None)
    if width is None:
        return rows.values
    _check_width(rows, width)
    return rows.values.to_numpy()


def feed_of(rows: Rows, session: Any) -> dict[str, npt.NDArray[Any]]:
    """The rows as a session's inputs, in the dtypes that they declare.

    A file that sklort wrote says which columns go where. Otherwise one input takes the whole matrix, and several take a
    column each, or an array each of a .npz.

    Parameters
    ----------
    rows : Rows
    session : InferenceSession

    Raises
    ------
    ValueError
        Columns are missing, or values do not become what an input declares.
    """
    inputs = session.get_inputs()
    names = [one.name for one in inputs]
    if isinstance(rows.values, dict):
        absent = [name for name in names if name not in rows.values]
        if absent:
            raise ValueError(f"{rows.path} has no array {_list(absent)}, an input of the model: {_list(rows.values)}")
        return {one.name: _cast(rows.values[one.name], one, rows) for one in inputs}
    if "sklort.format" in session.get_modelmeta().custom_metadata_map:
        return _feed_of_saved(rows, session)
    if len(inputs) == 1:
        values = rows.values if rows.columns is None else rows.values.to_numpy()
        return {names[0]: _cast(values, inputs[0], rows)}
    if rows.columns is None:
        raise ValueError(
            f"the model has {len(inputs)} inputs, {_list(names)}: give columns by these names (.csv, .parquet, "
            ".feather) or a .npz with an array for each"
        )
    _missing(names, rows)
    return {one.name: _cast(rows.values[one.name].to_numpy().reshape(-1, 1), one, rows) for one in inputs}


def _feed_of_saved(rows: Rows, session: Any) -> dict[str, npt.NDArray[Any]]:
    from sklort.estimator.persistence import restore
    from sklort.estimator.values import Unsure

    graph, intake, _ = restore(session, b"")
    X = rows.values
    if rows.columns is not None and intake.names is not None:
        _missing(intake.names, rows)
        X = X[list(intake.names)]
    elif rows.columns is not None:
        _check_width(rows, intake.n_features)
        X = X.to_numpy()
    if not len(X):
        raise ValueError(f"{rows.path} has no rows")
    try:
        values = intake.admit(X)[1]
    except (Unsure, ValueError) as error:
        raise ValueError(f"{rows.path} has no rows that the model takes: {error}") from None
    return {one.name: value.astype(one.dtype, copy=False) for one, value in zip(graph.inputs, values)}


def slices(feed: dict[str, npt.NDArray[Any]], index: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    """Some rows of a feed."""
    return {name: values[index] for name, values in feed.items()}


def height(feed: dict[str, npt.NDArray[Any]]) -> int:
    """Rows of a feed."""
    return len(next(iter(feed.values())))


def _check_width(rows: Rows, width: int) -> None:
    columns = rows.columns or []
    if width != len(columns):
        raise ValueError(
            f"{rows.path} has {len(columns)} columns, {_list(columns)}, and the model takes {width} without names: "
            "leave out the others with --drop"
        )


def _cast(values: Any, declared: Any, rows: Rows) -> npt.NDArray[Any]:
    from sklort.graph.types import DType

    label = declared.type.removeprefix("tensor(").removesuffix(")").upper()
    if label not in DType.__members__:
        raise ValueError(f"the input {declared.name!r} is a {declared.type}, which no file of rows holds")
    dtype = DType[label].numpy
    try:
        found: npt.NDArray[Any] = values.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rows.path} does not fit the input {declared.name!r}, a {declared.type}: {error}") from None
    if not len(found):
        raise ValueError(f"{rows.path} has no rows")
    return found


def _missing(names: Sequence[str], rows: Rows) -> None:
    there = rows.columns or []
    absent = [name for name in names if name not in there]
    if not absent:
        return
    near = [f"{close[0]!r}" for name in absent if (close := get_close_matches(name, there, n=1))]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    word = "column" if len(absent) == 1 else "columns"
    raise ValueError(f"{rows.path} lacks the {word} {_list(absent)}; it has {_list(there)}{hint}")


def _list(names: Any) -> str:
    shown = [repr(str(name)) for name in names]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")
