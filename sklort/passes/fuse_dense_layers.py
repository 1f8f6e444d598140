"""``f(X W + b)`` with constant W and b and f one of Relu and Tanh becomes one ``ai.sklort.DenseLayer``; ``X W + b``
alone a Gemm.

The kernel applies f to some rows of the product while they are in the cache. Bitwise: it multiplies as MatMul does,
adds the bias afterwards, and computes f by the loops of the operators. (With Sigmoid, a layer is a linear model.)
"""

from __future__ import annotations

from sklort.graph.ir import OWN_DOMAIN, Attribute, AttributeKind, Node
from sklort.passes.linear import is_matrix, private_reader
from sklort.passes.read_linear import read_linear
from sklort.passes.rule import Edit, Facts, Found, Rule

_ACTIVATIONS = frozenset(("Relu", "Tanh"))
_GEMM_ADDS_A_ROW = 7
"""The first opset in which Gemm broadcasts without being told to."""


def _match(node: Node, facts: Facts) -> Found | None:
    if node.domain or node.op_type not in ("MatMul", "Gemm"):
        return None
    layer = read_linear(node, facts, tail=False)
    if layer is None:
        return None
    activation = private_reader(layer.scores, facts)
    if activation is not None and not activation.domain and activation.op_type in _ACTIVATIONS:
        facts.memo[id(node)] = layer, activation
        return (node, *layer.consumed, activation)
    if not layer.consumed or node.version < _GEMM_ADDS_A_ROW:
        return None
    facts.memo[id(node)] = layer, None
    return (node, *layer.consumed)


def _unless(found: Found, facts: Facts) -> str | None:
    layer, _ = facts.memo[id(found[0])]
    return None if is_matrix(layer.x, facts) else f"{layer.x!r} is not certain to be a matrix"


def _make(found: Found, facts: Facts) -> Edit:
    node, *others = found
    layer, activation = facts.memo[id(node)]
    outputs = (layer.scores,) if activation is None else activation.outputs
    names, constants = layer.constants(outputs[0], facts)
    inputs = (layer.x, *names)
    if activation is None:
        fused = Node("Gemm", "", node.version, inputs, outputs, {}, node.name)
    else:
        attributes = {"activation": Attribute(AttributeKind.STRING, activation.op_type)}
        fused = Node("DenseLayer", OWN_DOMAIN, 1, inputs, outputs, attributes, node.name)
    return Edit(drop=tuple(others), swap={id(node): fused}, constants=constants)


RULE = Rule("fuse_dense_layers", _match, _unless, _make, makes=frozenset({(OWN_DOMAIN, "DenseLayer")}))
