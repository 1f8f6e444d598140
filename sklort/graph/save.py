"""Plain data back to a ModelProto: for pickles, for the reference evaluator, for a model saved after its passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count

import numpy as np
import onnx.defs
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
    numpy_helper,
)

from sklort.exceptions import Fail
from sklort.graph.ir import Array, Attribute, AttributeKind, Graph, Model, Node, ValueInfo
from sklort.graph.types import DType, MapType, OptionalType, SequenceType, SparseTensorType, TensorType, Type, dtype_of


def to_proto(model: Model) -> ModelProto:
    """`model` as a ModelProto; functions stay inlined, constants become initialisers.

    A node of a version of its own, which came from a function, becomes a function again.

    Raises
    ------
    Fail
        Such a node holds a graph that reads values from outside.
    """
    functions: list[FunctionProto] = []
    graph = _in_one_version(model.graph, model.opsets, functions)
    proto = ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
        domain=model.domain,
        model_version=model.model_version,
        doc_string=model.doc_string,
    )
    for domain, version in model.opsets.items():
        proto.opset_import.add(domain=domain, version=version)
    for key, value in model.metadata.items():
        proto.metadata_props.add(key=key, value=value)
    if functions:
        proto.opset_import.add(domain=_FUNCTIONS, version=1)
        proto.functions.extend(functions)
    proto.graph.CopyFrom(graph_proto(graph))
    proto.graph.input.extend(_value(value) for value in model.overridable)
    proto.graph.doc_string = model.graph_doc_string
    return proto


_FUNCTIONS = "sklort.versions"
"""The domain of functions that hold one node of another version than the model's."""


def _in_one_version(graph: Graph, opsets: Mapping[str, int], functions: list[FunctionProto]) -> Graph:
    """`graph` with a call in place of every node whose operator differs between its version and the model's."""

    def visit(node: Node) -> Node:
        if _is_same(node, opsets):
            return node.with_subgraphs(lambda inner: _in_one_version(inner, opsets, functions))
        if node.captured:
            raise Fail(
                f"{node.label} is of version {node.version}, the model of version {opsets.get(node.domain)}, and its "
                f"graph reads {node.captured[0]!r} from outside: it cannot be written as a function"
            )
        inputs = tuple(f"i{i}" if name else "" for i, name in enumerate(node.inputs))
        outputs = tuple(f"o{i}" if name else "" for i, name in enumerate(node.outputs))
        function = FunctionProto(
            name=f"{node.op_type}_{len(functions)}",
            domain=_FUNCTIONS,
            input=filter(None, inputs),
            output=filter(None, outputs),
        )
        function.node.append(node_proto(replace(node, inputs=inputs, outputs=outputs)))
        for domain, version in opsets_of(node).items():
            function.opset_import.add(domain=domain, version=version)
        functions.append(function)
        given, made = tuple(filter(None, node.inputs)), tuple(filter(None, node.outputs))
        return Node(function.name, _FUNCTIONS, 1, given, made, name=node.name)

    return replace(graph, nodes=tuple(map(visit, graph.nodes)))


def _is_same(node: Node, opsets: Mapping[str, int]) -> bool:
    """Whether the model's version of the node's operator, and of those in its graphs, is the node's."""
    wanted = opsets.get(node.domain, node.version)
    if wanted != node.version:
        try:
            own, models = (
                onnx.defs.get_schema(node.op_type, version, node.domain).since_version
                for version in (node.version, wanted)
            )
        except onnx.defs.SchemaError:
            return False
        if own != models:
            return False
    return all(_is_same(inner, opsets) for graph in node.subgraphs for inner in graph.nodes)


def opsets_of(node: Node) -> dict[str, int]:
    """The versions that a node, and those in its graphs, need."""
    opsets = {node.domain: node.version}
    for graph in node.subgraphs:
        for inner in graph.nodes:
            for domain, version in opsets_of(inner).items():
                opsets[domain] = max(version, opsets.get(domain, 0))
    return opsets


def to_bytes(model: Model) -> bytes:
    """`model` as the bytes of an ``.onnx`` file.

    Raises
    ------
    Fail
        It is larger than the 2 GiB that protobuf can hold.
    """
    try:
        data: bytes = to_proto(model).SerializeToString()
        return data
    except ValueError as error:
        raise Fail(f"the model does not fit a protobuf, which holds at most 2 GiB: {error}") from error


def with_every_output(graph: Graph) -> Graph:
    """`graph` as the specification wants it: a node that omits a required output has a name for it."""
    taken = {name for node in graph.nodes for name in (*node.reads, *node.outputs)} | set(graph.constants)
    nodes = []
    for node in graph.nodes:
        schema = onnx.defs.get_schema(node.op_type, node.version, node.domain)
        outputs = list(node.outputs) + [""] * (schema.min_output - len(node.outputs))
        for i, name in enumerate(outputs):
            formal = schema.outputs[min(i, len(schema.outputs) - 1)]
            if not name and formal.option != onnx.defs.OpSchema.FormalParameterOption.Optional:
                number = next(n for n in count() if f"unread{n}" not in taken)
                taken.add(f"unread{number}")
                outputs[i] = f"unread{number}"
        nodes.append(replace(node.with_subgraphs(with_every_output), outputs=tuple(outputs)))
    return replace(graph, nodes=tuple(nodes))


