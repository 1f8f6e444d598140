"""The two questions to a fitted model: its compiled form, and what of it can be compiled."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklort.estimator.acceptance import attempt
from sklort.estimator.onnx_estimator import OnnxEstimator
from sklort.estimator.support import SupportReport
from sklort.exceptions import FallbackWarning

convert = OnnxEstimator.convert


def supported(model: Any, X: Any = None, *, target_opset: Any = None) -> SupportReport:
    """What of a fitted model can be compiled, step by step, and what each other step costs.

    Every step is converted to find out, and nothing is compared: `convert` does that.

    Parameters
    ----------
    model : fitted estimator
    X : array-like, sparse matrix or data frame of shape (n_samples, n_features), optional
        Rows the model accepts. By default rows of random numbers, which do for a model that takes numbers.
    target_opset : int or dict, optional
        As for `convert`.

    Returns
    -------
    SupportReport
        Prints as a table.

    Raises
    ------
    NotFittedError
        When the model is not fitted: what it learnt decides what can be converted.
    """
    check_is_fitted(model)
    if X is None:
        X = _invented_rows(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        report: SupportReport = convert(model, X, parity=False, target_opset=target_opset).compilation_
    return report


def _invented_rows(model: Any) -> Any:
    n, names = getattr(model, "n_features_in_", None), getattr(model, "feature_names_in_", None)
    if n is None:
        raise ValueError(f"{type(model).__name__} does not say how many features it takes: give rows of X")
    X: Any = np.abs(np.random.default_rng(0).normal(size=(20, int(n))))
    if names is not None:
        import pandas as pd

        X = pd.DataFrame(X, columns=list(names))
    method = next((one for one in ("predict", "transform") if hasattr(model, one)), None)
    if method is not None and attempt(model, method, X) is None:
        raise ValueError(f"{type(model).__name__} does not take rows of numbers: give rows of X")
    return X
