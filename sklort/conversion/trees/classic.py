"""A forest for the operators before TreeEnsemble.

TreeEnsembleRegressor of ai.onnx.ml 1 and 3 answers in float32, and before 3 it holds nothing but float32. Here it
only finds leaves, whose numbers float32 holds exactly: one target per tree, a leaf's weight its number within the
tree. What the leaves are worth is looked up in double (`leaf_table`) and added tree by tree. So an older target costs
time and no digit.

Before 3 a threshold is rounded down to float32: for float32 rows the same comparison.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.trees.forest import Doubles, Forest, Ints
from sklort.conversion.writer import Attribute

MOST_LEAVES = 1 << 24
"""Float32 tells so many leaves of a tree apart."""


def rounded_down(splits: Doubles) -> NDArray[np.float32]:
    """The largest float32 that is not above: no float32 x lies between the two."""
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, and below infinity the largest float32
        near = splits.astype(np.float32)
        below: NDArray[np.float32] = np.where(near > splits, np.nextafter(near, np.float32(-np.inf)), near)
    return below


def leaf_finder_attributes(forest: Forest, version: int, width: int) -> dict[str, Attribute]:
    """The attributes of a TreeEnsembleRegressor with one target per tree: the number of the leaf.

    Parameters
    ----------
    forest : Forest
    version : int
        Of ai.onnx.ml.
    width : int
        Columns of X; the membership of set s stands in column ``width + s``, 1 or 0.
    """
    leaf = forest.leaf
    sizes = np.diff(forest.starts)
    tree = np.repeat(np.arange(forest.trees), sizes)
    begin = forest.starts[:-1][tree]
    tests_set = forest.set_of >= 0
    # "0.5 or less" is true of rows outside the set.
    true = np.where(tests_set, forest.right, forest.left)
    false = np.where(tests_set, forest.left, forest.right)
    splits = np.where(leaf, 0.0, np.where(tests_set, 0.5, forest.splits))
    within = np.cumsum(leaf) - 1
    leaf_counts = forest.per_tree(leaf)
    weights = within[leaf] - np.repeat(np.cumsum(leaf_counts) - leaf_counts, leaf_counts)
    names = np.array([b"BRANCH_LEQ", b"LEAF"], dtype=object)
    local = np.arange(len(tree)) - begin
    attributes: dict[str, Attribute] = {
        "nodes_treeids": tree,
        "nodes_nodeids": local,
        "nodes_featureids": np.where(leaf, 0, np.where(tests_set, width + forest.set_of, forest.features)),
        "nodes_modes": names[leaf.astype(np.int8)].tolist(),
        "nodes_truenodeids": np.where(leaf, 0, true - begin),
        "nodes_falsenodeids": np.where(leaf, 0, false - begin),
        "nodes_missing_value_tracks_true": (forest.missing_left & ~tests_set & ~leaf).astype(np.int64),
        "target_treeids": tree[leaf],
        "target_nodeids": local[leaf],
        "target_ids": tree[leaf],
        "n_targets": forest.trees,
    }
    if version >= 3:
        attributes["nodes_values_as_tensor"] = splits
        attributes["target_weights_as_tensor"] = weights.astype(np.float64)
    else:
        attributes["nodes_values"] = rounded_down(splits)
        attributes["target_weights"] = weights.astype(np.float32)
    return attributes


def leaf_offsets(forest: Forest) -> Ints:
    """What to add to the number of a leaf within its tree, (T,)."""
    counts = forest.per_tree(forest.leaf)
    return np.asarray(np.cumsum(counts) - counts)


def set_columns(forest: Forest) -> list[tuple[int, Doubles, Doubles]]:
    """For each column of X that sets are taken of: its number, the values in any set, and who holds which.

    Returns
    -------
    list of (feature, values (v,), table (v + 1, number of sets))
        ``table[i, s]`` is 1 where set s holds ``values[i]``, and in the last row where a NaN goes with its members;
        sets of other columns are 0 throughout.
    """
    nodes = np.flatnonzero(forest.set_of >= 0)
    found = []
    for feature in np.unique(forest.features[nodes]):
        numbers = forest.set_of[nodes[forest.features[nodes] == feature]]
        values = np.unique(np.concatenate([forest.sets[s] for s in numbers]))
        table = np.zeros((len(values) + 1, len(forest.sets)))
        for s in numbers:
            table[np.searchsorted(values, forest.sets[s]), s] = 1.0
        table[-1, forest.set_of[nodes[forest.missing_left[nodes]]]] = 1.0
        table[-1, np.setdiff1d(np.arange(len(forest.sets)), numbers)] = 0.0
        found.append((int(feature), values, table))
    return found
