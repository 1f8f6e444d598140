from __future__ import annotations

import pytest

from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import Graph, Node
from sklort.graph.text import parse
from sklort.graph.types import DType
from sklort.plan.assign import assign, runs


class Stub:
    """A provider that runs the operators it is given."""

    def __init__(self, name: str, ops: str, absent: str | None = None, foreign: DType = DType.UNDEFINED) -> None:
        self.name, self.ops, self.absent, self.foreign = name, ops.split(), absent, foreign

    def unavailable(self) -> str | None:
        return self.absent

    def holds(self, dtype: DType) -> bool:
        return dtype is not self.foreign

    def refuses(self, node: Node) -> str | None:
        return None if node.op_type in self.ops else f"no {node.op_type}"

    def compile(self, part):
        raise AssertionError


def graph_of(body: str, outputs: str = "float Y") -> Graph:
    return parse(f'<ir_version: 10, opset_import: ["": 17]> g (float[N] X) => ({outputs}) {{ {body} }}').graph


def test_the_first_who_does_not_refuse():
    graph = graph_of("a = Abs(X) Y = Neg(a)")
    first, second = assign(graph, [Stub("one", "Abs"), Stub("two", "Abs Neg")])
    assert (first.provider, first.refusals) == ("one", ())
    assert (second.provider, second.refusals) == ("two", (("one", "no Neg"),))


def test_who_is_not_there_runs_nothing():
    (only,) = assign(graph_of("Y = Abs(X)"), [Stub("one", "Abs", absent="no such device"), Stub("two", "Abs")])
    assert only.refusals == (("one", "no such device"),)


def test_who_lacks_a_type_does_not_touch_it():
    graph = graph_of("a = Cast<to = 17>(X) Y = Cast<to = 1>(a)")
    found = assign(graph, [Stub("one", "Cast", foreign=DType.FLOAT8E4M3FN), Stub("two", "Cast")])
    assert [each.refusals for each in found] == [(("one", "it has no float8e4m3fn values"),)] * 2


def test_when_everybody_refuses_every_reason_is_told():
    with pytest.raises(NotImplementedHere, match=r"nobody can run Neg -> Y \(version 17\)\. one: no Neg; two: gone"):
        assign(graph_of("Y = Neg(X)"), [Stub("one", "Abs"), Stub("two", "Neg", absent="gone")])


def test_nodes_are_reordered_for_fewer_parts():
    graph = graph_of("a = Abs(X) b = Neg(X) c = Abs(b) d = Abs(a) e = Neg(d) f = Add(c, e) Y = Abs(f)")
    groups = runs(graph, assign(graph, [Stub("one", "Abs Add"), Stub("two", "Neg")]))
    assert [(name, [node.outputs[0] for node in nodes]) for name, nodes in groups] == [
        ("one", ["a", "d"]),
        ("two", ["b", "e"]),
        ("one", ["c", "f", "Y"]),
    ]


def test_starting_with_the_other_provider_can_save_a_part():
    graph = graph_of("a = Abs(X) b = Neg(X) Y = Abs(b) Z = Abs(a)", outputs="float Y, float Z")
    groups = runs(graph, assign(graph, [Stub("one", "Abs"), Stub("two", "Neg")]))
    assert [name for name, _ in groups] == ["two", "one"]
