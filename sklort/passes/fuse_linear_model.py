"""A product with a constant matrix and what makes labels and probabilities of it become one ``ai.sklort.LinearModel``.

``S = X W + b`` is computed once; in the same step, while a block of its rows is in the cache,

- ``Softmax(S)``, ``Sigmoid(S)``, or ``Concat(1 - Sigmoid(S), Sigmoid(S))`` for a single score;
- ``ArgMax(S)`` or ArgMax of those probabilities along the columns, or ``S > 0`` for a single score, and the label of
  the class from a constant list.

S itself stays an output where anybody needs it. A LinearClassifier with SOFTMAX does the same by itself: with the
Normalizer (L1) that skl2onnx puts behind it, it becomes a LinearModel without one.

Bitwise but for that Normalizer, which divides by a sum that is 1 but for roundings: the model means the quotient
before. Nothing below which a tree stands is changed.
"""

from __future__ import annotations

from sklort.graph.ir import OWN_DOMAIN, Node
from sklort.passes.linear import Linear, is_matrix
from sklort.passes.read_linear import read_linear
from sklort.passes.rule import Edit, Facts, Found, Rule


def _match(node: Node, facts: Facts) -> Found | None:
    if node.domain == OWN_DOMAIN or node.op_type not in ("LinearClassifier", "MatMul", "Gemm"):
        return None
    found = read_linear(node, facts)
    if found is None or not found.consumed or not (found.label or found.linked):
        return None
    facts.memo[id(node)] = found
    return (node, *found.consumed)


def _unless(found: Found, facts: Facts) -> str | None:
    linear: Linear = facts.memo[id(found[0])]
    if not is_matrix(linear.x, facts):
        return f"{linear.x!r} is not certain to be a matrix"
    tree = facts.tree_below(found[0])
    return f"{tree.label} compares what is computed from it" if tree else None


def _make(found: Found, facts: Facts) -> Edit:
    node, *consumed = found
    linear: Linear = facts.memo[id(node)]
    fused, constants = linear.as_node((linear.x,), facts)
    return Edit(drop=tuple(consumed), swap={id(node): fused}, constants=constants)


RULE = Rule(
    "fuse_linear_model",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "LinearModel")}),
)
