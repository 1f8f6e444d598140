"""Distances of which only the k smallest are kept become one ``ai.sklort.NearestNeighbors``.

``TopK(D, k, largest=0)`` along the rows of ``D = PairwiseDistance(X, Y)``, or of CDist of ``com.microsoft``, is the k
rows of Y nearest to each row of X, ascending, the lower index first among equals. The kernel never stores D, and
measures only the points that an estimate of its error cannot rule out.

Not bitwise. Values are those of D; which points they belong to may differ: TopK ranks what D holds, roots already
taken and rounded to float where X and Y are float, so that two points at distances that round alike are equals for it.
The kernel ranks the sums in double from which the roots are taken, as scikit-learn does, and is the nearer. Nothing
below which a tree stands is fused.
"""

from __future__ import annotations

from sklort.graph.ir import OWN_DOMAIN, Attribute, AttributeKind, Node
from sklort.passes.rule import Edit, Facts, Found, Rule

_DISTANCES = frozenset({(OWN_DOMAIN, "PairwiseDistance"), ("com.microsoft", "CDist")})


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type != "TopK" or node.domain:
        return None
    distances = facts.maker.get(node.inputs[0])
    if distances is None or (distances.domain, distances.op_type) not in _DISTANCES:
        return None
    return (node, distances)


def _unless(found: Found, facts: Facts) -> str | None:
    node, distances = found
    (name,) = distances.outputs
    if name in facts.outputs or name in facts.captured or len(facts.readers[name]) > 1:
        return f"all of {name!r} is needed besides"
    largest, axis = node.attributes.get("largest"), node.attributes.get("axis")
    if largest is None or largest.value != 0:
        return "it takes the largest"
    if axis is not None and axis.value not in (1, -1):
        return f"it chooses along axis {axis.value}"
    k = _count(node, facts)
    if k is None or k < 1:
        return "how many it takes is no positive constant"
    tree = facts.tree_below(node)
    return f"{tree.label} compares what is computed from it" if tree else None


def _count(node: Node, facts: Facts) -> int | None:
    """How many neighbours; TopK takes them from an input since version 10, and `largest` came with 11."""
    k = facts.graph.constants.get(node.inputs[1])
    return int(k.reshape(-1)[0]) if k is not None and k.size == 1 else None


def _make(found: Found, facts: Facts) -> Edit:
    node, distances = found
    k = _count(node, facts)
    attributes = {
        # CDist's own default, which the kernel does not share.
        "metric": Attribute(AttributeKind.STRING, "sqeuclidean"),
        **distances.attributes,
        "k": Attribute(AttributeKind.INT, k),
    }
    fused = Node("NearestNeighbors", OWN_DOMAIN, 1, distances.inputs, node.outputs, attributes, node.name)
    return Edit(drop=(distances,), swap={id(node): fused})


RULE = Rule(
    "fuse_nearest_neighbors",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "NearestNeighbors")}),
)
