from __future__ import annotations

import numpy as np

from sklort.passes.drop_identities import RULE
from tests.passes.rewriting import fires, graph_of, keeps, ops

X = np.array([1.0, -2.0], np.float32)


def test_case_1_readers_take_the_source():
    graph = graph_of("float[N] X", "float[N] Y", "a = Identity(X) b = Identity(a) Y = Abs(b)")
    assert ops(fires(RULE, graph, {"X": X})) == ["Abs"]


def test_case_2_the_maker_takes_the_outputs_name():
    graph = graph_of("float[N] X", "float[N] Y, float[N] Z", "a = Abs(X) Y = Identity(a) Z = Neg(a)")
    changed = fires(RULE, graph, {"X": X})
    assert ops(changed) == ["Abs", "Neg"]
    assert changed.nodes[1].inputs == ("Y",)


def test_a_chain_to_an_output_and_beside_it():
    graph = graph_of("float[N] X", "float[N] Y, float[N] Z", "a = Abs(X) b = Identity(a) Y = Identity(b) Z = Neg(b)")
    assert ops(fires(RULE, graph, {"X": X})) == ["Abs", "Neg"]


def test_two_outputs_of_one_value_keep_one_identity():
    graph = graph_of("float[N] X", "float[N] Y, float[N] Z", "a = Abs(X) Y = Identity(a) Z = Identity(a)")
    assert ops(fires(RULE, graph, {"X": X})) == ["Abs", "Identity"]


def test_an_output_shares_no_memory_with_an_input_or_constant():
    assert "must not share memory with 'X'" in keeps(RULE, graph_of("float[N] X", "float[N] Y", "Y = Identity(X)"))
    graph = graph_of("float[N] X", "float[2] Y", "Y = Identity(c)", "float[2] c = {1, 2}")
    assert "must not share memory with 'c'" in keeps(RULE, graph)


def test_both_ends_are_outputs():
    graph = graph_of("float[N] X", "float[N] a, float[N] Y", "a = Abs(X) Y = Identity(a)")
    assert keeps(RULE, graph) == "'a' and 'Y' are both graph outputs"


BRANCHES = "If(c) <then_branch = t () => (float[N] r) {{ r = Neg({0}) }}, else_branch = e () => (float[N] q) {{ q = Abs({0}) }}>"


def test_a_subgraph_reads_the_result():
    graph = graph_of("float[N] X, bool c", "float[N] Y", f"a = Identity(X) Y = {BRANCHES.format('a')}")
    assert keeps(RULE, graph) == "'a' is read inside a subgraph"


def test_a_subgraph_reads_the_source_of_an_output():
    graph = graph_of(
        "float[N] X, bool c", "float[N] Y, float[N] Z", f"a = Exp(X) Z = Identity(a) Y = {BRANCHES.format('a')}"
    )
    assert keeps(RULE, graph) == "'a' is read inside a subgraph"
