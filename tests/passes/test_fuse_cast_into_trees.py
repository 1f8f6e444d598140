from __future__ import annotations

import numpy as np
import pytest

from sklort.passes.fuse_cast_into_trees import RULE
from tests.passes.rewriting import fires, graph_of, keeps, ops

FIELDS = (
    "tree_roots = [0], nodes_featureids = [0], nodes_modes = uint8[1] {0}, nodes_truenodeids = [0], nodes_falsenodeids = [1], "
    "nodes_trueleafs = [1], nodes_falseleafs = [1], leaf_targetids = [0, 0], n_targets = 1"
)
T = 0.1  # float(0.1) is above double(0.1)


def forest(splits: str = "double", leaves: str = "double") -> str:
    return f"ai.onnx.ml.TreeEnsemble<{FIELDS}, nodes_splits = {splits}[1] {{{T}}}, leaf_weights = {leaves}[2] {{1.25, 2.5}}>"


NEAR = np.array([[T], [np.nextafter(np.float32(T), np.float32(0))], [np.nan], [np.inf]])


def test_a_widening_cast_goes():
    graph = graph_of("float[N, 1] X", "double Y", f"a = Cast<to = 11>(X) Y = {forest()}(a)")
    changed = fires(RULE, graph, {"X": NEAR.astype(np.float32)})
    assert changed.nodes[-1].inputs == ("X",)


def test_the_rounding_cast_before_it_stays():
    graph = graph_of("double[N, 1] X", "double Y", f"r = Cast<to = 1>(X) a = Cast<to = 11>(r) Y = {forest()}(a)")
    changed = fires(RULE, graph, {"X": NEAR})
    assert changed.nodes[-1].inputs == ("r",)
    assert ops(changed)[0] == "Cast"


@pytest.mark.parametrize(
    ("inputs", "body", "words"),
    [
        ("int64[N, 1] X", f"a = Cast<to = 11>(X) Y = {forest()}(a)", "'X' is int64, not float"),
        ("float[N, 1] X", f"n = ai.onnx.ml.Normalizer(X) a = Cast<to = 11>(n) Y = {forest()}(a)", "'n' is not certain"),
        ("float[N, 1] X", f"a = Cast<to = 11>(X) Y = {forest('float')}(a)", "nodes_splits are not double"),
        ("float[N, 1] X", f"a = Cast<to = 11>(X) Y = {forest(leaves='float')}(a)", "leaf_weights are not double"),
    ],
)
def test_keeps_still(inputs, body, words):
    assert words in keeps(RULE, graph_of(inputs, "double Y", body))


def test_other_casts_and_operators_are_no_match():
    for body in (f"a = Cast<to = 1>(X) Y = {forest()}(a)", f"Y = {forest()}(X)", "a = Cast<to = 11>(X) Y = Abs(a)"):
        graph = graph_of("float[N, 1] X", "double Y", body)
        same, refusals = RULE.run(graph)
        assert same is graph
        assert refusals == ()
