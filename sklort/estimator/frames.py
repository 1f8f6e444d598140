"""Rows and columns of whatever the user holds: arrays, pandas, polars and Arrow tables.

No data-frame library is imported here: a frame can only come from a library that is loaded already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Kind = Literal["array", "pandas", "polars", "arrow", "sparse", "other"]

STRANGER = "a column nobody asked for"


def kind_of(X: Any) -> Kind:
    """Which of the known containers `X` is."""
    if isinstance(X, np.ndarray):
        return "array"
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(X, getattr(pandas, "DataFrame", ())):
        return "pandas"
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(X, getattr(polars, "DataFrame", ())):
        return "polars"
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(X, getattr(arrow, "Table", ())):
        return "arrow"
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(X):
        return "sparse"
    return "other"


def column_names(X: Any) -> tuple[str, ...] | None:
    """The names of the columns when every one is a string, as scikit-learn's `feature_names_in_` wants; else None."""
    kind = kind_of(X)
    if kind == "arrow":
        names = list(X.column_names)
    elif kind in ("pandas", "polars"):
        names = list(X.columns)
    else:
        return None
    return tuple(names) if names and all(isinstance(name, str) for name in names) else None


def height(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def width(X: Any) -> int:
    return int(X.shape[1]) if hasattr(X, "shape") else len(X[0])


def take_rows(X: Any, rows: Sequence[int] | Array) -> Any:
    """The rows at these positions, in the same container (a list becomes an array)."""
    kind = kind_of(X)
    index = np.asarray(rows, dtype=np.intp)
    if kind == "pandas":
        return X.iloc[index]
    if kind == "polars":
        return X[index.tolist()]
    if kind == "arrow":
        return X.take(index)
    if kind == "sparse":
        return X.tocsr()[index]
    return np.asarray(X)[index]


def number_columns(X: Any) -> list[int]:
    """Positions of the columns that hold numbers (not booleans, not strings)."""
    kind = kind_of(X)
    if kind == "pandas":
        return [i for i, d in enumerate(X.dtypes) if getattr(d, "kind", "O") in "iuf" and not _is_category(d)]
    if kind == "polars":
        return [i for i, d in enumerate(X.dtypes) if d.is_numeric()]
    if kind == "arrow":
        return [i for i, f in enumerate(X.schema) if str(f.type).startswith(("int", "uint", "float", "double", "half"))]
    return list(range(width(X))) if X.dtype.kind in "iuf" else []


def float_columns(X: Any) -> list[int]:
    """Positions of the columns that hold floating-point numbers, the only ones that take NaN as they are."""
    kind, numbers = kind_of(X), number_columns(X)
    if kind == "pandas":
        return [i for i in numbers if X.dtypes.iloc[i].kind == "f"]
    if kind == "polars":
        return [i for i in numbers if X.dtypes[i].is_float()]
    if kind == "arrow":
        return [i for i in numbers if not str(X.schema[i].type).startswith(("int", "uint"))]
    return numbers if X.dtype.kind == "f" else []


def string_columns(X: Any) -> list[int]:
    """Positions of the columns that hold strings (or categories, or objects)."""
    kind = kind_of(X)
    if kind == "pandas":
        return [i for i, d in enumerate(X.dtypes) if _is_category(d) or getattr(d, "kind", "O") in "OU"]
    if kind == "polars":
        return [i for i, d in enumerate(X.dtypes) if not d.is_numeric() and str(d) != "Boolean"]
    if kind == "arrow":
        return [i for i, f in enumerate(X.schema) if "string" in str(f.type)]
    return list(range(width(X))) if kind == "array" and X.dtype.kind in "OU" else []


def _is_category(dtype: Any) -> bool:
    return str(dtype) == "category"


def float_kind(X: Any) -> np.dtype[Any]:
    """float32 when every number column of `X` is float32, else float64: what scikit-learn computes in."""
    kind = kind_of(X)
    if kind == "pandas":
        kinds = {np.dtype(d) if isinstance(d, np.dtype) else np.dtype(np.float64) for d in X.dtypes}
        return np.dtype(np.float32) if kinds == {np.dtype(np.float32)} else np.dtype(np.float64)
    if kind in ("array", "sparse"):
        return np.dtype(np.float32) if X.dtype == np.float32 else np.dtype(np.float64)
    return np.dtype(np.float64)


def all_float32(X: Any) -> bool:
    """Whether every column of a polars frame or an Arrow table is float32: scikit-learn computes in it then."""
    types = X.dtypes if kind_of(X) == "polars" else X.schema.types
    return {str(one) for one in types} <= {"Float32", "float"}


def with_numbers(X: Any, columns: Sequence[int], value: float) -> Any:
    """A copy of `X` with `value` in these columns; integer columns become float64."""
    kind = kind_of(X)
    if kind == "pandas":
        import pandas as pd

        chosen = set(columns)
        with np.errstate(over="ignore"):  # too large for float32 is infinity there
            data = {
                i: np.full(len(X), value, dtype=_float_of(X.dtypes.iloc[i])) if i in chosen else X.iloc[:, i].array
                for i in range(X.shape[1])
            }
        out = pd.DataFrame(data, index=X.index)
        out.columns = X.columns
        return out
    if kind == "polars":
        import polars as pl

        names = [X.columns[i] for i in columns]
        return X.with_columns([pl.lit(value, dtype=pl.Float64).alias(name) for name in names])
    if kind == "arrow":
        import pyarrow as pa

        for i in columns:
            X = X.set_column(i, X.column_names[i], pa.array(np.full(X.num_rows, value)))
        return X
    array = np.array(X, dtype=_float_of(X.dtype))
    with np.errstate(over="ignore"):
        array[:, list(columns)] = value
    return array


def _float_of(dtype: Any) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype == np.float32 else np.dtype(np.float64)


def with_value(X: Any, column: int, value: Any) -> Any:
    """A copy of `X` (pandas, polars or object array) with `value`, a string or a missing value, in one column."""
    kind = kind_of(X)
    if kind in ("polars", "arrow") and not isinstance(value, str):
        value = None  # all they have
    if kind == "pandas":
        import pandas as pd

        was = X.dtypes.iloc[column]
        dtype = object if _is_category(was) else was
        out = X.copy()
        out.isetitem(column, pd.Series([value] * len(X), index=X.index, dtype=dtype))
        return out
    if kind == "polars":
        import polars as pl

        return X.with_columns(pl.Series(X.columns[column], [value] * len(X), dtype=pl.String))
    if kind == "arrow":
        import pyarrow as pa

        return X.set_column(column, X.column_names[column], pa.array([value] * X.num_rows, pa.string()))
    array = np.array(X, dtype=object)
    array[:, column] = value
    return array


def column(X: Any, position: int) -> Array:
    """The values of one column."""
    kind = kind_of(X)
    if kind == "pandas":
        return np.asarray(X.iloc[:, position].to_numpy())
    if kind in ("polars", "arrow"):
        names = X.columns if kind == "polars" else X.column_names
        return np.asarray(X[names[position]].to_numpy())
    return np.asarray(X.toarray() if kind == "sparse" else X)[:, position]


def dense(X: Any) -> Array:
    """A matrix of numbers as an array."""
    return np.asarray(X.toarray() if kind_of(X) == "sparse" else X)


def take_columns(X: Any, positions: Sequence[int]) -> Any:
    """Some columns, in this order."""
    kind = kind_of(X)
    if kind == "pandas":
        return X.iloc[:, list(positions)]
    if kind in ("polars", "arrow"):
        names = X.columns if kind == "polars" else X.column_names
        return X.select([names[i] for i in positions])
    return X[:, list(positions)]


def with_columns(X: Any, positions: Sequence[int], values: Sequence[Array]) -> Any:
    """A copy of `X` with other values in these columns, of the dtype that they had: whole numbers are rounded to."""
    kind = kind_of(X)
    if kind == "pandas":
        import pandas as pd

        out = X.copy()
        for i, one in zip(positions, values, strict=True):
            dtype = object if _is_category(X.dtypes.iloc[i]) else X.dtypes.iloc[i]
            out.isetitem(i, pd.Series(_fitting(one, dtype), index=X.index, dtype=dtype))
        return out
    if kind == "polars":
        import polars as pl

        return X.with_columns(
            [
                pl.Series(X.columns[i], _fitting(one, X[X.columns[i]].to_numpy().dtype).tolist(), dtype=X.dtypes[i])
                for i, one in zip(positions, values, strict=True)
            ]
        )
    if kind == "arrow":
        import pyarrow as pa

        for i, one in zip(positions, values, strict=True):
            fitted = _fitting(one, X[X.column_names[i]].to_numpy().dtype)
            X = X.set_column(i, X.column_names[i], pa.array(fitted.tolist(), X.schema[i].type))
        return X
    array = np.array(X)
    for i, one in zip(positions, values, strict=True):
        with np.errstate(all="ignore"):
            array[:, i] = _fitting(one, array.dtype)
    return array


def _fitting(values: Array, dtype: Any) -> Array:
    """Numbers as whole ones where `dtype` holds only those."""
    if getattr(dtype, "kind", "O") not in "iu" or values.dtype.kind != "f":
        return values
    least, most = (0, 2 ** (8 * dtype.itemsize) - 1) if dtype.kind == "u" else (-(2**31), 2**31 - 1)
    whole: Array = np.rint(np.clip(np.nan_to_num(values), least, min(most, 2**31 - 1))).astype(np.int64)
    return whole


def map_floats(X: Any, change: Callable[[Array], Array]) -> Any:
    """A copy of `X` with `change` applied to every column of floating-point numbers."""
    if kind_of(X) == "array":
        return change(X).astype(X.dtype) if X.dtype.kind == "f" else X
    positions = float_columns(X)
    return with_columns(X, positions, [change(column(X, i).astype(np.float64)) for i in positions])


def doubles(X: Any) -> Any:
    """A copy of `X` whose numbers and booleans are all float64; strings and categories stay."""
    return _retyped(X, number_columns(X) + boolean_columns(X), np.float64)


def whole(X: Any) -> Any:
    """A copy of `X` whose floating-point numbers, which must be whole, are int64; None where there are none."""
    columns = float_columns(X)
    return _retyped(X, columns, np.int64) if columns else None


def boolean_columns(X: Any) -> list[int]:
    """Positions of the columns that hold booleans."""
    kind = kind_of(X)
    if kind == "pandas":
        return [i for i, d in enumerate(X.dtypes) if getattr(d, "kind", "O") == "b" and not _is_category(d)]
    if kind == "polars":
        return [i for i, d in enumerate(X.dtypes) if str(d) == "Boolean"]
    if kind == "arrow":
        return [i for i, f in enumerate(X.schema) if str(f.type) == "bool"]
    return list(range(width(X))) if X.dtype.kind == "b" else []


def _retyped(X: Any, columns: Sequence[int], dtype: type[np.generic]) -> Any:
    """A copy of `X` with these columns, all of them where it is an array, in another dtype."""
    kind = kind_of(X)
    if kind == "pandas":
        out = X.copy()
        for i in columns:
            values = X.iloc[:, i].to_numpy(dtype=np.float64, na_value=np.nan)
            out.isetitem(i, values.astype(dtype))
        return out
    if kind == "polars":
        import polars as pl

        made = [pl.Series(X.columns[i], column(X, i).astype(dtype)) for i in columns]
        return X.with_columns(made)
    if kind == "arrow":
        import pyarrow as pa

        for i in columns:
            X = X.set_column(i, X.column_names[i], pa.array(column(X, i).astype(dtype)))
        return X
    return np.asarray(X).astype(dtype) if columns else X


def finite_rows(X: Any) -> Any:
    """The rows without an infinity."""
    fine = np.ones(height(X), dtype=bool)
    for i in float_columns(X):
        fine &= ~np.isinf(column(X, i).astype(np.float64))
    return X if fine.all() else take_rows(X, np.flatnonzero(fine))


def named(X: Array) -> Any:
    """An array as a pandas frame with invented names, or None without pandas."""
    try:
        import pandas as pd
    except ImportError:
        return None
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])


