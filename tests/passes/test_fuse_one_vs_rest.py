from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort
from sklort import InferenceSession
from sklort.graph.ir import Graph
from sklort.passes.fuse_one_vs_rest import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, kinds, ops, plain

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(50, 3))
CONSTANTS = """double[3, 1] u = {1, -2, 0.5}, double[3, 1] v = {0.25, 3, -1}, double[3, 2] w = {1, 2, 3, 4, 5, 6},
    double[1] b = {0.5}, double[1] c = {-1}, double one = {1}, int64[1] i0 = {0}, int64[1] i1 = {1}, int64[1] i2 = {2},
    int64[2] flat = {-1, 1}, double[1, 2] pair = {3, 4}, double[3] three = {1, 2, 3},
    double[0] none = {}, int64 at = {-1}"""


def graph(body: str, inputs: str = "double[N, 3] X", outputs: str = "double Y", constants: str = CONSTANTS) -> Graph:
    return graph_of(inputs, outputs, body, constants)


def run(of: Graph, x: np.ndarray) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run([x])


def fires(before: Graph) -> Graph:
    """The graph after the rule, which gives the same numbers but for the last bits of sums."""
    after = fires_once(RULE, before)
    for x in (X, X[:1], X[:0], np.array([[np.nan, 0, 0], [np.inf, 1, -1], [0.0, -0.0, 0.0]])):
        for old, new in zip(run(before, x), run(after, x), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            np.testing.assert_allclose(new, old, rtol=1e-14, atol=1e-15)
    return after


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("p = MatMul(X, u) q = MatMul(X, v) Y = Concat<axis = 1>(p, q)", ["MatMul"]),
        ("p = MatMul(X, w) q = MatMul(X, v) Y = Concat<axis = -1>(p, q)", ["MatMul"]),
        (
            "p = MatMul(X, u) q = MatMul(X, v) r = Add(p, b) s = Add(q, c) Y = Concat<axis = 1>(r, s)",
            ["MatMul", "Add"],
        ),
        (
            "p = MatMul(X, w) q = MatMul(X, v) r = Add(p, pair) s = Add(q, c) Y = Concat<axis = 1>(r, s)",
            ["MatMul", "Add"],
        ),
        (
            """p = MatMul(X, u) q = MatMul(X, v) r = Sub(one, p) s = Sub(one, q) t = Sigmoid(r) z = Sigmoid(s)
            Y = Concat<axis = 1>(t, z)""",
            ["MatMul", "Sub", "Sigmoid"],
        ),
        # The other column of two, which nobody reads.
        (
            """p = MatMul(X, u) q = MatMul(X, v) o = Sub(one, p) m = Sub(one, q) r = Concat<axis = 1>(o, p)
            s = Concat<axis = 1>(m, q) t = Slice(r, i1, i2, i1) z = Slice(s, i1, i2, i1) Y = Concat<axis = 1>(t, z)""",
            ["MatMul"],
        ),
        (
            """p = MatMul(X, w) q = MatMul(X, w) t = ai.onnx.ml.ArrayFeatureExtractor(p, at) z = Slice(q, i0, i1, i1)
            y = Reshape(z, flat) Y = Concat<axis = 1>(t, y)""",
            ["MatMul"],
        ),
        # Two columns that sum to one, as skl2onnx normalises them.
        (
            """p = MatMul(X, w) q = MatMul(X, w) o = MatMul(X, w) e = Abs(p) f = Abs(q) d = Abs(o)
            g = ReduceSum<keepdims = 1>(e, i1) h = ReduceSum<keepdims = 1>(f, i1) j = ReduceSum<keepdims = 1>(d, i1)
            r = Div(p, g) s = Div(q, h) k = Div(o, j) t = Slice(r, i1, i2, i1) z = Slice(s, i1, i2, i1)
            y = Slice(k, i1, i2, i1) Y = Concat<axis = 1>(t, z, y)""",
            ["MatMul", "Abs", "Add", "Div"],
        ),
        (
            "p = MatMul(X, u) q = MatMul(X, v) r = Cast<to = 1>(p) s = Cast<to = 1>(q) Y = Concat<axis = 1>(r, s)",
            ["MatMul", "Cast"],
        ),
    ],
    ids=str,
)
def test_columns_of_one_formula(body, left):
    outputs = "float Y" if "Cast" in body else "double Y"
    found = ops(fires(graph(body, outputs=outputs)))
    assert list(dict.fromkeys(found)) == left
    assert found.count("MatMul") <= 2


