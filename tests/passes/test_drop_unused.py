from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklort.passes.drop_unused import PASS
from tests.passes.rewriting import fires, graph_of, ops

X = np.array([[1.0, -2.0]], np.float32)


def test_nodes_and_constants_that_no_output_needs():
    graph = graph_of(
        "float[N, 2] X", "float Y", "a = Add(X, c) b = Mul(a, d) Y = Abs(X)", "float[2] c = {1, 2}, float[2] d = {1, 2}"
    )
    changed = fires(PASS, graph, {"X": X})
    assert ops(changed) == ["Abs"]
    assert changed.constants == {}


def test_only_what_the_chosen_outputs_need():
    graph = graph_of("float[N, 2] X", "float Y, float Z", "Y = Abs(X) Z = Neg(X)")
    assert ops(fires(PASS, replace(graph, outputs=graph.outputs[1:]), {"X": X})) == ["Neg"]


def test_outputs_that_nobody_reads_are_omitted():
    graph = graph_of("float[N, 2] X", "int64 Y", "v, Y = TopK(X, k)", "int64[1] k = {1}")
    changed, _ = PASS.run(graph)
    assert changed.nodes[0].outputs == ("", "Y")
    graph = graph_of("float[N, 2] X", "float v", "v, Y = TopK(X, k)", "int64[1] k = {1}")
    changed, _ = PASS.run(graph)
    assert changed.nodes[0].outputs == ("v",)
    assert PASS.run(changed)[0] is changed


def test_what_a_subgraph_reads_is_needed():
    graph = graph_of(
        "float[N, 2] X, bool b",
        "float Y",
        "a = Add(X, c) Y = If(b) <then_branch = t () => (float r) { r = Neg(a) }, else_branch = e () => (float q) { q = Abs(c) }>",
        "float[2] c = {1, 2}",
    )
    assert PASS.run(graph)[0] is graph
