"""The plan as frozen data: which provider runs which nodes, in what order, and where values live."""

from __future__ import annotations

from dataclasses import dataclass

from sklort.graph.ir import Graph, Node
from sklort.passes.rule import Refusal
from sklort.providers.part import Body, Part, Port, Step

__all__ = ["Assignment", "Body", "Part", "PlacedPart", "Plan", "Port", "Step"]


@dataclass(frozen=True)
class Assignment:
    """Who runs a node, and the sentences of those before who refused, by provider."""

    node: Node
    provider: str
    refusals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class PlacedPart:
    """A part among others: where its inputs come from and its outputs go, in slots of the plan."""

    provider: str
    part: Part
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    release: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """A graph, ready to be compiled: `parts` in order, over `slots` values that pass between them."""

    graph: Graph
    slots: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parts: tuple[PlacedPart, ...]
    assignments: tuple[Assignment, ...]
    refusals: tuple[Refusal, ...] = ()
    """Where passes matched and did not fire."""
