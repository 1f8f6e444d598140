from __future__ import annotations

import numpy as np
import pytest

from sklort.passes.merge_duplicates import RULE
from tests.passes.rewriting import fires, graph_of, keeps, ops

X = np.array([[1.0, -2.0]], np.float32)


def test_fires_down_a_chain():
    body = "a = Abs(X) b = Abs(X) c = Neg(a) d = Neg(b) Y = Add(c, d)"
    assert ops(fires(RULE, graph_of("float[N, 2] X", "float Y", body), {"X": X})) == ["Abs", "Neg", "Add"]


def test_many_at_once():
    body = " ".join(f"a{i} = Abs(X)" for i in range(2000)) + " Y = Add(a0, a1999)"
    assert ops(fires(RULE, graph_of("float[N, 2] X", "float Y", body), {"X": X})) == ["Abs", "Add"]


@pytest.mark.parametrize(
    "body",
    [
        "a = Elu<alpha = 1.0>(X) b = Elu<alpha = 2.0>(X) Y = Add(a, b)",
        "a = Elu<alpha = 0.0>(X) b = Elu<alpha = -0.0>(X) Y = Add(a, b)",
        "a = Elu(X) b = Selu(X) Y = Add(a, b)",
        "a = Sub(X, c) b = Sub(c, X) Y = Add(a, b)",
        "a = ai.onnx.ml.LabelEncoder<keys_floats=[1.0], values_floats=[2.0]>(X) b = ai.onnx.ml.LabelEncoder<keys_floats=[1.0], values_floats=[3.0]>(X) Y = Add(a, b)",
        "a = Cast<to = 1>(X) b = Cast<to = 11>(X) Y = Add(a, b)",
    ],
)
def test_different_nodes_are_no_match(body):
    graph = graph_of("float[N, 2] X", "float Y", body, "float[2] c = {1, 2}")
    same, refusals = RULE.run(graph)
    assert same is graph
    assert refusals == ()


def test_an_output_of_its_own():
    assert (
        keeps(RULE, graph_of("float[N, 2] X", "float Y, float Z", "Y = Abs(X) Z = Abs(X)"))
        == "'Z' is a graph output of its own"
    )


def test_random_operators():
    graph = graph_of("float[N, 2] X", "float Y", "a = RandomNormalLike(X) b = RandomNormalLike(X) Y = Sub(a, b)")
    assert keeps(RULE, graph) == "RandomNormalLike draws anew each time"


def test_an_output_that_the_earlier_one_omits():
    body = 'a, "" = TopK(X, k) b, c = TopK(X, k) d = Cast<to = 1>(c) e = Add(a, b) Y = Add(e, d)'
    graph = graph_of("float[N, 2] X", "float Y", body, "int64[1] k = {1}")
    assert keeps(RULE, graph) == "the earlier node leaves out an output that this one makes"


def test_a_subgraph_reads_it():
    body = "a = Abs(X) d = Abs(X) Y = If(b) <then_branch = t () => (float r) { r = Neg(a) }, else_branch = e () => (float q) { q = Neg(d) }>"
    assert keeps(RULE, graph_of("float[N, 2] X, bool b", "float Y", body)) == "'d' is read inside a subgraph"
