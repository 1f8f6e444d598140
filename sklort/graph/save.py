"""Plain data back to a ModelProto: for pickles, for the reference evaluator, for a model saved after its passes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto, numpy_helper

from sklort.exceptions import Fail
from sklort.graph.ir import Array, Attribute, AttributeKind, Graph, Model, Node, ValueInfo
from sklort.graph.types import DType, MapType, OptionalType, SequenceType, SparseTensorType, TensorType, Type, dtype_of


def to_proto(model: Model) -> ModelProto:
    """`model` as a ModelProto; functions stay inlined, constants become initialisers."""
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
    proto.graph.CopyFrom(graph_proto(model.graph))
    proto.graph.input.extend(_value(value) for value in model.overridable)
    proto.graph.doc_string = model.graph_doc_string
    return proto


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
    return ValueInfoProto(name=value.name, type=type_proto(value.type) if value.type else None)


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
