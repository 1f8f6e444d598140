"""The distances that a Scan spells out row by row become one ``ai.sklort.PairwiseDistance``.

skl2onnx writes the distances between the rows of X (n, d) and of Y (m, d) as a Scan over the rows of Y, whose state is
X and whose body gives one column of ``D[i, j] = sum_k t(X[i, k] - Y[j, k])``; a Transpose follows, and then the root:

==========  ======================  ===================  ==============
t(u)        body                    root behind          metric
==========  ======================  ===================  ==============
u ** 2      ReduceSumSquare         none                 ``sqeuclidean``
u ** 2      ReduceSumSquare         Sqrt                 ``euclidean``
abs(u)      Abs, ReduceSum          none                 ``cityblock``
abs(u)**p   Abs, Pow p, ReduceSum   Pow 1/p              ``minkowski``
==========  ======================  ===================  ==============

The metrics are those of ``scipy.spatial.distance.cdist``. All are symmetric to the bit, because t is even, so without
the Transpose X and Y change places.

Not bitwise. The kernel takes differences in double, adds the terms in the order of the features in double, takes the
root in double, and rounds once to the result type. The graph rounds every difference, and every power, to the type of
X and Y when that is float, and adds in whatever order its ReduceSum has: ours adds in double, eight interleaved sums.
No term is negative, so for double the two differ by about d units in the last place at most, and for float the fused
one is the nearer. Distances decide who is a neighbour, where nearer is what scikit-learn computes; but nothing below
which a tree stands is fused: not even one unit may move a value across a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Attribute, AttributeKind, Graph, Node
from sklort.graph.types import DType, TensorType
from sklort.passes.rule import Edit, Facts, Found, Rule

_SQUARES, _ABSOLUTES, _POWERS = "sqeuclidean", "cityblock", "minkowski"


@dataclass(frozen=True)
class _Pattern:
    """What was found: the last node, its metric, and whether a Transpose is among the nodes."""

    nodes: Found
    term: str
    power: float
    rooted: bool
    transposed: bool


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type != "Scan" or node.domain or node.version < 9 or len(node.inputs) != 2 or len(node.outputs) != 2:
        return None
    if node.attributes["num_scan_inputs"].value != 1 or not node.outputs[1]:
        return None
    term = _term(node.attributes["body"].value, facts.graph.constants)
    if term is None:
        return None
    nodes, name = [node], node.outputs[1]
    follower = _only_reader(name, facts)
    transposed = follower is not None and follower.op_type == "Transpose" and _reverses(follower)
    if transposed and follower is not None:
        nodes.append(follower)
        follower = _only_reader(follower.outputs[0], facts)
    rooted = follower is not None and _is_root(follower, nodes[-1].outputs[-1], *term, facts)
    if rooted and follower is not None:
        nodes.append(follower)
    facts.memo[id(node)] = pattern = _Pattern(tuple(nodes), *term, rooted, transposed)
    return pattern.nodes


def _only_reader(name: str, facts: Facts) -> Node | None:
    """The one standard operator that reads a value which nobody else needs."""
    readers = facts.readers.get(name, [])
    alone = len(readers) == 1 and name not in facts.outputs and name not in facts.captured
    return readers[0] if alone and not readers[0].domain else None


def _reverses(node: Node) -> bool:
    perm = node.attributes.get("perm")
    return perm is None or list(perm.value) == [1, 0]


def _is_root(node: Node, read: str, term: str, power: float, facts: Facts) -> bool:
    if term == _SQUARES:
        return node.op_type == "Sqrt"
    if term != _POWERS or node.op_type != "Pow" or node.inputs[0] != read:
        return False
    exponent = _number(facts.graph.constants.get(node.inputs[1]))
    return exponent is not None and np.float32(exponent) == np.float32(1 / power)


def _number(array: Array | None) -> float | None:
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def _term(body: Graph, outer: dict[str, Array]) -> tuple[str, float] | None:
    """The t of the module's table, and p, when the body computes a column of distances and hands X through."""
    if len(body.inputs) != 2 or len(body.outputs) != 2:
        return None
    maker = {name: node for node in body.nodes for name in node.outputs if name}
    state, row = (value.name for value in body.inputs)

    def source(name: str) -> str:
        while name in maker and maker[name].op_type == "Identity":
            name = maker[name].inputs[0]
        return name

    def node(name: str, *op_types: str) -> Node | None:
        found = maker.get(source(name))
        return found if found is not None and not found.domain and found.op_type in op_types else None

    def constant(name: str) -> Array | None:
        if name in maker or name in (state, row):
            return None
        return body.constants.get(name, outer.get(name))

    def is_difference(name: str) -> bool:
        found = node(name, "Sub")
        return found is not None and {source(each) for each in found.inputs} == {state, row}

    if source(body.outputs[0].name) != state:
        return None
    sums = node(body.outputs[1].name, "ReduceSumSquare", "ReduceSum")
    if sums is None or not _sums_rows(sums, constant):
        return None
    if sums.op_type == "ReduceSumSquare":
        return (_SQUARES, 2.0) if is_difference(sums.inputs[0]) else None
    power = node(sums.inputs[0], "Pow")
    size = node(power.inputs[0] if power else sums.inputs[0], "Abs")
    if size is None or not is_difference(size.inputs[0]):
        return None
    if power is None:
        return _ABSOLUTES, 1.0
    p = _number(constant(power.inputs[1]))
    return (_POWERS, p) if p is not None else None


