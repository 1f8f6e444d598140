"""Where a number lies among sorted ones: ``numpy.searchsorted`` and ``numpy.interp`` in operators.

A few knots are compared with all at once. Many become a balanced binary tree, which TreeEnsemble of ai.onnx.ml 5
descends: ten comparisons for a thousand knots, and nothing is stored for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.converters.forest_arrays import ForestArrays
from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.writer import DOUBLE, INT64, Writer

Doubles = NDArray[np.float64]
_FEW = 16


def count_not_above(writer: Writer, rows: Tensor, knots: Sequence[Doubles], *, strict: bool = False) -> Tensor:
    """For each column of `rows` (n, d), how many of its sorted knots are <= the value (< it with `strict`): int64.

    ``numpy.searchsorted(knots, value, side="right")``, or "left" with `strict`. NaN counts as below all.
    """
    if max(len(k) for k in knots) <= _FEW or writer.graph.opsets["ai.onnx.ml"] < 5:
        counts = [_compared(rows, i, one, strict) for i, one in enumerate(knots)]
        return stack([c.flat() for c in counts])
    name = writer.node("TreeEnsemble", [rows.astype(DOUBLE).name], domain="ai.onnx.ml")
    writer.add_attributes(_search_trees(knots, strict).attributes())
    return Tensor(writer, name, DOUBLE).astype(INT64)


def _compared(rows: Tensor, column: int, knots: Doubles, strict: bool) -> Tensor:
    value = rows.take([column])
    above = value > knots.reshape(1, -1) if strict else value >= knots.reshape(1, -1)
    return above.astype(INT64).sum()


def _search_trees(knots: Sequence[Doubles], strict: bool) -> ForestArrays:
    """One tree for each column, whose leaf number k says that k knots are not above the value."""
    roots: list[int] = []
    features: list[int] = []
    splits: list[float] = []
    sides: list[list[tuple[int, bool]]] = []
    leaves: list[NDArray[np.int64]] = []
    for column, values in enumerate(knots):
        # A branch is true for value <= split: a knot counts as below when value > split, so for value >= knot the
        # split is the double just below the knot.
        below = values.astype(np.float64) if strict else np.nextafter(values.astype(np.float64), -np.inf)
        first_node, first_leaf = len(splits), sum(map(len, leaves))
        roots.append(first_node)
        if not len(values):
            below = np.zeros(1)
        waiting: list[tuple[int, int, int, int]] = [(0, len(below), -1, 0)]  # low, high, parent, side
        while waiting:
            low, high, parent, side = waiting.pop()
            middle = (low + high) // 2
            number = len(splits)
            if parent >= 0:
                sides[parent][side] = (number, False)
            features.append(column)
            splits.append(below[middle])
            sides.append([(first_leaf + middle, True), (first_leaf + middle + 1, True)])
            if middle + 1 < high:
                waiting.append((middle + 1, high, number, 1))
            if low < middle:
                waiting.append((low, middle, number, 0))
        leaves.append(np.arange(len(below) + 1) if len(values) else np.zeros(2, np.int64))
    pairs = np.array([[(n, leaf) for n, leaf in two] for two in sides], np.int64)
    return ForestArrays(
        roots=np.array(roots, np.int64),
        features=np.array(features, np.int64),
        splits=np.array(splits, np.float64),
        true_nodes=pairs[:, 0, 0],
        false_nodes=pairs[:, 1, 0],
        true_leaves=pairs[:, 0, 1].astype(bool),
        false_leaves=pairs[:, 1, 1].astype(bool),
        missing_true=np.ones(len(splits), bool),
        leaf_weights=np.concatenate(leaves).astype(np.float64),
        leaf_targets=np.repeat(np.arange(len(knots)), [len(k) for k in leaves]),
        targets=len(knots),
    )


def interpolate(writer: Writer, rows: Tensor, knots: Sequence[Doubles], values: Sequence[Doubles]) -> Tensor:
    """``numpy.interp`` of each column of `rows` (n, d) on its own knots, with NumPy's own formula.

    The value of the first, or last, knot stands outside. NaN stays NaN.
    """
    starts = np.cumsum([0, *(len(k) for k in knots)])[:-1]
    at = count_not_above(writer, rows, knots) - 1
    last = np.array([len(k) - 1 for k in knots], np.int64)
    low = at.maximum(np.zeros(1, np.int64)).minimum(last.reshape(1, -1)) + starts.reshape(1, -1)
    dtype = rows.dtype
    slopes = []
    for k, v in zip(knots, values, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.diff(v.astype(np.float64)) / np.diff(k.astype(np.float64))
        slopes.append(np.append(np.where(np.isfinite(slope), slope, 0.0), 0.0))

    def table(parts: Sequence[Doubles]) -> Tensor:
        return writer.tensor(np.concatenate(parts).astype(dtype)).take(low, axis=0)

    left, height = table(knots), table(values)
    ends = np.array([k[-1] for k in knots]).reshape(1, -1)
    inside = table(slopes) * (rows - left) + height
    first = np.array([v[0] for v in values], dtype).reshape(1, -1)
    final = np.array([v[-1] for v in values], dtype).reshape(1, -1)
    found = (at < np.zeros(1, np.int64)).where(first, inside)
    found = (rows >= ends.astype(dtype)).where(final, found)
    return rows.is_nan().where(rows, found)
