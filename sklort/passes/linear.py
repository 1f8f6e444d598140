"""Linear models as they are written in graphs, read into one form: `Linear`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Attribute, AttributeKind, Node
from sklort.graph.types import DType, TensorType
from sklort.passes.columns import BINARY, ML, UNARY
from sklort.passes.rule import Facts

_KEEPS_MATRIX = frozenset({("", op) for op in UNARY} | {(ML, op) for op in ("Imputer", "Normalizer", "Scaler")})
_FLOATS = (DType.FLOAT, DType.DOUBLE)


@dataclass(frozen=True, eq=False)
class Linear:
    """``link(x @ weights + bias)`` and the labels of the classes; what is not made is ``""``."""

    node: Node
    x: str
    weights: Array
    bias: Array
    link: str = "NONE"
    classes: Array | None = None
    """The labels, of int64 or strings; None: their numbers."""
    nan_wins: bool = False
    label: str = ""
    linked: str = ""
    scores: str = ""
    consumed: tuple[Node, ...] = field(default=())
    """Nodes besides `node` whose work it does."""

    def as_node(
        self, sources: Sequence[str], facts: Facts, more: Mapping[str, Attribute] | None = None
    ) -> tuple[Node, dict[str, Array]]:
        """The operator of our own domain, and the constants it needs."""
        stem = next(filter(None, (self.label, self.linked, self.scores)))
        names = tuple(_unused(f"{stem}/{each}", facts) for each in ("weights", "bias"))
        constants = dict(zip(names, (np.ascontiguousarray(self.weights), np.ascontiguousarray(self.bias)), strict=True))
        attributes = {
            "link": Attribute(AttributeKind.STRING, self.link),
            "nan_wins": Attribute(AttributeKind.INT, int(self.nan_wins)),
            **(more or {}),
        }
        if self.classes is not None and self.classes.dtype == object:
            attributes["classlabels_strings"] = Attribute(AttributeKind.STRINGS, tuple(self.classes.tolist()))
        elif self.classes is not None:
            attributes["classlabels_int64s"] = Attribute(AttributeKind.INTS, self.classes)
        outputs = [self.label, self.linked, self.scores]
        while not outputs[-1]:
            outputs.pop()
        inputs = (*sources, *names)
        return Node("LinearModel", OWN_DOMAIN, 1, inputs, tuple(outputs), attributes, self.node.name), constants


def _unused(name: str, facts: Facts) -> str:
    while name in facts.graph.constants or name in facts.maker or name in facts.inputs:
        name += "/"
    return name


def is_matrix(name: str, facts: Facts) -> bool:
    """Whether a value has two dimensions, of which the second one counts columns."""
    while (node := facts.maker.get(name)) is not None:
        if node.op_type in BINARY and not node.domain and node.version >= 7:
            constants = [facts.graph.constants.get(each) for each in node.inputs]
            others = [each for each, constant in zip(node.inputs, constants, strict=True) if constant is None]
            if len(others) != 1 or any(each is not None and each.ndim > 2 for each in constants):
                return False
            name = others[0]
        elif (node.domain, node.op_type) in _KEEPS_MATRIX or node.op_type == "Concat":
            name = node.inputs[0]
        elif node.op_type in ("MatMul", "Gemm") and not node.domain:
            factor = facts.graph.constants.get(node.inputs[1])
            if factor is None or factor.ndim != 2:
                return False
            name = node.inputs[0]
        else:
            return False
    kinds = {value.name: value.type for value in facts.graph.inputs}
    kind = kinds.get(name)
    return isinstance(kind, TensorType) and kind.shape is not None and len(kind.shape) == 2


def private_reader(name: str, facts: Facts) -> Node | None:
    """The one node that reads a value which nobody needs besides."""
    readers = facts.readers.get(name, [])
    if len(readers) != 1 or name in facts.outputs or name in facts.captured:
        return None
    return readers[0]


def read_linear(node: Node, facts: Facts, dtype: DType | None = None) -> Linear | None:
    """The model whose product is computed by `node`, with what follows it and nobody else needs.

    `dtype` is the element type of its matrix, where the caller knows better than ``facts.dtypes``.
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
        return None if found is None else _with_tail(found, facts)
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
        bias = _row(facts.graph.constants.get(node.inputs[2]), weights.shape[1], weights.dtype)
    return None if bias is None else _linear(node, dtype, weights, bias, scores=node.outputs[0])


