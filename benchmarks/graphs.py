"""The ONNX graph of a fitted family, which sklort's session and onnxruntime run alike.

skl2onnx writes it, except for boosted models it cannot read: their trees are written here, for two classes and float32
rows, with thresholds rounded down so that every row goes where the original sends it.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer

OPSET = {"": 21, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class Tree:
    """Nodes in the order of their numbers: left when x <= threshold; a leaf where `left` is -1."""

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]


def graph_of(model: Any, rows: Any) -> bytes:
    """The graph of a fitted model for X like `rows`."""
    readers = {
        "HistGradientBoostingClassifier": _from_histograms,
        "LGBMClassifier": _from_lightgbm,
        "XGBClassifier": _from_xgboost,
    }
    reader = readers.get(type(model).__name__)
    if reader is not None:
        trees, base = reader(model)
        return _two_classes(trees, base, rows.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[Any, Any] | None = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
        if isinstance(rows, np.ndarray) and rows.dtype == object:
            # onnxruntime asks the system for a locale, which it need not have but for "C".
            options = {**(options or {}), TfidfVectorizer: {"locale": "C"}}
            texts = [("X", StringTensorType([None]))]
            return bytes(to_onnx(model, initial_types=texts, target_opset=OPSET, options=options).SerializeToString())
        example = rows[:1] if isinstance(rows, pd.DataFrame) else np.asarray(rows[:1])
        return bytes(to_onnx(model, example, target_opset=OPSET, options=options).SerializeToString())


@dataclass(frozen=True)
class Size:
    """How much there is of a graph: its trees, if it has any, and the most distinct thresholds of a feature."""

    nodes: int
    trees: int
    leaves: int
    thresholds: int

    def __str__(self) -> str:
        if not self.trees:
            return f"{self.nodes:,} nodes"
        return f"{self.trees:,} trees, {self.leaves:,} leaves, up to {self.thresholds:,} thresholds a feature"


def size_of(graph: bytes) -> Size:
    nodes = onnx.load_model_from_string(graph).graph.node
    trees = leaves = 0
    thresholds: set[tuple[int, float]] = set()
    for node in nodes:
        if node.op_type.startswith("TreeEnsemble"):
            found = {one.name: one for one in node.attribute}
            is_leaf = [mode == b"LEAF" for mode in found["nodes_modes"].strings]
            trees += len(set(found["nodes_treeids"].ints))
            leaves += sum(is_leaf)
            branches = zip(found["nodes_featureids"].ints, found["nodes_values"].floats, is_leaf)
            thresholds.update((feature, value) for feature, value, leaf in branches if not leaf)
    most = Counter(feature for feature, _ in thresholds).most_common(1)
    return Size(len(nodes), trees, leaves, most[0][1] if most else 0)


def _rounded_down(thresholds: Any) -> npt.NDArray[np.float32]:
    """The largest float32 that is not above: no float32 row lies between the two."""
    exact = np.asarray(thresholds, np.float64)
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    below: npt.NDArray[np.float32] = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
    return below


def _from_histograms(model: Any) -> tuple[list[Tree], float]:
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            Tree(
                feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
                threshold=_rounded_down(np.where(leaf, 0, nodes["num_threshold"])),
                left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
                right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
                missing_left=nodes["missing_go_to_left"].astype(bool),
                value=nodes["value"],
            )
        )
    return trees, float(model._baseline_prediction.item())


def _from_lightgbm(model: Any) -> tuple[list[Tree], float]:
    return [_lightgbm_tree(one["tree_structure"]) for one in model.booster_.dump_model()["tree_info"]], 0.0


def _lightgbm_tree(root: dict[str, Any]) -> Tree:
    rows: list[tuple[int, float, int, int, bool, float]] = []

    def number(node: dict[str, Any]) -> int:
        place = len(rows)
        rows.append((0, 0.0, -1, -1, False, node.get("leaf_value", 0.0)))
        if "leaf_value" not in node:
            threshold = node["threshold"]
            # A feature that had no gap in training takes NaN for zero.
            missing_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
            left, right = number(node["left_child"]), number(node["right_child"])
            rows[place] = (node["split_feature"], threshold, left, right, missing_left, 0.0)
        return place

    number(root)
    feature, threshold, left, right, missing_left, value = (np.asarray(column) for column in zip(*rows))
    return Tree(feature, _rounded_down(threshold), left, right, missing_left, value)


def _from_xgboost(model: Any) -> tuple[list[Tree], float]:
    content = json.loads(model.get_booster().save_raw("json"))["learner"]
    trees = []
    for one in content["gradient_booster"]["model"]["trees"]:
        left = np.asarray(one["left_children"], np.int64)
        condition = np.asarray(one["split_conditions"], np.float32)
        trees.append(
            Tree(
                feature=np.asarray(one["split_indices"], np.int64),
                # XGBoost goes left when x is below, not equal.
                threshold=np.where(left < 0, 0, np.nextafter(condition, np.float32(-np.inf))),
                left=left,
                right=np.asarray(one["right_children"], np.int64),
                missing_left=np.asarray(one["default_left"], bool),
                value=np.where(left < 0, condition, 0).astype(np.float64),
            )
        )
    start = float(np.ravel(json.loads(content["learner_model_param"]["base_score"]))[0])
    return trees, float(np.log(start / (1 - start)))


def _two_classes(trees: list[Tree], base: float, features: int) -> bytes:
    sizes = [len(tree.left) for tree in trees]
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    left, right, feature, threshold, missing_left, value = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("left", "right", "feature", "threshold", "missing_left", "value")
    )
    leaf = left < 0
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        base_values=[base],
        classlabels_int64s=[0, 1],
        post_transform="LOGISTIC",
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_featureids=feature.tolist(),
        nodes_values=threshold.tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_truenodeids=np.where(leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
        nodes_missing_value_tracks_true=missing_left.astype(np.int64).tolist(),
        class_treeids=tree_ids[leaf].tolist(),
        class_nodeids=node_ids[leaf].tolist(),
        class_ids=[0] * int(leaf.sum()),
        class_weights=value[leaf].tolist(),
    )
    graph = helper.make_graph(
        [node],
        "boosted",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, features])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
