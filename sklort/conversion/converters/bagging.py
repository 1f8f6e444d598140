"""Bagging: the mean of what its members say, each of its own columns. Plain trees become one forest.

Source: ``sklearn/ensemble/_bagging.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

from sklort.conversion.converters.trees import TREES, nodes_of, tree_values, write_trees
from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.forest import build
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer


def _members(model: Any) -> list[tuple[Any, NDArray[np.intp]]]:
    return [(one, np.asarray(c)) for one, c in zip(model.estimators_, model.estimators_features_, strict=True)]


def _over_trees(model: Any) -> bool:
    return all(type(one) in TREES for one in model.estimators_)


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _seen_by(writer: Writer, columns: NDArray[np.intp]) -> list[Tensor]:
    """The inputs of a member that looks at some columns of X."""
    if np.array_equal(columns, np.arange(int(writer.model.n_features_in_))):
        return writer.inputs
    return [writer.matrix().take(columns)]


def _spread(shares: Tensor, classes: NDArray[Any], count: int) -> Tensor:
    """Columns of `shares`, one for each of `classes`, among those of `count` classes; zeros elsewhere."""
    if len(classes) == count:
        return shares
    writer = shares.writer
    padded = Tensor(writer, writer.node("Pad", [shares.name, writer.constant(np.array([0, 0, 0, 1]))]), shares.dtype)
    place = np.full(count, len(classes))
    place[np.asarray(classes, np.int64)] = np.arange(len(classes))
    return padded.take(place)


def _shares(writer: Writer) -> Tensor:
    model = writer.model
    count = len(model.classes_)
    if _over_trees(model):
        nodes = []
        for one, columns in _members(model):
            values = np.zeros((one.tree_.node_count, count))
            seen = np.arange(count) if len(one.classes_) == count else np.asarray(one.classes_, np.int64)
            values[:, seen] = tree_values(one.tree_)
            nodes.append(nodes_of(one.tree_, values, columns))
        return write_trees(writer, build(nodes, count))
    parts = []
    for one, columns in _members(model):
        inputs = _seen_by(writer, columns)
        if hasattr(one, "predict_proba"):
            shares = writer.answer(one, "predict_proba", inputs).astype(DOUBLE)
            parts.append(_spread(shares, one.classes_, count))
        else:  # members predict the numbers of classes
            votes = writer.answer(one, "predict", inputs).reshape(-1, 1).equals(np.arange(count).reshape(1, -1))
            parts.append(votes.astype(DOUBLE))
    return _sum(parts)


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
    shares = _shares(writer) / float(model.n_estimators)
    answers: dict[str, Tensor] = {"predict": labels.take(shares.argmax(), axis=0), "predict_proba": shares}
    if hasattr(model, "decision_function"):
        scores = [writer.answer(one, "decision_function", _seen_by(writer, c)) for one, c in _members(model)]
        answers["decision_function"] = _sum(scores) / float(model.n_estimators)
    return answers


def _write_regressor(writer: Writer) -> Answers:
    model = writer.model
    if _over_trees(model):
        outputs = tree_values(model.estimators_[0].tree_).shape[1]
        nodes = (nodes_of(one.tree_, tree_values(one.tree_), columns) for one, columns in _members(model))
        total = write_trees(writer, build(nodes, outputs))
    else:
        total = _sum([writer.answer(one, "predict", _seen_by(writer, columns)) for one, columns in _members(model)])
    return {"predict": total / float(model.n_estimators)}


CONVERTERS: dict[type, Write] = {BaggingClassifier: _write_classifier, BaggingRegressor: _write_regressor}
