"""``TreeEnsemble(Cast(X, to=double))`` with X float: the forest reads X itself.

A comparison ``float(x) <= double(t)`` widens x without rounding, so the cast only costs a copy of X. The kernel takes
the type of its sums from the leaves, not from X. In ``Cast(X, to=float) -> Cast(to=double) -> TreeEnsemble`` the first
cast rounds, decides the leaf, and stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklort.graph.ir import Node
from sklort.graph.types import DType
from sklort.passes.rule import Edit, Facts, Found, Rule

_FIELDS = {
    "TreeEnsemble": ("nodes_splits", "leaf_weights"),
    "TreeEnsembleClassifier": ("nodes_values_as_tensor", "class_weights_as_tensor"),
    "TreeEnsembleRegressor": ("nodes_values_as_tensor", "target_weights_as_tensor"),
}


def _match(node: Node, facts: Facts) -> Found | None:
    if node.domain != "ai.onnx.ml" or node.op_type not in _FIELDS:
        return None
    cast = facts.maker.get(node.inputs[0])
    if cast is None or cast.op_type != "Cast" or cast.domain or cast.attributes["to"].value != DType.DOUBLE:
        return None
    return (node, cast)


def _unless(found: Found, facts: Facts) -> str | None:
    node, cast = found
    source = facts.dtypes.get(cast.inputs[0])
    if source is None:
        return f"the element type of {cast.inputs[0]!r} is not certain"
    if source is not DType.FLOAT:
        return f"{cast.inputs[0]!r} is {source.label}, not float"
    for name in _FIELDS[node.op_type]:
        attribute = node.attributes.get(name)
        if attribute is None or attribute.value.dtype != np.float64:
            return f"{name.removesuffix('_as_tensor')} are not double: without the cast the sums would be float"
    return None


def _make(found: Found, facts: Facts) -> Edit:
    node, cast = found
    return Edit(swap={id(node): replace(node, inputs=(cast.inputs[0], *node.inputs[1:]))})


RULE = Rule("fuse_cast_into_trees", _match, _unless, _make)
