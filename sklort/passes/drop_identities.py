"""``y = Identity(x)``: whoever reads y reads x.

1. y is no graph output: its readers take x.
2. y is a graph output and x, no output itself, is made by a node of the graph: that node makes y, and the readers of x
   take y.
"""

from __future__ import annotations

from dataclasses import replace

from sklort.graph.ir import Node
from sklort.passes.rule import Edit, Facts, Found, Rule


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type != "Identity" or node.domain or len(node.inputs) != 1 or len(node.outputs) != 1:
        return None
    maker = facts.maker.get(node.inputs[0])
    return (node,) if maker is None or node.outputs[0] not in facts.outputs else (node, maker)


def _unless(found: Found, facts: Facts) -> str | None:
    node = found[0]
    source, result = node.inputs[0], node.outputs[0]
    if result in facts.captured:
        return f"{result!r} is read inside a subgraph"
    if result not in facts.outputs:
        return None  # case 1
    if len(found) == 1:
        return f"the output {result!r} must not share memory with {source!r}, an input or constant"
    if source in facts.outputs:
        return f"{source!r} and {result!r} are both graph outputs"
    if source in facts.captured:
        return f"{source!r} is read inside a subgraph"
    return None


def _make(found: Found, facts: Facts) -> Edit:
    node = found[0]
    source, result = node.inputs[0], node.outputs[0]
    if result not in facts.outputs:
        return Edit(drop=(node,), names={result: source})
    maker = found[1]
    outputs = tuple(result if name == source else name for name in maker.outputs)
    return Edit(drop=(node,), swap={id(maker): replace(maker, outputs=outputs)}, names={source: result})


RULE = Rule("drop_identities", _match, _unless, _make)
