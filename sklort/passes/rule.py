"""What a graph pass is, and the engine that applies one.

A rule is a pattern, a guard, a replacement, and a promise:

``match``
    a node and the facts about its graph -> the nodes of the pattern, the node itself first, or None;
``unless``
    the nodes found -> a sentence why they must stay, or None;
``make``
    the nodes found -> the `Edit` that replaces them;
``bitwise``
    whether the results stay the same to the last bit;
``closer``
    whether they are nearer to what the model means instead: computed in at least the precision of the graph, rounded
    less often, and not above a tree. Such a pass runs by default, like a bitwise one. So does one that only lets a
    kernel add up a matrix product in another order of its own;
``makes``
    operators, by domain and name, that somebody must be able to run before the rule may fire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from sklort.graph.ir import Array, Graph, Node
from sklort.graph.types import DType
from sklort.passes.dtypes import known_dtypes

Found = tuple[Node, ...]
Evaluate = Callable[[Node, list["Array | None"]], list[Array]]
"""Runs one node on arrays; passes that compute get it from above."""
Refuses = Callable[[Node], "str | None"]
"""Why nobody but the reference evaluator runs a node; passes that put its work elsewhere get it from above."""

_SWEEPS = 1000


class Facts:
    """What rules ask about a graph."""

    def __init__(self, graph: Graph, evaluate: Evaluate | None = None, refuses: Refuses | None = None) -> None:
        self.graph = graph
        self.evaluate = evaluate
        self.refuses = refuses
        self.outputs = frozenset(value.name for value in graph.outputs)
        self.inputs = frozenset(value.name for value in graph.inputs)
        self.memo: dict[Any, Any] = {}
        """What a rule wants to remember during one sweep."""

    @cached_property
    def maker(self) -> dict[str, Node]:
        """The node that makes a value; inputs and constants have none."""
        return {name: node for node in self.graph.nodes for name in node.outputs if name}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read a value, in their subgraphs too."""
        found: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            for name in node.reads:
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def captured(self) -> frozenset[str]:
        """The values that subgraphs read."""
        return frozenset(name for node in self.graph.nodes for name in node.captured)

    def tree_below(self, node: Node) -> Node | None:
        """A tree that reads, by any way, what `node` makes."""
        seen: set[int] = set()
        queue = [node]
        while queue:
            current = queue.pop()
            if id(current) in seen:
                continue
            seen.add(id(current))
            if _has_tree(current):
                return current
            queue.extend(reader for name in current.outputs for reader in self.readers.get(name, []))
        return None

    @cached_property
    def dtypes(self) -> dict[str, DType]:
        """The element types that are certain."""
        return known_dtypes(self.graph)


def _has_tree(node: Node) -> bool:
    return node.op_type.startswith("TreeEnsemble") or any(
        _has_tree(inner) for graph in node.subgraphs for inner in graph.nodes
    )


@dataclass(frozen=True)
class Edit:
    """A change: `drop` nodes, `swap` a node (by its id) for others in its place, add `constants`, and let everybody
    who read a key of `names` read its value instead."""

    drop: tuple[Node, ...] = ()
    swap: Mapping[int, Node | Sequence[Node]] = field(default_factory=dict)
    constants: Mapping[str, Array] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A place where a pass would have fired: the node and why it did not."""

    rule: str
    node: Node
    reason: str


class Pass(Protocol):
    """Something of `PIPELINE`."""

    @property
    def name(self) -> str: ...

    @property
    def bitwise(self) -> bool: ...

    @property
    def closer(self) -> bool: ...

    @property
    def makes(self) -> frozenset[tuple[str, str]]: ...

    def run(
        self, graph: Graph, evaluate: Evaluate | None = None, refuses: Refuses | None = None
    ) -> tuple[Graph, tuple[Refusal, ...]]:
        """The graph after the pass, the same object when nothing changed, and the refusals."""
        ...


@dataclass(frozen=True)
class Rule:
    """A local rewrite; see the module."""

    name: str
    match: Callable[[Node, Facts], Found | None]
    unless: Callable[[Found, Facts], str | None]
    make: Callable[[Found, Facts], Edit]
    bitwise: bool = True
    closer: bool = False
    makes: frozenset[tuple[str, str]] = frozenset()

    def run(
        self, graph: Graph, evaluate: Evaluate | None = None, refuses: Refuses | None = None
    ) -> tuple[Graph, tuple[Refusal, ...]]:
        """Apply the rule until it fires nowhere."""
        for _ in range(_SWEEPS):
            changed, refusals = self._sweep(Facts(graph, evaluate, refuses))
            if changed is graph:
                return graph, refusals
            graph = changed
        raise AssertionError(f"the pass {self.name} does not come to rest")

    def _sweep(self, facts: Facts) -> tuple[Graph, tuple[Refusal, ...]]:
        """Apply the rule once wherever it fires, leaving nodes that an earlier edit changed to the next sweep."""
        graph = facts.graph
        touched: set[int] = set()
        edits: list[Edit] = []
        refusals: list[Refusal] = []
        for node in graph.nodes:
            found = self.match(node, facts)
            if found is None or any(id(other) in touched for other in found):
                continue
            reason = self.unless(found, facts)
            if reason is not None:
                refusals.append(Refusal(self.name, node, reason))
                continue
            edit = self.make(found, facts)
            edits.append(edit)
            touched.update(id(other) for other in edit.drop)
            touched.update(edit.swap)
        return (_edited(graph, edits), tuple(refusals)) if edits else (graph, tuple(refusals))


@dataclass(frozen=True)
class Sweep:
    """A rewrite that must look at the whole graph at once."""

    name: str
    change: Callable[[Graph], Graph]
    bitwise: bool = True
    closer: bool = False
    makes: frozenset[tuple[str, str]] = frozenset()

    def run(
        self, graph: Graph, evaluate: Evaluate | None = None, refuses: Refuses | None = None
    ) -> tuple[Graph, tuple[Refusal, ...]]:
        return self.change(graph), ()


def _edited(graph: Graph, edits: list[Edit]) -> Graph:
    dropped = {id(node) for edit in edits for node in edit.drop}
    swapped = {old: instead for edit in edits for old, instead in edit.swap.items()}
    names = {old: new for edit in edits for old, new in edit.names.items()}
    for old, new in names.items():
        while new in names:
            new = names[new]
        names[old] = new
    constants = dict(graph.constants)
    for edit in edits:
        constants.update(edit.constants)
    nodes: list[Node] = []
    for node in graph.nodes:
        if id(node) not in dropped:
            instead = swapped.get(id(node), node)
            nodes.extend((instead,) if isinstance(instead, Node) else instead)
    return replace(graph, nodes=tuple(node.renamed(names) for node in nodes), constants=constants)
