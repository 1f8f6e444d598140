"""Linear and quadratic discriminant analysis. Source of the rules: ``sklearn/discriminant_analysis.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from sklort.conversion.converters.linear import linear_scores
from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import INT64, Answers, Write, Writer


def _by_scores(writer: Writer, scores: Tensor) -> Answers:
    """The answers of a classifier from its log posteriors (n, classes), up to a constant."""
    logarithms = scores - scores.log_sum_exp()
    answers: dict[str, Any] = {"predict_proba": logarithms.apply("Exp"), "predict_log_proba": logarithms}
    if len(writer.model.classes_) == 2:
        ratio = (scores.take([1]) - scores.take([0])).flat()
        answers["decision_function"] = ratio
    else:
        answers["decision_function"] = scores
    answers["predict"] = chosen(writer, scores.argmax())
    return answers


def _write_linear(writer: Writer) -> Answers:
    model = writer.model
    scores = writer.as_tensor(linear_scores(writer))
    answers: dict[str, Any] = {}
    if len(model.classes_) == 2:
        second = scores.apply("Sigmoid")
        answers["predict_proba"] = (1 - second).concat(second)
        answers["decision_function"] = scores.flat()
        answers["predict"] = chosen(writer, (scores.flat() > 0.0).astype(INT64))
    else:
        answers["predict_proba"] = scores.softmax()
        answers["decision_function"] = scores
        answers["predict"] = chosen(writer, scores.argmax())
    shares = answers["predict_proba"]
    tiny = np.full((1, 1), np.finfo(shares.dtype).tiny, shares.dtype)
    answers["predict_log_proba"] = shares.equals(np.zeros((1, 1), shares.dtype)).where(tiny, shares).apply("Log")
    if model.solver != "lsqr":
        rows = writer.floats()
        centred = rows - np.asarray(model.xbar_) if model.solver == "svd" else rows
        answers["transform"] = centred @ np.asarray(model.scalings_)[:, : model._max_components]
    return answers


def _write_quadratic(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    columns = []
    for rotation, scaling, mean in zip(model.rotations_, model.scalings_, model.means_, strict=True):
        turned = (rows - np.asarray(mean)) @ (rotation * scaling ** (-0.5))
        columns.append((turned * turned).sum())
    logarithms = np.asarray([np.sum(np.log(s)) for s in model.scalings_])
    scores = (writer.beside(columns) + logarithms.reshape(1, -1)) * -0.5 + np.log(model.priors_).reshape(1, -1)
    return _by_scores(writer, scores)


CONVERTERS: dict[type, Write] = {
    LinearDiscriminantAnalysis: _write_linear,
    QuadraticDiscriminantAnalysis: _write_quadratic,
}
