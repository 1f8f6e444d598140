"""Is this a legal forest? The rules of TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble.

Array passes only, no loop over nodes: two million nodes take about a second. Legal and odd: a subtree reached from two
parents (LightGBM's set membership), nodes that nothing reaches, leaves without a weight, an ensemble without trees. The
root of a tree is the node listed first, as in ``onnx.reference``; a first node that is also somebody's child would be
read differently elsewhere and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from sklort.exceptions import Fail
from sklort.graph.ir import Array, Node

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


class Fields:
    """The attributes of one node, and the errors about them."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def fail(self, sentence: str) -> NoReturn:
        raise Fail(f"{self.node.label}: {sentence}")

    def value(self, name: str, default: Any = None) -> Any:
        attribute = self.node.attributes.get(name)
        return default if attribute is None else attribute.value

    def array(self, name: str) -> Array:
        """An attribute that holds a list, as a 1-D array; empty when absent."""
        return np.asarray(self.value(name, np.empty(0))).reshape(-1)

    def numbers(self, name: str) -> Array:
        """The floats of `name`, or of its double twin ``<name>_as_tensor``."""
        plain, twin = self.array(name), self.array(f"{name}_as_tensor")
        if len(plain) and len(twin):
            self.fail(f"{name} and {name}_as_tensor are both given; expected one of them")
        return twin if len(twin) else plain

    def same_length(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> int:
        """The common length of the lists; optional ones may also be empty."""
        lengths = {name: self.length(name) for name in required}
        lengths |= {name: n for name in optional if (n := self.length(name))}
        if len(set(lengths.values())) > 1:
            self.fail("lengths disagree: " + ", ".join(f"{name} has {n}" for name, n in lengths.items()))
        return next(iter(lengths.values()))

    def length(self, name: str) -> int:
        if f"{name}_as_tensor" in self.node.attributes:
            return len(self.numbers(name))
        value = self.value(name)
        return 0 if value is None else int(value.size) if isinstance(value, np.ndarray) else len(value)

    def one_of(self, name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
        value = self.value(name, default)
        if value not in allowed:
            self.fail(f"{name} is {value!r}; expected one of {', '.join(map(str, allowed))}")
        return value

    def labels(self) -> int:
        """The number of class labels, of either kind."""
        counts = [self.length(name) for name in ("classlabels_int64s", "classlabels_strings", "classlabels_ints")]
        if sum(map(bool, counts)) != 1:
            what = "no class labels" if not any(counts) else "both integer and string class labels"
            self.fail(f"it has {what}; expected one list of labels")
        return max(counts)


def check_classifier(node: Node) -> None:
    """Raise `Fail` where a TreeEnsembleClassifier is not legal."""
    fields = Fields(node)
    fields.one_of("post_transform", "NONE", POST_TRANSFORMS)
    classes = fields.labels()
    _check_bases(fields, {0, classes} | ({1} if classes <= 2 else set()))
    lookup = _check_nodes(fields)
    _check_targets(fields, lookup, "class", classes)


def check_regressor(node: Node) -> None:
    """Raise `Fail` where a TreeEnsembleRegressor is not legal."""
    fields = Fields(node)
    fields.one_of("post_transform", "NONE", POST_TRANSFORMS)
    fields.one_of("aggregate_function", "SUM", AGGREGATES)
    targets = fields.value("n_targets", 1)
    if targets < 1:
        fields.fail(f"n_targets is {targets}; expected at least 1")
    _check_bases(fields, {0, targets})
    lookup = _check_nodes(fields)
    _check_targets(fields, lookup, "target", targets)


def _check_bases(fields: Fields, allowed: set[int]) -> None:
    count = len(fields.numbers("base_values"))
    if count not in allowed:
        fields.fail(f"base_values has {count} values; expected {' or '.join(map(str, sorted(allowed)))}")


class _Lookup:
    """Positions of (tree, node) pairs."""

    def __init__(self, fields: Fields) -> None:
        self.trees = fields.array("nodes_treeids").astype(np.int64, copy=False)
        self.ids = fields.array("nodes_nodeids").astype(np.int64, copy=False)
        count = len(self.trees)
        first = np.ones(count, dtype=bool)
        first[1:] = self.trees[1:] != self.trees[:-1]
        starts = np.flatnonzero(first)
        self._names = self.trees[starts]  # one run of nodes per tree, as every converter writes them
        lengths = np.diff(np.append(starts, count))
        self._simple = bool(
            (self._names[1:] > self._names[:-1]).all()
            and (self.ids == np.arange(count) - np.repeat(starts, lengths)).all()
        )
        if self._simple:
            self._starts, self._lengths, self.roots = starts, lengths, starts
            self.run = np.repeat(np.arange(len(starts)), lengths)
            return
        self._names, self.roots, self.run = np.unique(self.trees, return_index=True, return_inverse=True)
        self._known = np.unique(self.ids)
        keys = self.run * len(self._known) + np.searchsorted(self._known, self.ids)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        twice = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(twice):
            fields.fail(f"{self.name(int(self._order[twice[0]]))} is defined twice")

    def name(self, position: int) -> str:
        return f"node {self.ids[position]} of tree {self.trees[position]}"

    def in_runs(self, runs: Array, ids: Array) -> Array:
        """Positions of the nodes `ids` in the trees numbered `runs` in order; -1 where there is none."""
        if self._simple:
            found = (ids >= 0) & (ids < self._lengths[runs])
            return np.where(found, self._starts[runs] + np.where(found, ids, 0), -1)
        number = np.searchsorted(self._known, ids)
        number[number == len(self._known)] = 0
        keys = runs * len(self._known) + number
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        found = (self._known[number] == ids) & (self._keys[at] == keys)
        return np.where(found, self._order[at], -1)

    def find(self, trees: Array, ids: Array) -> Array:
        """Positions of the nodes `ids` in the trees with the ids `trees`; -1 where there is none."""
        if not len(self._names):
            return np.full(len(ids), -1, dtype=np.int64)
        runs = np.searchsorted(self._names, trees)
        runs[runs == len(self._names)] = 0
        return np.where(self._names[runs] == trees, self.in_runs(runs, ids), -1)


def _check_nodes(fields: Fields) -> _Lookup:
    fields.same_length(
        (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_modes",
            "nodes_values",
            "nodes_truenodeids",
            "nodes_falsenodeids",
        ),
        ("nodes_hitrates", "nodes_missing_value_tracks_true"),
    )
    modes = fields.value("nodes_modes", ())
    unknown = set(modes) - {*MODES, "LEAF"}
    if unknown:
        fields.fail(f"unknown nodes_modes {min(unknown)!r}; expected {', '.join(MODES)} or LEAF")
    lookup = _Lookup(fields)
    branch = np.fromiter(map("LEAF".__ne__, modes), dtype=bool, count=len(modes))
    inner = np.flatnonzero(branch)
    features = fields.array("nodes_featureids")[inner]
    if len(features) and features.min() < 0:
        at = int(features.argmin())
        fields.fail(f"{lookup.name(inner[at])} tests feature {features[at]}; features are numbered from 0")
    children = []
    for side in ("true", "false"):
        ids = fields.array(f"nodes_{side}nodeids")[inner]
        found = lookup.in_runs(lookup.run[inner], ids)
        if len(found) and found.min() < 0:
            at = int(found.argmin())
            fields.fail(f"the {side} branch of {lookup.name(inner[at])} leads to node {ids[at]}, which the tree lacks")
        children.append(found)
    _check_acyclic(fields, len(modes), np.tile(inner, 2), np.concatenate(children), lookup.name)
    has_parent = np.zeros(len(modes), dtype=bool)
    for found in children:
        has_parent[found] = True
    odd = lookup.roots[has_parent[lookup.roots]]
    if len(odd):
        fields.fail(
            f"{lookup.name(odd[0])} is listed first, so it is the root, yet it is also a child; list the root first"
        )
    return lookup


def _check_targets(fields: Fields, lookup: _Lookup, what: str, count: int) -> None:
    ids_name = f"{what}_ids"
    fields.same_length((f"{what}_treeids", f"{what}_nodeids", ids_name, f"{what}_weights"))
    ids = fields.array(ids_name)
    wrong = np.flatnonzero((ids < 0) | (ids >= count))
    if len(wrong):
        fields.fail(f"{ids_name}[{wrong[0]}] is {ids[wrong[0]]}; expected 0 to {count - 1}")
    trees, nodes = fields.array(f"{what}_treeids"), fields.array(f"{what}_nodeids")
    lost = np.flatnonzero(lookup.find(trees, nodes) < 0)
    if len(lost):
        at = lost[0]
        fields.fail(f"{what}_weights[{at}] belongs to node {nodes[at]} of tree {trees[at]}, which does not exist")


def _check_acyclic(fields: Fields, count: int, parents: Array, children: Array, name: Callable[[int], str]) -> None:
    """Raise where the edges from `parents` to `children` can lead back."""
    if (children > parents).all():
        return  # every step leads further down the list
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    itself = np.flatnonzero(children == parents)
    if len(itself):
        fields.fail(f"{name(int(parents[itself[0]]))} is its own child")
    edges = coo_array((np.ones(len(parents), dtype=np.int8), (parents, children)), shape=(count, count))
    parts, part = connected_components(edges.tocsr(), directed=True, connection="strong")
    if parts < count:
        looped = np.flatnonzero(np.bincount(part, minlength=parts)[part] > 1)
        fields.fail(f"{name(int(looped[0]))} lies on a cycle of {np.sum(part == part[looped[0]])} nodes")


def check_ensemble(node: Node) -> None:
    """Raise `Fail` where a TreeEnsemble (ai.onnx.ml 5) is not legal."""
    fields = Fields(node)
    fields.one_of("post_transform", 0, tuple(range(len(POST_TRANSFORMS))))
    fields.one_of("aggregate_function", 1, tuple(range(len(AGGREGATES))))
    nodes = fields.same_length(
        (
            "nodes_featureids",
            "nodes_splits",
            "nodes_modes",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_trueleafs",
            "nodes_falseleafs",
        ),
        ("nodes_hitrates", "nodes_missing_value_tracks_true"),
    )
    leaves = fields.same_length(("leaf_targetids", "leaf_weights"))
    _in_range(fields, "nodes_modes", 0, 6)
    _in_range(fields, "nodes_featureids", 0, None)
    _in_range(fields, "nodes_trueleafs", 0, 1)
    _in_range(fields, "nodes_falseleafs", 0, 1)
    _in_range(fields, "tree_roots", 0, nodes - 1)
    targets = fields.value("n_targets")
    if targets is not None and targets < 1:
        fields.fail(f"n_targets is {targets}; expected at least 1")
    _in_range(fields, "leaf_targetids", 0, None if targets is None else targets - 1)
    _check_members(fields)
    parents: list[Array] = []
    children: list[Array] = []
    for side in ("true", "false"):
        ids, leaf = fields.array(f"nodes_{side}nodeids"), fields.array(f"nodes_{side}leafs") == 1
        wrong = np.flatnonzero((ids < 0) | (ids >= np.where(leaf, leaves, nodes)))
        if len(wrong):
            at = wrong[0]
            what, limit = ("leaf", leaves) if leaf[at] else ("node", nodes)
            fields.fail(f"the {side} branch of node {at} leads to {what} {ids[at]}; expected 0 to {limit - 1}")
        parents.append(np.flatnonzero(~leaf))
        children.append(ids[~leaf])
    _check_acyclic(fields, nodes, np.concatenate(parents), np.concatenate(children), lambda i: f"node {i}")


def _in_range(fields: Fields, name: str, least: int, most: int | None) -> None:
    values = fields.array(name)
    wrong = (values < least) if most is None else (values < least) | (values > most)
    at = np.flatnonzero(wrong)
    if len(at):
        expected = f"at least {least}" if most is None else f"{least} to {most}"
        fields.fail(f"{name}[{at[0]}] is {values[at[0]]}; expected {expected}")


def _check_members(fields: Fields) -> None:
    members = fields.array("membership_values")
    tests = int((fields.array("nodes_modes") == 6).sum())
    ends = np.isnan(members.astype(np.float64))
    sets = int(ends.sum()) + int(len(members) > 0 and not ends[-1])
    if sets != tests:
        fields.fail(f"membership_values holds {sets} sets; {tests} nodes test membership")


TREE_CHECKS = {
    ("ai.onnx.ml", "TreeEnsembleClassifier"): check_classifier,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): check_regressor,
    ("ai.onnx.ml", "TreeEnsemble"): check_ensemble,
}