def _row(constant: Array | None, columns: int, dtype: np.dtype[Any]) -> Array | None:
    """A constant that adds the same row to every row."""
    if (
        constant is None
        or constant.dtype != dtype
        or constant.ndim > 2
        or (constant.ndim == 2 and constant.shape[0] != 1)
    ):
        return None
    return np.broadcast_to(constant.reshape(-1), (columns,)) if constant.size in (1, columns) else None


def _with_bias(found: Linear, facts: Facts) -> Linear:
    reader = private_reader(found.scores, facts)
    if reader is None or reader.op_type != "Add" or reader.domain or reader.version < 7:
        return found
    other = reader.inputs[1] if reader.inputs[0] == found.scores else reader.inputs[0]
    bias = _row(facts.graph.constants.get(other), found.weights.shape[1], found.weights.dtype)
    if bias is None:
        return found
    return replace(found, bias=np.ascontiguousarray(bias), scores=reader.outputs[0], consumed=(reader,))


def _with_tail(found: Linear, facts: Facts) -> Linear:
    """With the links and labels that are computed from the scores."""
    scores = found.scores
    for reader in facts.readers.get(scores, []):
        if found.linked or reader.domain:
            continue
        if reader.op_type == "Softmax" and _along_columns(reader, -1 if reader.version >= 13 else 1):
            found = replace(found, link="SOFTMAX", linked=reader.outputs[0], consumed=(*found.consumed, reader))
        elif reader.op_type == "Sigmoid":
            found = _with_sigmoid(found, reader, facts)
    for reader in facts.readers.get(scores, []):
        if found.label or reader.domain:
            continue
        if reader.op_type == "ArgMax" and found.weights.shape[1] > 1:
            found = _with_best(found, reader, facts)
        elif reader.op_type == "Reshape" and found.weights.shape[1] == 1:
            found = _with_positive(found, reader, facts)
    inside = {id(each) for each in found.consumed}
    read = any(id(each) not in inside for each in facts.readers.get(scores, []))
    needed = read or scores in facts.outputs or scores in facts.captured
    return found if needed else replace(found, scores="")


def _along_columns(node: Node, otherwise: int) -> bool:
    axis = node.attributes.get("axis")
    return (otherwise if axis is None else axis.value) in (1, -1)


def _with_sigmoid(found: Linear, sigmoid: Node, facts: Facts) -> Linear:
    """Its values, or with those of 1 - p beside them."""
    (name,) = sigmoid.outputs
    readers = facts.readers.get(name, [])
    plain = replace(found, link="LOGISTIC", linked=name, consumed=(*found.consumed, sigmoid))
    if found.weights.shape[1] != 1 or len(readers) != 2 or name in facts.outputs or name in facts.captured:
        return plain
    rest = next((each for each in readers if each.op_type == "Sub" and not each.domain), None)
    both = next((each for each in readers if each.op_type == "Concat" and not each.domain), None)
    if rest is None or both is None or not _along_columns(both, 0) or rest.inputs[1] != name:
        return plain
    one = _row(facts.graph.constants.get(rest.inputs[0]), 1, found.weights.dtype)
    if one is None or one[0] != 1 or both.inputs != (rest.outputs[0], name):
        return plain
    if private_reader(rest.outputs[0], facts) is not both:
        return plain
    return replace(found, link="SHARE", linked=both.outputs[0], consumed=(*found.consumed, sigmoid, rest, both))


def _with_best(found: Linear, best: Node, facts: Facts) -> Linear:
    last = best.attributes.get("select_last_index")
    if not _along_columns(best, 0) or (last is not None and last.value):
        return found
    keep = best.attributes.get("keepdims")
    kept = keep is None or bool(keep.value)
    (name,) = best.outputs
    if not kept:
        labelled = _gathered(found, name, facts)
        if labelled is not None:
            return replace(labelled, nan_wins=True, consumed=(*labelled.consumed, best))
        return replace(found, nan_wins=True, label=name, consumed=(*found.consumed, best))
    chain = _extracted(found, name, facts)
    return found if chain is None else replace(chain, nan_wins=True, consumed=(*chain.consumed, best))