@pytest.mark.parametrize(
    "body",
    [
        "p = MatMul(X, u) q = MatMul(X, v) r = Neg(q) Y = Concat<axis = 1>(p, r)",
        "p = MatMul(X, u) q = MatMul(X, v) Y = Concat<axis = 0>(p, q)",
        "p = MatMul(X, w) q = Neg(p) Y = Concat<axis = 1>(q, q)",
        "z = Neg(X) p = MatMul(X, u) q = MatMul(z, v) Y = Concat<axis = 1>(p, q)",
        "p = MatMul(X, w) q = MatMul(X, w) r = ReduceSum(p, i1) s = ReduceSum(q, i0) Y = Concat<axis = 1>(r, s)",
        "p = MatMul(X, u) Y = Concat<axis = 1>(p, X)",
        "p = MatMul(X, w) Y = Concat<axis = 1>(p)",
        # Sums of everything, and graphs whose shapes do not fit: left as they are, to be answered when they run.
        "p = MatMul(X, w) q = MatMul(X, w) r = ReduceSum(p) s = ReduceSum(q) Y = Concat<axis = 1>(r, s)",
        "p = MatMul(X, w) q = MatMul(X, w) r = Add(p, three) s = Add(q, three) Y = Concat<axis = 1>(r, s)",
        "p = MatMul(X, u) q = MatMul(X, u) r = Add(p, none) s = Add(q, none) Y = Concat<axis = 1>(r, s)",
        """p = MatMul(X, w) q = MatMul(X, w) t = ai.onnx.ml.ArrayFeatureExtractor(p, i2)
        z = ai.onnx.ml.ArrayFeatureExtractor(q, i2) Y = Concat<axis = 1>(t, z)""",
    ],
)
def test_other_columns_are_no_match(body):
    before = graph(body)
    assert RULE.run(before) == (before, ())


def test_a_formula_without_end_is_no_match():
    steps = " ".join(f"{s}{i + 1} = Add({s}{i}, {s}{i})" for s in "ab" for i in range(300))
    before = graph(f"a0 = MatMul(X, u) b0 = MatMul(X, v) {steps} Y = Concat<axis = 1>(a300, b300)")
    assert RULE.run(before) == (before, ())


def test_what_others_need():
    body = "p = MatMul(X, u) q = MatMul(X, v) r = Neg(p) s = Neg(q) Y = Concat<axis = 1>(r, s)"
    assert keeps(RULE, graph(body, outputs="double Y, double p")) == "what MatMul -> p makes is needed besides"
    assert keeps(RULE, graph(f"{body} Z = Exp(r)", outputs="double Y, double Z")) == (
        "what Neg -> r makes is needed besides"
    )


def test_what_may_be_no_matrix():
    body = "p = MatMul(X, u) q = MatMul(X, v) Y = Concat<axis = 1>(p, q)"
    assert keeps(RULE, graph(body, inputs="double X")) == "'X' is not certain to be a matrix"
    squeezed = body.replace("X", "x").replace("Y", "y")
    text = f"x = Squeeze(X, i0) {squeezed} Y = Neg(y)"
    assert keeps(RULE, graph(text, inputs="double[1, N, 3] X")) == "'x' is not certain to be a matrix"
    scaled = body.replace("X", "x")
    fires(graph(f"z = Sub(X, b) x = Div(z, one) {scaled}"))


def test_not_above_a_tree():
    tree = """Y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0], nodes_nodeids = [0],
        nodes_featureids = [0], nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0],
        nodes_falsenodeids = [0], target_treeids = [0], target_nodeids = [0], target_ids = [0],
        target_weights = [1.0]>(s)"""
    before = graph(f"p = MatMul(X, u) q = MatMul(X, v) s = Concat<axis = 1>(p, q) {tree}")
    assert keeps(RULE, before) == "ai.onnx.ml:TreeEnsembleRegressor -> Y compares what is computed from it"


def written(model: Any, rows: np.ndarray, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(model, rows[:1], options={id(model): options} if options else None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [3, 4, 9])
@pytest.mark.parametrize("base", [LogisticRegression(), SGDClassifier(loss="log_loss", random_state=0)], ids=str)
def test_one_vs_rest(base, classes, dtype):
    rows = RANDOM.normal(size=(90, 5)).astype(dtype)
    y = np.arange(90) % classes
    model = OneVsRestClassifier(base).fit(rows, y)
    proto = written(model, rows, zipmap=False)
    session = InferenceSession(proto)
    found = kinds(session)
    assert sum(found.count(kind) for kind in ("MatMul", "ai.onnx.ml:LinearClassifier")) <= 2, found
    label, scores = session.run(None, {"X": rows})
    expected, spread = plain(proto).run(None, {"X": rows})
    np.testing.assert_array_equal(label, expected)
    np.testing.assert_allclose(scores, spread, rtol=1e-5 if dtype == np.float32 else 1e-12)
    np.testing.assert_array_equal(label, model.predict(rows))
    np.testing.assert_allclose(scores, model.predict_proba(rows), rtol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_several_targets(dtype):
    rows = RANDOM.normal(size=(60, 5)).astype(dtype)
    model = make_pipeline(StandardScaler(), MultiOutputRegressor(Ridge())).fit(rows, rows @ RANDOM.normal(size=(5, 4)))
    session = InferenceSession(written(model, rows))
    found = kinds(session)
    assert found == ["ai.sklort:LinearModel"]
    found = session.run(None, {"X": rows})[0]
    np.testing.assert_allclose(found, model.predict(rows), rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_converted(dtype):
    rows = RANDOM.normal(size=(60, 5)).astype(dtype)
    model = OneVsRestClassifier(LogisticRegression()).fit(rows, np.arange(60) % 5)
    fast = sklort.convert(model, rows)
    np.testing.assert_allclose(fast.predict_proba(rows), model.predict_proba(rows), rtol=1e-6)
    np.testing.assert_array_equal(fast.predict(rows), model.predict(rows))
