"""A graph and its providers become a plan, and a plan becomes a runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklort.exceptions import InvalidArgument
from sklort.graph.ir import OWN_DOMAIN, Array, Graph, Node, ValueInfo
from sklort.graph.types import Type
from sklort.passes.pipeline import PIPELINE, optimise
from sklort.passes.rule import Evaluate, Pass, Refuses
from sklort.plan.assign import assign, runs
from sklort.plan.memory import Slots, last_reads
from sklort.plan.model import Body, Part, PlacedPart, Plan, Port, Step
from sklort.providers.part import OMITTED, Provider, Runner, StepTime, Stop
from sklort.providers.placement import ON_DEVICE, on_device, to_host
from sklort.providers.requests import honour

_IDENTITY = 16
"""The version of the Identity that copies an input or a constant to an output: takes every kind of value."""


def make_plan(
    graph: Graph,
    providers: Sequence[Provider],
    outputs: Sequence[str] | None = None,
    evaluate: Evaluate | None = None,
    passes: tuple[Pass, ...] = PIPELINE,
) -> Plan:
    """Plan the computation of `outputs`, all of the graph's by default, in the given order.

    Raises
    ------
    InvalidArgument
        A name in `outputs` is no output of the graph.
    NotImplemented
        A node that nobody can run.
    """
    chosen = _runnable(passes, providers)
    graph, refusals = optimise(_selected(graph, outputs), evaluate, chosen, refuses=_refusing(providers))
    graph = _owned(graph)
    assignments = assign(graph, providers)
    given = {value.name: value.type for value in graph.inputs}
    wanted = {value.name: value.type for value in graph.outputs}
    groups = runs(graph, assignments)
    if len(groups) <= 1:
        provider, nodes = groups[0] if groups else (providers[0].name, ())
        part = make_part(nodes, given, wanted, graph)
        everything = PlacedPart(provider, part, tuple(range(len(part.inputs))), tuple(range(len(part.outputs))))
        return Plan(graph, part.slots, part.inputs, part.outputs, (everything,), assignments, refusals)
    reads = [_outside(nodes, graph) for _, nodes in groups]
    slots = Slots()
    home = {value.name: slots.take() for value in graph.inputs}
    inputs = tuple(Port(home[value.name], value.name, value.type) for value in graph.inputs)
    last = last_reads(reads, wanted)
    placed: list[PlacedPart] = []
    for i, (provider, nodes) in enumerate(groups):
        made = [name for node in nodes for name in node.outputs if name]
        later = set().union(*reads[i + 1 :])
        # Only what leaves the plan for good is cast: the next part reads what was computed.
        leaving = {name: None if name in later else wanted[name] for name in made if name in later or name in wanted}
        part = make_part(nodes, {name: given.get(name) for name in reads[i]}, leaving, graph)
        home.update((name, slots.take()) for name in leaving)
        release = tuple(home[name] for name in last[i])
        placed.append(
            PlacedPart(
                provider, part, tuple(home[name] for name in reads[i]), tuple(home[name] for name in leaving), release
            )
        )
        slots.give_back(release)
    ports = tuple(Port(home[value.name], value.name, value.type) for value in graph.outputs)
    return Plan(graph, slots.count, inputs, ports, tuple(placed), assignments, refusals)


def _runnable(passes: tuple[Pass, ...], providers: Sequence[Provider]) -> tuple[Pass, ...]:
    """Without the passes that make what nobody here runs."""

    def runs_here(domain: str, op_type: str) -> bool:
        return any(provider.refuses(Node(op_type, domain, 1, (), ())) is None for provider in providers)

    return tuple(each for each in passes if all(runs_here(*operator) for operator in each.makes))


def _refusing(providers: Sequence[Provider]) -> Refuses:
    """Why none of the providers that run what passes make takes a node: the reference runs only what ONNX defines."""
    able = [each for each in providers if each.refuses(Node("LinearModel", OWN_DOMAIN, 1, (), ())) is None]

    def refuses(node: Node) -> str | None:
        sentences = [each.refuses(node) for each in able]
        return None if None in sentences else "; ".join(filter(None, sentences))

    return refuses


def _selected(graph: Graph, outputs: Sequence[str] | None) -> Graph:
    if outputs is None:
        return graph
    declared = {value.name: value for value in graph.outputs}
    unknown = [name for name in outputs if name not in declared]
    if unknown:
        raise InvalidArgument(f"the model has no output {unknown[0]!r}; its outputs are {', '.join(declared)}")
    return replace(graph, outputs=tuple(declared[name] for name in outputs))


def _owned(graph: Graph) -> Graph:
    """`graph` with every output made by a node, once: results share memory with nothing."""
    made = {name for node in graph.nodes for name in node.outputs}
    taken = made | set(graph.constants) | {value.name for value in graph.inputs}
    nodes, outputs, seen = list(graph.nodes), [], set()
    for value in graph.outputs:
        if value.name in made and value.name not in seen:
            seen.add(value.name)
            outputs.append(value)
            continue
        copy, number = f"{value.name}/copy", 1
        while copy in taken:
            copy, number = f"{value.name}/copy{number}", number + 1
        taken.add(copy)
        nodes.append(Node("Identity", "", _IDENTITY, (value.name,), (copy,)))
        outputs.append(ValueInfo(copy, value.type))
    return replace(graph, nodes=tuple(nodes), outputs=tuple(outputs))


def _outside(nodes: Iterable[Node], graph: Graph) -> tuple[str, ...]:
    """What a run of nodes reads from elsewhere, constants aside."""
    found: dict[str, None] = {}
    made: set[str] = set()
    for node in nodes:
        found.update((name, None) for name in node.reads if name not in made and name not in graph.constants)
        made.update(node.outputs)
    return tuple(found)


def make_part(
    nodes: Sequence[Node], inputs: Mapping[str, Type | None], outputs: Mapping[str, Type | None], graph: Graph
) -> Part:
    """Number the values of a run of nodes: constants for good, the others while somebody still reads them.

    Parameters
    ----------
    nodes : sequence of Node
    inputs, outputs : mapping of str to Type or None
        What enters and leaves, with the types that are promised and requested.
    graph : Graph
        Holds the constants.
    """
    read = {name for node in nodes for name in node.reads}
    slots = Slots()
    constants = {name: slots.take() for name in graph.constants if name in read or name in outputs}
    home = dict(constants) | {name: slots.take() for name in inputs}
    ports = tuple(Port(home[name], name, kind) for name, kind in inputs.items())
    last = last_reads([node.reads for node in nodes], {*outputs, *constants})
    steps = []
    for i, node in enumerate(nodes):
        made = {name: slots.take() for name in node.outputs if name}
        unread = tuple(made[name] for name in made if name not in read and name not in outputs)
        step_inputs = tuple(home[name] if name else OMITTED for name in node.inputs)
        captured = tuple((name, home[name]) for name in node.captured)
        bodies = tuple(_body(name, inner, home) for name, inner in node.named_subgraphs)
        home.update(made)
        release = (*(home[name] for name in last[i]), *unread)
        step_outputs = tuple(made[name] if name else OMITTED for name in node.outputs)
        steps.append(Step(node, step_inputs, step_outputs, captured, release, bodies))
        slots.give_back(release)
    return Part(
        slots.count,
        ports,
        tuple((slot, graph.constants[name]) for name, slot in constants.items()),
        tuple(steps),
        tuple(Port(home[name], name, kind) for name, kind in outputs.items()),
    )


def _body(name: str, graph: Graph, home: Mapping[str, int]) -> Body:
    """A subgraph, in a part whose values live in `home`. Its types are not promises: nobody checks what is fed."""
    captured = graph.captured
    inputs = dict.fromkeys([*(value.name for value in graph.inputs), *captured])
    part = make_part(graph.nodes, inputs, {value.name: value.type for value in graph.outputs}, graph)
    places = {port.name: port for port in part.outputs}
    outputs = tuple(places[value.name] for value in graph.outputs)  # one value may leave twice
    return Body(name, replace(part, outputs=outputs), tuple(home[name] for name in captured))


def compile_plan(plan: Plan, providers: Sequence[Provider]) -> Runner:
    """The runner of a plan; where one provider runs it whole, its program itself."""
    by_name = {provider.name: provider for provider in providers}
    compiled = [by_name[placed.provider].compile(placed.part) for placed in plan.parts]
    return compiled[0] if len(compiled) == 1 else _Relay(plan, compiled)


class _Relay:
    """Parts of several providers, one after the other."""

    def __init__(self, plan: Plan, runners: Sequence[Runner]) -> None:
        self._plan = plan
        self._legs = tuple(zip(plan.parts, runners))

    def run(
        self,
        values: list[Any],
        stop: Stop | None = None,
        times: list[StepTime] | None = None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        slots: list[Any] = [None] * self._plan.slots
        steps_before = 0
        for port, value in zip(self._plan.inputs, values):
            slots[port.slot] = value
        for placed, runner in self._legs:
            given = [slots[slot] for slot in placed.inputs]
            if placed.provider not in ON_DEVICE:
                given = [to_host(value) for value in given]
            part_times: list[StepTime] | None = None if times is None else []
            found = runner.run(given, stop, part_times)
            if times is not None and part_times is not None:
                times += [(steps_before + time[0], *time[1:]) for time in part_times]
            steps_before += len(placed.part.steps)
            for slot, value in zip(placed.outputs, found):
                slots[slot] = value
            for slot in placed.release:
                slots[slot] = None
        found = [slots[port.slot] for port in self._plan.outputs]
        return [value if on_device(value) else honour(value, port) for value, port in zip(found, self._plan.outputs)]

    def fast(self, X: Any) -> Any:
        return None

    def explain(self) -> list[str]:
        return [line for _, runner in self._legs for line in runner.explain()]


__all__ = ["Evaluate", "compile_plan", "make_part", "make_plan"]
