"""What skl2onnx is known to convert wrongly without an error, or never to end converting: recognised and refused.

Each entry is a type, a predicate on the fitted estimator and a sentence. The table is asked for every estimator that is
left to skl2onnx, and those inside it. Parity checking comes on top; the table spares the user the hunt,
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


def _has_categories(model: Any) -> bool:
    mask = getattr(model, "is_categorical_", None)
    return mask is not None and bool(np.any(mask))


def _log_link(model: Any) -> bool:
    return model.loss in ("poisson", "gamma")


def _unscored_base(model: Any) -> bool:
    return not all(hasattr(e, "predict_proba") for e in model.estimators_)


_FAULTS: tuple[tuple[str, Predicate, str], ...] = (
    ("HistGradientBoostingClassifier", _has_categories, "writes categorical splits as numeric ones"),
    ("HistGradientBoostingRegressor", _has_categories, "writes categorical splits as numeric ones"),
    ("HistGradientBoostingRegressor", _log_link, "leaves out the inverse of the log link"),
    ("BaggingClassifier", _unscored_base, "transposes the scores of estimators without predict_proba"),
)


def _inside(model: Any, seen: set[int]) -> Iterator[Any]:
    """`model` and the fitted estimators it holds, at any depth."""
    if id(model) in seen:
        return
    seen.add(id(model))
    if isinstance(model, BaseEstimator) and not isinstance(model, type):
        yield model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            held = [v for k, v in vars(model).items() if k.endswith("_") or k in ("steps", "transformer_list")]
        for value in held:
            yield from _inside(value, seen)
    elif isinstance(model, list | tuple):
        for value in model:
            yield from _inside(value, seen)
    elif isinstance(model, dict):
        for value in model.values():
            yield from _inside(value, seen)
    elif isinstance(model, np.ndarray) and model.dtype == object and model.size < 100_000:
        for value in model.ravel():
            yield from _inside(value, seen)


def refuse_known_faults(model: Any) -> None:
    """Raise ConversionError where skl2onnx would convert a part of `model` wrongly.

    Parameters
    ----------
    model : fitted estimator
    """
    for part in _inside(model, set()):
        for name, applies, sentence in _FAULTS:
            if type(part).__name__ == name and applies(part):
                raise ConversionError(f"this {name} is not converted: skl2onnx {sentence}")
