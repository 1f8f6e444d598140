"""A forest as the attributes of TreeEnsemble (ai.onnx.ml 5), in double.

TreeEnsemble keeps interior nodes and leaves apart, and a leaf adds to one target only. A tree with K values per leaf
(class probabilities, several targets) is therefore written as K consecutive copies of equal structure, one per
target: t0 for target 0, t0 for target 1, ..., t1 for target 0, ... A runtime can recognise the copies and walk them
once. Summed in this order, each target receives its addends tree by tree, as its maker adds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.trees.forest import Forest, Ints
from sklort.conversion.writer import Attribute

_SUM = 1
_LEQ, _MEMBER = 0, 6
_CHUNK = 1 << 16
"""Nodes that are rewritten at a time, in the cache."""
_NEVER = np.array([-np.finfo(np.float64).max])
"""The members of an empty set: the operator has no way to write one without any."""


def _copied(counts: Ints, copies: int) -> tuple[Ints, Ints, Ints]:
    """Of things that come in groups of `counts`, each group `copies` times in turn: which thing, and of which copy.

    Returns
    -------
    source, copy : for each thing after copying
    begins : for each group after copying, its first thing
    """
    starts = np.cumsum(counts) - counts
    lengths = np.repeat(counts, copies)
    begins = np.cumsum(lengths) - lengths
    source = np.arange(lengths.sum()) + np.repeat(np.repeat(starts, copies) - begins, lengths)
    copy = np.repeat(np.tile(np.arange(copies), len(counts)), lengths)
    return source, copy, begins


def _arrays(forest: Forest) -> dict[str, NDArray[Any]]:
    """The lists of a TreeEnsemble, and ``set_of``: the set of each node, -1 where it compares."""
    leaf, inner = forest.leaf, ~forest.leaf
    number_of = np.where(leaf, np.cumsum(leaf), np.cumsum(inner)) - 1
    copies = forest.targets if forest.columns is None else 1
    inner_counts, leaf_counts = forest.per_tree(inner), forest.per_tree(leaf)
    tree = np.repeat(np.arange(forest.trees), inner_counts)
    source, copy, roots = _copied(inner_counts, copies)
    leaf_source, leaf_copy, leaf_begins = _copied(leaf_counts, copies)

    # A child keeps its number within its tree; each copy of the tree has its own first node and first leaf.
    block = tree[source] * copies + copy
    first_inner = (np.cumsum(inner_counts) - inner_counts)[tree]
    first_leaf = (np.cumsum(leaf_counts) - leaf_counts)[tree]

    def branch(child: Ints) -> tuple[Ints, Ints]:
        child = child[inner]
        ends = leaf[child]
        within = number_of[child] - np.where(ends, first_leaf, first_inner)
        ends = ends[source]
        return within[source] + np.where(ends, leaf_begins[block], roots[block]), ends.astype(np.int64)

    true_nodes, true_leaves = branch(forest.left)
    false_nodes, false_leaves = branch(forest.right)
    return {
        "tree_roots": roots,
        "nodes_featureids": forest.features[inner][source],
        "nodes_splits": forest.splits[inner][source],
        "nodes_truenodeids": true_nodes,
        "nodes_falsenodeids": false_nodes,
        "nodes_trueleafs": true_leaves,
        "nodes_falseleafs": false_leaves,
        "nodes_missing_value_tracks_true": forest.missing_left[inner][source].astype(np.int64),
        "leaf_targetids": leaf_copy if forest.columns is None else np.repeat(forest.columns, leaf_counts),
        "leaf_weights": forest.values[leaf][leaf_source, leaf_copy],
        "set_of": forest.set_of[inner][source],
    }


def ensemble_attributes(forest: Forest) -> dict[str, Attribute]:
    """The attributes of one TreeEnsemble node."""
    parts: list[dict[str, NDArray[Any]]] = []
    nodes = leaves = 0
    for _, chunk in forest.chunks(_CHUNK):
        part = _arrays(chunk)
        for side in ("true", "false"):
            part[f"nodes_{side}nodeids"] += np.where(part[f"nodes_{side}leafs"] == 1, leaves, nodes)
        part["tree_roots"] += nodes
        nodes += len(part["set_of"])
        leaves += len(part["leaf_weights"])
        parts.append(part)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    set_of = arrays.pop("set_of")
    attributes: dict[str, Attribute] = dict(arrays)
    attributes["nodes_modes"] = np.where(set_of < 0, _LEQ, _MEMBER).astype(np.uint8)
    attributes["n_targets"] = forest.targets
    attributes["aggregate_function"] = _SUM
    if not arrays["nodes_missing_value_tracks_true"].any():
        del attributes["nodes_missing_value_tracks_true"]
    if forest.sets:
        arrays["nodes_splits"][set_of >= 0] = 0.0
        end = np.array([np.nan])
        members = [v for s in set_of[set_of >= 0] for v in (forest.sets[s] if len(forest.sets[s]) else _NEVER, end)]
        attributes["membership_values"] = np.concatenate(members)
    return attributes
