"""Two nodes with the same operator, inputs and attributes make the same values: the later one goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklort.graph.ir import Attribute, Node
from sklort.passes.random_operators import RANDOM
from sklort.passes.rule import Edit, Facts, Found, Rule

_LIMIT = 1 << 16
"""Bytes of attributes that are compared; larger ones are taken as different."""


def _match(node: Node, facts: Facts) -> Found | None:
    key = _key(node)
    if key is None:
        return None
    first: Node = facts.memo.setdefault(key, node)
    return None if first is node else (node, first)


def _unless(found: Found, facts: Facts) -> str | None:
    node, first = found
    if node.op_type in RANDOM:
        return f"{node.op_type} draws anew each time"
    for name in node.outputs:
        if name in facts.outputs:
            return f"{name!r} is a graph output of its own"
        if name in facts.captured:
            return f"{name!r} is read inside a subgraph"
    theirs = dict(enumerate(first.outputs))
    if any(mine and not theirs.get(i) for i, mine in enumerate(node.outputs)):
        return "the earlier node leaves out an output that this one makes"
    return None


def _make(found: Found, facts: Facts) -> Edit:
    node, first = found
    return Edit(drop=(node,), names={mine: theirs for mine, theirs in zip(node.outputs, first.outputs) if mine})


def _key(node: Node) -> tuple[Any, ...] | None:
    size = 0
    attributes = []
    for name, attribute in sorted(node.attributes.items()):
        frozen = _frozen(attribute)
        if frozen is None:
            return None
        size += len(frozen[-1]) if isinstance(frozen[-1], bytes) else 0
        attributes.append((name, frozen))
    return (node.domain, node.op_type, node.version, node.inputs, tuple(attributes)) if size <= _LIMIT else None


def _frozen(attribute: Attribute) -> tuple[Any, ...] | None:
    """A hashable stand-in for an attribute, or None where comparing costs too much."""
    value = attribute.value
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return (attribute.kind, value.shape, tuple(value.reshape(-1))) if value.size < 1000 else None
        return (attribute.kind, value.dtype.str, value.shape, value.tobytes()) if value.nbytes <= _LIMIT else None
    if isinstance(value, float):
        return (attribute.kind, np.float64(value).tobytes())
    if isinstance(value, (int, str)) or (isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)):
        return (attribute.kind, value)
    return None


RULE = Rule("merge_duplicates", _match, _unless, _make)
