"""Which methods an estimator has: questions for scikit-learn's `available_if`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.validation import check_is_fitted


def offers(method: str) -> Callable[[Any], bool]:
    """For `available_if`: the fitted graph offers `method`, or, before fit, the wrapped estimator has it."""

    def check(self: Any) -> bool:
        if self.__sklearn_is_fitted__():
            return method in self._lanes.methods
        getattr(self.estimator, method)  # its own AttributeError says more than ours
        return True

    return check


def wraps(method: str) -> Callable[[Any], bool]:
    """For `available_if`: the wrapped estimator has `method`."""

    def check(self: Any) -> bool:
        getattr(self._original, method)
        return True

    return check


def can_score(self: Any) -> bool:
    """For `available_if`: by the wrapped estimator, or by the kind of a loaded one."""
    if self._original is not None:
        return hasattr(self._original, "score")
    return self.__dict__.get("_kind") in ("classifier", "regressor")


def last_step(model: Any) -> Any:
    """The estimator at the end of nested pipelines."""
    while getattr(model, "steps", None):
        model = model.steps[-1][1]
    return model


def unfitted(estimator: Any, name: str) -> Callable[..., Any]:
    """A method that needs a fitted estimator, and finds itself once there is one."""

    def method(*args: Any, **params: Any) -> Any:
        check_is_fitted(estimator)
        return getattr(estimator, name)(*args, **params)

    method.__name__ = method.__qualname__ = name
    return method
