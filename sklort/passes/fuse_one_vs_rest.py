"""Columns side by side that come from one matrix by one formula are computed at once.

``Concat(f(X w_1, b_1), ..., f(X w_K, b_K))`` along the columns, with the same elementwise f, becomes
``f(X [w_1 ... w_K], [b_1 ... b_K])``: one matrix product, and one operator for each of f instead of K. So are written
OneVsRestClassifier, MultiOutputRegressor and the like, with one model for each column: a LinearClassifier of two
classes of which the second one's score is cut out, a LinearRegressor, or MatMul, Add, Sigmoid and what follows.

A column is followed from the Concat back to its product, through the operators that keep columns apart and those that
choose some; numbers met on the way may differ from column to column. What comes out is compared: all columns must have
been followed to the same X, through the same operators.

Not bitwise: the operators of f give each element the same bits, but the number of columns decides in which order the
kernel adds up a product. That order is the kernel's own in every case: neither is nearer. Nothing below which a tree
stands is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from sklort.graph.ir import Array, Attribute, AttributeKind, Graph, Node
from sklort.passes.columns import ML, Applied, Column, Number, Product, Trace, Unknown
from sklort.passes.linear import is_matrix
from sklort.passes.rule import Edit, Facts, Found, Rule


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type != "Concat" or node.domain or node.version < 4 or len(node.inputs) < 2:
        return None
    if node.attributes["axis"].value not in (1, -1):
        return None
    trace = Trace(facts)
    try:
        columns = [trace.column(each, at) for each in node.inputs for at in range(trace.width(each))]
    except Unknown:
        return None
    if len({each.shape for each in columns}) != 1:
        return None
    products = [_products(each) for each in columns]
    before = len({id(each.node) for row in products for each in row})
    if before <= len({id(each) for each in products[0]}):
        return None
    facts.memo[id(node)] = columns
    return (node, *_with_the_unread(node, trace.cone, facts))


def _with_the_unread(concat: Node, cone: dict[int, Node], facts: Facts) -> list[Node]:
    """The cone, and who makes the columns that nobody followed: they read from it, and only it reads them."""
    inside = {id(concat): concat, **cone}
    while True:
        readers = {id(each): each for node in inside.values() if node is not concat for each in _readers(node, facts)}
        unread = {
            key: each
            for key, each in readers.items()
            if key not in inside
            and _is_private(each, inside.keys(), facts)
            and all(map(facts.readers.get, each.outputs))
        }
        if not unread:
            return [each for each in inside.values() if each is not concat]
        inside.update(unread)


def _readers(node: Node, facts: Facts) -> list[Node]:
    return [each for name in node.outputs for each in facts.readers.get(name, [])]


def _is_private(node: Node, inside: Collection[int], facts: Facts) -> bool:
    """Whether only the nodes `inside` read what `node` makes."""
    if any(name in facts.outputs or name in facts.captured for name in node.outputs):
        return False
    return all(id(each) in inside for each in _readers(node, facts))


def _products(column: Column) -> list[Product]:
    if isinstance(column, Product):
        return [column]
    return [each for operand in column.operands for each in _products(operand)] if isinstance(column, Applied) else []


def _unless(found: Found, facts: Facts) -> str | None:
    node, *cone = found
    inside = {id(each) for each in found}
    for each in cone:
        if not _is_private(each, inside, facts):
            return f"what {each.label} makes is needed besides"
    for product in _products(facts.memo[id(node)][0]):
        if not product.node.domain and not is_matrix(product.x, facts):
            return f"{product.x!r} is not certain to be a matrix"
    tree = facts.tree_below(node)
    return f"{tree.label} compares what is computed from it" if tree else None


def _make(found: Found, facts: Facts) -> Edit:
    node, *cone = found
    writer = _Writer(node, facts.graph)
    writer.write(facts.memo[id(node)])
    *before, last = writer.nodes
    last = replace(last, outputs=(*last.outputs[:-1], node.outputs[0]))
    return Edit(drop=tuple(cone), swap={id(node): (*before, last)}, constants=writer.constants)


class _Writer:
    """Writes the formula that the columns share, once for all of them."""

    def __init__(self, concat: Node, graph: Graph) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self._stem = concat.outputs[0]
        self._taken = {name for each in graph.nodes for name in each.outputs} | set(graph.constants)
        self._taken |= {value.name for value in graph.inputs}
        self._written: dict[tuple[int, ...], str] = {}

    def write(self, columns: Sequence[Column]) -> str:
        key = tuple(id(each) for each in columns)
        if key not in self._written:
            first = columns[0]
            if isinstance(first, Number):
                self._written[key] = self._number(cast("Sequence[Number]", columns))
            elif isinstance(first, Product):
                self._written[key] = self._product(cast("Sequence[Product]", columns))
            else:
                self._written[key] = self._applied(cast("Sequence[Applied]", columns))
        return self._written[key]

    def _applied(self, columns: Sequence[Applied]) -> str:
        first = columns[0]
        operands = [self.write([each.operands[i] for each in columns]) for i in range(len(first.operands))]
        attributes = first.node.attributes if first.op_type == "Cast" else {}
        return self._node(first.op_type, "", first.node, operands, attributes)

    def _number(self, columns: Sequence[Number]) -> str:
        values = np.array([each.value for each in columns], columns[0].value.dtype)
        same = values.tobytes() == values[:1].tobytes() * len(values)
        return self._constant(values[0].reshape(()) if same else values)

    def _product(self, columns: Sequence[Product]) -> str:
        first = columns[0]
        weights = np.stack([each.weights for each in columns], axis=1)
        if not first.node.domain:
            return self._node("MatMul", "", first.node, [first.x, self._constant(weights)], {})
        bias = np.array([each.bias for each in columns], np.float32)
        attributes = {
            "coefficients": Attribute(AttributeKind.FLOATS, weights.T.astype(np.float32).ravel()),
            "intercepts": Attribute(AttributeKind.FLOATS, bias),
            "post_transform": Attribute(AttributeKind.STRING, first.transform),
        }
        if first.node.op_type == "LinearRegressor":
            attributes["targets"] = Attribute(AttributeKind.INT, len(columns))
        else:
            attributes["classlabels_ints"] = Attribute(AttributeKind.INTS, np.arange(len(columns)))
        return self._node(first.node.op_type, ML, first.node, [first.x], attributes)

    def _node(self, op: str, domain: str, like: Node, inputs: list[str], attributes: dict[str, Attribute]) -> str:
        name = self._name()
        outputs = ("", name) if op == "LinearClassifier" else (name,)
        self.nodes.append(Node(op, domain, like.version, tuple(inputs), outputs, attributes, like.name))
        return name

    def _constant(self, value: Array) -> str:
        name = self._name()
        self.constants[name] = np.ascontiguousarray(value).reshape(value.shape)
        return name

    def _name(self) -> str:
        name, number = self._stem + "/columns", 0
        while name in self._taken:
            number += 1
            name = f"{self._stem}/columns{number}"
        self._taken.add(name)
        return name


RULE = Rule("fuse_one_vs_rest", _match, _unless, _make, bitwise=False, closer=True)
