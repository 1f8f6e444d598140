"""Where a number lies among sorted ones: ``numpy.searchsorted`` and ``numpy.interp`` in operators.

A few knots are compared with all at once. Many become a balanced binary tree, which TreeEnsemble of ai.onnx.ml 5
descends: ten comparisons for a thousand knots, and nothing is stored for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.trees.forest import Nodes, build, stump
from sklort.conversion.trees.writing import write_forest
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
    forest = build(
        [_search_tree(i, one, strict) for i, one in enumerate(knots)], len(knots), columns=np.arange(len(knots))
    )
    return write_forest(writer, forest, rows.astype(DOUBLE)).astype(INT64)


def _compared(rows: Tensor, column: int, knots: Doubles, strict: bool) -> Tensor:
    value = rows.take([column])
    above = value > knots.reshape(1, -1) if strict else value >= knots.reshape(1, -1)
    return above.astype(INT64).sum()


def _search_tree(column: int, knots: Doubles, strict: bool) -> Nodes:
    """A tree whose leaf says how many knots are not above the value."""
    count = len(knots)
    if not count:
        return stump(np.zeros(1))
    # A branch is true for value <= split: a knot counts as below when value > split, so for value >= knot the split
    # is the double just below the knot.
    below = knots.astype(np.float64) if strict else np.nextafter(knots.astype(np.float64), -np.inf)
    places: list[int] = []  # of the knots, root first
    children = np.full((2, 2 * count + 1), -1)
    waiting: list[tuple[int, int, int, int]] = [(0, count, -1, 0)]  # low, high, parent, side
    while waiting:
        low, high, parent, side = waiting.pop()
        middle = (low + high) // 2
        number = len(places)
        if parent >= 0:
            children[side, parent] = number
        children[:, number] = count + middle, count + middle + 1
        places.append(middle)
        if middle + 1 < high:
            waiting.append((middle + 1, high, number, 1))
        if low < middle:
            waiting.append((low, middle, number, 0))
    ends = np.zeros(count + 1)
    return Nodes(
        features=np.full(2 * count + 1, column),
        splits=np.concatenate([below[places], ends]),
        left=children[0],
        right=children[1],
        missing_left=np.ones(2 * count + 1, bool),
        values=np.concatenate([np.zeros(count), np.arange(count + 1)]).reshape(-1, 1),
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
