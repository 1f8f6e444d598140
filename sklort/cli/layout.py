"""Where the boxes of a directed graph go: in layers from top to bottom, few crossings, neighbours above each other.

The usual steps: layers by the longest way from the top, edges over several layers cut by points, orders by the mean
place of the neighbours, and places as near to that mean as the boxes beside leave room for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

SWEEPS = 8
"""Over all layers, for the order in each."""
SHIFTS = 40
"""Over all layers, for the places in each."""
GAP = 28.0
"""Between boxes side by side."""
BEND = 10.0
"""Width that an edge takes where it passes a layer."""

V = TypeVar("V", bound=Hashable)
Point = tuple[int, int]
"""A vertex by its number, and -1; or an edge by its number, and the layer that it passes."""


@dataclass
class Layout:
    """Places of boxes and edges.

    Attributes
    ----------
    layer : list of int
        Of each vertex, from the top.
    x : list of float
        The middle of each vertex.
    ways : list of list of (float, int)
        For each edge the places it goes through, as x and layer, its two ends included.
    """

    layer: list[int] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    ways: list[list[tuple[float, int]]] = field(default_factory=list)


def lay_out(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out vertices of these widths; an edge goes from an earlier vertex to a later one.

    Parameters
    ----------
    widths : sequence of float
    edges : sequence of (int, int)
        Numbers of vertices, the first one smaller than the second.
    """
    layer = _layers(len(widths), edges)
    chains = [_chain(number, edge, layer) for number, edge in enumerate(edges)]
    rows: list[list[Point]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for vertex, at in enumerate(layer):
        rows[at].append((vertex, -1))
    for chain in chains:
        for point in chain[1:-1]:
            rows[point[1]].append(point)
    above, below = defaultdict[Point, list[Point]](list), defaultdict[Point, list[Point]](list)
    for chain in chains:
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    width = {point: widths[point[0]] if point[1] < 0 else BEND for row in rows for point in row}
    place = {point: float(index) for row in rows for index, point in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _reorder(row, above if sweep % 2 == 0 else below, place)
    for row in rows:
        place.update(zip(row, _apart([0.0] * len(row), [width[point] for point in row])))
    for sweep in range(SHIFTS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean([place[other] for other in above[point] + below[point]], place[point]) for point in row]
            place.update(zip(row, _apart(wanted, [width[point] for point in row])))
    left = min((place[point] - width[point] / 2 for point in place), default=0.0)
    ways = [
        [(place[point] - left, layer[point[0]] if point[1] < 0 else point[1]) for point in chain] for chain in chains
    ]
    return Layout(layer, [place[vertex, -1] - left for vertex in range(len(widths))], ways)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way from the top; what nothing leads to stands right above what it leads to."""
    layer = [0] * count
    into = defaultdict[int, list[int]](list)
    out = defaultdict[int, list[int]](list)
    for source, target in edges:
        into[target].append(source)
        out[source].append(target)
    for vertex in range(count):
        layer[vertex] = max((layer[source] + 1 for source in into[vertex]), default=0)
    for vertex in range(count):
        if not into[vertex] and out[vertex]:
            layer[vertex] = min(layer[target] for target in out[vertex]) - 1
    return layer


def _chain(number: int, edge: tuple[int, int], layer: Sequence[int]) -> list[Point]:
    source, target = edge
    return [(source, -1), *((number, at) for at in range(layer[source] + 1, layer[target])), (target, -1)]


def _reorder(row: list[Point], neighbours: Mapping[Point, list[Point]], place: dict[Point, float]) -> None:
    row.sort(key=lambda point: _mean([place[other] for other in neighbours.get(point, ())], place[point]))
    place.update((point, float(index)) for index, point in enumerate(row))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _apart(wanted: Iterable[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, by least squares, that keep order and distance: isotonic regression."""
    offsets: list[float] = []
    total = 0.0
    for before, width in zip([0.0, *widths], widths):
        total += (before + width) / 2 + GAP if offsets else 0.0
        offsets.append(total)
    blocks: list[tuple[float, int]] = []  # mean, members
    for value, offset in zip(wanted, offsets):
        mean, members = value - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, members = (mean * members + other * others) / (members + others), members + others
        blocks.append((mean, members))
    means = [mean for mean, members in blocks for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets)]
