"""A forest as nodes of the graph: TreeEnsemble, or what an older target has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.classic import (
    MOST_LEAVES,
    leaf_finder_attributes,
    leaf_offsets,
    set_columns,
)
from sklort.conversion.trees.ensemble import ensemble_attributes
from sklort.conversion.trees.forest import Forest
from sklort.conversion.writer import DOUBLE, FLOAT, INT64, Writer
from sklort.exceptions import ConversionError

TREE_OPSET = 5


def write_forest(writer: Writer, forest: Forest, rows: Tensor) -> Tensor:
    """The sums of the leaves of each row, (n, targets) float64, tree by tree.

    Parameters
    ----------
    rows : Tensor
        The matrix whose columns are compared, float32 or float64: thresholds are compared with it as it is.
    """
    if writer.graph.opsets["ai.onnx.ml"] >= TREE_OPSET:
        name = writer.node("TreeEnsemble", [rows.astype(DOUBLE).name], domain="ai.onnx.ml")
        writer.add_attributes(ensemble_attributes(forest))
        return Tensor(writer, name, DOUBLE, forest.targets)
    return _added_up(writer, forest, write_leaves(writer, forest, rows))


def write_leaves(writer: Writer, forest: Forest, rows: Tensor) -> Tensor:
    """The number of the leaf each row reaches in each tree, counted over the whole forest: (n, trees) int64."""
    highest = writer.graph.opsets["ai.onnx.ml"]
    if highest >= TREE_OPSET:
        numbers = np.where(forest.leaf, np.cumsum(forest.leaf) - 1, 0).astype(np.float64)
        found = replace(forest, values=numbers.reshape(-1, 1), columns=np.arange(forest.trees), targets=forest.trees)
        return write_forest(writer, found, rows).astype(INT64)
    version = 3 if highest >= 3 else 1
    if version < 3 and rows.dtype != FLOAT:
        raise ConversionError(
            f"{writer.where} compares float64 values, which trees of ai.onnx.ml {highest} cannot: "
            "ask for target_opset ai.onnx.ml 3 or later, or convert it for float32 rows"
        )
    if forest.per_tree(forest.leaf).max(initial=0) >= MOST_LEAVES:
        raise ConversionError(f"{writer.where} has trees of more than {MOST_LEAVES} leaves")
    width = int(forest.features.max(initial=0)) + 1
    compared = FLOAT if version < 3 else DOUBLE
    name = _with_set_columns(writer, forest, rows, width, compared)
    leaves = writer.node("TreeEnsembleRegressor", [name], domain="ai.onnx.ml")
    writer.add_attributes(leaf_finder_attributes(forest, version, width))
    return Tensor(writer, leaves, FLOAT).astype(INT64) + leaf_offsets(forest)


def _with_set_columns(writer: Writer, forest: Forest, rows: Tensor, width: int, dtype: np.dtype) -> str:
    """The first `width` columns of X, and a column of ones and zeros for each set."""
    rows = rows.astype(dtype)
    if not forest.sets:
        return rows.name
    members: list[Tensor] = []
    for feature, values, table in set_columns(forest):
        column = rows.take([feature])
        held = np.where(values.astype(dtype) == values, values, np.nan).astype(dtype)  # others equal no value of dtype
        hot = column.equals(held.reshape(1, -1)).concat(column.is_nan())
        members.append(hot.astype(dtype) @ table.astype(dtype))
    total = members[0]
    for more in members[1:]:
        total = total + more
    return rows.take(np.arange(width)).concat(total).name


def _added_up(writer: Writer, forest: Forest, leaves: Tensor) -> Tensor:
    """The sum over trees of what the leaves are worth: a running sum, whose order no runtime changes."""
    worth = writer.tensor(forest.leaf_rows(), "leaf_table").take(leaves, axis=0)
    running = writer.node("CumSum", [worth.name, writer.constant(np.array(1, np.int64))])
    last = writer.tensor(np.array(forest.trees - 1, np.int64))
    return Tensor(writer, running, DOUBLE).take(last, axis=1).with_width(forest.targets)
