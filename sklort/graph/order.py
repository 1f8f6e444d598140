"""Nodes in an order in which every value is made before it is read."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from sklort.graph.ir import Node


def in_order(nodes: Sequence[Node], known: Iterable[str]) -> tuple[Node, ...]:
    """`nodes` sorted, keeping the given order wherever it is legal.

    Names that no node makes count as known; nodes on a cycle keep their order at the end: `check` reports both.
    """
    if _sorted(nodes, known):
        return tuple(nodes)
    maker = {name: i for i, node in enumerate(nodes) for name in node.outputs if name}
    waits: list[int] = []
    readers: list[list[int]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        makers = {maker[name] for name in node.reads if name in maker}
        waits.append(len(makers))
        for j in makers:
            readers[j].append(i)
    ready = [i for i, count in enumerate(waits) if not count]
    order: list[int] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(i)
        for j in readers[i]:
            waits[j] -= 1
            if not waits[j]:
                heapq.heappush(ready, j)
    done = set(order)
    return tuple(nodes[i] for i in order) + tuple(node for i, node in enumerate(nodes) if i not in done)


def _sorted(nodes: Sequence[Node], known: Iterable[str]) -> bool:
    pending = {name for node in nodes for name in node.outputs} - {""}
    pending.difference_update(known)
    for node in nodes:
        if any(name in pending for name in node.reads):
            return False
        pending.difference_update(node.outputs)
    return True