def _sums_rows(node: Node, constant: Any) -> bool:
    """Whether a reduction runs over axis 1 alone and drops it."""
    keep = node.attributes.get("keepdims")
    given = node.attributes.get("axes")
    axes = given.value if given is not None else constant(node.inputs[1]) if len(node.inputs) > 1 else None
    return keep is not None and keep.value == 0 and axes is not None and axes.tolist() in ([1], [-1])


def _unless(found: Found, facts: Facts) -> str | None:
    scan, pattern = found[0], facts.memo[id(found[0])]
    if scan.outputs[0]:
        return f"its final state {scan.outputs[0]!r} is read"
    for name in ("scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions"):
        if name in scan.attributes and any(scan.attributes[name].value):
            return f"it has {name}"
    ranks = [_rank(value.type) for value in scan.attributes["body"].value.inputs]
    if ranks != [2, 1]:
        return "its body does not declare a matrix and a row"
    if not {DType.FLOAT, DType.DOUBLE} & {facts.dtypes.get(name) for name in scan.inputs}:
        return f"neither {scan.inputs[0]!r} nor {scan.inputs[1]!r} is certain to be float or double"
    points = facts.graph.constants.get(scan.inputs[1])
    if points is not None and (points.ndim != 2 or points.shape[1] == 1 != _width(scan)):
        return f"{scan.inputs[1]!r}, of shape {points.shape}, may be broadcast"
    if pattern.term == _POWERS and not pattern.rooted:
        return f"no root of {pattern.power:g} follows the sum of powers"
    if pattern.term == _POWERS and not pattern.power > 0:
        return f"{pattern.power:g} is the power of no metric"
    tree = facts.tree_below(found[-1])
    return f"{tree.label} compares what is computed from it" if tree else None


def _rank(kind: Any) -> int | None:
    return len(kind.shape) if isinstance(kind, TensorType) and kind.shape is not None else None


def _width(scan: Node) -> Any:
    """The number of columns that the body declares for X."""
    return scan.attributes["body"].value.inputs[0].type.shape[1]


def _make(found: Found, facts: Facts) -> Edit:
    scan, pattern = found[0], facts.memo[id(found[0])]
    metric = "euclidean" if pattern.rooted and pattern.term == _SQUARES else pattern.term
    attributes = {"metric": Attribute(AttributeKind.STRING, metric)}
    if metric == _POWERS:
        attributes["p"] = Attribute(AttributeKind.FLOAT, pattern.power)
    inputs = scan.inputs if pattern.transposed else scan.inputs[::-1]
    outputs = found[-1].outputs if len(found) > 1 else scan.outputs[1:]
    fused = Node("PairwiseDistance", OWN_DOMAIN, 1, inputs, outputs, attributes, scan.name)
    return Edit(drop=found[1:], swap={id(scan): fused})


RULE = Rule(
    "fuse_pairwise_distances",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "PairwiseDistance")}),
)
