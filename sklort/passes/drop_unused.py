"""Nodes that no graph output needs go, with the constants only they read; node outputs that nobody reads become
omitted, so that a kernel can skip computing them."""

from __future__ import annotations

from dataclasses import replace

from sklort.graph.ir import Graph, Node
from sklort.passes.rule import Sweep


def _change(graph: Graph) -> Graph:
    needed = {value.name for value in graph.outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.isdisjoint(node.outputs):
            continue
        outputs = [name if name in needed else "" for name in node.outputs]
        while not outputs[-1]:
            outputs.pop()
        kept.append(node if tuple(outputs) == node.outputs else replace(node, outputs=tuple(outputs)))
        needed.update(node.reads)
    constants = {name: array for name, array in graph.constants.items() if name in needed}
    nodes = tuple(reversed(kept))
    if len(constants) == len(graph.constants) and nodes == graph.nodes:
        return graph
    return replace(graph, nodes=nodes, constants=constants)


PASS = Sweep("drop_unused", _change)
