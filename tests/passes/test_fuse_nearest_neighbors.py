from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from sklort import InferenceSession
from sklort.graph.ir import Graph
from sklort.graph.text import parse
from sklort.passes.fuse_nearest_neighbors import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, keeps, ops

POINTS = "float[4, 2] Y = {0, 0, 3, 4, 1, 0, 0, 1}, int64[1] k = {2}, int64[1] none = {0}"
X = np.array([[0, 0], [0.5, 0], [np.nan, 0], [1e30, 3e38]], np.float32)


def graph(
    top: str = "V, I = TopK<largest = 0, axis = 1>(D, k)",
    outputs: str = "float V, int64 I",
    distances: str = 'D = com.microsoft.CDist<metric = "euclidean">(X, Y)',
    behind: str = "",
) -> Graph:
    header = '<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3, "com.microsoft": 1]>'
    return parse(
        f"{header} g (float[N, 2] X, int64[1] q) => ({outputs}) <{POINTS}> {{ {distances} {top} {behind} }}"
    ).graph


def run(of: Graph, x: np.ndarray = X) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run([x, np.array([1])])


@pytest.mark.parametrize("distance", ['CDist<metric = "euclidean">', "CDist", 'CDist<metric = "minkowski", p = 3.0>'])
@pytest.mark.parametrize("axis", ["", ", axis = 1", ", axis = -1", ", sorted = 0"])
def test_the_same_values_and_indices(distance, axis):
    before = graph(f"V, I = TopK<largest = 0{axis}>(D, k)", distances=f"D = com.microsoft.{distance}(X, Y)")
    after = fires_once(RULE, before)
    assert ops(after) == ["NearestNeighbors"]
    for old, new in zip(run(before), run(after), strict=True):
        assert old.dtype == new.dtype
        np.testing.assert_array_equal(new, old)


def test_distances_that_round_alike_are_told_apart():
    """A difference below float's precision: TopK sees a tie and takes the first."""
    near = np.array([[1 + 2.0**-12, 1.0], [1.0, 1.0]], np.float32)
    before = replace(graph(), constants={"Y": near, "k": np.array([1])})
    far = np.array([[-1e4, -1e4]], np.float32)
    assert run(before, far)[1].tolist() == [[0]]
    assert run(fires_once(RULE, before), far)[1].tolist() == [[1]]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"top": "V, I = TopK<largest = 1>(D, k)"}, "it takes the largest"),
        ({"top": "V, I = TopK(D, k)"}, "it takes the largest"),
        ({"top": "V, I = TopK<largest = 0, axis = 0>(D, k)"}, "it chooses along axis 0"),
        ({"top": "V, I = TopK<largest = 0>(D, q)"}, "how many it takes is no positive constant"),
        ({"top": "V, I = TopK<largest = 0>(D, none)"}, "how many it takes is no positive constant"),
        ({"outputs": "float V, int64 I, float D"}, "all of 'D' is needed besides"),
        ({"outputs": "float V, int64 I, float E", "behind": "E = Neg(D)"}, "all of 'D' is needed besides"),
    ],
)
def test_it_keeps_still(changes, sentence):
    assert keeps(RULE, graph(**changes)) == sentence


def test_not_above_a_tree():
    tree = """Z = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0], nodes_nodeids = [0],
        nodes_featureids = [0], nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0],
        nodes_falsenodeids = [0], target_treeids = [0], target_nodeids = [0], target_ids = [0],
        target_weights = [1.0]>(V)"""
    before = graph(outputs="float Z, int64 I", behind=tree)
    assert keeps(RULE, before) == "ai.onnx.ml:TreeEnsembleRegressor -> Z compares what is computed from it"


def test_other_values_are_no_match():
    other = graph(distances="D = Neg(X)")
    assert RULE.run(other) == (other, ())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"optim": "cdist"}], ids=["scan", "cdist"])
def test_the_digits(dtype, options):
    rows, labels = load_digits(return_X_y=True)
    # Whole numbers are often equally far, and which of equals scikit-learn takes depends on its number of threads.
    rows = (rows + np.random.default_rng(0).normal(scale=0.1, size=rows.shape)).astype(dtype)
    model = KNeighborsClassifier().fit(rows[:1000], labels[:1000])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(model, rows[:1], options={id(model): {**options, "zipmap": False}})
    session = InferenceSession(proto)
    kinds = {node.node.split(" ")[0] for node in session.explain().nodes}
    assert "ai.sklort:NearestNeighbors" in kinds
    assert not kinds & {"TopK", "ai.sklort:PairwiseDistance", "com.microsoft:CDist", "Scan"}
    found, scores = session.run(None, {"X": rows[1000:]})
    np.testing.assert_array_equal(found, model.predict(rows[1000:]))
    np.testing.assert_allclose(scores, model.predict_proba(rows[1000:]), rtol=1e-6)
