"""Forests that are legal, odd, and broken."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from sklort.exceptions import Fail
from sklort.graph.check_trees import check_classifier, check_ensemble, check_regressor
from sklort.graph.ir import Attribute, AttributeKind, Node

#       tree 0          tree 1
#         0               0
#       1   2             (leaf)
#          3 4
REGRESSOR: dict[str, Any] = {
    "nodes_treeids": [0, 0, 0, 0, 0, 1],
    "nodes_nodeids": [0, 1, 2, 3, 4, 0],
    "nodes_featureids": [0, 0, 1, 0, 0, 0],
    "nodes_modes": ("BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "LEAF"),
    "nodes_values": [0.5, 0, 1.5, 0, 0, 0],
    "nodes_truenodeids": [1, 0, 3, 0, 0, 0],
    "nodes_falsenodeids": [2, 0, 4, 0, 0, 0],
    "target_treeids": [0, 0, 0, 1],
    "target_nodeids": [1, 3, 4, 0],
    "target_ids": [0, 1, 0, 1],
    "target_weights": [1.0, 2.0, 3.0, 4.0],
    "n_targets": 2,
}


def node_of(op: str, fields: dict[str, Any]) -> Node:
    def attribute(name: str, value: Any) -> Attribute:
        if isinstance(value, (int, str)):
            return Attribute(AttributeKind.INT, value)
        if isinstance(value, tuple):
            return Attribute(AttributeKind.STRINGS, value)
        if isinstance(value, np.ndarray) and name.endswith(("_as_tensor", "splits", "weights", "modes", "values")):
            return Attribute(AttributeKind.TENSOR, value)
        integral = isinstance(value, np.ndarray) or not any(isinstance(item, float) for item in value)
        return Attribute(AttributeKind.INTS, np.asarray(value, dtype=np.int64 if integral else np.float32))

    attributes = {name: attribute(name, value) for name, value in fields.items()}
    return Node(op, "ai.onnx.ml", 3, ("X",), ("Y",), attributes, "forest")


def changed(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """`fields` with `name=(position, value)` or `name=value`; None removes."""
    found = {name: value if isinstance(value, (int, str)) else list(value) for name, value in fields.items()}
    for name, change in changes.items():
        if change is None:
            del found[name]
        elif isinstance(change, tuple) and name in found:
            found[name][change[0]] = change[1]
        else:
            found[name] = change
    if "nodes_modes" in found and isinstance(found["nodes_modes"][0], str):
        found["nodes_modes"] = tuple(found["nodes_modes"])
    return found


def permuted(fields: dict[str, Any], order: list[int]) -> dict[str, Any]:
    """The same forest with its nodes listed in another order."""
    return {
        name: type(value)(value[i] for i in order) if name.startswith("nodes_") else value
        for name, value in fields.items()
    }


def test_a_legal_forest():
    check_regressor(node_of("TreeEnsembleRegressor", REGRESSOR))


@pytest.mark.parametrize("order", [[0, 2, 1, 3, 4, 5], [0, 4, 3, 2, 1, 5], [5, 0, 1, 2, 3, 4], [0, 1, 5, 2, 3, 4]])
def test_any_order_that_keeps_the_root_first(order):
    check_regressor(node_of("TreeEnsembleRegressor", permuted(REGRESSOR, order)))


def test_ids_may_be_any_numbers():
    names = {0: 10**15, 1: -7, 2: 3, 3: 2**40, 4: 5}
    fields = dict(REGRESSOR)
    for key in ("nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "target_nodeids"):
        fields[key] = [names[i] for i in REGRESSOR[key]]
    check_regressor(node_of("TreeEnsembleRegressor", fields))
    with pytest.raises(Fail, match=r"true branch of node 1000000000000000 of tree 0 leads to node 9"):
        check_regressor(node_of("TreeEnsembleRegressor", changed(fields, nodes_truenodeids=(0, 9))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nodes_truenodeids": (0, 9)}, "true branch of node 0 of tree 0 leads to node 9, which the tree lacks"),
        ({"nodes_falsenodeids": (0, -1)}, "false branch of node 0 of tree 0 leads to node -1"),
        ({"nodes_falsenodeids": (2, 2)}, "node 2 of tree 0 is its own child"),
        ({"nodes_falsenodeids": (2, 0)}, "node 0 of tree 0 lies on a cycle of 2 nodes"),
        ({"nodes_nodeids": (4, 3)}, "node 3 of tree 0 is defined twice"),
        ({"nodes_values": [1.0]}, "lengths disagree: .*nodes_values has 1"),
        ({"nodes_hitrates": [1.0]}, "nodes_hitrates has 1"),
        ({"nodes_values": None}, "nodes_values has 0"),
        ({"nodes_modes": (0, "BRANCH_LE")}, "unknown nodes_modes 'BRANCH_LE'"),
        ({"nodes_featureids": (2, -1)}, "node 2 of tree 0 tests feature -1"),
        ({"target_ids": (1, 2)}, r"target_ids\[1\] is 2; expected 0 to 1"),
        ({"target_ids": (1, -1)}, r"target_ids\[1\] is -1"),
        ({"target_nodeids": (2, 7)}, r"target_weights\[2\] belongs to node 7 of tree 0, which does not exist"),
        ({"target_treeids": (2, 7)}, r"target_weights\[2\] belongs to node 4 of tree 7"),
        ({"target_ids": [0]}, "target_ids has 1"),
        ({"n_targets": 0}, "n_targets is 0"),
        ({"base_values": [0.5]}, "base_values has 1 values; expected 0 or 2"),
        ({"aggregate_function": "MEDIAN"}, "aggregate_function is 'MEDIAN'"),
        ({"post_transform": "SOFT"}, "post_transform is 'SOFT'"),
        ({"nodes_values_as_tensor": np.ones(6)}, "nodes_values and nodes_values_as_tensor are both given"),
    ],
)
def test_broken_forests(changes, words):
    with pytest.raises(Fail, match=f"forest.*{words}"):
        check_regressor(node_of("TreeEnsembleRegressor", changed(REGRESSOR, **changes)))
    with pytest.raises(Fail, match="forest"):  # the same through the search that disordered ids need
        check_regressor(
            node_of(
                "TreeEnsembleRegressor",
                changed(
                    permuted(REGRESSOR, [5, 0, 1, 2, 3, 4]),
                    **{
                        name: ((change[0] + 1) % 6 if name.startswith("nodes_") else change[0], change[1])
                        if isinstance(change, tuple)
                        else change
                        for name, change in changes.items()
                    },
                ),
            )
        )


def test_a_root_that_is_not_listed_first_is_ambiguous():
    with pytest.raises(Fail, match="node 1 of tree 0 is listed first, so it is the root, yet it is also a child"):
        check_regressor(node_of("TreeEnsembleRegressor", permuted(REGRESSOR, [1, 0, 2, 3, 4, 5])))


def test_odd_and_legal():
    check = lambda **changes: check_regressor(node_of("TreeEnsembleRegressor", changed(REGRESSOR, **changes)))
    check(nodes_falsenodeids=(2, 3))  # both branches to one leaf
    check(nodes_truenodeids=(0, 3))  # node 3 has two parents, node 1 none
    check(target_nodeids=(0, 2))  # a weight on a branch, a leaf without one
    check(nodes_missing_value_tracks_true=[0] * 6)
    check(nodes_values=None, nodes_values_as_tensor=np.zeros(6))
    empty = {name: value if isinstance(value, int) else type(value)() for name, value in REGRESSOR.items()}
    check_regressor(node_of("TreeEnsembleRegressor", empty | {"base_values": [0.5, 1.0]}))


def test_classifier():
    fields = {name.replace("target", "class"): value for name, value in REGRESSOR.items() if name != "n_targets"}
    check = lambda **changes: check_classifier(node_of("TreeEnsembleClassifier", changed(fields, **changes)))
    check(classlabels_int64s=[0, 1])
    check(classlabels_strings=("a", "b"), base_values=[0.5])
    with pytest.raises(Fail, match="no class labels"):
        check()
    with pytest.raises(Fail, match="both integer and string"):
        check(classlabels_int64s=[0, 1], classlabels_strings=("a", "b"))
    with pytest.raises(Fail, match=r"class_ids\[1\] is 1; expected 0 to 0"):
        check(classlabels_int64s=[0])
    with pytest.raises(Fail, match="base_values has 1 values; expected 0 or 3"):
        check(classlabels_int64s=[0, 1, 2], base_values=[0.5])


# node 0: true -> node 1, false -> leaf 0; node 1: leaves 1 and 2
ENSEMBLE: dict[str, Any] = {
    "tree_roots": [0],
    "nodes_featureids": [0, 1],
    "nodes_splits": np.array([0.5, 1.5]),
    "nodes_modes": np.array([0, 6], np.uint8),
    "nodes_truenodeids": [1, 1],
    "nodes_falsenodeids": [0, 2],
    "nodes_trueleafs": [0, 1],
    "nodes_falseleafs": [1, 1],
    "leaf_targetids": [0, 1, 0],
    "leaf_weights": np.array([1.0, 2.0, 3.0]),
    "membership_values": np.array([1.0, 2.0, np.nan]),
    "n_targets": 2,
}


def test_ensemble_5():
    check_ensemble(node_of("TreeEnsemble", ENSEMBLE))
    check_ensemble(node_of("TreeEnsemble", ENSEMBLE | {"membership_values": np.array([1.0])}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tree_roots": [2]}, r"tree_roots\[0\] is 2; expected 0 to 1"),
        ({"nodes_featureids": [-1, 0]}, r"nodes_featureids\[0\] is -1; expected at least 0"),
        ({"nodes_modes": np.array([0, 7], np.uint8)}, r"nodes_modes\[1\] is 7"),
        ({"nodes_truenodeids": [2, 1]}, "true branch of node 0 leads to node 2; expected 0 to 1"),
        ({"nodes_falsenodeids": [-1, 2]}, "false branch of node 0 leads to leaf -1; expected 0 to 2"),
        ({"nodes_truenodeids": [0, 1]}, "node 0 is its own child"),
        ({"nodes_truenodeids": [1, 0], "nodes_trueleafs": [0, 0]}, "node 0 lies on a cycle of 2 nodes"),
        ({"nodes_trueleafs": [0, 2]}, r"nodes_trueleafs\[1\] is 2"),
        ({"leaf_targetids": [0, 2, 0]}, r"leaf_targetids\[1\] is 2"),
        ({"leaf_targetids": [0, 1]}, "leaf_targetids has 2, leaf_weights has 3"),
        ({"nodes_splits": np.array([0.5])}, "nodes_splits has 1"),
        ({"membership_values": np.array([np.nan, np.nan])}, "holds 2 sets; 1 nodes"),
        ({"n_targets": 0}, "n_targets is 0"),
        ({"post_transform": 5}, "post_transform is 5"),
        ({"aggregate_function": 4}, "aggregate_function is 4"),
    ],
)
def test_broken_ensembles(changes, words):
    with pytest.raises(Fail, match=f"forest.*{words}"):
        check_ensemble(node_of("TreeEnsemble", ENSEMBLE | changes))


def test_ensemble_without_members_needs_none():
    fields = ENSEMBLE | {"nodes_modes": np.zeros(2, np.uint8)}
    del fields["membership_values"]
    check_ensemble(node_of("TreeEnsemble", fields))


@pytest.mark.parametrize("backwards", [False, True])
def test_two_hundred_thousand_levels_in_no_time(backwards):
    n = 200_000
    inner = np.arange(n - 1)
    fields = REGRESSOR | {
        "nodes_treeids": np.zeros(n),
        "nodes_nodeids": np.arange(n),
        "nodes_featureids": np.zeros(n),
        "nodes_modes": ("BRANCH_LEQ",) * (n - 1) + ("LEAF",),
        "nodes_values": [0.5] * n,
        "nodes_truenodeids": np.append(inner + 1, 0),
        "nodes_falsenodeids": np.append(np.full(n - 1, n - 1), 0),
        "target_treeids": [0],
        "target_nodeids": [n - 1],
        "target_ids": [0],
        "target_weights": [1.0],
    }
    if backwards:  # children above their parents, the root still first
        order = [0, *range(n - 1, 0, -1)]
        fields |= {
            name: [value[i] for i in order]
            for name, value in fields.items()
            if name.startswith("nodes_") and name != "nodes_modes"
        }
        fields["nodes_modes"] = tuple("LEAF" if i == n - 1 else "BRANCH_LEQ" for i in order)
    node = node_of("TreeEnsembleRegressor", fields)
    begin = time.process_time()
    check_regressor(node)
    assert time.process_time() - begin < 2


def test_the_proto_forms_used_here_are_what_onnx_writes():
    made = helper.make_node(
        "TreeEnsemble", ["X"], ["Y"], nodes_splits=numpy_helper.from_array(np.ones(2)), tree_roots=[0]
    )
    assert {attribute.name: attribute.type for attribute in made.attribute} == {"nodes_splits": 4, "tree_roots": 7}