def node_model(node: Node, opsets: dict[str, int], names: Iterable[str]) -> ModelProto:
    """A model of one node. `names` are its inputs, the values its subgraphs capture included; types stay open."""
    proto = ModelProto(ir_version=10)
    for domain, version in opsets.items():
        proto.opset_import.add(domain=domain, version=version)
    proto.graph.name = node.op_type
    proto.graph.node.append(node_proto(node))
    proto.graph.input.extend(ValueInfoProto(name=name) for name in names)
    proto.graph.output.extend(ValueInfoProto(name=name) for name in node.outputs if name)
    return proto


def graph_proto(graph: Graph) -> GraphProto:
    """`graph` as a GraphProto."""
    proto = GraphProto(name=graph.name)
    proto.input.extend(_value(value) for value in graph.inputs)
    proto.output.extend(_value(value) for value in graph.outputs)
    proto.node.extend(node_proto(node) for node in graph.nodes)
    proto.initializer.extend(tensor_proto(array, name) for name, array in graph.constants.items())
    return proto


def node_proto(node: Node) -> NodeProto:
    """`node` as a NodeProto."""
    proto = NodeProto(op_type=node.op_type, domain=node.domain, name=node.name, input=node.inputs, output=node.outputs)
    proto.attribute.extend(_attribute(name, attribute) for name, attribute in node.attributes.items())
    return proto


def tensor_proto(array: Array, name: str = "") -> TensorProto:
    """`array` as a TensorProto."""
    if dtype_of(array) is DType.STRING:
        proto = TensorProto(name=name, data_type=int(DType.STRING), dims=array.shape)
        proto.string_data.extend(str(text).encode() for text in array.reshape(-1))
        return proto
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


def _value(value: ValueInfo) -> ValueInfoProto:
    unknown = value.type is None or (isinstance(value.type, TensorType) and value.type.dtype is DType.UNDEFINED)
    return ValueInfoProto(name=value.name, type=None if unknown else type_proto(value.type))  # type: ignore[arg-type]


def type_proto(kind: Type) -> TypeProto:
    """`kind` as a TypeProto."""
    proto = TypeProto()
    match kind:
        case TensorType() | SparseTensorType():
            tensor = proto.tensor_type if isinstance(kind, TensorType) else proto.sparse_tensor_type
            tensor.elem_type = int(kind.dtype)
            if kind.shape is not None:
                tensor.shape.SetInParent()
                for dim in kind.shape:
                    entry = tensor.shape.dim.add()
                    if isinstance(dim, int):
                        entry.dim_value = dim
                    elif dim is not None:
                        entry.dim_param = dim
        case SequenceType():
            proto.sequence_type.elem_type.CopyFrom(type_proto(kind.element))
        case OptionalType():
            proto.optional_type.elem_type.CopyFrom(type_proto(kind.element))
        case MapType():
            proto.map_type.key_type = int(kind.key)
            proto.map_type.value_type.CopyFrom(type_proto(kind.value))
    return proto


def _attribute(name: str, attribute: Attribute) -> AttributeProto:
    proto, value = AttributeProto(name=name), attribute.value
    match attribute.kind:
        case AttributeKind.INT:
            proto.type, proto.i = AttributeProto.INT, value
        case AttributeKind.FLOAT:
            proto.type, proto.f = AttributeProto.FLOAT, value
        case AttributeKind.STRING:
            proto.type, proto.s = AttributeProto.STRING, value.encode()
        case AttributeKind.INTS:
            proto.type = AttributeProto.INTS
            proto.ints.extend(value.tolist())
        case AttributeKind.FLOATS:
            proto.type = AttributeProto.FLOATS
            proto.floats.extend(value.tolist())
        case AttributeKind.STRINGS:
            proto.type = AttributeProto.STRINGS
            proto.strings.extend(text.encode() for text in value)
        case AttributeKind.TENSOR:
            proto.type = AttributeProto.TENSOR
            proto.t.CopyFrom(tensor_proto(value))
        case AttributeKind.TENSORS:
            proto.type = AttributeProto.TENSORS
            proto.tensors.extend(tensor_proto(array) for array in value)
        case AttributeKind.GRAPH:
            proto.type = AttributeProto.GRAPH
            proto.g.CopyFrom(graph_proto(value))
        case AttributeKind.GRAPHS:
            proto.type = AttributeProto.GRAPHS
            proto.graphs.extend(graph_proto(graph) for graph in value)
        case AttributeKind.TYPE:
            proto.type = AttributeProto.TYPE_PROTO
            proto.tp.CopyFrom(type_proto(value))
        case AttributeKind.TYPES:
            proto.type = AttributeProto.TYPE_PROTOS
            proto.type_protos.extend(type_proto(kind) for kind in value)
    return proto
