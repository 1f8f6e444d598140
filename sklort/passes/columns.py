"""How one column of a matrix is computed: followed back, through elementwise operators and choices of columns, to
products of a matrix with a vector.

All values followed are matrices where those products are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.passes.rule import Facts

ML = "ai.onnx.ml"
UNARY = frozenset(("Abs", "Cast", "Exp", "Identity", "Neg", "Reciprocal", "Relu", "Sigmoid", "Sqrt", "Tanh"))
BINARY = frozenset(("Add", "Div", "Mul", "Sub"))
_APART = frozenset(("NONE", "LOGISTIC"))
"""Post-transforms that treat each score on its own."""
_LONGEST = 50
"""Operators in one formula, counted once for every way to them; a tree of two-legged steps would have no end."""


@dataclass(frozen=True, eq=False)
class Product:
    """A column of a product of X: of a MatMul, or of a linear model with its `bias` and post-transform."""

    node: Node
    x: str
    weights: Array
    bias: float | None = None
    transform: str = "NONE"

    @property
    def shape(self) -> Any:
        return (self.node.domain, self.node.op_type, self.x, self.weights.dtype.str, self.weights.size, self.transform)


@dataclass(frozen=True, eq=False)
class Number:
    value: Array

    @property
    def shape(self) -> Any:
        return ("number", self.value.dtype.str)


@dataclass(frozen=True, eq=False)
class Applied:
    """An operator applied to columns."""

    op_type: str
    node: Node
    operands: tuple[Column, ...]

    @cached_property
    def size(self) -> int:
        return 1 + sum(each.size for each in self.operands if isinstance(each, Applied))

    @property
    def shape(self) -> Any:
        to = self.node.attributes["to"].value if self.op_type == "Cast" else None
        return (self.op_type, to, *(each.shape for each in self.operands))


Column = Product | Number | Applied


class Unknown(Exception):
    """A value that cannot be followed; where users should know why, a sentence says it."""


@dataclass
class Trace:
    """Follows columns back to products; remembers the nodes on the way."""

    facts: Facts
    cone: dict[int, Node] = field(default_factory=dict)
    columns: dict[tuple[str, int], Column] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    depth: int = 0

    def width(self, name: str) -> int:
        """The number of columns of a value that is made here."""
        if name not in self.widths:
            with self._deeper():
                self.widths[name] = self._width(self._maker(name))
        return self.widths[name]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > 2 * _LONGEST:
            raise Unknown
        yield
        self.depth -= 1

    def _width(self, node: Node) -> int:
        if node.op_type in UNARY and not node.domain:
            return self.width(node.inputs[0])
        if node.op_type in BINARY and not node.domain:
            return max(self._operand_width(each) for each in node.inputs)
        if node.op_type == "MatMul":
            return int(self._constant(node.inputs[1], 2).shape[1])
        if node.op_type == "Concat":
            return sum(self.width(each) for each in node.inputs)
        if (node.domain, node.op_type) == (ML, "LinearClassifier"):
            return 2
        if node.op_type == "Slice":
            return len(self._chosen(node))
        if node.op_type in ("LinearRegressor", "ArrayFeatureExtractor", "ReduceSum", "Reshape"):
            return 1  # `column` makes sure
        raise Unknown

    def column(self, name: str, at: int) -> Column:
        """How column `at` of a value is computed."""
        key = (name, at)
        if key not in self.columns:
            if at >= self.width(name):  # a graph whose shapes do not fit: it says so when it runs
                raise Unknown
            node = self._maker(name)
            self.cone[id(node)] = node
            with self._deeper():
                found = self._column(node, name, at)
            if isinstance(found, Applied) and found.size > _LONGEST:
                raise Unknown
            self.columns[key] = found
        return self.columns[key]

    def _column(self, node: Node, name: str, at: int) -> Column:
        if node.domain == ML:
            return self._of_model(node, name, at)
        if node.domain:
            raise Unknown
        if node.op_type == "Identity":
            return self.column(node.inputs[0], at)
        if node.op_type in UNARY:
            return Applied(node.op_type, node, (self.column(node.inputs[0], at),))
        if node.op_type in BINARY and node.version >= 7:
            return Applied(node.op_type, node, tuple(self._operand(each, at) for each in node.inputs))
        if node.op_type == "MatMul":
            return Product(node, node.inputs[0], self._constant(node.inputs[1], 2)[:, at])
        if node.op_type == "Concat" and node.version >= 4 and node.attributes["axis"].value in (1, -1):
            for each in node.inputs:
                width = self.width(each)
                if at < width:
                    return self.column(each, at)
                at -= width
        if node.op_type == "Slice":
            return self.column(node.inputs[0], self._chosen(node)[at])
        if node.op_type == "Reshape" and self._constant(_second(node), 1).tolist() == [-1, 1]:
            return self.column(node.inputs[0], self._only(node.inputs[0]))
        if node.op_type == "ReduceSum":
            return self._pair_sum(node)
        raise Unknown

    def _of_model(self, node: Node, name: str, at: int) -> Column:
        if node.op_type == "ArrayFeatureExtractor":
            chosen = self._constant(node.inputs[1], None)
            if chosen.size == 1:
                width = self.width(node.inputs[0])
                at = int(chosen.reshape(-1)[0])
                if -width <= at < width:
                    return self.column(node.inputs[0], at % width)
        elif node.op_type in ("LinearClassifier", "LinearRegressor"):
            return _linear(node, name, at)
        raise Unknown

    def _pair_sum(self, node: Node) -> Column:
        """The sum of two columns: a longer one has an order of its own."""
        keep = node.attributes.get("keepdims")
        given = node.attributes.get("axes")
        axes = given.value if given is not None else self._constant(_second(node), 1)
        if (
            (keep is not None and keep.value == 0)
            or axes.tolist() not in ([1], [-1])
            or self.width(node.inputs[0]) != 2
        ):
            raise Unknown
        return Applied("Add", node, (self.column(node.inputs[0], 0), self.column(node.inputs[0], 1)))

    def _only(self, name: str) -> int:
        """The one column of a value."""
        if self.width(name) != 1:
            raise Unknown
        return 0

    def _operand(self, name: str, at: int) -> Column:
        constant = self.facts.graph.constants.get(name)
        if constant is None:
            return self.column(name, at if self.width(name) > 1 else 0)
        if constant.ndim > 2 or (constant.ndim == 2 and constant.shape[0] != 1) or constant.dtype == object:
            raise Unknown
        row = constant.reshape(-1)
        at = at if row.size > 1 else 0
        if at >= row.size:
            raise Unknown
        return Number(row[at])

    def _operand_width(self, name: str) -> int:
        constant = self.facts.graph.constants.get(name)
        return self.width(name) if constant is None else int(constant.size)

    def _chosen(self, node: Node) -> range:
        """The columns that a Slice takes."""
        if node.version < 10 or len(node.inputs) < 4:
            raise Unknown
        bounds = [self._constant(each, 1) for each in node.inputs[1:]]
        if any(each.size != 1 for each in bounds) or bounds[2].tolist() not in ([1], [-1]):
            raise Unknown
        start, stop, step = (int(each[0]) for each in (bounds[0], bounds[1], bounds[3] if len(bounds) > 3 else [1]))
        return range(self.width(node.inputs[0]))[start:stop:step]

    def _maker(self, name: str) -> Node:
        node = self.facts.maker.get(name)
        if node is None:
            raise Unknown
        return node

    def _constant(self, name: str, rank: int | None) -> Array:
        constant = self.facts.graph.constants.get(name)
        if constant is None or (rank is not None and constant.ndim != rank):
            raise Unknown
        return constant


def _second(node: Node) -> str:
    """The second input; some versions of some operators have an attribute instead, or nothing."""
    return node.inputs[1] if len(node.inputs) > 1 else ""


def _linear(node: Node, name: str, at: int) -> Product:
    """A column of LinearRegressor with one target, or of the scores of LinearClassifier with two classes."""

    def values(attribute: str) -> Array:
        found = node.attributes.get(attribute)
        return np.zeros(0, np.float32) if found is None else np.asarray(found.value)

    given = node.attributes.get("post_transform")
    transform = "NONE" if given is None else given.value
    weights, bias = values("coefficients"), values("intercepts")
    if node.op_type == "LinearRegressor":
        targets = node.attributes.get("targets")
        if (targets is not None and targets.value != 1) or bias.size > 1 or transform != "NONE":
            raise Unknown
        return Product(node, node.inputs[0], weights, float(bias.sum()), transform)
    labels = node.attributes.get("classlabels_ints") or node.attributes.get("classlabels_strings")
    if name not in node.outputs[1:] or labels is None or len(labels.value) != 2 or transform not in _APART:
        raise Unknown
    if bias.size != 2 or weights.size % 2:  # one row for two classes gives other scores
        raise Unknown
    return Product(node, node.inputs[0], weights.reshape(2, -1)[at], float(bias[at]), transform)
