"""``y = Cast(x, to=T)`` where x has the element type T already: an Identity, which `drop_identities` takes away."""

from __future__ import annotations

from sklort.graph.ir import Node
from sklort.passes.rule import Edit, Facts, Found, Rule


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type != "Cast" or node.domain or "to" not in node.attributes:
        return None
    known = facts.dtypes.get(node.inputs[0])
    return (node,) if known is None or known == node.attributes["to"].value else None


def _unless(found: Found, facts: Facts) -> str | None:
    (node,) = found
    if node.inputs[0] not in facts.dtypes:
        return f"the element type of {node.inputs[0]!r} is not certain"
    return None


def _make(found: Found, facts: Facts) -> Edit:
    (node,) = found
    return Edit(swap={id(node): Node("Identity", "", node.version, node.inputs, node.outputs, {}, node.name)})


RULE = Rule("drop_noop_casts", _match, _unless, _make)
