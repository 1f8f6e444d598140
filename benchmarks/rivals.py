"""The other engines: each a predictor with scikit-learn's method names, or None where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd


def use_threads(model: Any, threads: int) -> None:
    """Set `n_jobs` wherever the model, or a step of it, has one."""
    model.set_params(**{name: threads for name in model.get_params() if name.split("__")[-1] == "n_jobs"})


def use_fastest_threads(model: Any, X: Any, cores: int) -> None:
    """Give scikit-learn the `n_jobs` it is faster with on this X: threads cost a small batch more than they save."""
    if cores == 1 or not any(name.split("__")[-1] == "n_jobs" for name in model.get_params()):
        return
    best = dict.fromkeys((1, cores), float("inf"))
    for _ in range(1 if len(X) > 10_000 else 3):
        for threads in best:
            use_threads(model, threads)
            begin = perf_counter()
            model.predict_proba(X)
            best[threads] = min(best[threads], perf_counter() - begin)
    use_threads(model, min(best, key=lambda threads: best[threads]))


class OnnxRuntime:
    """onnxruntime on an ONNX model with one array input or one input for each column.

    Making its feed from a data frame is a part of the time: whoever calls it must do it.
    """

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.probabilities = next(one.name for one in self.session.get_outputs() if "prob" in one.name)

    def predict_proba(self, X: Any) -> Any:
        if isinstance(X, pd.DataFrame):
            feed = {}
            for name in self.inputs:
                column = X[name].to_numpy()
                feed[name] = (column if column.dtype.kind in "fiu" else column.astype(object)).reshape(-1, 1)
        else:
            feed = {self.inputs[0]: np.ascontiguousarray(X)}
        return self.session.run([self.probabilities], feed)[0]


def onnxruntime_of(model: bytes) -> OnnxRuntime | None:
    """onnxruntime on this model, where it is installed."""
    return None if find_spec("onnxruntime") is None else OnnxRuntime(model)
