from __future__ import annotations

import numpy as np

from sklort.graph.check import check_graph
from sklort.graph.ir import Graph
from sklort.passes.pipeline import PIPELINE, REQUIRED, optimise
from sklort.passes.rule import Sweep
from sklort.providers.reference import evaluate
from tests.passes.rewriting import graph_of, ops, run

BODY = """a = Identity(X) b = Cast<to = 1>(a) s = Reshape(c, n) t = Reshape(c, n) u = Add(b, s) v = Add(b, t) w = Mul(u, v)
    z = Exp(w) Y = Identity(w)"""


def test_everything_together_keeps_the_result_and_comes_to_rest():
    graph = graph_of("float[N, 2] X", "float Y", BODY, "float[2] c = {1, 2}, int64[2] n = {1, 2}")
    changed, _ = optimise(graph, evaluate)
    assert ops(changed) == ["Add", "Mul"]
    check_graph(changed)
    feed = {"X": np.array([[3.0, 4.0]], np.float32)}
    np.testing.assert_array_equal(run(changed, feed)[0], run(graph, feed)[0])
    again, _ = optimise(changed, evaluate)
    assert again is changed


def test_required_passes_only_drop():
    graph = graph_of("float[N, 2] X", "float Y", BODY, "float[2] c = {1, 2}, int64[2] n = {1, 2}")
    changed, _ = optimise(graph, passes=REQUIRED)
    assert ops(changed) == [op for op in ops(graph) if op != "Exp"]


def test_what_is_not_bitwise_runs_on_request_only():
    graph = graph_of("float[N, 2] X", "float Y", "Y = Abs(X)")
    other = graph_of("float[N, 2] X", "float Y", "Y = Neg(X)")

    def change(_: Graph) -> Graph:
        return other

    passes = (Sweep("rewrite", change, bitwise=False),)
    assert optimise(graph, passes=passes)[0] is graph
    assert optimise(graph, passes=passes, approximate=True)[0] is other


def test_what_is_closer_runs_by_default():
    graph = graph_of("float[N, 2] X", "float Y", "Y = Abs(X)")
    other = graph_of("float[N, 2] X", "float Y", "Y = Neg(X)")
    assert optimise(graph, passes=(Sweep("rewrite", lambda _: other, bitwise=False, closer=True),))[0] is other


def test_names_are_unique_and_which_are_not_bitwise():
    names = [each.name for each in PIPELINE]
    assert len(set(names)) == len(names) - 1  # drop_unused runs first and last
    assert [each.name for each in PIPELINE if not each.bitwise] == [
        "fuse_isolation_forest",
        "fuse_pairwise_distances",
        "fuse_nearest_neighbors",
        "fuse_radial_kernels",
        "fuse_one_vs_rest",
        "fuse_linear_model",
        "fuse_columns_into_linear",
    ]
    assert all(each.bitwise or each.closer for each in PIPELINE)


def test_the_graphs_inside_nodes_are_optimised_with_the_constants_they_capture():
    body = """Y = If(b) <then_branch = t () => (float[N, 2] r) { a = Identity(X) k = Mul(c, c) l = Neg(k) r = Mul(a, l) },
        else_branch = e () => (float[N, 2] X) { }>"""
    graph = graph_of("float[N, 2] X, bool b", "float Y", body, "float[2] c = {1, 2}")
    changed, _ = optimise(graph, evaluate)
    taken, other = changed.nodes[0].subgraphs
    assert ops(taken) == ["Mul"]
    assert changed.nodes[0].captured == ("X",)
    assert other.nodes == ()
    check_graph(changed)
    for condition in (True, False):
        feed = {"X": np.array([[3.0, 4.0]], np.float32), "b": np.array(condition)}
        np.testing.assert_array_equal(run(changed, feed)[0], run(graph, feed)[0])


def test_what_a_body_hands_through_stays():
    body = "Y = If(b) <then_branch = t () => (float r) { r = Identity(X) }, else_branch = e () => (float q) { a = Neg(X) q = Identity(a) }>"
    changed, refusals = optimise(graph_of("float[N, 2] X, bool b", "float Y", body))
    assert [ops(inner) for inner in changed.nodes[0].subgraphs] == [["Identity"], ["Neg"]]
    assert [each.reason for each in refusals] == ["the output 'r' must not share memory with 'X', an input or constant"]


def test_the_types_a_body_declares_for_its_inputs_are_not_certain():
    body = """P = Scan(X) <num_scan_inputs = 1, body = b (float[K] a) => (float[K] d) { c = Cast<to = 1>(a) d = Neg(c) }>"""
    changed, _ = optimise(graph_of("double[N, 2] X", "float P", body))
    assert ops(changed.nodes[0].subgraphs[0]) == ["Cast", "Neg"]
