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
from sklort.exceptions import ConversionError


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


def _tree_shares(writer: Writer) -> Tensor:
    """Sums of what plain trees say, (n, classes)."""
    count = len(writer.model.classes_)
    nodes = []
    for one, columns in _members(writer.model):
        values = np.zeros((one.tree_.node_count, count))
        seen = np.arange(count) if len(one.classes_) == count else np.asarray(one.classes_, np.int64)
        values[:, seen] = tree_values(one.tree_)
        nodes.append(nodes_of(one.tree_, values, columns))
    return write_trees(writer, build(nodes, count))


def _said(writer: Writer, method: str, every: list[dict[str, Any]]) -> list[Tensor]:
    """What each member answers to `method`."""
    if not all(isinstance(one.get(method), Tensor) for one in every):
        raise ConversionError(f"{method} of the estimators in {writer.where} has no ONNX form")
    return [one[method] for one in every]


def _shares(writer: Writer, every: list[dict[str, Any]]) -> Tensor:
    model = writer.model
    count = len(model.classes_)
    if hasattr(model.estimator_, "predict_proba"):
        pairs = zip(model.estimators_, _said(writer, "predict_proba", every), strict=True)
        return _sum([_spread(shares.astype(DOUBLE), one.classes_, count) for one, shares in pairs])
    numbers = np.arange(count).reshape(1, -1)  # members predict the numbers of classes
    votes = [label.reshape(-1, 1).equals(numbers) for label in _said(writer, "predict", every)]
    return _sum([vote.astype(DOUBLE) for vote in votes])


def _logarithms(writer: Writer, every: list[dict[str, Any]]) -> Tensor | None:
    """The mean of shares that members have the logarithms of, even of those next to nothing; None where they do not."""
    model = writer.model
    count = len(model.classes_)
    if not all("predict_log_proba" in one for one in every) or any(len(m.classes_) < count for m in model.estimators_):
        return None
    parts = [part.astype(DOUBLE).reshape(1, -1, count) for part in _said(writer, "predict_log_proba", every)]
    stacked = parts[0].concat(*parts[1:], axis=0)
    top = stacked.max(0)
    total: Tensor = (stacked - top).apply("Exp").sum(0).apply("Log") + top
    return total.reshape(-1, count) - float(np.log(model.n_estimators))


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    every: list[dict[str, Any]] = []
    if _over_trees(model):
        total = _tree_shares(writer)
    else:
        every = [writer.answers(one, _seen_by(writer, columns)) for one, columns in _members(model)]
        total = _shares(writer, every)
    shares = total / float(model.n_estimators)
    labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
    logarithms = _logarithms(writer, every) if every else None
    answers: dict[str, Tensor] = {
        "predict": labels.take(shares.argmax(), axis=0),
        "predict_proba": shares,
        "predict_log_proba": shares.apply("Log") if logarithms is None else logarithms,
    }
    if hasattr(model, "decision_function"):
        answers["decision_function"] = _sum(_said(writer, "decision_function", every)) / float(model.n_estimators)
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
