"""Class labels in the graph: int64 or strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import STRING, Writer
from sklort.exceptions import ConversionError


def label_values(classes: Any, where: str) -> np.ndarray:
    """`classes_` as the graph holds them: booleans as 0 and 1, integral floats as integers, strings as they are."""
    if isinstance(classes, list):
        raise ConversionError(
            f"{where} predicts several outputs of classes: fit one classifier per output and convert each"
        )
    array = np.asarray(classes)
    if array.ndim != 1:
        raise ConversionError(f"{where} has classes of shape {array.shape}: multilabel models are not converted")
    if array.dtype.kind in "biu":
        values = array.astype(np.int64)
        if (values.astype(array.dtype) != array).any() or (array.dtype.kind == "u" and (values < 0).any()):
            raise ConversionError(f"{where} has class labels beyond int64")
        return values
    if array.dtype.kind == "f":
        values = array.astype(np.int64)
        if (values != array).any():
            raise ConversionError(f"{where} has class labels {array.tolist()}: ONNX labels are integers or strings")
        return values
    if array.dtype.kind == "U" or all(isinstance(v, str) for v in array):
        return array.astype(object)
    if array.dtype == STRING and all(isinstance(v, int | np.integer | np.bool_) for v in array):
        return array.astype(np.int64)
    raise ConversionError(f"{where} has class labels of dtype {array.dtype}: ONNX labels are integers or strings")


def write_labels(writer: Writer, index: str) -> tuple[str, np.dtype]:
    """The label of class number `index`, an int64 tensor of shape (n,)."""
    values = label_values(writer.model.classes_, writer.where)
    return writer.node("Gather", [writer.constant(values, "classes"), index], axis=0), values.dtype


def chosen(writer: Writer, index: Tensor, classes: Any = None) -> Tensor:
    """The label of class number `index`, (n,); of `classes`, by default those of the model."""
    values = label_values(writer.model.classes_ if classes is None else classes, writer.where)
    return writer.tensor(values, "classes").take(index, axis=0)


def response(writer: Writer, model: Any, methods: Sequence[str], inputs: Sequence[Tensor] | None = None) -> Tensor:
    """What scikit-learn's ``_get_response_values`` gives: scores of all classes (n, k), of two the second's (n,)."""
    method = next((m for m in methods if hasattr(model, m)), None)
    if method is None:
        raise ConversionError(f"{writer.where} asks {type(model).__name__} for {' or '.join(methods)}, which it lacks")
    scores = writer.answer(model, method, inputs)
    if method == "predict_proba" and len(model.classes_) == 2:
        return scores.take([1]).flat()
    return scores


def write_argmax(writer: Writer, scores: str) -> str:
    """Number of the largest column of (n, n_classes), the first on ties, as numpy.argmax."""
    return writer.node("ArgMax", [scores], axis=1, keepdims=0)


def write_where_positive(writer: Writer, scores: str, dtype: np.dtype, *, zero: int) -> str:
    """1 where a score (n,) is positive, `zero` where it is 0, else 0: int64 (n,)."""
    null = writer.constant(np.array(0, dtype))
    if zero:
        chosen = writer.node("Not", [writer.node("Less", [scores, null])])
    else:
        chosen = writer.node("Greater", [scores, null])
    return writer.cast(chosen, np.dtype(np.bool_), np.dtype(np.int64))
