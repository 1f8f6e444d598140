"""Trees of any maker as one set of arrays.

A row goes left where ``x <= split``, or where x is a member of the node's set; a NaN goes where `missing_left` says.
What compares otherwise is brought into this form by its reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Nodes(NamedTuple):
    """One tree of n nodes, the root first.

    Parameters
    ----------
    features, splits : (n,)
        Which column an interior node compares with what.
    left, right : (n,)
        Numbers of nodes; `left` is negative in leaves.
    missing_left : (n,)
    values : (n, k)
        What a leaf adds.
    set_nodes : sequence of int
        The interior nodes that test membership instead of comparing.
    sets : sequence of arrays
        Their members.
    """

    features: NDArray[Any]
    splits: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    values: Doubles
    set_nodes: Sequence[int] = ()
    sets: Sequence[Doubles] = ()


def stump(values: Doubles) -> Nodes:
    """A tree of one leaf, for values of shape (k,): a node whose two branches are leaves of the same value.

    Two leaves rather than one named twice, which the specification also allows: onnx.reference 1.23 reads a node whose
    branches name the same leaf as the leaf at the number of the node. On two leaves no reader can go wrong.
    """
    flat = np.asarray(values, np.float64).reshape(1, -1)
    no = np.zeros(3, np.bool_)
    return Nodes(np.zeros(3), np.zeros(3), np.array([1, -1, -1]), np.array([2, -1, -1]), no, np.repeat(flat, 3, axis=0))


@dataclass(frozen=True)
class Forest:
    """Trees end to end; N nodes, T trees.

    Parameters
    ----------
    features, splits, left, right, missing_left, values
        As in `Nodes`; `left` and `right` counted from the first node of the first tree.
    starts : (T + 1,) int64
        Where each tree begins, and N.
    columns : (T,) int64 or None
        The target a tree of one value adds to; None where every tree adds to all targets.
    targets : int
    set_of : (N,) int64
        Number of the set a node tests; -1 where it compares.
    sets : tuple of arrays
    """

    features: Ints
    splits: Doubles
    left: Ints
    right: Ints
    missing_left: Bools
    values: Doubles
    starts: Ints
    columns: Ints | None
    targets: int
    set_of: Ints
    sets: tuple[Doubles, ...]

    @cached_property
    def leaf(self) -> Bools:
        return np.asarray(self.left < 0)

    @cached_property
    def trees(self) -> int:
        return len(self.starts) - 1

    def chunks(self, nodes: int) -> Iterator[tuple[int, Forest]]:
        """The forest in parts of whole trees, each some `nodes` nodes; with the number of the first tree of each."""
        first = 0
        while first < self.trees:
            last = max(first + 1, int(np.searchsorted(self.starts, self.starts[first] + nodes, "right")) - 1)
            begin, end = self.starts[first], self.starts[last]
            here = slice(begin, end)
            leaf = self.left[here] < 0
            yield (
                first,
                replace(
                    self,
                    features=self.features[here],
                    splits=self.splits[here],
                    left=np.where(leaf, -1, self.left[here] - begin),
                    right=np.where(leaf, -1, self.right[here] - begin),
                    missing_left=self.missing_left[here],
                    values=self.values[here],
                    starts=self.starts[first : last + 1] - begin,
                    columns=None if self.columns is None else self.columns[first:last],
                    set_of=self.set_of[here],
                ),
            )
            first = last

    def per_tree(self, mask: Bools) -> Ints:
        """How many nodes of each tree `mask` has."""
        counts = np.concatenate([[0], np.cumsum(mask)])
        return np.diff(counts[self.starts]).astype(np.int64)

    def leaf_rows(self) -> Doubles:
        """What each leaf adds to all targets, (leaves, targets)."""
        values = self.values[self.leaf]
        if self.columns is None:
            return values
        rows = np.zeros((len(values), self.targets))
        tree = np.repeat(np.arange(self.trees), self.per_tree(self.leaf))
        rows[np.arange(len(values)), self.columns[tree]] = values[:, 0]
        return rows


def build(trees: Iterable[Nodes], targets: int, *, columns: Ints | None = None, first: Doubles | None = None) -> Forest:
    """The forest of `trees`, in the order of addition.

    Parameters
    ----------
    trees : iterable of Nodes
        Each with one value per target or, with `columns`, with one value.
    targets : int
        Columns of the answer.
    columns : (T,) int64, optional
        The target each tree adds to.
    first : (targets,) float64, optional
        Added before the first tree: written into the leaves of the first tree of each target, the same sum.
    """
    parts = [t if len(t.left) > 1 else stump(t.values[0]) for t in trees]
    which = None if columns is None else np.asarray(columns, np.int64)
    if which is None and not parts:
        parts = [stump(np.zeros(targets))]
    if which is not None:
        idle = np.setdiff1d(np.arange(targets), which)
        parts += [stump(np.zeros(1)) for _ in idle]
        which = np.concatenate([which, idle]).astype(np.int64)
    forest = _end_to_end(parts, targets, which)
    return forest if first is None or not np.any(first) else _started(forest, np.asarray(first, np.float64))


def _end_to_end(parts: list[Nodes], targets: int, columns: Ints | None) -> Forest:
    starts = np.cumsum([0, *(len(p.left) for p in parts)]).astype(np.int64)
    count = int(starts[-1])
    features, left, right, set_of = (np.empty(count, np.int64) for _ in range(4))
    splits, missing_left = np.empty(count), np.empty(count, np.bool_)
    values = np.empty((count, parts[0].values.shape[1]))
    set_of.fill(-1)
    sets: list[Doubles] = []
    for start, end, part in zip(starts, starts[1:], parts, strict=False):  # tree by tree: a tree fits in the cache
        here = slice(start, end)
        leaf = part.left < 0
        left[here] = np.where(leaf, -1, part.left + start)
        right[here] = np.where(leaf, -1, part.right + start)
        features[here] = part.features
        splits[here] = part.splits
        missing_left[here] = part.missing_left
        values[here] = part.values
        if len(part.set_nodes):
            set_of[start + np.asarray(part.set_nodes, np.int64)] = len(sets) + np.arange(len(part.set_nodes))
            sets += part.sets
    return Forest(features, splits, left, right, missing_left, values, starts, columns, targets, set_of, tuple(sets))


def _started(forest: Forest, first: Doubles) -> Forest:
    values = forest.values.copy()
    if forest.columns is None:
        values[: forest.starts[1]] = first + values[: forest.starts[1]]
        return replace(forest, values=values)
    for target, tree in zip(*np.unique(forest.columns, return_index=True), strict=True):
        rows = slice(forest.starts[tree], forest.starts[tree + 1])
        values[rows] = first[target] + values[rows]
    return replace(forest, values=values)
