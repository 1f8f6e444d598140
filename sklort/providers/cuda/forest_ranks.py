"""A forest in nodes of four bytes: thresholds become their ranks among those of their column, and rows are coded alike.

The code of a row in a column is how many of the thresholds are below its key, so that it goes right exactly when its
code is above the rank of the threshold: the same leaf, whatever the type of the rows. Plain NumPy, no device.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from sklort.graph.ir import Array

if TYPE_CHECKING:
    from sklort.providers.cuda.forest_form import Form

_COLUMNS, _RANKS, _DISTANCE = 1 << 10, 1 << 12, 1 << 10
ALIGNED = 4
"""Nodes in 16 bytes: where trees begin, so that they can be copied."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """The nodes of a `Form`, rank-coded.

    Attributes
    ----------
    nodes : ndarray of uint32
        See ``Nodes<std::uint16_t>`` of ``runtime/cuda/forest_keys.cuh``.
    entries : ndarray of uint32
        For each node that is a leaf, its entry of the leaf table.
    tree_node : ndarray
        Node 0 of each tree, and the end.
    thresholds, begin : ndarray
        The thresholds of each column, in ascending order, and where they begin.
    """

    nodes: Array
    entries: Array
    tree_node: Array
    thresholds: Array
    begin: Array

    @property
    def node_bytes(self) -> int:
        return 4

    @property
    def trees(self) -> int:
        return len(self.tree_node) - 1

    @property
    def coding_steps(self) -> float:
        """Comparisons to code a row."""
        return sum(log2(count + 1) for count in np.diff(self.begin))


def ranks_of(form: Form) -> Ranks | None:
    """The same forest, or None where a tree, a column or their number is too large for the bits."""
    column, child, key = form.parts()
    sizes = np.diff(form.tree_node)
    tree = np.repeat(np.arange(form.trees), sizes)
    at = np.arange(len(column)) - form.tree_node[:-1][tree]
    branch = column != 0
    distance = np.where(branch, child - at, 0)
    if not 0 < form.columns < _COLUMNS or (distance < 0).any() or distance.max(initial=0) >= _DISTANCE:
        return None
    # Branches by column, then by key: what is not the first of its kind has the rank of the one before.
    places = np.flatnonzero(branch)
    places = places[np.lexsort((key[places], column[places]))]
    columns, keys = column[places], key[places]
    fresh = np.ones(len(places), bool)
    fresh[1:] = (columns[1:] != columns[:-1]) | (keys[1:] != keys[:-1])
    number = np.cumsum(fresh) - 1
    begin = np.searchsorted(columns[fresh], np.arange(1, form.columns + 2))
    if np.diff(begin).max(initial=0) >= _RANKS - 1:
        return None
    rank = np.full(len(column), _RANKS - 1, np.int64)
    rank[places] = number - begin[columns - 1]
    coded = distance << 22 | np.where(branch, column, 0) << 12 | rank
    padded = -(-sizes // ALIGNED) * ALIGNED
    tree_node = np.concatenate([[0], np.cumsum(padded)]).astype(np.int64)
    nodes, entries = np.zeros(int(tree_node[-1]), np.uint32), np.zeros(int(tree_node[-1]), np.uint32)
    to = tree_node[:-1][tree] + at
    nodes[to] = coded
    entries[to] = np.where(branch, 0, key & np.uint64(0xFFFFFFFF))
    kind = np.uint64 if form.wide else np.uint32
    return Ranks(nodes, entries, tree_node, keys[fresh].astype(kind), begin.astype(np.int64))