def without_names(X: Any) -> Array:
    return np.asarray(X)


def pick(X: Any, names: list[str]) -> Any:
    """These columns, in this order."""
    return X.select(names) if kind_of(X) in ("polars", "arrow") else X[names]


def with_stranger(X: Any) -> Any:
    """A copy with one more column, last, under a name no model has seen."""
    kind = kind_of(X)
    if kind == "pandas":
        return X.assign(**{STRANGER: 0.0})
    if kind == "polars":
        import polars as pl

        return X.with_columns(pl.lit(0.0).alias(STRANGER))
    import pyarrow as pa

    return X.append_column(STRANGER, pa.array(np.zeros(X.num_rows)))


def stack(parts: Sequence[Any]) -> Any:
    """Rows of several containers of one kind under each other."""
    parts = [part for part in parts if height(part)]
    kind = kind_of(parts[0])
    if len(parts) == 1:
        return parts[0]
    if kind == "pandas":
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    if kind == "polars":
        import polars as pl

        return pl.concat(parts, how="vertical_relaxed")
    if kind == "arrow":
        import pyarrow as pa

        return pa.concat_tables(parts, promote_options="permissive")
    if kind == "sparse":
        from scipy.sparse import vstack

        return vstack(parts, format="csr")
    return np.concatenate([np.asarray(part) for part in parts])


def stack_answers(parts: Sequence[Any]) -> Any:
    """Answers for blocks of rows -> the answer for all of them."""
    if isinstance(parts[0], list):
        return [stack_answers(one) for one in zip(*parts, strict=True)]
    return stack(parts)
