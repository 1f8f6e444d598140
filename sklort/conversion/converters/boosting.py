"""Gradient boosting: trees of scikit-learn added to where they start from, in double.

Sources: ``sklearn/ensemble/_gb.py``, ``sklearn/_loss/link.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from sklort.conversion.converters.trees import nodes_of, tree_values, write_trees
from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.trees.forest import build
from sklort.conversion.writer import DOUBLE, FLOAT, Answers, Write, Writer


def two_classes(scores: Tensor) -> Tensor:
    """Probabilities (n, 2) from the probability (n, 1) of the second class, as scikit-learn fills them in."""
    return (1.0 - scores).concat(scores)


def _constant_start(model: Any) -> np.ndarray | None:
    """What gradient boosting adds before its first tree, (trees per stage,); None where it depends on the row."""
    init = model.init_
    constant = (isinstance(init, str) and init == "zero") or type(init) is DummyRegressor
    if type(init) is DummyClassifier:
        constant = init.strategy != "stratified"
    if not constant:
        return None
    return np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0], np.float64)


class _Sure:
    """A classifier that is certain of the second class."""

    def __init__(self, classes: int) -> None:
        self.row = np.eye(classes)[1:2]

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.row


def _clipped_at(model: Any) -> float:
    """How near to 0 and 1 this release of scikit-learn lets a probability come: the epsilon of double or of float."""
    from sklearn.ensemble._gb import _init_raw_predictions

    classes = len(model.classes_)
    raw = _init_raw_predictions(np.zeros((1, 1)), _Sure(classes), model._loss, True).max()
    candidates = [float(np.finfo(t).eps) for t in (np.float64, np.float32)]
    sure = [np.log(1 - e) - np.log(e) for e in candidates]
    if classes > 2:
        sure = [s * (classes - 1) / classes for s in sure]
    elif model.loss == "exponential":
        sure = [s / 2 for s in sure]
    return candidates[int(np.argmin(np.abs(np.array(sure) - raw)))]


def _started(writer: Writer) -> Tensor:
    """The raw predictions of the estimator it starts from, which sees X as float32."""
    model = writer.model
    rows = [v.astype(FLOAT) for v in writer.inputs]
    if isinstance(model, GradientBoostingRegressor):
        return writer.answer(model.init_, "predict", rows).astype(DOUBLE)
    shares = writer.answer(model.init_, "predict_proba", rows)
    tiny = _clipped_at(model)
    if len(model.classes_) > 2:
        logs = clip(shares.astype(DOUBLE), tiny, 1 - tiny).apply("Log")
        return logs - logs.reduce("ReduceMean")
    share = clip(shares.take([1]).astype(DOUBLE), tiny, 1 - tiny)
    logit = (share / (1.0 - share)).apply("Log")
    return logit * 0.5 if model.loss == "exponential" else logit


def _raw(writer: Writer) -> Tensor:
    """Raw predictions (n, k): where it starts, then learning rate times leaf value, stage by stage."""
    model = writer.model
    stages, targets = model.estimators_.shape
    rate = np.float64(model.learning_rate)
    first = _constant_start(model)
    nodes = (nodes_of(one.tree_, rate * tree_values(one.tree_)) for one in model.estimators_.ravel())
    columns = np.tile(np.arange(targets), stages)
    total = write_trees(writer, build(nodes, targets, columns=columns, first=first))
    return total if first is not None else _started(writer) + total


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": _raw(writer)}


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    classes = writer.tensor(label_values(model.classes_, writer.where), "classes")
    raw = _raw(writer)
    if len(model.classes_) > 2:
        return {
            "predict": classes.take(raw.argmax(), axis=0),
            "predict_proba": raw.softmax(),
            "decision_function": raw,
        }
    scores = raw.flat()
    # The exponential loss links by half the logit.
    logit = raw + raw if model.loss == "exponential" else raw
    return {
        "predict": classes.take((~(scores < 0.0)).astype(np.int64), axis=0),
        "predict_proba": two_classes(logit.apply("Sigmoid")),
        "decision_function": scores,
    }


CONVERTERS: dict[type, Write] = {
    GradientBoostingClassifier: _write_classifier,
    GradientBoostingRegressor: _write_regressor,
}
