"""Model-local functions: a call becomes the function's nodes, with names that clash with nothing.

Reading a body inside a `Call` does the whole substitution: `rename` maps formal to actual names and every other name to
a fresh one, `attributes` answers references to the function's attributes, `opsets` are the function's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

from sklort.exceptions import InvalidGraph
from sklort.graph.ir import Attribute, Node
from sklort.graph.proto import TensorReader, read_attribute

_NODE_LIMIT = 10_000_000
"""Nodes after inlining; nested calls can double a model at each level."""

Key = tuple[str, str, str]


@dataclass
class Call:
    """Where a node is read: the main graph (the default), or the body of a function being called."""

    opsets: dict[str, int]
    prefix: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    names: dict[str, str] | None = None
    outputs: tuple[tuple[str, str], ...] = ()
    stack: tuple[Key, ...] = ()
    taken: set[str] = field(default_factory=set)

    def rename(self, name: str) -> str:
        if self.names is None or not name:
            return name
        if name not in self.names:
            self.names[name] = self.fresh(name)
        return self.names[name]

    def fresh(self, name: str) -> str:
        """A name of the model that nothing has yet, resembling `name`."""
        candidate, number = self.prefix + name, 1
        while candidate in self.taken:
            candidate, number = f"{self.prefix}{name}_{number}", number + 1
        self.taken.add(candidate)
        return candidate


@dataclass(frozen=True)
class Function:
    proto: FunctionProto
    key: Key
    taken: set[str]
    reader: TensorReader

    def enter(self, node: NodeProto, given: dict[str, Attribute], outer: Call) -> Call:
        """The call that `node`, seen in `outer` with the attributes `given`, makes."""
        proto = self.proto
        label = f"{':'.join(filter(None, self.key))} {node.name!r}"
        if self.key in outer.stack:
            raise InvalidGraph(f"the function {self.key[1]!r} calls itself")
        for what, formal, actual in (("inputs", proto.input, node.input), ("outputs", proto.output, node.output)):
            if len(actual) > len(formal):
                raise InvalidGraph(f"{label}: the function has {len(formal)} {what}, the call gives {len(actual)}")
        defaults = {
            entry.name: read_attribute(entry, self.reader, f"function {proto.name!r}", _no_graph)
            for entry in proto.attribute_proto
        }
        opsets = dict(outer.opsets)
        for entry in proto.opset_import:
            domain = "" if entry.domain == "ai.onnx" else entry.domain
            opsets[domain] = entry.version
        prefix = f"{outer.prefix}{node.name or proto.name}/"
        inner = Call(opsets, prefix, defaults | given, {}, (), (*outer.stack, self.key), self.taken)
        names: dict[str, str] = {}
        for i, name in enumerate(proto.input):
            names[name] = outer.rename(node.input[i]) if i < len(node.input) else ""
        outputs = []
        for i, name in enumerate(proto.output):
            actual = outer.rename(node.output[i]) if i < len(node.output) else ""
            if name in names:  # an input handed through, or one value given twice
                if actual:
                    outputs.append((names[name], actual))
            else:
                names[name] = actual or inner.fresh(name)
        inner.names, inner.outputs = names, tuple(outputs)
        return inner

    def leave(self, inner: Call) -> Iterator[Node]:
        """Identities for the outputs that the body does not make itself."""
        for source, name in inner.outputs:
            yield Node("Identity", "", inner.opsets.get("", 1), (source,), (name,))


def _no_graph(_: GraphProto) -> None:
    raise InvalidGraph("a function attribute cannot have a graph as its default")


class Functions:
    """The functions of a model, found by the node that calls them."""

    def __init__(self, proto: ModelProto, reader: TensorReader) -> None:
        taken = set(_names(proto.graph)) if proto.functions else set()
        self._functions: dict[Key, Function] = {}
        self._nodes = 0
        for function in proto.functions:
            domain = "" if function.domain == "ai.onnx" else function.domain
            key = (domain, function.name, function.overload)
            if key in self._functions:
                raise InvalidGraph(f"the function {function.name!r} of domain {function.domain!r} is defined twice")
            self._functions[key] = Function(function, key, taken, reader)

    def get(self, node: NodeProto) -> Function | None:
        """The function `node` calls, or None when it is an operator."""
        if not self._functions:
            return None
        domain = "" if node.domain == "ai.onnx" else node.domain
        return self._functions.get((domain, node.op_type, node.overload))

    def count(self, node: Node) -> None:
        """Note one more node read."""
        self._nodes += 1
        if self._nodes > _NODE_LIMIT:
            raise InvalidGraph(
                f"the model has more than {_NODE_LIMIT} nodes once its functions are inlined ({node.label})"
            )


def _names(graph: GraphProto) -> Iterator[str]:
    """Every name of a value in a graph and its subgraphs."""
    for value in (*graph.input, *graph.output):
        yield value.name
    for tensor in graph.initializer:
        yield tensor.name
    for sparse in graph.sparse_initializer:
        yield sparse.values.name
    for node in graph.node:
        yield from node.input
        yield from node.output
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _names(inner)
