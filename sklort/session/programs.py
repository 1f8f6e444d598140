"""A model on its providers: the plans, each made when its outputs are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklort.graph.ir import Graph, Model
from sklort.passes.pipeline import BASIC, PIPELINE, REQUIRED
from sklort.passes.rule import Pass
from sklort.plan.build import compile_plan, make_plan
from sklort.plan.model import Plan
from sklort.providers.cpu import is_program, make_entrance
from sklort.providers.part import Runner
from sklort.providers.placement import ON_DEVICE
from sklort.providers.reference import evaluate
from sklort.session.arguments import Chosen
from sklort.session.explain import ExplainedNode, Explanation
from sklort.session.logs import INFO, VERBOSE, WARNING, Log
from sklort.session.options import GraphOptimizationLevel


@dataclass(frozen=True)
class Compiled:
    """A plan with its runner."""

    plan: Plan
    runner: Runner

    @property
    def on_device(self) -> bool:
        """Whether a part of it runs where arrays of a GPU are taken."""
        return any(placed.provider in ON_DEVICE for placed in self.plan.parts)


def passes_of(level: GraphOptimizationLevel, disabled: frozenset[str]) -> tuple[Pass, ...]:
    """The passes of an optimisation level, without those that are disabled by name."""
    if level == GraphOptimizationLevel.ORT_DISABLE_ALL:
        return REQUIRED
    passes = BASIC if level == GraphOptimizationLevel.ORT_ENABLE_BASIC else PIPELINE
    return tuple(each for each in passes if each.name not in disabled)


class Programs:
    """See the module. Safe to use from several threads.

    Parameters
    ----------
    model : Model
    chosen : Chosen
        The providers.
    passes : tuple of Pass
    equal_sizes : sequence
        Groups of (input, axis) whose sizes must be equal.

    Attributes
    ----------
    entrance : native object or None
        The short way into these programs, for calls with plain arrays.
    """

    def __init__(
        self,
        model: Model,
        chosen: Chosen,
        passes: tuple[Pass, ...],
        equal_sizes: Sequence[Sequence[tuple[int, int]]] = (),
    ) -> None:
        self.chosen = chosen
        self._model, self._passes = model, passes
        self._lock = threading.Lock()
        self._made: dict[tuple[tuple[str, ...], frozenset[str]], Compiled] = {}
        self.entrance = make_entrance([value.name for value in model.graph.inputs], equal_sizes)
        self._names = tuple(value.name for value in model.graph.outputs)
        self.all = self.get(self._names)

    @property
    def adopt(self) -> Callable[[Any], Any] | None:
        """How an array comes to the GPU of these programs; None where none of the providers has one."""
        found = (each for each in self.chosen.providers if each.name in ON_DEVICE)
        return getattr(next(found, None), "adopt", None)

    def get(self, names: tuple[str, ...], fed: frozenset[str] = frozenset()) -> Compiled:
        """The program for these outputs; `fed` initialisers are inputs of it."""
        key = (names, fed)
        found = self._made.get(key)
        if found is not None:
            return found
        with self._lock:
            if key not in self._made:
                plan = make_plan(self._graph(fed), self.chosen.providers, names, evaluate, self._passes)
                self._made[key] = compiled = Compiled(plan, compile_plan(plan, self.chosen.providers))
                if self.entrance is not None and not fed and is_program(compiled.runner):
                    self.entrance.add(names, compiled.runner)
            return self._made[key]

    def _graph(self, fed: frozenset[str]) -> Graph:
        graph = self._model.graph
        if not fed:
            return graph
        extra = tuple(value for value in self._model.overridable if value.name in fed)
        constants = {name: array for name, array in graph.constants.items() if name not in fed}
        return replace(graph, inputs=graph.inputs + extra, constants=constants)

    def tell(self, log: Log) -> None:
        """Say in the log who runs the whole model."""
        nodes = self.all.plan.assignments
        slow = sorted({each.node.op_type for each in nodes if each.provider == "ReferenceExecutionProvider"})
        log.say(INFO, lambda: f"{len(nodes)} nodes on {', '.join(self.chosen.options)}")
        log.say(VERBOSE, lambda: f"the plan\n{self.explain(self._names)}")
        if slow and "ReferenceExecutionProvider" not in self.chosen.options:
            log.say(WARNING, lambda: f"without a native kernel, and slow: {', '.join(slow)}")

    def explain(self, names: tuple[str, ...]) -> Explanation:
        """Who runs each node of the program for these outputs, how, and why nobody better."""
        compiled = self.get(names)
        steps = [step.node for placed in compiled.plan.parts for step in placed.part.steps]
        details = {
            id(node): line.removeprefix(node.label).removeprefix(": ")
            for node, line in zip(steps, compiled.runner.explain())
        }
        nodes = tuple(
            ExplainedNode(each.node.label, each.provider, details[id(each.node)], each.refusals)
            for each in compiled.plan.assignments
        )
        kept = tuple(f"{each.rule}: {each.node.label}: {each.reason}" for each in compiled.plan.refusals)
        return Explanation(nodes, compiled.plan.graph, kept)
