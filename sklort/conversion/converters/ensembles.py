"""Voting and stacking. Source of the rules: ``sklearn/ensemble/_voting.py``, ``_stacking.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor

from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer, common_dtype
from sklort.exceptions import ConversionError


def average(parts: list[Tensor], weights: Any = None) -> Tensor:
    """``numpy.average`` over tensors of one shape, in their order."""
    if weights is None:
        return total(parts) / float(len(parts))
    weighed = [p * np.float64(w) for p, w in zip(parts, weights, strict=True)]
    return total(weighed) / np.float64(np.sum(np.asarray(weights, np.float64)))


def total(parts: list[Tensor]) -> Tensor:
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    return summed


def _side_by_side(writer: Writer, parts: list[Tensor]) -> Tensor:
    """``numpy.hstack``."""
    kind = common_dtype([p.dtype for p in parts], writer.where)
    return writer.beside([p.astype(kind) for p in parts])


def _write_voting_classifier(writer: Writer) -> Answers:
    model = writer.model
    if not hasattr(model, "le_") or np.asarray(model.classes_).ndim != 1:
        raise ConversionError("VotingClassifier of several labels per row: fit one per label")
    weights = model._weights_not_none
    if model.voting == "soft":
        probabilities = [writer.answer(e, "predict_proba") for e in model.estimators_]
        mean = average(probabilities, weights)
        answers = {"predict": chosen(writer, mean.argmax()), "predict_proba": mean}
        if model.flatten_transform:
            answers["transform"] = _side_by_side(writer, probabilities)
        return answers
    votes = _side_by_side(writer, [writer.answer(e, "predict").column() for e in model.estimators_])
    if votes.dtype != INT64:
        raise ConversionError("VotingClassifier: its estimators do not answer with the numbers of the classes")
    counts = []
    for number in range(len(model.classes_)):
        for_class = votes.equals(np.array(number)).astype(DOUBLE)
        counts.append((for_class if weights is None else for_class * np.asarray(weights, np.float64)).sum())
    return {"predict": chosen(writer, writer.beside(counts).argmax()), "transform": votes}


def _write_voting_regressor(writer: Writer) -> Answers:
    model = writer.model
    values = [writer.answer(e, "predict") for e in model.estimators_]
    return {
        "predict": average(values, model._weights_not_none),
        "transform": _side_by_side(writer, [v.column() for v in values]),
    }


def _write_stacking(writer: Writer) -> Answers:
    model = writer.model
    parts: list[Tensor] = []
    used = [e for e in model.estimators_ if not isinstance(e, str)]
    for estimator, method in zip(used, model.stack_method_, strict=True):
        answer = writer.answers(estimator).get(method)
        if answer is None:
            raise ConversionError(f"{method} of {type(estimator).__name__} in {writer.where} has no ONNX form")
        parts += _stacked(model, answer, estimator, method)
    if model.passthrough:
        parts.append(_side_by_side(writer, writer.inputs))
    features = _side_by_side(writer, parts)
    answers = dict(writer.answers(model.final_estimator_, [features]))
    label_encoder = getattr(model, "_label_encoder", None)
    if label_encoder is not None and not isinstance(label_encoder, list):
        answers["predict"] = chosen(writer, answers["predict"])
    elif isinstance(label_encoder, list):
        raise ConversionError("StackingClassifier of several labels per row: fit one per label")
    return {**answers, "transform": features}


def _stacked(model: Any, answer: Any, estimator: Any, method: str) -> list[Tensor]:
    if isinstance(answer, list):
        return [part.take(np.arange(1, len(classes))) for part, classes in zip(answer, estimator.classes_, strict=True)]
    classes = len(model.classes_) if hasattr(model, "classes_") else 0
    if method == "predict_proba" and classes == 2:
        return [answer.take([1])]
    if method == "predict" or (method == "decision_function" and len(estimator.classes_) <= 2):
        return [answer.reshape(-1, max(int(getattr(estimator, "n_outputs_", 1)), 1))]
    return [answer]


CONVERTERS: dict[type, Write] = {
    VotingClassifier: _write_voting_classifier,
    VotingRegressor: _write_voting_regressor,
    StackingClassifier: _write_stacking,
    StackingRegressor: _write_stacking,
}
