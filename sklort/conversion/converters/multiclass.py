"""One-vs-rest, one-vs-one, output codes. Source of the rules: ``sklearn/multiclass.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
    _ConstantPredictor,
)

from sklort.conversion.converters.linear import scores_together
from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError


def binary_score(writer: Writer, answers: dict[str, Any], model: Any) -> Tensor:
    """scikit-learn's ``_predict_binary`` (n,), from the answers of one of the estimators."""
    if is_regressor(model):
        score = answers["predict"]
    elif hasattr(model, "decision_function"):
        score = answers["decision_function"]
    else:
        return answers["predict_proba"].take([1]).flat()  # type: ignore[no-any-return]
    return score.flat()  # type: ignore[no-any-return]


def _threshold(model: Any) -> float:
    return 0.0 if hasattr(model, "decision_function") and is_classifier(model) else 0.5


def _write_one_vs_rest(writer: Writer) -> Answers:
    model = writer.model
    threshold = _threshold(model.estimators_[0])
    positive: Tensor | None = None  # (n, classes): how likely each class is by its own estimator
    together = scores_together(writer, model.estimators_) if len(model.estimators_) > 1 else None
    answers: dict[str, Any] = {}
    if together is not None:
        scores, link = together
        answers["decision_function"] = scores
        positive = scores.apply("Sigmoid") if link == "expit" else None
    else:
        each = [writer.answers(e) for e in model.estimators_]
        parts = [binary_score(writer, a, e) for a, e in zip(each, model.estimators_, strict=True)]
        kind = np.result_type(*[part.dtype for part in parts])
        scores = stack([part.astype(kind) for part in parts])
        if all("predict_proba" in a for a in each):
            positive = writer.beside([a["predict_proba"].take([1]) for a in each])
        if all("decision_function" in a for a in each):
            raw = [a["decision_function"].flat() for a in each]
            answers["decision_function"] = raw[0] if len(each) == 1 else stack(raw)
    if model.multilabel_:
        answers["predict"] = (scores > threshold).astype(INT64)
    elif len(model.estimators_) == 1:
        answers["predict"] = chosen(writer, (scores.flat() > threshold).astype(INT64))
    else:
        answers["predict"] = chosen(writer, scores.argmax())
    if positive is not None and not model.multilabel_:
        if len(model.estimators_) == 1:
            positive = (1 - positive).concat(positive)
        sums = positive.sum()
        positive = positive / sums.equals(0.0).where(np.array(1, sums.dtype), sums)
    if positive is not None:
        answers["predict_proba"] = positive
    return answers


def pairwise_votes(votes: Tensor, confidences: Tensor, count: int) -> Tensor:
    """scikit-learn's ``_ovr_decision_function``: (n, pairs) votes of 0 or 1 and confidences -> (n, count)."""
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    signs, won, lost = (np.zeros((len(pairs), count)) for _ in range(3))
    for k, (i, j) in enumerate(pairs):
        signs[k, i], signs[k, j] = -1, 1
        lost[k, i], won[k, j] = 1, 1
    second = votes.astype(DOUBLE)
    counted = second @ won + (1.0 - second) @ lost
    if count > 3:  # a matrix product may add in another order: column by column, as scikit-learn does
        columns = []
        for c in range(count):
            summed: Tensor | None = None
            for k, pair in enumerate(pairs):
                if c in pair:
                    one = confidences.take([k])
                    signed = one if pair[1] == c else -one
                    summed = signed if summed is None else summed + signed
            columns.append(summed)
        total = confidences.writer.beside(columns)  # type: ignore[arg-type]
    else:
        total = confidences.astype(DOUBLE) @ signs
    return counted + total / ((total.apply("Abs") + 1.0) * 3.0)


def _write_one_vs_one(writer: Writer) -> Answers:
    model = writer.model
    if model.pairwise_indices_ is not None:
        raise ConversionError("OneVsOneClassifier over a precomputed kernel: fit it on the features instead")
    each = [writer.answers(e) for e in model.estimators_]
    votes = stack([a["predict"].astype(DOUBLE) for a in each])
    confidences = [binary_score(writer, a, e).astype(DOUBLE) for a, e in zip(each, model.estimators_, strict=True)]
    scores = pairwise_votes(votes, stack(confidences), len(model.classes_))
    if len(model.classes_) == 2:
        scores = scores.take([1]).flat()
        above = scores > _threshold(model.estimators_[0])
        return {"predict": chosen(writer, above.astype(INT64)), "decision_function": scores}
    return {"predict": chosen(writer, scores.argmax()), "decision_function": scores}


def _write_output_code(writer: Writer) -> Answers:
    model = writer.model
    each = [binary_score(writer, writer.answers(e), e).astype(DOUBLE) for e in model.estimators_]
    codes = np.asarray(model.code_book_, np.float64)
    rows = stack(each)
    # Squared distances without the square of the row, which is common to all classes, as scikit-learn ranks them.
    distances = rows @ (-2.0 * codes.T) + (codes * codes).sum(axis=1)
    return {"predict": chosen(writer, distances.argmin())}


def _write_constant(writer: Writer) -> Answers:
    value = np.ravel(writer.model.y_)[:1]
    score = writer.for_each_row(value.astype(np.int64))
    both = np.concatenate([1 - value, value]).astype(np.float64)
    return {
        "predict": score.flat(),
        "predict_proba": writer.for_each_row(both),
        "decision_function": score.astype(DOUBLE).flat(),
    }


CONVERTERS: dict[type, Write] = {
    OneVsRestClassifier: _write_one_vs_rest,
    OneVsOneClassifier: _write_one_vs_one,
    OutputCodeClassifier: _write_output_code,
    _ConstantPredictor: _write_constant,
}
