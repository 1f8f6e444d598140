"""Are the operators given kinds of values that they never take?

Only what the model makes certain: inputs with their declared types, and constants. Kinds, not element types: converters
mix float with double and bool with numbers, and the kernels follow NumPy there; text where only numbers go, or a tensor
where a map goes, has no meaning in any reading. What a later version of the operator takes, an earlier one takes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import onnx

from sklort.exceptions import InvalidGraph
from sklort.graph.ir import Graph, Node
from sklort.graph.types import DType, MapType, SequenceType, SparseTensorType, TensorType, Type, dtype_of

_COMPLEX = (DType.COMPLEX64, DType.COMPLEX128)


def check_types(graph: Graph, outside: Mapping[str, Type] | None = None) -> None:
    """Raise `InvalidGraph` where an operator reads a kind of value that it never takes."""
    known = dict(outside or {})
    for node in graph.nodes:  # an inner name hides an outer one
        for name in node.outputs:
            known.pop(name, None)
    for value in graph.inputs:
        known.pop(value.name, None)
        if value.type is not None:
            known[value.name] = value.type
    known |= {name: TensorType(dtype_of(array), array.shape) for name, array in graph.constants.items()}
    for node in graph.nodes:
        _check_node(node, known)
        for inner in node.subgraphs:
            check_types(inner, known)


def _check_node(node: Node, known: Mapping[str, Type]) -> None:
    formal = _parameters(node.domain, node.op_type, node.version)
    if not formal:
        return
    for i, name in enumerate(node.inputs):
        given = known.get(name)
        kind = None if given is None else _kind(given)
        parameter, kinds, examples = formal[min(i, len(formal) - 1)]
        if kind is not None and kinds and kind not in kinds:
            raise InvalidGraph(
                f"{node.label}: its input {name!r} is a {given}; the parameter {parameter!r} takes {examples}"
            )


def _kind(given: Type) -> str | None:
    """What sort of thing a value is; None where the check has nothing to say."""
    match given:
        case TensorType(dtype=DType.STRING):
            return "text"
        case TensorType(dtype=dtype):
            return "complex" if dtype in _COMPLEX else "number"
        case MapType() | SequenceType(element=MapType()):
            return "map"
        case SequenceType():
            return "sequence"
        case SparseTensorType():
            return "sparse"
    return None


def _kind_of_text(spelled: str) -> str:
    """The kind of a type as a schema spells it, such as ``seq(tensor(float))``."""
    if "map(" in spelled:
        return "map"
    head, _, rest = spelled.partition("(")
    if head == "tensor":
        return "text" if rest == "string)" else "complex" if rest.startswith("complex") else "number"
    return {"seq": "sequence", "sparse_tensor": "sparse"}.get(head, head)


@cache
def _parameters(domain: str, op_type: str, version: int) -> tuple[tuple[str, frozenset[str], str], ...]:
    """Of each parameter its name, the kinds it takes, and some of its types for a message."""
    try:
        schema = onnx.defs.get_schema(op_type, version, domain)
        newest = onnx.defs.get_schema(op_type, domain)
    except onnx.defs.SchemaError:
        return ()
    later = {parameter.name: parameter for parameter in newest.inputs}
    found = []
    for parameter in schema.inputs:
        types = sorted(parameter.types)
        kinds = {_kind_of_text(each) for each in types}
        if parameter.name in later:
            kinds |= {_kind_of_text(each) for each in later[parameter.name].types}
        examples = ", ".join(types[:5]) + (f" or {len(types) - 5} others" if len(types) > 5 else "")
        found.append((parameter.name, frozenset() if "optional" in kinds else frozenset(kinds), examples))
    return tuple(found)
