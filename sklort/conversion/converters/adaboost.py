"""AdaBoost: votes, and a weighted median. Over plain trees one forest says what all of them vote.

Source: ``sklearn/ensemble/_weight_boosting.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from sklort.conversion.converters.trees import nodes_of, tree_values, write_trees
from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.trees.forest import Doubles, build
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _all_of(model: Any, *kinds: type) -> bool:
    return all(type(one) in kinds for one in model.estimators_)


def repeated_row(writer: Writer, row: Any) -> Tensor:
    """`row` once for each row of X."""
    values = np.asarray(row).reshape(1, -1)
    shape = Tensor(writer, writer.node("Shape", [writer.inputs[0].name]), INT64).take([0], axis=0)
    wanted = shape.concat(writer.tensor(np.array([values.shape[1]], np.int64)), axis=0)
    name = writer.node("Expand", [writer.constant(values), wanted.name])
    return Tensor(writer, name, values.dtype, values.shape[1])


def _votes_of(chosen: np.ndarray, weight: float, classes: int) -> Doubles:
    """What an estimator adds to each class where it predicts the class number `chosen`."""
    return np.where(chosen[:, None] == np.arange(classes), weight, -1 / (classes - 1) * weight)


def _votes(writer: Writer) -> Tensor:
    """The sum of the votes, (n, classes)."""
    model = writer.model
    classes = np.asarray(model.classes_)
    members = list(zip(model.estimators_, model.estimator_weights_, strict=False))
    if _all_of(model, DecisionTreeClassifier, ExtraTreeClassifier):
        nodes = []
        for one, weight in members:
            predicted = np.asarray(one.classes_)[tree_values(one.tree_).argmax(axis=1)]
            nodes.append(nodes_of(one.tree_, _votes_of(np.searchsorted(classes, predicted), weight, len(classes))))
        return write_trees(writer, build(nodes, len(classes)))
    row = label_values(classes, writer.where).reshape(1, -1)
    total: Tensor | None = None
    for one, weight in members:
        same = writer.answer(one, "predict").reshape(-1, 1).equals(row)
        votes = same.where(np.array(weight, np.float64), np.array(-1 / (len(classes) - 1) * weight))
        total = votes if total is None else total + votes
    assert total is not None
    return total


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    if getattr(model, "algorithm", "") == "SAMME.R":  # scikit-learn before 1.6
        raise ConversionError('AdaBoostClassifier(algorithm="SAMME.R") is deprecated: fit it with algorithm="SAMME"')
    values = label_values(model.classes_, writer.where)
    labels = writer.tensor(values, "classes")
    count = len(values)
    if count == 1:
        first = repeated_row(writer, np.zeros(1, np.int64)).flat()
        return {
            "predict": labels.take(first, axis=0),
            "predict_proba": repeated_row(writer, np.ones(1)),
            "decision_function": repeated_row(writer, np.zeros(1)),
        }
    decision = _votes(writer) / np.float64(model.estimator_weights_.sum())
    if count > 2:
        return {
            "predict": labels.take(decision.argmax(), axis=0),
            "predict_proba": (decision / float(count - 1)).softmax(),
            "decision_function": decision,
        }
    score = decision.take([1]) - decision.take([0])
    pair = (-score).concat(score) / 2.0
    return {
        "predict": labels.take((score.flat() > 0.0).astype(INT64), axis=0),
        "predict_proba": pair.softmax(),
        "decision_function": score.flat(),
    }


def _write_regressor(writer: Writer) -> Answers:
    """The prediction at which the weights of the smaller ones reach half of all weights."""
    model = writer.model
    count = len(model.estimators_)
    if _all_of(model, DecisionTreeRegressor, ExtraTreeRegressor):
        nodes = (nodes_of(one.tree_, tree_values(one.tree_)) for one in model.estimators_)
        predictions = write_trees(writer, build(nodes, count, columns=np.arange(count)))
    else:
        predictions = stack([writer.answer(one, "predict").astype(DOUBLE).flat() for one in model.estimators_])
    size = writer.constant(np.array([count], np.int64))
    names = writer.nodes("TopK", [predictions.name, size], 2, axis=1, largest=0, sorted=1)
    ordered, order = Tensor(writer, names[0], DOUBLE), Tensor(writer, names[1], INT64)
    weights = writer.tensor(np.asarray(model.estimator_weights_[:count], np.float64)).take(order, axis=0)
    running = writer.node("CumSum", [weights.name, writer.constant(np.array(1, np.int64))])
    reached = Tensor(writer, running, DOUBLE)
    enough = reached >= reached.take([count - 1]) * 0.5
    at = enough.astype(INT64).argmax().column()
    return {"predict": Tensor(writer, writer.node("GatherElements", [ordered.name, at.name], axis=1), DOUBLE, 1)}


CONVERTERS: dict[type, Write] = {AdaBoostClassifier: _write_classifier, AdaBoostRegressor: _write_regressor}
