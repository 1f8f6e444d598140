"""The graph as plain data: what `load` makes of a ModelProto and what every later stage reads.

Domains: the standard domain is spelled ``""``, never ``"ai.onnx"``. An omitted input or output is ``""``. Values are
in single-assignment form; `nodes` is in an order in which every value is made before it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy.typing as npt

from sklort.graph.types import Type

Array = npt.NDArray[Any]

OWN_DOMAIN = "ai.sklort"
"""Operators that passes make for the native provider. No model may name them."""


class AttributeKind(Enum):
    """What an attribute holds; the value's Python type follows from it."""

    INT = "int"  # int
    FLOAT = "float"  # float
    STRING = "string"  # str
    INTS = "ints"  # ndarray of int64, 1-D
    FLOATS = "floats"  # ndarray of float32, 1-D
    STRINGS = "strings"  # tuple of str
    TENSOR = "tensor"  # ndarray
    TENSORS = "tensors"  # tuple of ndarray
    GRAPH = "graph"  # Graph
    GRAPHS = "graphs"  # tuple of Graph
    TYPE = "type"  # Type
    TYPES = "types"  # tuple of Type


@dataclass(frozen=True, eq=False)
class Attribute:
    kind: AttributeKind
    value: Any


@dataclass(frozen=True)
class ValueInfo:
    """A named graph input or output with its declared type (None when the model declares none)."""

    name: str
    type: Type | None


@dataclass(frozen=True, eq=False)
class Node:
    """One operator call. `version` is the opset version of `domain` that the model imports."""

    op_type: str
    domain: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    name: str = ""

    @property
    def label(self) -> str:
        """How errors and `explain()` speak of this node."""
        op = f"{self.domain}:{self.op_type}" if self.domain else self.op_type
        return f"{op} {self.name!r}" if self.name else f"{op} -> {', '.join(filter(None, self.outputs))}"

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        """The graphs among the attributes (branches of If, bodies of Loop and Scan)."""
        return tuple(graph for _, graph in self.named_subgraphs)

    @property
    def named_subgraphs(self) -> tuple[tuple[str, Graph], ...]:
        """The graphs among the attributes, each with the name of its attribute."""
        if not self.attributes:
            return ()
        found: list[tuple[str, Graph]] = []
        for name, attribute in self.attributes.items():
            if attribute.kind is AttributeKind.GRAPH:
                found.append((name, attribute.value))
            elif attribute.kind is AttributeKind.GRAPHS:
                found.extend((name, graph) for graph in attribute.value)
        return tuple(found)

    @property
    def captured(self) -> tuple[str, ...]:
        """Names that the subgraphs read from outside, in order of first use."""
        return tuple(dict.fromkeys(name for graph in self.subgraphs for name in graph.captured))

    @property
    def reads(self) -> tuple[str, ...]:
        """Every value this node needs: its inputs that are not omitted, and what its subgraphs capture."""
        return tuple(dict.fromkeys([name for name in self.inputs if name] + list(self.captured)))

    def renamed(self, names: Mapping[str, str]) -> Node:
        """The same node with its inputs renamed by `names`; what its subgraphs capture keeps its name."""
        inputs = tuple(names.get(name, name) for name in self.inputs)
        return self if inputs == self.inputs else replace(self, inputs=inputs)

    def with_subgraphs(self, change: Callable[[Graph], Graph]) -> Node:
        """The same node with each subgraph replaced by `change` of it."""

        def changed(attribute: Attribute) -> Attribute:
            if attribute.kind is AttributeKind.GRAPH:
                return Attribute(attribute.kind, change(attribute.value))
            if attribute.kind is AttributeKind.GRAPHS:
                return Attribute(attribute.kind, tuple(change(graph) for graph in attribute.value))
            return attribute

        return replace(self, attributes={key: changed(value) for key, value in self.attributes.items()})


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in order, with the constants (initializers) they read. String constants are object arrays of `str`."""

    name: str
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: tuple[Node, ...]
    constants: dict[str, Array]

    @property
    def captured(self) -> tuple[str, ...]:
        """Names read here and made outside, in order of first use."""
        here = {value.name for value in self.inputs} | set(self.constants)
        here.update(name for node in self.nodes for name in node.outputs)
        read = [name for node in self.nodes for name in node.reads] + [value.name for value in self.outputs]
        return tuple(dict.fromkeys(name for name in read if name not in here))


@dataclass(frozen=True, eq=False)
class Model:
    """A checked model: functions inlined, one version for each domain."""

    graph: Graph
    opsets: dict[str, int]
    ir_version: int = 10
    producer_name: str = ""
    producer_version: str = ""
    domain: str = ""
    model_version: int = 0
    doc_string: str = ""
    graph_doc_string: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    overridable: tuple[ValueInfo, ...] = ()
    """Initializers that the model also lists as inputs: fed or defaulted."""
