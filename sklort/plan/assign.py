"""Which provider runs which node, and in which order the parts run."""

from __future__ import annotations

from collections.abc import Sequence

from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import Graph, Node
from sklort.graph.types import DType
from sklort.passes.dtypes import known_dtypes
from sklort.plan.model import Assignment
from sklort.providers.part import Provider


def assign(graph: Graph, providers: Sequence[Provider]) -> tuple[Assignment, ...]:
    """The first provider, in order of preference, that does not refuse the node.

    Raises
    ------
    NotImplemented
        Every provider refuses a node; the message holds their sentences.
    """
    absent = {provider.name: provider.unavailable() for provider in providers}
    dtypes = known_dtypes(graph)
    found = []
    for node in graph.nodes:
        types = {dtypes[name] for name in (*node.reads, *node.outputs) if name in dtypes}.union(
            *map(_types, node.subgraphs)
        )
        refusals: list[tuple[str, str]] = []
        for provider in providers:
            foreign = [dtype.label for dtype in types if not provider.holds(dtype)]
            sentence = absent[provider.name] or (
                f"it has no {foreign[0]} values" if foreign else provider.refuses(node)
            )
            if sentence is None:
                found.append(Assignment(node, provider.name, tuple(refusals)))
                break
            refusals.append((provider.name, sentence))
        else:
            reasons = "; ".join(f"{name}: {sentence}" for name, sentence in refusals)
            raise NotImplementedHere(f"nobody can run {node.label} (version {node.version}). {reasons}")
    return tuple(found)


def _types(graph: Graph) -> set[DType]:
    """The element types that a subgraph is known to hold."""
    return set(known_dtypes(graph).values()).union(*(_types(inner) for node in graph.nodes for inner in node.subgraphs))


def runs(graph: Graph, assignments: Sequence[Assignment]) -> tuple[tuple[str, tuple[Node, ...]], ...]:
    """The nodes in maximal runs of one provider, in a legal order that changes provider seldom.

    List scheduling: stay with the current provider while one of its nodes is ready. Tried with each provider first;
    the fewest runs win.
    """
    if not graph.nodes:
        return ()
    names = [assignment.provider for assignment in assignments]
    maker = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs if name}
    needs = [{maker[name] for name in node.reads if name in maker} for node in graph.nodes]
    tries = [_schedule(graph.nodes, names, needs, first) for first in dict.fromkeys(names)]
    return min(tries, key=len)


def _schedule(
    nodes: Sequence[Node], names: Sequence[str], needs: Sequence[set[int]], current: str
) -> tuple[tuple[str, tuple[Node, ...]], ...]:
    import heapq

    waits = [len(need) for need in needs]
    readers: list[list[int]] = [[] for _ in nodes]
    for i, need in enumerate(needs):
        for j in need:
            readers[j].append(i)
    ready: dict[str, list[int]] = {name: [] for name in names}
    for i, count in enumerate(waits):
        if not count:
            heapq.heappush(ready[names[i]], i)
    found: list[tuple[str, list[Node]]] = []
    for _ in nodes:
        if not ready[current]:
            current = min((queue[0], name) for name, queue in ready.items() if queue)[1]
        if not found or found[-1][0] != current:
            found.append((current, []))
        i = heapq.heappop(ready[current])
        found[-1][1].append(nodes[i])
        for j in readers[i]:
            waits[j] -= 1
            if not waits[j]:
                heapq.heappush(ready[names[j]], j)
    return tuple((name, tuple(run)) for name, run in found)
