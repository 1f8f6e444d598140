"""A graph as text, one line for each node: for `explain`, for tests, for reading; and ONNX's own text as a model."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Attribute, AttributeKind, Graph, Model, ValueInfo
from sklort.graph.load import load
from sklort.graph.types import SparseTensorType, TensorType, dtype_of

_SHOWN = 6
"""Elements of a list that are printed."""


def show(graph: Graph, indent: str = "") -> str:
    """The text of a graph.

    >>> head = '<ir_version: 10, opset_import: ["": 17]>'
    >>> print(show(parse(head + " g (float[N, 2] X) => (float[N, 2] Y) { Y = Abs(X) }").graph))
    g(X: float[N, 2]) -> Y: float[N, 2]
      Y = Abs(X)
    """
    inputs = ", ".join(_value(value) for value in graph.inputs)
    outputs = ", ".join(_value(value) for value in graph.outputs)
    lines = [f"{indent}{graph.name}({inputs}) -> {outputs}"]
    for name, array in graph.constants.items():
        lines.append(f"{indent}  {name} = {_array(array)}")
    for node in graph.nodes:
        op = f"{node.domain}:{node.op_type}" if node.domain else node.op_type
        plain = {key: value for key, value in sorted(node.attributes.items()) if not _is_graph(value)}
        attributes = ", ".join(f"{key}={_attribute(value)}" for key, value in plain.items())
        results = ", ".join(name or "_" for name in node.outputs)
        arguments = ", ".join(name or "_" for name in node.inputs)
        lines.append(f"{indent}  {results} = {op}{f'<{attributes}>' if attributes else ''}({arguments})")
        lines.extend(show(inner, indent + "    ") for inner in node.subgraphs)
    return "\n".join(lines)


def parse(text: str, extra_operators: Container[tuple[str, str]] = ()) -> Model:
    """The model that ONNX's text syntax spells, checked as by `load`."""
    import onnx.parser

    return load(onnx.parser.parse_model(text), extra_operators)


def _value(value: ValueInfo) -> str:
    kind = value.type
    if kind is None:
        return value.name
    if isinstance(kind, (TensorType, SparseTensorType)):
        shape = "" if kind.shape is None else f"[{', '.join('?' if dim is None else str(dim) for dim in kind.shape)}]"
        return f"{value.name}: {kind.dtype.label}{shape}"
    return f"{value.name}: {kind}"


def _is_graph(attribute: Attribute) -> bool:
    return attribute.kind in (AttributeKind.GRAPH, AttributeKind.GRAPHS)


def _array(array: Array) -> str:
    dims = ", ".join(map(str, array.shape))
    return f"{dtype_of(array).label}[{dims}] {_list(array.reshape(-1))}"


def _list(values: Any) -> str:
    shown = [repr(value.item() if isinstance(value, np.generic) else value) for value in values[:_SHOWN]]
    return f"[{', '.join(shown)}{f', ... {len(values)} in all' if len(values) > _SHOWN else ''}]"


def _attribute(attribute: Attribute) -> str:
    value = attribute.value
    if attribute.kind is AttributeKind.TENSOR:
        return _array(value)
    if isinstance(value, np.ndarray) or attribute.kind is AttributeKind.STRINGS:
        return _list(value)
    return str(value) if attribute.kind in (AttributeKind.TYPE, AttributeKind.TENSORS) else repr(value)
