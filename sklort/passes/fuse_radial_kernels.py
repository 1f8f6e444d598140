"""``Exp(Neg(Mul(D, c)))`` of squared distances D is computed with them: the kernel of a Gaussian process.

``PairwiseDistance(X, Y)`` gets the attribute ``decay = c`` and gives ``exp(-c d)``. ``Exp(Mul(D, -c))`` is the same.

Bitwise in double. In float the kernel keeps the distances, the product and the exponential in double and rounds once:
nearer to the model than three roundings. Nothing below which a tree stands is fused.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Attribute, AttributeKind, Node
from sklort.graph.types import DType
from sklort.passes.linear import private_reader
from sklort.passes.rule import Edit, Facts, Found, Rule


def _match(node: Node, facts: Facts) -> Found | None:
    if (node.domain, node.op_type) != (OWN_DOMAIN, "PairwiseDistance") or "decay" in node.attributes:
        return None
    scaled = private_reader(node.outputs[0], facts)
    if scaled is None or scaled.op_type != "Mul" or scaled.domain:
        return None
    factor = _factor(scaled, node.outputs[0], facts)
    after = private_reader(scaled.outputs[0], facts)
    negated = after
    if after is not None and after.op_type == "Neg" and not after.domain and factor is not None:
        factor, after = -factor, private_reader(after.outputs[0], facts)
    if after is None or after.op_type != "Exp" or after.domain or factor is None or not factor < 0:
        return None
    facts.memo[id(node)] = -factor
    return (node, scaled, after) if negated is after or negated is None else (node, scaled, negated, after)


def _factor(scaled: Node, distances: str, facts: Facts) -> float | None:
    other = scaled.inputs[1] if scaled.inputs[0] == distances else scaled.inputs[0]
    constant = facts.graph.constants.get(other)
    if constant is None or constant.size != 1 or constant.ndim > 2 or constant.dtype.kind != "f":
        return None
    value = float(constant.reshape(-1)[0])
    return value if np.isfinite(value) else None


def _unless(found: Found, facts: Facts) -> str | None:
    distances, scaled = found[0], found[1]
    metric = distances.attributes.get("metric")
    if metric is None or metric.value != "sqeuclidean":
        return "the distances are not squared"
    dtypes = {facts.dtypes.get(name) for name in (*distances.inputs, *scaled.inputs) if name != distances.outputs[0]}
    if len(dtypes) != 1 or not dtypes <= {DType.FLOAT, DType.DOUBLE}:
        return "the element types are not certain to be one"
    tree = facts.tree_below(distances)
    return f"{tree.label} compares what is computed from it" if tree else None


def _make(found: Found, facts: Facts) -> Edit:
    distances, *rest = found
    decay = Attribute(AttributeKind.FLOAT, facts.memo[id(distances)])
    fused = replace(distances, outputs=rest[-1].outputs, attributes={**distances.attributes, "decay": decay})
    return Edit(drop=tuple(rest), swap={id(distances): fused})


RULE = Rule(
    "fuse_radial_kernels",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "PairwiseDistance")}),
)
