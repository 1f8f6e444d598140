"""A model from a path, bytes, a file object or a ModelProto, as plain, checked data.

What leaves here is in one form: functions inlined, ``Constant`` nodes and sparse initialisers turned into constants,
nodes in order, one version for each domain. Two liberties that converters take are accepted: a domain imported twice
(the highest version counts) and nodes of ``ai.onnx.ml`` without their import. The latter take the newest version at
which every such node of the model has a known operator with known attributes, because the attributes are the only
trace of the version the writer had in mind (LabelEncoder 1 has ``classes_strings``, LabelEncoder 2 ``keys_strings``).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf
from sklort.graph.check import check_model
from sklort.graph.inline import Call, Functions
from sklort.graph.ir import Array, Attribute, AttributeKind, Graph, Model, Node, ValueInfo
from sklort.graph.order import in_order
from sklort.graph.overrides import Overrides
from sklort.graph.proto import TensorReader, read_attribute, read_type, text
from sklort.graph.source import Source, hint, read_source

NEWEST_IR = 14
_ML = "ai.onnx.ml"


def load(source: Any, extra_operators: Container[tuple[str, str]] = (), overrides: Overrides | None = None) -> Model:
    """Load a model and check it.

    Parameters
    ----------
    source : str, os.PathLike, bytes, bytearray, memoryview, binary file object or onnx.ModelProto
        External data is read from the model file's directory (the current directory when there is no file) and from
        nowhere else.
    extra_operators : container of (domain, op_type)
        Operators that run although ``onnx.defs`` does not know them.
    overrides : Overrides, optional
        Sizes and constants to be used in place of the model's.

    Returns
    -------
    Model

    Raises
    ------
    TypeError
        `source` is none of the above.
    NoSuchFile, InvalidProtobuf, InvalidArgument, InvalidGraph, Fail
        The model is missing, unreadable, empty, or malformed; see `sklort.graph.check`.
    """
    if isinstance(source, ModelProto):
        proto, origin = source, Source(b"", Path.cwd(), "the ModelProto")
    else:
        origin = read_source(source)
        proto = _parse(origin)
    if not proto.HasField("graph"):
        raise InvalidArgument(f"{origin.label} holds no graph: expected an ONNX model")
    overrides = overrides or Overrides()
    model = _Reader(proto, TensorReader(origin.folder, overrides.external), overrides).model()
    check_model(model, extra_operators)
    return model


def _parse(origin: Source) -> ModelProto:
    proto = ModelProto()
    try:
        proto.ParseFromString(origin.data)
    except DecodeError as error:
        raise InvalidProtobuf(f"{origin.label} is no ONNX model{hint(origin.data)} ({error})") from None
    if not proto.HasField("graph") and not proto.opset_import:
        raise InvalidProtobuf(f"{origin.label} is no ONNX model{hint(origin.data)}")
    return proto


class _Reader:
    """Reads one ModelProto."""

    def __init__(self, proto: ModelProto, tensors: TensorReader, overrides: Overrides) -> None:
        self.proto = proto
        self.tensors = tensors
        self.overrides = overrides
        self.functions = Functions(proto, tensors)

    def model(self) -> Model:
        proto = self.proto
        if proto.ir_version > NEWEST_IR:
            raise Fail(f"the model has IR version {proto.ir_version}, the newest supported one is {NEWEST_IR}")
        opsets = _opsets(proto.opset_import)
        if not opsets:
            raise Fail("the model imports no operator set; expected at least one opset_import entry")
        top = Call(opsets=opsets)
        graph = self.graph(proto.graph, top)
        graph = replace(graph, constants=self.overrides.replaced(graph.constants))
        if _ML not in opsets:
            graph, opsets = _with_ml(graph, opsets)
        declared = {value.name: value for value in graph.inputs}
        defaulted = tuple(declared[name] for name in graph.constants if name in declared)
        graph = replace(graph, inputs=tuple(value for value in graph.inputs if value.name not in graph.constants))
        return Model(
            graph=graph,
            opsets=opsets,
            ir_version=proto.ir_version,
            producer_name=text(proto.producer_name, "the producer's name"),
            producer_version=text(proto.producer_version, "the producer's version"),
            domain=text(proto.domain, "the model's domain"),
            model_version=proto.model_version,
            doc_string=proto.doc_string,
            graph_doc_string=proto.graph.doc_string,
            metadata={
                text(entry.key, "a key of the metadata"): text(entry.value, "a value of the metadata")
                for entry in proto.metadata_props
            },
            overridable=defaulted if proto.ir_version >= 4 else (),  # before IR 4 initialisers had to be listed
        )

    def graph(self, proto: GraphProto, call: Call) -> Graph:
        text(proto.name, "the name of a graph")
        inputs = tuple(self.value(value, call) for value in proto.input)
        _refuse_twice((value.name for value in inputs), "input", proto.name)
        _refuse_twice((node.name for node in proto.node if node.name), "node", proto.name)
        constants: dict[str, Array] = {}
        for tensor in proto.initializer:
            name = call.rename(text(tensor.name, "the name of an initializer"))
            _put(constants, name, self.tensors.tensor(tensor, f"initializer {tensor.name!r}"))
        for sparse in proto.sparse_initializer:
            name = call.rename(text(sparse.values.name, "the name of an initializer"))
            _put(constants, name, self.tensors.sparse(sparse, f"sparse initializer {sparse.values.name!r}"))
        nodes: list[Node] = []
        self.nodes(proto.node, call, nodes, constants)
        known = [value.name for value in inputs] + list(constants)
        outputs = tuple(self.value(value, call) for value in proto.output)
        return Graph(proto.name, inputs, outputs, in_order(nodes, known), constants)

    def nodes(self, protos: Iterable[NodeProto], call: Call, nodes: list[Node], constants: dict[str, Array]) -> None:
        """Append the nodes of a graph or function body; its Constant nodes go to `constants`."""
        for proto in protos:
            for name in (proto.name, proto.op_type, proto.domain, *proto.input, *proto.output):
                text(name, "a name in a node")
            domain = "" if proto.domain == "ai.onnx" else proto.domain
            function = self.functions.get(proto)
            if function is not None:
                inner = function.enter(proto, self.attributes(proto, call), call)
                self.nodes(function.proto.node, inner, nodes, constants)
                nodes.extend(function.leave(inner))
                continue
            node = Node(
                op_type=proto.op_type,
                domain=domain,
                version=call.opsets.get(domain, 0),
                inputs=_trimmed(call.rename(name) for name in proto.input),
                outputs=tuple(call.rename(name) for name in proto.output),
                attributes=self.attributes(proto, call),
                name=call.prefix + proto.name if proto.name else "",
            )
            self.functions.count(node)
            if node.op_type == "Constant" and not domain and len(node.outputs) == 1:
                _put(constants, node.outputs[0], _constant(node))
            else:
                nodes.append(node)

    def attributes(self, proto: NodeProto, call: Call) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        label = proto.name or proto.op_type
        for attribute in proto.attribute:
            if attribute.name in found:
                raise InvalidGraph(f"node {label!r} has the attribute {attribute.name!r} twice")
            if attribute.ref_attr_name:
                given = call.attributes.get(attribute.ref_attr_name)
                if given is not None:
                    found[attribute.name] = given
                continue
            found[attribute.name] = read_attribute(
                attribute, self.tensors, f"node {label!r}", lambda graph: self.graph(graph, call)
            )
        return found

    def value(self, proto: ValueInfoProto, call: Call) -> ValueInfo:
        kind = read_type(proto.type, f"value {proto.name!r}")
        name = call.rename(text(proto.name, "the name of an input or output"))
        return ValueInfo(name, self.overrides.fixed(kind, proto.type))


def _opsets(imports: Iterable[Any]) -> dict[str, int]:
    opsets: dict[str, int] = {}
    for entry in imports:
        domain = "" if text(entry.domain, "a domain") == "ai.onnx" else entry.domain
        opsets[domain] = max(opsets.get(domain, 0), entry.version)
    return opsets


def _trimmed(names: Iterable[str]) -> tuple[str, ...]:
    """Names without the omitted ones at the end."""
    found = list(names)
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _put(constants: dict[str, Array], name: str, value: Array) -> None:
    if name in constants:
        raise Fail(f"the constant {name!r} is defined twice")
    constants[name] = value


def _refuse_twice(names: Iterable[str], what: str, graph: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Fail(f"graph {graph!r} has two {what}s named {name!r}; names must be unique")
        seen.add(name)


def _constant(node: Node) -> Array:
    if len(node.attributes) != 1:
        raise InvalidGraph(f"{node.label} must have exactly one attribute, got {sorted(node.attributes) or 'none'}")
    ((name, attribute),) = node.attributes.items()
    value = attribute.value
    match attribute.kind:
        case AttributeKind.TENSOR | AttributeKind.INTS | AttributeKind.FLOATS:
            return np.asarray(value)
        case AttributeKind.INT:
            return np.array(value, dtype=np.int64)
        case AttributeKind.FLOAT:
            return np.array(value, dtype=np.float32)
        case AttributeKind.STRING:
            return np.array(value, dtype=object)
        case AttributeKind.STRINGS:
            strings = np.empty(len(value), dtype=object)
            strings[:] = value
            return strings
    raise InvalidGraph(f"{node.label}: attribute {name!r} holds a {attribute.kind.value}, not a constant")


def _with_ml(graph: Graph, opsets: dict[str, int]) -> tuple[Graph, dict[str, int]]:
    """`graph` with a version for its ai.onnx.ml nodes, where the model imports none."""
    nodes = [node for node in _all_nodes(graph) if node.domain == _ML and not node.version]
    if not nodes:
        return graph, opsets
    newest = int(onnx.defs.onnx_ml_opset_version())
    fits = (version for version in range(newest, 0, -1) if all(_fits(node, version) for node in nodes))
    version = next(fits, newest)
    return _versioned(graph, version), {**opsets, _ML: version}


def _fits(node: Node, version: int) -> bool:
    try:
        schema = onnx.defs.get_schema(node.op_type, version, _ML)
    except onnx.defs.SchemaError:
        return False
    return set(node.attributes) <= set(schema.attributes)


def _all_nodes(graph: Graph) -> Iterable[Node]:
    for node in graph.nodes:
        yield node
        for inner in node.subgraphs:
            yield from _all_nodes(inner)


def _versioned(graph: Graph, version: int) -> Graph:
    def visit(node: Node) -> Node:
        if node.subgraphs:
            node = node.with_subgraphs(lambda inner: _versioned(inner, version))
        return replace(node, version=version) if node.domain == _ML and not node.version else node

    return replace(graph, nodes=tuple(visit(node) for node in graph.nodes))
