"""A linear model in one form, however a graph writes it, and what several passes ask about its surroundings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Attribute, AttributeKind, Node
from sklort.graph.types import TensorType
from sklort.passes.columns import BINARY, ML, UNARY
from sklort.passes.rule import Facts

_KEEPS_MATRIX = frozenset(
    {("", op) for op in (*UNARY, "TfIdfVectorizer")} | {(ML, op) for op in ("Imputer", "Normalizer", "Scaler")}
)


@dataclass(frozen=True, eq=False)
class Linear:
    """``link(x @ weights + bias)`` and the labels of the classes; what is not made is ``""``."""

    node: Node
    x: str
    weights: Array
    bias: Array
    link: str = "NONE"
    classes: Array | None = None
    """The labels, of int64 or strings; None: their numbers."""
    nan_wins: bool = False
    best_of_linked: bool = False
    """The label is that of the largest linked score, not of the largest score."""
    label: str = ""
    linked: str = ""
    scores: str = ""
    consumed: tuple[Node, ...] = field(default=())
    """Nodes besides `node` whose work it does."""

    def constants(self, stem: str, facts: Facts) -> tuple[tuple[str, ...], dict[str, Array]]:
        """Weights and bias, under names that are not taken."""
        names = tuple(_unused(f"{stem}/{each}", facts) for each in ("weights", "bias"))
        arrays = (np.ascontiguousarray(self.weights), np.ascontiguousarray(self.bias))
        return names, dict(zip(names, arrays, strict=True))

    def as_node(
        self, sources: Sequence[str], facts: Facts, more: Mapping[str, Attribute] | None = None
    ) -> tuple[Node, dict[str, Array]]:
        """The operator of our own domain, and the constants it needs."""
        names, constants = self.constants(next(filter(None, (self.label, self.linked, self.scores))), facts)
        attributes = {
            "link": Attribute(AttributeKind.STRING, self.link),
            "nan_wins": Attribute(AttributeKind.INT, int(self.nan_wins)),
            "best_of_linked": Attribute(AttributeKind.INT, int(self.best_of_linked)),
            **(more or {}),
        }
        if self.classes is not None and self.classes.dtype == object:
            attributes["classlabels_strings"] = Attribute(AttributeKind.STRINGS, tuple(self.classes.tolist()))
        elif self.classes is not None:
            attributes["classlabels_int64s"] = Attribute(AttributeKind.INTS, self.classes)
        outputs = [self.label, self.linked, self.scores]
        while not outputs[-1]:
            outputs.pop()
        inputs = (*sources, *names)
        return Node("LinearModel", OWN_DOMAIN, 1, inputs, tuple(outputs), attributes, self.node.name), constants


def _unused(name: str, facts: Facts) -> str:
    while name in facts.graph.constants or name in facts.maker or name in facts.inputs:
        name += "/"
    return name


def is_matrix(name: str, facts: Facts) -> bool:
    """Whether a value has two dimensions, of which the second one counts columns."""
    while (node := facts.maker.get(name)) is not None:
        if node.op_type in BINARY and not node.domain and node.version >= 7:
            constants = [facts.graph.constants.get(each) for each in node.inputs]
            others = [each for each, constant in zip(node.inputs, constants, strict=True) if constant is None]
            if len(others) != 1 or any(each is not None and each.ndim > 2 for each in constants):
                return False
            name = others[0]
        elif node.op_type == "Flatten" and not node.domain:
            return True
        elif (node.domain, node.op_type) in _KEEPS_MATRIX or node.op_type == "Concat":
            name = node.inputs[0]
        elif node.op_type in ("MatMul", "Gemm") and not node.domain:
            factor = facts.graph.constants.get(node.inputs[1])
            if factor is None or factor.ndim != 2:
                return False
            name = node.inputs[0]
        else:
            return False
    kinds = {value.name: value.type for value in facts.graph.inputs}
    kind = kinds.get(name)
    return isinstance(kind, TensorType) and kind.shape is not None and len(kind.shape) == 2


def private_reader(name: str, facts: Facts) -> Node | None:
    """The one node that reads a value which nobody needs besides."""
    readers = facts.readers.get(name, [])
    if len(readers) != 1 or name in facts.outputs or name in facts.captured:
        return None
    return readers[0]


def row_of(constant: Array | None, columns: int, dtype: np.dtype[Any]) -> Array | None:
    """A constant that adds the same row to every row."""
    if (
        constant is None
        or constant.dtype != dtype
        or constant.ndim > 2
        or (constant.ndim == 2 and constant.shape[0] != 1)
    ):
        return None
    return np.broadcast_to(constant.reshape(-1), (columns,)) if constant.size in (1, columns) else None
