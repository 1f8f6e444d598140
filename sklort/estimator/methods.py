"""The methods that a graph can answer, and how an estimator offers them without a Python frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")
ON_DEMAND = ("apply", "kneighbors")
"""Compiled when they are first called: each needs a graph of its own, which few users want."""
_CHANGING = ("fit", "partial_fit", "set_", "sparsify", "densify")


class TwoLaneMethod(property):
    """A method that is looked up without entering Python, so that a call is none of its frames.

    The getter, written in C, finds the function behind the method in `_lanes`. Where there is none it raises
    AttributeError, and Python goes on to the `__getattr__` of the class, which decides whether the method exists.
    On the class it can be called as a function is: ``OnnxEstimator.predict(estimator, X)``.
    """

    def __init__(self, name: str, doc: str) -> None:
        super().__init__(attrgetter(f"_lanes.{name}"))
        self.__doc__ = doc
        self.__name__ = name

    def __call__(self, estimator: Any, X: Any, **params: Any) -> Any:
        return getattr(estimator, self.__name__)(X, **params)


class Bound(partial[Any]):
    """What ``estimator.predict`` is: called without a frame of its own, and pickled as the estimator and the name.

    The lanes it belongs to know the estimator as `owner`.
    """

    lanes: Any
    __name__: str
    __qualname__: str

    def __new__(cls, lanes: Any, method: str, function: Callable[..., Any]) -> Bound:
        made = super().__new__(cls, function)
        made.lanes = lanes
        made.__name__ = made.__qualname__ = method
        made.__doc__ = function.__doc__
        made.__annotations__ = {}
        made.__module__ = function.__module__
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.lanes.owner, self.__name__)


class Predicting:
    """The methods that every estimator with `_lanes` may have."""

    predict = TwoLaneMethod("predict", "Labels, or values, of X: of shape (n_samples,) or (n_samples, n_outputs).")
    predict_proba = TwoLaneMethod("predict_proba", "Class probabilities of X: of shape (n_samples, n_classes).")
    predict_log_proba = TwoLaneMethod("predict_log_proba", "Logarithms of the class probabilities of X.")
    decision_function = TwoLaneMethod("decision_function", "Confidence scores of X, shaped as scikit-learn's.")
    score_samples = TwoLaneMethod("score_samples", "Scores of the rows of X: of shape (n_samples,).")


def is_forwarded(name: str, model: Any) -> bool:
    """Whether `name` is a method that only the scikit-learn model has, and that leaves the model as it is."""
    if name.startswith("_") or name.endswith("_") or name.startswith(_CHANGING):
        return False
    return callable(getattr(model, name, None))
