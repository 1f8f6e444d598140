"""Methods that are compiled when they are first called."""

from __future__ import annotations

import threading
from typing import Any

from sklort.estimator.devices import Where, on_host
from sklort.estimator.lanes import Lanes
from sklort.estimator.prepare import prepare, rows_to_compare
from sklort.exceptions import SklortError


class OnDemand:
    """One such method of a fitted model: compiled and compared at its first call, with the rows of that call.

    Where it cannot be compiled, or would differ on any row (of neighbours at equal distances scikit-learn's order is no
    rule), the model's own method answers; so it does a call with arguments beyond X.

    Parameters
    ----------
    model : fitted estimator
    method : str
    target_opset : optional
        As for `OnnxEstimator`.
    lanes : Lanes, optional
        Where the method is compiled already.
    device : {"cpu", "cuda", "auto"}
        As for `OnnxEstimator`.
    """

    def __init__(
        self, model: Any, method: str, target_opset: Any, lanes: Lanes | None = None, device: Where = "cpu"
    ) -> None:
        self.__name__ = self.__qualname__ = method
        self._model = model
        self._target_opset = target_opset
        self._device = device
        self._lanes = lanes
        self._tried = lanes is not None
        self._lock = threading.Lock()

    def __call__(self, X: Any = None, *args: Any, **params: Any) -> Any:
        if self._model is None or (X is not None and not args and not params):
            lanes = self.compiled(X)
            if lanes is not None:
                return lanes.methods[self.__name__](X, *args, **params)
        return getattr(self._model, self.__name__)(X, *args, **params)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._model is None and self._lanes is not None:  # of a loaded estimator
            return getattr, (self._lanes.owner, self.__name__)
        return type(self), (self._model, self.__name__, self._target_opset, None, self._device)

    def compiled(self, X: Any) -> Lanes | None:
        """The compiled method, made for rows like `X` if there is none yet; None where it cannot be."""
        with self._lock:
            if not self._tried:
                try:
                    sample, methods = rows_to_compare(on_host(X)), (self.__name__,)
                    how: dict[str, Any] = {"target_opset": self._target_opset, "device": self._device}
                    self._lanes, _ = prepare(self._model, sample, methods=methods, **how)
                except SklortError:
                    pass
                except (TypeError, ValueError):  # of an X that the model will have words for
                    return None
                self._tried = True
        return self._lanes
