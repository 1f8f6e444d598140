"""Element types that are certain without running anything.

Local and timid: an operator counts only when its result type follows from its inputs in every runtime. The operators
of ``ai.onnx.ml`` stay unknown where implementations may answer in a wider type than the specification names: labels are
certain, scores are not.
"""

from __future__ import annotations

from sklort.graph.ir import Graph, Node
from sklort.graph.types import DType, TensorType, dtype_of

_AS_FIRST = frozenset(
    (
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "GatherElements"),
        *("GatherND", "Expand", "Tile", "Abs", "Neg", "Sqrt", "Exp", "Log", "Sigmoid", "Tanh", "Relu", "Floor", "Ceil"),
        *("Round", "Reciprocal", "Softmax", "LogSoftmax", "Split", "Sign", "Compress"),
    )
)
_SAME = frozenset(("Add", "Sub", "Mul", "Div", "MatMul", "Concat", "Min", "Max", "Sum"))
_BOOL = frozenset(
    ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Not", "Xor", "IsNaN", "IsInf")
)
_INT64 = frozenset(("Shape", "Size", "ArgMax", "ArgMin", "NonZero"))


_LABELS = frozenset(("TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"))
_ENCODED = {"values_int64s": DType.INT64, "values_strings": DType.STRING, "values_floats": DType.FLOAT}


def known_dtypes(graph: Graph) -> dict[str, DType]:
    """Element types by value name, for the values of which they are certain."""
    known = {name: dtype_of(array) for name, array in graph.constants.items()}
    for value in graph.inputs:
        if isinstance(value.type, TensorType):
            known[value.name] = value.type.dtype
    for node in graph.nodes:
        results = _results(node, known)
        known.update((name, dtype) for name, dtype in zip(node.outputs, results) if name and dtype is not None)
    return {name: dtype for name, dtype in known.items() if dtype is not DType.UNDEFINED}


def _results(node: Node, known: dict[str, DType]) -> list[DType | None]:
    """The types of the outputs, None where they are not certain."""
    if node.domain == "ai.onnx.ml":
        first = _ml_result(node, known)
        return [first, *[None] * (len(node.outputs) - 1)]
    return [_result(node, known)] * len(node.outputs)


def _ml_result(node: Node, known: dict[str, DType]) -> DType | None:
    """The type of the first output."""
    if node.op_type == "ArrayFeatureExtractor":
        return known.get(node.inputs[0])
    if node.op_type in _LABELS:
        texts = node.attributes.get("classlabels_strings")
        return DType.STRING if texts is not None and len(texts.value) else DType.INT64
    if node.op_type == "LabelEncoder" and node.version >= 2:
        given = (name for name in _ENCODED if name in node.attributes and len(node.attributes[name].value))
        return next((_ENCODED[name] for name in given), None)
    return None


def _result(node: Node, known: dict[str, DType]) -> DType | None:
    inputs = [known.get(name) for name in node.inputs if name]
    op = node.op_type
    if node.domain:
        return None
    if op == "Cast":
        to = node.attributes.get("to")
        return DType(to.value) if to is not None and to.value in set(DType) else None
    if op in _AS_FIRST:
        return inputs[0] if inputs else None
    if op in _BOOL:
        return DType.BOOL
    if op in _INT64:
        return DType.INT64
    if op == "Where":
        inputs = inputs[1:]
    if op in _SAME or op == "Where":
        return inputs[0] if inputs and len(set(inputs)) == 1 else None
    return None
