"""Decision trees and forests, in double.

scikit-learn casts X to float32 and compares it with float64 thresholds; leaves and sums are float64
(``sklearn/tree/_tree.pyx``). The graph does the same: Cast to float, Cast to double, TreeEnsemble in double.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.forest import Forest, Nodes, build
from sklort.conversion.trees.writing import write_forest, write_leaves
from sklort.conversion.writer import DOUBLE, FLOAT, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError

TREES = (DecisionTreeClassifier, ExtraTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor)


def tree_values(tree: Any) -> NDArray[np.float64]:
    """Leaf values of a regression tree or class fractions of a classification tree, (nodes, outputs * classes)."""
    return np.ascontiguousarray(tree.value.reshape(tree.node_count, -1), dtype=np.float64)


def nodes_of(tree: Any, values: NDArray[np.float64], columns: NDArray[Any] | None = None) -> Nodes:
    """A ``tree_`` of scikit-learn, fitted on the columns `columns` of X, with other values."""
    features = np.maximum(tree.feature, 0)
    if columns is not None:
        features = np.asarray(columns)[features]
    left, right = tree.children_left, tree.children_right
    return Nodes(features, tree.threshold, left, right, tree.missing_go_to_left.astype(np.bool_), values)


def write_trees(writer: Writer, forest: Forest) -> Tensor:
    """The sums of a forest that compares as scikit-learn's trees do."""
    return write_forest(writer, forest, writer.matrix(FLOAT))


def _averaged(writer: Writer) -> Tensor:
    """The mean over trees as scikit-learn takes it: the sum in tree order, then one division."""
    model = writer.model
    trees = [t.tree_ for t in model.estimators_] if hasattr(model, "estimators_") else [model.tree_]
    forest = build((nodes_of(t, tree_values(t)) for t in trees), tree_values(trees[0]).shape[1])
    total = write_trees(writer, forest)
    return total if len(trees) == 1 else total / np.float64(len(trees))


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    several = isinstance(model.classes_, list)
    classes = [label_values(c, writer.where) for c in (model.classes_ if several else [model.classes_])]
    shares = _averaged(writer)
    if not several:
        return {"predict": writer.tensor(classes[0], "classes").take(shares.argmax(), axis=0), "predict_proba": shares}
    if len({c.dtype for c in classes}) > 1:
        raise ConversionError(f"{writer.where} has outputs of classes of different types: fit one classifier for each")
    widest = max(len(c) for c in classes)
    parts = [shares.take(i * widest + np.arange(len(c))) for i, c in enumerate(classes)]
    labels = [
        writer.tensor(c, "classes").take(part.argmax(), axis=0).column() for c, part in zip(classes, parts, strict=True)
    ]
    return {"predict": labels[0].concat(*labels[1:]) if len(labels) > 1 else labels[0], "predict_proba": parts}


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": _averaged(writer)}


def _write_embedding(writer: Writer) -> Answers:
    """One column for each leaf of each tree: 1 where a row ends there."""
    trees = [t.tree_ for t in writer.model.estimators_]
    for tree, seen in zip(trees, writer.model.one_hot_encoder_.categories_, strict=True):
        if tree.node_count == 1:
            raise ConversionError(f"{writer.where} has trees without a split: they tell no rows apart")
        if not np.array_equal(np.flatnonzero(tree.children_left < 0), seen):
            raise ConversionError(f"{writer.where} has leaves that no training row reached, which it cannot encode")
    forest = build((nodes_of(t, np.zeros((t.node_count, 1))) for t in trees), len(trees), columns=np.arange(len(trees)))
    leaves = write_leaves(writer, forest, writer.matrix(FLOAT))
    width = int(forest.leaf.sum())
    shape = Tensor(writer, writer.node("Shape", [leaves.name]), INT64)
    wide = shape.take([0], axis=0).concat(writer.tensor(np.array([width], np.int64)), axis=0)
    zeros = writer.node("Expand", [writer.constant(np.zeros((1, 1))), wide.name])
    ones = writer.node("Expand", [writer.constant(np.ones((1, 1))), shape.name])
    name = writer.node("ScatterElements", [zeros, leaves.name, ones], axis=1)
    return {"transform": Tensor(writer, name, DOUBLE, width)}


CONVERTERS: dict[type, Write] = {
    **dict.fromkeys(
        (DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier), _write_classifier
    ),
    **dict.fromkeys(
        (DecisionTreeRegressor, ExtraTreeRegressor, RandomForestRegressor, ExtraTreesRegressor), _write_regressor
    ),
    RandomTreesEmbedding: _write_embedding,
}
