"""Who runs what, and why nobody better does."""

from __future__ import annotations

from dataclasses import dataclass, field

from sklort.exceptions import Fail
from sklort.graph.ir import Graph
from sklort.plan.model import Plan
from sklort.session.options import SessionOptions


@dataclass(frozen=True)
class ExplainedNode:
    """One node: who runs it, how, and why the providers before that one refused it."""

    node: str
    provider: str
    detail: str = ""
    refusals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The plan of a session in words; printed as a table."""

    nodes: tuple[ExplainedNode, ...]
    graph: Graph = field(compare=False)
    """What runs: the model's graph after the passes."""
    kept: tuple[str, ...] = ()
    """Sentences of passes that matched and did not fire."""

    def __str__(self) -> str:
        rows = [("node", "provider", "why")]
        for node in self.nodes:
            reasons = [f"{provider}: {sentence}" for provider, sentence in node.refusals]
            rows.append((node.node, node.provider, "; ".join(filter(None, [node.detail, *reasons]))))
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
        lines.insert(1, "-" * max(map(len, lines)))
        if self.kept:
            lines += ["", "kept as they are:", *(f"  {sentence}" for sentence in self.kept)]
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True)
class AssignedNode:
    """A node of the plan, in onnxruntime's terms."""

    name: str
    domain: str
    op_type: str


@dataclass(frozen=True)
class AssignedSubgraph:
    """Nodes that one provider runs together."""

    ep_name: str
    nodes: tuple[AssignedNode, ...]

    def get_nodes(self) -> list[AssignedNode]:
        """The nodes, in the order in which they run."""
        return list(self.nodes)


def assigned(plan: Plan, options: SessionOptions) -> list[AssignedSubgraph]:
    """Which provider runs what.

    Raises
    ------
    Fail
        The options do not ask for it.
    """
    if not options.has_entry("session.record_ep_graph_assignment_info", "1"):
        raise Fail(
            "the session's options lack the entry 'session.record_ep_graph_assignment_info' = '1'; explain() needs none"
        )
    return [
        AssignedSubgraph(
            placed.provider,
            tuple(AssignedNode(step.node.name, step.node.domain, step.node.op_type) for step in placed.part.steps),
        )
        for placed in plan.parts
    ]
