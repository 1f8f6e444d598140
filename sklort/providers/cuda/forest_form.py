"""A forest as the kernels read it, and how a batch is shared out among blocks: plain NumPy and arithmetic, no device.

The nodes are those of the CPU (``runtime/common/tree.h``), made by the same code. Two things differ: within a tree they
lie breadth first, so that the upper levels, which every row visits, come first; and where each tree adds to one target,
trees are sorted by target, so that a thread has one sum at a time. Neither changes the order in which the addends of
one target are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sklort.graph.ir import Array
from sklort.providers.cuda.device import Limits
from sklort.providers.cuda.forest_ranks import Ranks, ranks_of

FEW_ROWS = 256
"""So many rows or fewer: a block for each."""
MOST_SUMS = 8
"""Values of a leaf that a thread adds up in registers."""
PART = 1024
"""Trees whose leaves a block for one row keeps at once."""
KERNELS = ("auto", "rows", "tile", "ranks", "leaves", "wide")
CODING_PAYS = 4
"""So many levels for each comparison of the coding: a guess."""
_STAGE = (17408, 24576)
"""Least and most bytes of one of the two stages; the least is what turning the rows of a block needs."""
_LEAVES_BYTES = 1 << 28
"""Of memory for the leaves, or the codes, of a batch, at most: larger batches go in pieces."""
_LEAST_PIECE = 4096


@dataclass(frozen=True, eq=False)
class Form:
    """A packed forest for one type of key."""

    wide: bool
    features: Array
    nan_left: Array
    nodes: Array
    tree_node: Array
    """Node 0 of each tree, and the end."""
    tree_depth: Array
    tree_target: Array
    target_tree: Array
    """The first tree of each target, and the end; without meaning where leaves have several values."""
    width: int
    values: Array
    targets: int

    @property
    def trees(self) -> int:
        return len(self.tree_depth)

    @property
    def columns(self) -> int:
        return len(self.features)

    @property
    def key_bytes(self) -> int:
        return 8 if self.wide else 4

    @property
    def node_bytes(self) -> int:
        return 16 if self.wide else 8

    def parts(self) -> tuple[Array, Array, Array]:
        """Column, child and key of every node."""
        column, child = _parts(self.nodes)
        return column, child, self.nodes[:, 0] if self.wide else self.nodes >> np.uint64(32)

    @cached_property
    def ranks(self) -> Ranks | None:
        """The same forest in nodes of four bytes, where that can be."""
        return ranks_of(self)

    @property
    def levels(self) -> int:
        """Of all trees together: what a row takes at most."""
        return int(self.tree_depth.sum())


def form_of(arrays: Mapping[str, Any]) -> Form:
    """From what the native module says of a forest."""
    wide, width, targets = bool(arrays["wide"]), int(arrays["width"]), int(arrays["targets"])
    tree_target = np.asarray(arrays["tree_target"])
    order = np.argsort(tree_target, kind="stable") if width == 1 else np.arange(len(tree_target))
    nodes, tree_node = _breadth_first(
        arrays["nodes"].reshape(-1, 2) if wide else arrays["nodes"],
        np.asarray(arrays["tree_first"])[order],
        np.asarray(arrays["tree_nodes"])[order],
    )
    tree_target = tree_target[order].astype(np.int32)
    return Form(
        wide,
        np.asarray(arrays["column_features"], np.int32),
        np.asarray(arrays["column_nan_left"], np.int32),
        nodes,
        tree_node,
        np.asarray(arrays["tree_depth"])[order].astype(np.int32),
        tree_target,
        np.searchsorted(tree_target, np.arange(targets + 1)).astype(np.int64),
        width,
        np.asarray(arrays["values"]),
        targets,
    )


def _breadth_first(nodes: Array, first: Array, sizes: Array) -> tuple[Array, Array]:
    """The nodes of the trees that begin at `first`, one tree after the other, each level by level.

    Siblings stay neighbours and begin at even places.
    """
    begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    made = np.zeros((int(begin[-1]), *nodes.shape[1:]), np.uint64)
    used = np.full(len(first), 2, np.int64)  # the root, and a place that keeps pairs even
    tree = np.arange(len(first))
    old = np.asarray(first, np.int64)
    new = np.zeros(len(first), np.int64)
    while len(tree):
        column, child = _parts(nodes[old])
        branch = column != 0
        # Where the children of each branch go: behind what its tree has so far, in the order of this level.
        rank = np.cumsum(branch) - branch
        starts = np.searchsorted(tree, tree)
        to = used[tree] + 2 * (rank - rank[starts])
        made[begin[tree] + new] = _with_child(nodes[old], np.where(branch, to, new))
        used += 2 * np.bincount(tree[branch], minlength=len(first))
        pair = np.array([0, 1])
        old = (first[tree[branch]] + child[branch])[:, None] + pair
        new = to[branch][:, None] + pair
        tree = np.repeat(tree[branch], 2)
        old, new = old.reshape(-1), new.reshape(-1)
    return made, begin


def _parts(nodes: Array) -> tuple[Array, Array]:
    """Column and child of nodes."""
    if nodes.ndim == 1:
        return (nodes & np.uint64(0xFF)).astype(np.int64), ((nodes >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(
            np.int64
        )
    return (nodes[:, 1] >> np.uint64(32)).astype(np.int64), (nodes[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _with_child(nodes: Array, child: Array) -> Array:
    wanted = child.astype(np.uint64)
    if nodes.ndim == 1:
        return (nodes & np.uint64(0xFFFFFFFF000000FF)) | (wanted << np.uint64(8))
    made = nodes.copy()
    made[:, 1] = (nodes[:, 1] & np.uint64(0xFFFFFFFF00000000)) | wanted
    return made


@dataclass(frozen=True, eq=False)
class Groups:
    """Trees that are staged together: as many as fit, or the upper levels of one that does not."""

    tree: Array
    node: Array
    staged: Array

    def __len__(self) -> int:
        return len(self.staged)


def groups_of(form: Form | Ranks, stage_bytes: int) -> Groups:
    """Neighbouring trees, as many as the stage holds."""
    room, together = stage_bytes // form.node_bytes, 16 // form.node_bytes
    begin, tree, staged = form.tree_node, [0], []
    while tree[-1] < form.trees:
        first = tree[-1]
        last = int(np.searchsorted(begin, begin[first] + room, side="right")) - 1
        tree.append(max(last, first + 1))
        staged.append(min(int(begin[tree[-1]] - begin[first]), room // together * together))
    numbers = np.asarray(tree, np.int64)
    return Groups(numbers, begin[numbers[:-1]], np.asarray(staged, np.int32))


@dataclass(frozen=True)
class Launch:
    """How a batch runs."""

    kernel: str
    """"rows": a block for each row. "tile": sums in registers. "ranks": the same with rows and nodes coded by ranks.
    "leaves": numbers of leaves first, then sums. "wide": as "leaves", with keys in global memory."""
    block: int
    paths: int = 1
    stage_bytes: int = 0
    shared_bytes: int = 0
    slices: int = 1
    """Blocks that share out the trees of one tile."""
    piece: int = 0
    """Rows that run at once, where not all do."""

    @property
    def tile(self) -> int:
        return self.block * self.paths

    def __str__(self) -> str:
        if self.kernel == "rows":
            return f"a block of {self.block} threads for each row"
        keys = "keys in global memory" if self.kernel == "wide" else f"tiles of {self.tile} rows"
        what = "leaves first, then sums" if self.kernel in ("leaves", "wide") else "sums in registers"
        if self.kernel == "ranks":
            keys += " coded by ranks"
        return f"{keys}, {what}" + (f", trees shared out among {self.slices} blocks" if self.slices > 1 else "")


def launch_for(form: Form, rows: int, limits: Limits, asked: str = "auto") -> Launch:
    """The kernel for a batch. The numbers are guesses until a GPU has been asked (benchmarks/gpu_check.py)."""
    keys = (form.columns + 1) * form.key_bytes
    fits_a_row = PART * 8 + keys <= limits.shared_bytes
    if asked == "rows" or (asked == "auto" and rows <= FEW_ROWS):
        if fits_a_row:
            return Launch("rows", 256, shared_bytes=PART * 8 + keys)
        asked = "auto"
    largest = int(np.diff(form.tree_node).max(initial=2)) * form.node_bytes
    stage = min(max(largest, _STAGE[0]), _STAGE[1]) // 16 * 16
    summed = form.width == 1 or form.width <= MOST_SUMS
    if summed and asked in ("auto", "ranks") and (asked == "ranks" or worth_coding(form)):
        launch = _by_ranks(form, rows, limits, asked)
        if launch is not None:
            return launch
    most_paths = 4 if form.width <= 2 else 2 if form.width <= 4 else 1
    sizes = [(block, paths) for block, paths in ((256, 4), (256, 2), (256, 1), (128, 1)) if paths <= most_paths]
    for blocks in (2, 1):  # on a multiprocessor, so that one computes while the other one waits
        room = min(limits.shared_bytes, limits.shared_bytes_together // blocks - 1024)
        for block, paths in sizes:
            shared = keys * block * paths + 2 * stage
            if shared > room or asked == "wide":
                continue
            tiles = -(-rows // (block * paths))
            if asked == "tile" and summed:
                return Launch("tile", block, paths, stage, shared)
            if block * paths > 256 and tiles < 2 * limits.multiprocessors:
                continue  # smaller tiles: more blocks
            slices = _slices(form, stage, tiles, limits)
            if asked != "leaves" and summed and slices == 1:
                return Launch("tile", block, paths, stage, shared)
            return Launch("leaves", block, paths, stage, shared, slices, _piece(form))
    tiles = -(-rows // 256)
    return Launch("wide", 256, 1, stage, 2 * stage, _slices(form, stage, tiles, limits), _piece(form))


def worth_coding(form: Form) -> bool:
    """Whether rows are coded by ranks: for rows of double always, else where the way through the trees is much longer.

    Only many rows come here. What it costs is one search in the thresholds for each column; it halves the nodes, or
    quarters them, and the tile.
    """
    return form.ranks is not None and (form.wide or form.levels > CODING_PAYS * form.ranks.coding_steps)


def _by_ranks(form: Form, rows: int, limits: Limits, asked: str) -> Launch | None:
    if form.ranks is None:
        return None
    keys, node_bytes = 2 * (form.columns + 1), form.ranks.node_bytes
    largest = int(np.diff(form.ranks.tree_node).max(initial=4)) * node_bytes
    stage = min(max(largest, _STAGE[0]), _STAGE[1]) // 16 * 16
    most_paths = 4 if form.width <= 2 else 2 if form.width <= 4 else 1
    for blocks in (2, 1):
        room = min(limits.shared_bytes, limits.shared_bytes_together // blocks - 1024)
        for paths in (each for each in (4, 2, 1) if each <= most_paths):
            shared = -(-keys * 256 * paths // 16) * 16 + 2 * stage
            tiles = -(-rows // (256 * paths))
            if shared > room or (paths > 1 and tiles < 2 * limits.multiprocessors):
                continue
            if asked == "auto" and _slices(form, stage, tiles, limits) > 1:
                return None  # few tiles: their trees are better shared out
            piece = max(_LEAVES_BYTES // (2 * max(form.columns, 1)), _LEAST_PIECE)
            return Launch("ranks", 256, paths, stage, shared, 1, piece)
    return None


def _slices(form: Form, stage: int, tiles: int, limits: Limits) -> int:
    bytes_of_nodes = len(form.nodes) * form.node_bytes
    wanted = -(-2 * limits.multiprocessors // max(tiles, 1))
    return max(1, min(wanted, bytes_of_nodes // stage, 64))


def _piece(form: Form) -> int:
    return max(_LEAVES_BYTES // (4 * max(form.trees, 1)), _LEAST_PIECE)
