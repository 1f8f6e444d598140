"""scikit-learn's trees as the arrays of the ONNX operator TreeEnsemble (ai.onnx.ml 5), without a loop over nodes.

TreeEnsemble keeps interior nodes and leaves apart, and a leaf adds to one target only. A tree with K values per leaf
(class probabilities, several targets) is therefore written as K consecutive copies of equal structure, one per
target: t0 for target 0, t0 for target 1, ..., t1 for target 0, ... A runtime can recognise the copies and walk them
once. Summed in this order, each target receives its addends tree by tree, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, numpy_helper

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

_SUM = 1


@dataclass(frozen=True)
class ForestArrays:
    """The attributes of TreeEnsemble; lengths N interior nodes, L leaves, T trees.

    Parameters
    ----------
    roots : (T,) int64
    features, true_nodes, false_nodes : (N,) int64
    true_leaves, false_leaves : (N,) bool
    splits : (N,) float64
    missing_true : (N,) bool
        Where a NaN follows the true branch.
    leaf_weights : (L,) float64
    leaf_targets : (L,) int64
    targets : int
    """

    roots: Ints
    features: Ints
    splits: Doubles
    true_nodes: Ints
    false_nodes: Ints
    true_leaves: NDArray[np.bool_]
    false_leaves: NDArray[np.bool_]
    missing_true: NDArray[np.bool_]
    leaf_weights: Doubles
    leaf_targets: Ints
    targets: int

    def attributes(self) -> list[onnx.AttributeProto]:
        """As ONNX attributes."""
        ints = {
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_truenodeids": self.true_nodes,
            "nodes_falsenodeids": self.false_nodes,
            "nodes_trueleafs": self.true_leaves,
            "nodes_falseleafs": self.false_leaves,
            "leaf_targetids": self.leaf_targets,
        }
        if self.missing_true.any():
            ints["nodes_missing_value_tracks_true"] = self.missing_true
        tensors: dict[str, NDArray[Any]] = {
            "nodes_splits": self.splits,
            "nodes_modes": np.zeros(len(self.splits), np.uint8),
            "leaf_weights": self.leaf_weights,
        }
        attributes = [_ints(name, values) for name, values in ints.items()]
        for name, values in tensors.items():
            attributes.append(
                AttributeProto(
                    name=name,
                    type=AttributeProto.TENSOR,
                    t=numpy_helper.from_array(values, name),
                )
            )
        attributes.append(AttributeProto(name="n_targets", type=AttributeProto.INT, i=self.targets))
        attributes.append(AttributeProto(name="aggregate_function", type=AttributeProto.INT, i=_SUM))
        return attributes


def _ints(name: str, values: NDArray[Any]) -> onnx.AttributeProto:
    attribute = AttributeProto(name=name, type=AttributeProto.INTS)
    attribute.ints.extend(values.astype(np.int64).tolist())
    return attribute


def tree_values(tree: Any) -> Doubles:
    """Leaf values of a regression tree or class fractions of a classification tree, (nodes, targets)."""
    values = tree.value
    return np.ascontiguousarray(values[:, :, 0] if values.shape[2] == 1 else values[:, 0, :], dtype=np.float64)


@dataclass(frozen=True)
class _Block:
    """One tree, its indices counted from its own first node and first leaf."""

    features: Ints
    splits: Doubles
    true_nodes: Ints
    false_nodes: Ints
    true_leaves: NDArray[np.bool_]
    false_leaves: NDArray[np.bool_]
    missing_true: NDArray[np.bool_]
    leaf_weights: Doubles  # (targets, leaves)


def _stump(values: Doubles) -> _Block:
    """A tree of one leaf: a node whose two branches are leaves of the same weight.

    Two leaves rather than one named twice, which the specification also allows: onnx.reference 1.23 reads a node whose
    branches name the same leaf as the leaf at the number of the node. On two leaves no reader can go wrong.
    """
    no, zero = np.zeros(1, np.bool_), np.zeros(1, np.int64)
    twin = np.repeat(values.reshape(-1, 1), 2, axis=1)
    return _Block(zero, np.zeros(1), zero, zero + 1, ~no, ~no, no, twin)


def _block(tree: Any, values: Doubles) -> _Block:
    left, right = tree.children_left, tree.children_right
    leaf = left == right
    if leaf[0]:
        return _stump(values[0])
    inner = ~leaf
    number = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(inner) - 1)
    left, right = left[inner], right[inner]
    return _Block(
        features=tree.feature[inner].astype(np.int64),
        splits=np.ascontiguousarray(tree.threshold[inner], dtype=np.float64),
        true_nodes=number[left],
        false_nodes=number[right],
        true_leaves=leaf[left],
        false_leaves=leaf[right],
        missing_true=np.asarray(tree.missing_go_to_left)[inner].astype(np.bool_),
        leaf_weights=np.ascontiguousarray(values[leaf].T),
    )


def forest_arrays(
    trees: Iterable[tuple[Any, Doubles, Ints]],
    targets: int,
    first: Doubles | None = None,
) -> ForestArrays:
    """The arrays of a whole forest.

    Parameters
    ----------
    trees : iterable of (tree, values, targets)
        scikit-learn's ``tree_``; the weights of its nodes, shape (nodes, k); and the k targets they are added to. In
        the order of addition.
    targets : int
        Columns of the answer.
    first : (targets,) float64, optional
        Constants added before the first tree, as trees of one leaf.

    Returns
    -------
    ForestArrays
    """
    blocks: list[tuple[_Block, int, int]] = []
    if first is not None:
        for target, value in enumerate(first):
            blocks.append((_stump(np.array([value])), 0, target))
    for tree, values, columns in trees:
        block = _block(tree, values)
        blocks.extend((block, row, int(target)) for row, target in enumerate(columns))

    sizes = np.array([len(b.features) for b, _, _ in blocks])
    leaves = np.array([b.leaf_weights.shape[1] for b, _, _ in blocks])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    node_base = np.repeat(roots, sizes)
    leaf_base = np.repeat(np.concatenate([[0], np.cumsum(leaves)[:-1]]).astype(np.int64), sizes)

    def joined(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(b, field) for b, _, _ in blocks])

    true_leaves, false_leaves = joined("true_leaves"), joined("false_leaves")
    return ForestArrays(
        roots=roots,
        features=joined("features"),
        splits=joined("splits"),
        true_nodes=joined("true_nodes") + np.where(true_leaves, leaf_base, node_base),
        false_nodes=joined("false_nodes") + np.where(false_leaves, leaf_base, node_base),
        true_leaves=true_leaves,
        false_leaves=false_leaves,
        missing_true=joined("missing_true"),
        leaf_weights=np.concatenate([b.leaf_weights[row] for b, row, _ in blocks]),
        leaf_targets=np.repeat(np.array([t for _, _, t in blocks], np.int64), leaves),
        targets=targets,
    )
