"""Fitted scikit-learn model -> ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklort.conversion.result import Conversion


def convert_model(
    model: Any, X: Any, *, target_opset: int | dict[str, int] | None = None, methods: Sequence[str] | None = None
) -> Conversion:
    """Write a fitted scikit-learn estimator or pipeline as an ONNX model that gives its answers.

    Parameters
    ----------
    model : fitted estimator
    X : array or DataFrame of shape (n, n_features)
        A sample, of one row at least, like the data that will be predicted. Its dtypes become the graph's: float32
        stays float32, a DataFrame with strings or with columns selected by name becomes one input per column.
    target_opset : int or dict of str to int, optional
        Highest version of the ONNX operators, for the main domain or by domain (``{"": 21, "ai.onnx.ml": 5}``).
    methods : sequence of str, optional
        Of ``apply`` and ``kneighbors``, which are written only when asked for. By default everything else.

    Returns
    -------
    Conversion

    Raises
    ------
    ConversionError
        The model, or X, cannot be written as ONNX.
    sklearn.exceptions.NotFittedError
        The model is not fitted.
    """
    # skl2onnx takes a second to import: it is loaded by the first conversion, not by loading converted models.
    from sklort.conversion.assemble import assemble

    return assemble(model, X, target_opset, methods)
