"""What skl2onnx is known to convert wrongly without an error, or never to end converting: recognised and refused.

Each entry is a type, a predicate on the fitted estimator and a sentence. The table is asked for every estimator
inside the model that none of our converters writes. Parity checking comes on top; the table spares the user the hunt,
and holds where a sample would not show the fault.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklort.exceptions import ConversionError

Predicate = Callable[[Any], bool]


def _always(model: Any) -> bool:
    return True


def _binary(model: Any) -> bool:
    return len(model.classes_) == 2


def _numbered(model: Any) -> bool:
    classes = np.asarray(model.classes_)
    return classes.dtype.kind in "iu" and bool((classes == np.arange(len(classes))).all())


def _distance_weights(model: Any) -> bool:
    return not (model.weights is None or (isinstance(model.weights, str) and model.weights == "uniform"))


def _calibrates_pipeline(model: Any) -> bool:
    return any(
        hasattr(c.estimator, "steps") or hasattr(c.estimator, "best_estimator_") for c in model.calibrated_classifiers_
    )


def _stacks_scores(model: Any) -> bool:
    return "decision_function" in model.stack_method_


def _infrequent(model: Any) -> bool:
    return getattr(model, "max_categories", None) is not None or getattr(model, "min_frequency", None) is not None


def _has_categories(model: Any) -> bool:
    mask = getattr(model, "is_categorical_", None)
    return mask is not None and bool(np.any(mask))


def _log_link(model: Any) -> bool:
    return model.loss in ("poisson", "gamma")


def _unscored_base(model: Any) -> bool:
    return not all(hasattr(e, "predict_proba") for e in model.estimators_)


_FAULTS: tuple[tuple[str, Predicate, str], ...] = (
    (
        "KNeighborsClassifier",
        _distance_weights,
        "takes weights other than 'uniform' as uniform",
    ),
    (
        "KNeighborsRegressor",
        _distance_weights,
        "takes weights other than 'uniform' as uniform",
    ),
    (
        "RadiusNeighborsClassifier",
        _distance_weights,
        "takes weights other than 'uniform' as uniform",
    ),
    (
        "RadiusNeighborsRegressor",
        _distance_weights,
        "takes weights other than 'uniform' as uniform",
    ),
    (
        "HistGradientBoostingClassifier",
        _has_categories,
        "writes categorical splits as numeric ones",
    ),
    (
        "HistGradientBoostingRegressor",
        _has_categories,
        "writes categorical splits as numeric ones",
    ),
    (
        "HistGradientBoostingRegressor",
        _log_link,
        "leaves out the inverse of the log link",
    ),
    (
        "LinearDiscriminantAnalysis",
        _binary,
        "gives two classes the probabilities of twice the score",
    ),
    (
        "CalibratedClassifierCV",
        lambda m: m.method == "isotonic",
        "takes the nearest knot of an isotonic calibration instead of interpolating",
    ),
    (
        "CalibratedClassifierCV",
        _calibrates_pipeline,
        "calibrates the probabilities of a Pipeline where scikit-learn calibrates its scores",
    ),
    ("TunedThresholdClassifierCV", _always, "ignores the tuned threshold"),
    (
        "OneVsOneClassifier",
        lambda m: not _numbered(m),
        "answers with the number of the class instead of its label",
    ),
    (
        "StackingClassifier",
        _stacks_scores,
        "stacks binary scores as two columns instead of one",
    ),
    ("OrdinalEncoder", _infrequent, "gives infrequent categories other codes"),
    ("OneVsRestClassifier", _unscored_base, "scales scores to sum to one"),
    (
        "BaggingClassifier",
        _unscored_base,
        "transposes the scores of estimators without predict_proba",
    ),
)


def _inside(model: Any, ours: frozenset[type], seen: set[int]) -> Iterator[Any]:
    """`model` and the fitted estimators it holds, at any depth, but none of `ours`."""
    if id(model) in seen or type(model) in ours:
        return
    seen.add(id(model))
    if isinstance(model, BaseEstimator) and not isinstance(model, type):
        yield model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            held = [v for k, v in vars(model).items() if k.endswith("_") or k in ("steps", "transformer_list")]
        for value in held:
            yield from _inside(value, ours, seen)
    elif isinstance(model, list | tuple):
        for value in model:
            yield from _inside(value, ours, seen)
    elif isinstance(model, dict):
        for value in model.values():
            yield from _inside(value, ours, seen)
    elif isinstance(model, np.ndarray) and model.dtype == object and model.size < 100_000:
        for value in model.ravel():
            yield from _inside(value, ours, seen)


def refuse_known_faults(model: Any, ours: frozenset[type]) -> None:
    """Raise ConversionError where skl2onnx would convert a part of `model` wrongly.

    Parameters
    ----------
    model : fitted estimator
    ours : types of estimators that our converters write; they are not asked about.
    """
    for part in _inside(model, ours, set()):
        for name, applies, sentence in _FAULTS:
            if type(part).__name__ == name and applies(part):
                raise ConversionError(f"this {name} is not converted: skl2onnx {sentence}")