def _labels(constant: Array | None, count: int) -> Array | None:
    if constant is None or constant.ndim != 1 or constant.size != count:
        return None
    return constant if constant.dtype in (np.dtype(np.int64), np.dtype(object)) else None


def _gathered(found: Linear, index: str, facts: Facts) -> Linear | None:
    """Gather(classes, index)."""
    reader = private_reader(index, facts)
    if reader is None or reader.op_type != "Gather" or reader.domain or reader.inputs[1] != index:
        return None
    axis = reader.attributes.get("axis")
    classes = _labels(facts.graph.constants.get(reader.inputs[0]), max(found.weights.shape[1], 2))
    if classes is None or (axis is not None and axis.value not in (0, -1)):
        return None
    return replace(found, classes=classes, label=reader.outputs[0], consumed=(*found.consumed, reader))


def _extracted(found: Linear, index: str, facts: Facts) -> Linear | None:
    """ArrayFeatureExtractor(classes, index) with index (n, 1), as one row, cast if need be and reshaped."""
    node = private_reader(index, facts)
    if node is None or (node.domain, node.op_type) != (ML, "ArrayFeatureExtractor") or node.inputs[1] != index:
        return None
    values = facts.graph.constants.get(node.inputs[0])
    if values is None or values.shape != (found.weights.shape[1],) or values.dtype.kind not in "iO":
        return None
    consumed, flat = [*found.consumed, node], False
    while True:
        name = node.outputs[0]
        if flat and values.dtype in (np.dtype(np.int64), np.dtype(object)):
            return replace(found, classes=values, label=name, consumed=tuple(consumed))
        reader = private_reader(name, facts)
        if reader is None or reader.domain:
            return None
        if reader.op_type == "Cast" and values.dtype != object:
            to = reader.attributes["to"].value
            if to not in (DType.INT64, DType.INT32, DType.FLOAT, DType.DOUBLE):
                return None
            cast = values.astype(DType(to).numpy)
            if (cast != values).any():
                return None
            values = cast
        elif reader.op_type == "Reshape" and _constant_list(reader.inputs[1], facts) == [-1]:
            flat = True
        else:
            return None
        consumed.append(reader)
        node = reader


def _constant_list(name: str, facts: Facts) -> list[Any] | None:
    constant = facts.graph.constants.get(name)
    return None if constant is None else list(constant.reshape(-1).tolist())


def _with_positive(found: Linear, flat: Node, facts: Facts) -> Linear:
    """Gather(classes, Cast(Greater(Reshape(scores, [-1]), 0)))."""
    if len(flat.inputs) < 2 or _constant_list(flat.inputs[1], facts) != [-1]:
        return found
    (name,) = flat.outputs
    readers = facts.readers.get(name, [])
    above = next((each for each in readers if each.op_type == "Greater" and each.inputs[0] == name), None)
    if above is None or above.domain or above.version < 7:
        return found
    bound = _row(facts.graph.constants.get(above.inputs[1]), 1, found.weights.dtype)
    cast = private_reader(above.outputs[0], facts)
    if bound is None or bound[0] != 0 or np.ndim(facts.graph.constants[above.inputs[1]]) > 1:
        return found
    if cast is None or cast.op_type != "Cast" or cast.domain or cast.attributes["to"].value != DType.INT64:
        return found
    consumed = (*found.consumed, above, cast)
    if len(readers) == 1 and name not in facts.outputs and name not in facts.captured:
        consumed = (*consumed, flat)
    labelled = _gathered(found, cast.outputs[0], facts)
    if labelled is not None:
        return replace(labelled, consumed=(*labelled.consumed, *consumed[len(found.consumed) :]))
    return replace(found, label=cast.outputs[0], consumed=consumed)


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
        label=outputs[0],
        linked=outputs[1],
        scores=outputs[2],
    )
