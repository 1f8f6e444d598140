from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sklort.exceptions import InvalidArgument
from sklort.graph.ir import Graph, Node
from sklort.graph.text import parse
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.reference import ReferenceProvider, ReferenceRunner

X = np.array([1.0, -2.0], np.float32)


class Only(ReferenceProvider):
    """The reference provider under another name, for some operators."""

    def __init__(self, name: str, ops: str) -> None:
        self.name, self.ops = name, ops.split()

    def refuses(self, node: Node) -> str | None:
        return super().refuses(node) if node.op_type in self.ops else f"not {node.op_type}"


def graph_of(body: str, outputs: str = "float[N] Y", inputs: str = "float[N] X", constants: str = "") -> Graph:
    initializers = f"<{constants}>" if constants else ""
    return parse(
        f'<ir_version: 10, opset_import: ["": 17]> g ({inputs}) => ({outputs}) {initializers} {{ {body} }}'
    ).graph


def legal(part) -> int:
    """Walk a part as a program would, checking that no slot is read before it is written or after it is released."""
    alive = {port.slot for port in part.inputs} | {slot for slot, _ in part.constants}
    fixed = {slot for slot, _ in part.constants} | {port.slot for port in part.outputs}
    for step in part.steps:
        for body in step.bodies:
            legal(body.part)
            assert set(body.captured) <= alive
            assert len(body.captured) <= len(body.part.inputs)
        assert {slot for slot in step.inputs if slot >= 0} <= alive, step.node.label
        assert {slot for _, slot in step.captured} <= alive
        made = {slot for slot in step.outputs if slot >= 0}
        assert not made & alive, f"{step.node.label} overwrites a value that is still needed"
        alive |= made
        assert set(step.release) <= alive
        assert not set(step.release) & {slot for slot, _ in part.constants}
        alive -= set(step.release)
    assert {port.slot for port in part.outputs} <= alive
    assert alive <= fixed | {port.slot for port in part.inputs}
    return part.slots


def test_one_provider_one_part_and_its_own_runner():
    providers = [ReferenceProvider()]
    plan = make_plan(graph_of("a = Abs(X) Y = Neg(a)"), providers)
    assert len(plan.parts) == 1
    runner = compile_plan(plan, providers)
    assert type(runner) is ReferenceRunner
    np.testing.assert_array_equal(runner.run([X])[0], [-1, -2])


def test_slots_are_reused_along_a_chain():
    body = (
        "a0 = Abs(X) "
        + " ".join(f"a{i + 1} = {'Neg' if i % 2 else 'Exp'}(a{i})" for i in range(20))
        + " Y = Add(a20, c)"
    )
    plan = make_plan(graph_of(body, constants="float[2] c = {1, 2}"), [ReferenceProvider()])
    assert legal(plan.parts[0].part) == 3  # the constant, and two that take turns


@pytest.mark.parametrize("seed", range(5))
def test_random_graphs_over_three_providers(seed):
    random = np.random.default_rng(seed)
    names, lines = ["X", "c"], []
    for i in range(30):
        a, b = random.choice(names[-8:], 2)
        op = random.choice(["Add({0}, {1})", "Neg({0})", "Abs({0})", "Mul({0}, {1})", "Sub({0}, {1})"])
        lines.append(f"v{i} = {op.format(a, b)}")
        names.append(f"v{i}")
    graph = graph_of(
        " ".join(lines), outputs="float[N] v29, float[N] v15, float[N] v3", constants="float[2] c = {0.5, 2}"
    )
    (whole,) = make_plan(graph, [ReferenceProvider()]).parts
    legal(whole.part)
    expected = compile_plan(make_plan(graph, [ReferenceProvider()], passes=()), [ReferenceProvider()]).run([X])
    providers = [Only("one", "Add Neg"), Only("two", "Abs Mul"), Only("three", "Sub Identity")]
    plan = make_plan(graph, providers)
    for placed in plan.parts:
        legal(placed.part)
    assert len(plan.parts) > 1
    assert all(one.provider != other.provider for one, other in pairwise(plan.parts))
    for mine, theirs in zip(compile_plan(plan, providers).run([X]), expected):
        np.testing.assert_array_equal(mine, theirs)


def test_only_the_chosen_outputs_are_planned():
    graph = graph_of("a = Abs(X) Y = Neg(a) Z = Exp(a)", outputs="float[N] Y, float[N] Z")
    plan = make_plan(graph, [ReferenceProvider()], outputs=["Z"])
    assert [each.node.op_type for each in plan.assignments] == ["Abs", "Exp"]
    assert [port.name for port in plan.inputs] == ["X"]
    with pytest.raises(InvalidArgument, match="no output 'a'; its outputs are Y, Z"):
        make_plan(graph, [ReferenceProvider()], outputs=["a"])


def test_outputs_that_are_inputs_or_constants_or_asked_for_twice_are_copies():
    graph = graph_of("Y = Abs(X)", outputs="float[N] X, float[2] c, float[N] Y", constants="float[2] c = {1, 2}")
    for outputs in (None, ["Y", "X", "Y", "c", "c"]):
        plan = make_plan(graph, [ReferenceProvider()], outputs=outputs)
        legal(plan.parts[0].part)
        given = X.copy()
        found = compile_plan(plan, [ReferenceProvider()]).run([given])
        values = {"X": X, "Y": np.abs(X), "c": [1, 2]}
        for name, value in zip(outputs or ["X", "c", "Y"], found):
            np.testing.assert_array_equal(value, values[name])
        arrays = [given, graph.constants["c"], *found]
        for i, one in enumerate(arrays):
            assert not any(np.shares_memory(one, other) for other in arrays[i + 1 :])


def test_a_graph_without_nodes():
    graph = graph_of("Y = Identity(X)")
    plan = make_plan(graph, [ReferenceProvider()])
    np.testing.assert_array_equal(compile_plan(plan, [ReferenceProvider()]).run([X])[0], X)


def test_captured_values_stay_alive():
    body = """a = Abs(X) b = Exp(X) c = Greater(n, m) Y = If(c) <then_branch = t () => (float[N] r) { r = Neg(a) },
        else_branch = e () => (float[N] q) { q = Identity(b) }>"""
    graph = graph_of(body, inputs="float[N] X, float n", constants="float m = {0}")
    plan = make_plan(graph, [Only("one", "Abs Exp Greater"), ReferenceProvider()])
    for placed in plan.parts:
        legal(placed.part)
    runner = compile_plan(plan, [Only("one", "Abs Exp Greater"), ReferenceProvider()])
    np.testing.assert_array_equal(runner.run([X, np.float32(1)])[0], -np.abs(X))
    np.testing.assert_array_equal(runner.run([X, np.float32(-1)])[0], np.exp(X))


def test_an_unused_input_is_still_an_input():
    plan = make_plan(graph_of("Y = Abs(X)", inputs="float[N] X, float[N] Q"), [ReferenceProvider()])
    assert [port.name for port in plan.inputs] == ["X", "Q"]


def test_a_request_is_honoured_at_the_end_and_not_before():
    graph = graph_of("Y = Abs(X) Z = Cast<to = 8>(Y)", outputs="double[N] Y, string[N] Z")
    text = compile_plan(make_plan(graph, [ReferenceProvider()]), [ReferenceProvider()]).run([X / 3])
    providers = [Only("one", "Abs"), ReferenceProvider()]
    plan = make_plan(graph, providers)
    assert len(plan.parts) == 2
    number, again = compile_plan(plan, providers).run([X / 3])
    assert number.dtype == np.float64
    assert again.tolist() == text[1].tolist()  # printed from float, not from double
