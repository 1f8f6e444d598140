"""Linear models as they are written in graphs, read into one form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Node
from sklort.graph.types import DType
from sklort.passes.columns import ML
from sklort.passes.linear import Linear, private_reader, row_of
from sklort.passes.linear_tail import with_tail
from sklort.passes.rule import Facts

_FLOATS = (DType.FLOAT, DType.DOUBLE)


def read_linear(node: Node, facts: Facts, dtype: DType | None = None, *, tail: bool = True) -> Linear | None:
    """The model whose product is computed by `node`, with what follows it and nobody else needs.

    `dtype` is the element type of its matrix, where the caller knows better than ``facts.dtypes``. Without `tail`, a
    product ends with its bias.
    """
    if not node.inputs:
        return None
    dtype = dtype or facts.dtypes.get(node.inputs[0])
    if node.domain == ML and node.op_type == "LinearClassifier":
        return _of_classifier(node, facts, dtype)
    if node.domain == ML and node.op_type == "LinearRegressor":
        return _of_regressor(node, dtype)
    if not node.domain and node.op_type in ("MatMul", "Gemm"):
        found = _of_product(node, facts, dtype)
        return with_tail(found, facts) if found is not None and tail else found
    if (node.domain, node.op_type) == (OWN_DOMAIN, "LinearModel"):
        return _of_own(node, facts)
    return None


# --- models of ai.onnx.ml -------------------------------------------------------------------------------------------


def _values(node: Node, attribute: str) -> Array:
    found = node.attributes.get(attribute)
    return np.zeros(0, np.float32) if found is None else np.asarray(found.value)


def _text(node: Node, attribute: str, otherwise: str) -> str:
    found = node.attributes.get(attribute)
    return otherwise if found is None else str(found.value)


def _of_classifier(node: Node, facts: Facts, dtype: DType | None) -> Linear | None:
    transform = _text(node, "post_transform", "NONE")
    weights, bias = _values(node, "coefficients"), _values(node, "intercepts")
    texts = node.attributes.get("classlabels_strings")
    classes: Array = _values(node, "classlabels_ints").astype(np.int64)
    if texts is not None and len(texts.value):
        classes = np.array(texts.value, object)
    if dtype not in _FLOATS or transform not in ("NONE", "LOGISTIC", "SOFTMAX") or not classes.size:
        return None
    count = 1 if bias.size == 1 and classes.size == 2 else classes.size
    if classes.size < 2 or not weights.size or weights.size % count or bias.size not in (0, count):
        return None
    rows = weights.reshape(count, -1)
    link = transform
    if count == 1:
        link = "OPPOSITE" if transform == "LOGISTIC" else "COMPLEMENT"
    elif count == 2 and transform == "LOGISTIC" and (rows[0] == -rows[1]).all() and (bias[:1] == -bias[1:]).all():
        rows, bias, link = rows[1:], bias[1:], "OPPOSITE"
    outputs = (*node.outputs, "", "")
    found = _linear(node, dtype, rows.T, bias, link=link, classes=classes, label=outputs[0], linked=outputs[1])
    return _without_normalizer(found, facts) if link == "SOFTMAX" else found


def _linear(node: Node, dtype: DType, weights: Array, bias: Array, **more: Any) -> Linear:
    kind = dtype.numpy
    added = bias.astype(kind) if bias.size else np.full(weights.shape[1], -0.0, kind)
    return Linear(node, node.inputs[0], np.ascontiguousarray(weights, kind), added, **more)


def _without_normalizer(found: Linear, facts: Facts) -> Linear:
    """Softmax divides by the sum already."""
    reader = private_reader(found.linked, facts) if found.linked else None
    if reader is None or reader.domain != ML or reader.op_type != "Normalizer" or _text(reader, "norm", "MAX") != "L1":
        return found
    return replace(found, linked=reader.outputs[0], consumed=(reader,))


def _of_regressor(node: Node, dtype: DType | None) -> Linear | None:
    weights, bias = _values(node, "coefficients"), _values(node, "intercepts")
    given = node.attributes.get("targets")
    targets = 1 if given is None else max(1, int(given.value))
    if dtype not in _FLOATS or _text(node, "post_transform", "NONE") != "NONE":
        return None
    if not weights.size or weights.size % targets or bias.size not in (0, targets):
        return None
    return _linear(node, dtype, weights.reshape(targets, -1).T, bias, scores=node.outputs[0])


# --- products -------------------------------------------------------------------------------------------------------


def _of_product(node: Node, facts: Facts, dtype: DType | None) -> Linear | None:
    weights = facts.graph.constants.get(node.inputs[1])
    if weights is None or weights.ndim != 2 or dtype not in _FLOATS or weights.dtype != dtype.numpy:
        return None
    if not weights.size:  # a model of one class has no score
        return None
    if node.op_type == "MatMul":
        return _with_bias(_linear(node, dtype, weights, weights[:0, 0], scores=node.outputs[0]), facts)

    def number(name: str, otherwise: float) -> Any:
        found = node.attributes.get(name)
        return otherwise if found is None else found.value

    if number("alpha", 1) != 1 or number("beta", 1) != 1 or number("transA", 0):
        return None
    weights = weights.T if number("transB", 0) else weights
    bias: Array | None = weights[:0, 0]
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = row_of(facts.graph.constants.get(node.inputs[2]), weights.shape[1], weights.dtype)
    return None if bias is None else _linear(node, dtype, weights, bias, scores=node.outputs[0])


def _with_bias(found: Linear, facts: Facts) -> Linear:
    reader = private_reader(found.scores, facts)
    if reader is None or reader.op_type != "Add" or reader.domain or reader.version < 7:
        return found
    other = reader.inputs[1] if reader.inputs[0] == found.scores else reader.inputs[0]
    bias = row_of(facts.graph.constants.get(other), found.weights.shape[1], found.weights.dtype)
    if bias is None:
        return found
    return replace(found, bias=np.ascontiguousarray(bias), scores=reader.outputs[0], consumed=(reader,))


# --- our own --------------------------------------------------------------------------------------------------------


def _of_own(node: Node, facts: Facts) -> Linear | None:
    if "number_sources" in node.attributes:
        return None  # its columns are known already
    x, weights, bias = node.inputs
    outputs = (*node.outputs, "", "")
    texts, numbers = node.attributes.get("classlabels_strings"), node.attributes.get("classlabels_int64s")
    classes = None if numbers is None else numbers.value
    if texts is not None:
        classes = np.array(texts.value, object)
    constants = facts.graph.constants
    return Linear(
        node,
        x,
        constants[weights],
        constants[bias],
        link=_text(node, "link", "NONE"),
        classes=classes,
        nan_wins=bool(node.attributes["nan_wins"].value),
        best_of_linked=bool(node.attributes["best_of_linked"].value),
        label=outputs[0],
        linked=outputs[1],
        scores=outputs[2],
    )
