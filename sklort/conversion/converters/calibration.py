"""Calibrated classifiers, tuned thresholds, isotonic regression.

Source of the rules: ``sklearn/calibration.py``, ``isotonic.py``, ``model_selection/_classification_threshold.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from sklort.conversion.converters.ensembles import average
from sklort.conversion.converters.search import interpolate
from sklort.conversion.labels import chosen, response
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError

_EPSILON = 1e-12  # added to a probability before its logarithm is taken
_SCORES = ("decision_function", "predict_proba")


def isotonic(writer: Writer, model: IsotonicRegression, value: Tensor) -> Tensor:
    """`IsotonicRegression.predict` of (n, 1)."""
    knots, heights = np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)
    value = value.astype(knots.dtype)
    if model.out_of_bounds == "clip":
        value = clip(value, model.X_min_, model.X_max_)
    if len(knots) == 1:  # whatever comes
        return writer.for_each_row(heights)
    found = interpolate(writer, value, [knots], [heights])
    if model.out_of_bounds == "clip":
        return found
    # "raise" cannot be said in ONNX: what scikit-learn refuses is NaN here, and left to it by the estimator around.
    outside = (value < knots[0]) | (value > knots[-1])
    result: Tensor = outside.where(np.array(np.nan, value.dtype), found)
    return result


def _write_isotonic(writer: Writer) -> Answers:
    rows = writer.floats()
    if rows.width not in (None, 1):
        raise ConversionError(f"IsotonicRegression takes one column, not {rows.width}")
    found = isotonic(writer, writer.model, rows)
    return {"predict": found, "transform": found.flat()}


def _calibrated(writer: Writer, part: Any) -> Tensor:
    """Probabilities of one estimator and its calibrators, (n, k) in double."""
    scores = response(writer, part.estimator, _SCORES)
    columns = scores if len(part.estimator.classes_) > 2 else scores.column()
    count = len(part.classes)
    if part.method == "temperature":
        return _tempered(part, columns, count)
    places = np.searchsorted(part.classes, part.estimator.classes_)
    found: dict[int, Tensor] = {}
    width = len(part.estimator.classes_) if len(part.estimator.classes_) > 2 else 1
    for place, column, calibrator in zip(places, range(width), part.calibrators, strict=False):
        score = columns if width == 1 else columns.take([column])
        found[int(place) + (count == 2)] = _applied(writer, calibrator, score, part.method).astype(DOUBLE)
    if count == 2:
        probabilities = (1.0 - found[1]).concat(found[1])
    else:
        empty = writer.for_each_row(np.zeros(1)) if len(found) < count else None
        raw = writer.beside([found.get(i) or empty for i in range(count)])  # type: ignore[misc]
        sums = raw.sum()
        nothing = sums.equals(np.array(0.0))
        probabilities = nothing.where(np.array(1 / count), raw / nothing.where(np.array(1.0), sums))
    beyond = (probabilities > np.array(1.0)) & (probabilities <= np.array(1.0 + 1e-5))
    return beyond.where(np.array(1.0), probabilities)


def _applied(writer: Writer, calibrator: Any, score: Tensor, method: str) -> Tensor:
    if method == "isotonic":
        return isotonic(writer, calibrator, score)
    slope, offset = calibrator.a_, calibrator.b_
    # expit(-(a T + b))
    result: Tensor = (-(score * slope + offset)).apply("Sigmoid")
    return result


def _tempered(part: Any, columns: Tensor, count: int) -> Tensor:
    if hasattr(part.estimator, "decision_function"):
        logits = columns if count > 2 else (-columns).concat(columns)
    else:
        probabilities = columns if count > 2 else (1 - columns).concat(columns)
        logits = (probabilities + _EPSILON).apply("Log")
    result: Tensor = (logits * part.calibrators[0].beta_).softmax()
    return result


def _write_calibrated(writer: Writer) -> Answers:
    parts = [_calibrated(writer, part).astype(DOUBLE) for part in writer.model.calibrated_classifiers_]
    mean = average(parts)
    return {"predict": chosen(writer, mean.argmax()), "predict_proba": mean}


def _threshold(model: Any, method: str) -> tuple[float, Any]:
    """The threshold and the label above it."""
    if isinstance(model, TunedThresholdClassifierCV):
        return float(model.best_threshold_), model._curve_scorer._get_pos_label()
    if isinstance(model.threshold, str):
        return (0.5 if method == "predict_proba" else 0.0), model.pos_label
    return float(model.threshold), model.pos_label


def _write_threshold(writer: Writer) -> Answers:
    model = writer.model
    inner = getattr(model, "estimator_", model.estimator)
    asked = model._get_response_method()
    methods = [asked] if isinstance(asked, str) else list(asked)
    method = next(m for m in methods if hasattr(inner, m))
    threshold, positive = _threshold(model, method)
    answers = dict(writer.answers(inner))
    classes = np.asarray(inner.classes_)
    above = 1 if positive is None else int(np.flatnonzero(classes == positive)[0])
    scores = answers[method]
    if method == "predict_proba":
        scores = scores.take([above]).flat()
    elif above == 0:
        scores = -scores
    met = (scores >= threshold).astype(INT64)
    answers["predict"] = chosen(writer, met if above == 1 else 1 - met)
    return answers


CONVERTERS: dict[type, Write] = {
    CalibratedClassifierCV: _write_calibrated,
    IsotonicRegression: _write_isotonic,
    FixedThresholdClassifier: _write_threshold,
    TunedThresholdClassifierCV: _write_threshold,
}
