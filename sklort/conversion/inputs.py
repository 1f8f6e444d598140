"""From a sample X to the inputs of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from onnx import GraphProto, NodeProto

from sklort.conversion.result import ModelInput
from sklort.conversion.selection import selects_by_name, used_columns
from sklort.conversion.writer import STRING, common_dtype
from sklort.exceptions import ConversionError
from sklort.graph.missing import is_missing

MATRIX = "X"
_FLOAT = np.dtype(np.float32)
_DOUBLE = np.dtype(np.float64)


def is_frame(X: Any) -> bool:
    """A table with named columns: pandas, polars, pyarrow."""
    return hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "to_pandas"))


def describe_inputs(model: Any, X: Any) -> tuple[Literal["matrix", "columns"], tuple[ModelInput, ...]]:
    """The inputs of the graph of `model` when it is fed with data like `X`.

    Parameters
    ----------
    model : fitted estimator
    X : array or table of shape (n, n_features)
        A sample; its dtypes are what the graph will take.

    Returns
    -------
    layout, inputs

    Raises
    ------
    ConversionError
        X is not two-dimensional, or holds what ONNX has no tensor for.
    """
    if not is_frame(X):
        return "matrix", (ModelInput(MATRIX, None, _array_dtype(X)),)
    table = X.to_pandas() if not hasattr(X, "iloc") else X
    present = list(table.columns)
    if not all(isinstance(c, str) for c in present):
        if selects_by_name(model):
            raise ConversionError("columns are fed by name, so their names must be strings: X.columns.astype(str)")
        return "matrix", (ModelInput(MATRIX, None, _array_dtype(table.to_numpy())),)
    if len(set(present)) < len(present):
        raise ConversionError("X has two columns of one name: columns are fed by name")
    fitted = [str(c) for c in getattr(model, "feature_names_in_", present)]
    absent = sorted(set(fitted) - set(present))
    if absent:
        raise ConversionError(f"X lacks columns the model was fitted on: {', '.join(map(repr, absent))}")
    used = used_columns(model, len(fitted))
    dtypes = [
        _column_dtype(table.iloc[:, present.index(name)], name) if i in used else _DOUBLE
        for i, name in enumerate(fitted)
    ]
    if STRING not in dtypes and not selects_by_name(model):
        return "matrix", (ModelInput(MATRIX, None, _matrix_dtype(dtypes)),)
    return "columns", tuple(ModelInput(n or "column", (n,), dtype) for n, dtype in zip(fitted, dtypes, strict=True))


def with_missing(X: Any, inputs: tuple[ModelInput, ...], graph: GraphProto) -> tuple[ModelInput, ...]:
    """`inputs`, saying which strings may be missing: those of which `graph` only asks what they are.

    Raises
    ------
    ConversionError
        Strings of the sample X are missing where they may not be.
    """
    found = []
    for one in inputs:
        if one.dtype == STRING:
            one = replace(one, missing=_is_only_compared(graph, one.name))
            if not one.missing and any(map(is_missing, _strings(X, one))):
                where = f"column {one.columns[0]!r}" if one.columns else "X"
                raise ConversionError(
                    f"{where} holds strings and missing values, and more is done with them than to encode or to fill: "
                    "an ONNX string cannot be missing. Fill them with a word before fitting and predicting"
                )
        found.append(one)
    return tuple(found)


def _strings(X: Any, one: ModelInput) -> Any:
    if one.columns is None:
        return np.asarray(X, dtype=object).ravel()
    table = X.to_pandas() if not hasattr(X, "iloc") else X
    return np.asarray(table[one.columns[0]], dtype=object)


_SHAPES = ("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_CARRY = frozenset(("Concat", "Gather", "Identity", "Slice", "Split", "Where", *_SHAPES))
_COMPARE = frozenset(("CategoryMapper", "Equal", "LabelEncoder", "OneHotEncoder"))


def _is_only_compared(graph: GraphProto, name: str) -> bool:
    """Whether the strings of `name` end where they are compared with others, whole: a word is as good as any there."""
    carried, outputs = {name}, {value.name for value in graph.output}
    for node in graph.node:  # in the order they are computed
        if any(attribute.HasField("g") for attribute in node.attribute):
            if carried & {read for inner in _nodes_inside(node) for read in inner.input}:
                return False
        elif carried & set(node.input):
            if node.op_type in _CARRY:
                carried |= set(node.output)
            elif node.op_type not in _COMPARE:
                return False
    return not carried & outputs


def _nodes_inside(node: NodeProto) -> Iterator[NodeProto]:
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield inner
            yield from _nodes_inside(inner)


def _array_dtype(X: Any) -> np.dtype:
    if hasattr(X, "tocsr"):
        return _matrix_dtype([np.dtype(X.dtype)])
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype.kind in "OUT" and _object_dtype(array.astype(object), "X") == STRING:
        return STRING  # texts
    if array.ndim != 2:
        raise ConversionError(f"the sample X must have two dimensions (rows, features), not {array.ndim}")
    if array.dtype.kind in "US" or array.dtype.kind == "T":
        return STRING
    if array.dtype.kind == "O":
        dtype = _object_dtype(array.ravel(), "X")
        return dtype if dtype == STRING else _DOUBLE
    return _matrix_dtype([array.dtype])


def _matrix_dtype(dtypes: list[np.dtype]) -> np.dtype:
    """float32 where scikit-learn would keep float32, else float64."""
    common = common_dtype(dtypes, "the model")
    if common.kind not in "biuf":
        raise ConversionError(f"X of dtype {common} cannot be the input of a converted model")
    return _FLOAT if common == _FLOAT else _DOUBLE


def _column_dtype(column: Any, name: str) -> np.dtype:
    """float32, float64, int64, bool, or object for strings."""
    dtype = column.dtype
    where = f"column {name!r}"
    if str(dtype) == "category":
        return _object_dtype(np.asarray(column, dtype=object), where)
    kind = getattr(dtype, "kind", "O")
    if kind == "f":
        return _FLOAT if dtype == np.float32 else _DOUBLE
    if kind in "iub":
        if not isinstance(dtype, np.dtype) and column.isna().any():
            return _DOUBLE
        return np.dtype(np.bool_) if kind == "b" else np.dtype(np.int64)
    if kind == "O":
        return _object_dtype(np.asarray(column, dtype=object), where)
    raise ConversionError(f"{where} has dtype {dtype}: numbers, booleans and strings can be converted")


def _object_dtype(values: np.ndarray, where: str) -> np.dtype:
    kinds = {type(v) for v in values if not is_missing(v)}
    if kinds and all(issubclass(k, str) for k in kinds):
        return STRING
    if all(issubclass(k, bool | np.bool_) for k in kinds) and kinds and not any(is_missing(v) for v in values):
        return np.dtype(np.bool_)
    if all(issubclass(k, int | np.integer) for k in kinds) and kinds and not any(is_missing(v) for v in values):
        return np.dtype(np.int64)
    if all(issubclass(k, int | float | np.number | np.bool_) for k in kinds):
        return _DOUBLE
    names = ", ".join(sorted(k.__name__ for k in kinds))
    raise ConversionError(f"{where} holds values of types {names}: numbers or strings can be converted, not both")
