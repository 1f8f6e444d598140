from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.svm import LinearSVC

import sklort
from sklort import InferenceSession
from sklort.graph.ir import Graph
from sklort.passes.fuse_linear_model import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, ops

RANDOM = np.random.default_rng(5)
CONSTANTS = """double[2, 3] W = {1, -2, 0.5, 0.25, 3, -1}, double[2, 1] w = {1, -2}, double[3] b = {0.5, -1, 0},
    double[1] c = {0.25}, int64[3] names = {7, 8, 9}, int64[2] two = {4, 5}, int64[1] flat = {-1}, double one = {1},
    double zero = {0}, double half = {0.5}, int32[3] small = {0, 1, 2}, int64[1] axis = {1}, double[3, 3] M = {1, 2, 3, 4, 5, 6, 7, 8, 9}"""
SCORES = "p = MatMul(X, W) S = Add(p, b) "
SCORE = "p = MatMul(X, w) S = Add(p, c) "
X = np.vstack([RANDOM.normal(size=(300, 2)), [[0, 0], [np.nan, 1], [np.inf, 0], [-np.inf, 0], [1e308, 1e308]]])


def graph(body: str, outputs: str = "double Y", inputs: str = "double[N, 2] X") -> Graph:
    return graph_of(inputs, outputs, body, CONSTANTS)


def run(of: Graph, x: np.ndarray) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run([x])


def fires(before: Graph, x: np.ndarray = X) -> Graph:
    """The graph after the rule, which gives the same bits."""
    after = fires_once(RULE, before)
    for rows in (x, x[:1], x[:2], x[:17], x[:0]):
        for old, new in zip(run(before, rows), run(after, rows), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            np.testing.assert_array_equal(new, old)
    return after


LABEL = "i = ArgMax<axis = 1, keepdims = 0>(S) L = Gather<axis = 0>(names, i) "
EXTRACTED = """i = ArgMax<axis = 1>(S) e = ai.onnx.ml.ArrayFeatureExtractor(small, i) d = Cast<to = 11>(e)
    f = Reshape(d, flat) L = Cast<to = 7>(f) """
POSITIVE = "f = Reshape(S, flat) g = Greater(f, zero) i = Cast<to = 7>(g) L = Gather<axis = 0>(two, i) "
PAIR = "q = Sigmoid(S) r = Sub(one, q) P = Concat<axis = 1>(r, q) "


@pytest.mark.parametrize(
    ("body", "outputs", "left"),
    [
        (f"{SCORES} P = Softmax<axis = 1>(S)", "double P", []),
        (f"{SCORES} P = Softmax(S)", "double P, double S", []),
        (f"{SCORES} P = Sigmoid(S)", "double P", []),
        ("S = MatMul(X, W) P = Softmax(S)", "double P", []),
        ("S = Gemm(X, W, b) P = Softmax(S)", "double P", []),
        ("S = Gemm(X, W) P = Softmax(S)", "double P", []),
        (f"{SCORES} {LABEL}", "int64 L", []),
        (f"{SCORES} {LABEL} P = Softmax<axis = -1>(S)", "int64 L, double P", []),
        (f"{SCORES} {LABEL} P = Softmax<axis = 1>(S)", "int64 L, double P, double S", []),
        (f"{SCORES} i = ArgMax<axis = -1, keepdims = 0>(S)", "int64 i", []),
        (f"{SCORES} {LABEL}", "int64 L, int64 i", ["Gather"]),
        (f"{SCORES} {EXTRACTED} P = Softmax(S)", "int64 L, double P", []),
        (f"{SCORES} P = Softmax(S) Z = Exp(S)", "double P, double Z", ["Exp"]),
        (f"{SCORES} P = Softmax(S) Q = Softmax(S)", "double P, double Q", ["Softmax"]),
        (f"{SCORE} {PAIR} {POSITIVE}", "int64 L, double P", []),
        (f"{SCORE} {PAIR} {POSITIVE}", "int64 L, double P, double f", ["Reshape"]),
        (f"{SCORE} {PAIR}", "double P, double q", ["Sub", "Concat"]),
        (f"{SCORE} P = Sigmoid(S)", "double P", []),
        (f"{SCORE} f = Reshape(S, flat) g = Greater(f, zero) L = Cast<to = 7>(g)", "int64 L", []),
        (f"{SCORE} f = Reshape(S, flat) g = Greater(f, half) L = Cast<to = 7>(g) P = Sigmoid(S)", "int64 L, double P",
         ["Reshape", "Greater", "Cast"]),
        ("p = MatMul(X, W) S = Add(b, p) P = Softmax(S)", "double P", []),
        (f"{SCORES} P = Softmax(S) i = ArgMax<axis = 1, keepdims = 0>(P)", "double P, int64 i", []),
        (f"{SCORES} P = Softmax(S) {EXTRACTED.replace('(S)', '(P)')}", "int64 L", []),
        (f"{SCORE} {PAIR} i = ArgMax<axis = 1, keepdims = 0>(P) L = Gather<axis = 0>(two, i)", "int64 L, double P", []),
        (f"{SCORE} P = Sigmoid(S) i = ArgMax<axis = 1, keepdims = 0>(P)", "int64 i", ["ArgMax"]),
        ("p = MatMul(X, W) S = Add(p, X3) P = Softmax(p)", "double P, double S", ["Add"]),
    ],
)  # fmt: skip
def test_it_fires(body: str, outputs: str, left: list[str]) -> None:
    before = graph(body.replace("X3", "one"), outputs)
    after = fires(before)
    assert ops(after) == ["LinearModel", *left]


@pytest.mark.parametrize(
    "body",
    [
        "p = MatMul(X, W) Y = Add(p, b)",
        f"{SCORES} Y = Softmax<axis = 0>(S)",
        f"{SCORES} Y = Exp(S)",
        f"{SCORES} i = ArgMax<axis = 0, keepdims = 0>(S) Y = Cast<to = 11>(i)",
        f"{SCORES} i = ArgMax<axis = 1, keepdims = 0, select_last_index = 1>(S) Y = Cast<to = 11>(i)",
        "S = Gemm<alpha = 2.0>(X, W, b) Y = Softmax(S)",
        "S = MatMul(X, Z) Y = Softmax(S)",
    ],
)
def test_what_it_does_not_know(body: str) -> None:
    before = graph(body, inputs="double[N, 2] X, double[2, 3] Z")
    assert RULE.run(before) == (before, ())


def test_a_matrix_of_other_dimensions_stays() -> None:
    three = graph(f"{SCORES} Y = Softmax<axis = 1>(S)", inputs="double[N, 4, 2] X")
    assert keeps(RULE, three) == "'X' is not certain to be a matrix"


def test_not_above_a_tree() -> None:
    tree = """Y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0], nodes_nodeids = [0],
        nodes_featureids = [0], nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0],
        nodes_falsenodeids = [0], target_treeids = [0], target_nodeids = [0], target_ids = [0],
        target_weights = [1.0]>(P)"""
    before = graph(f"{SCORES} P = Softmax(S) {tree}")
    assert keeps(RULE, before) == "ai.onnx.ml:TreeEnsembleRegressor -> Y compares what is computed from it"


CLASSIFIER = """L, P = ai.onnx.ml.LinearClassifier<coefficients = [1.0, -2.0, 0.5, 0.25, 3.0, -1.0], {classes},
    intercepts = [0.5, -1.0, 0.0], post_transform = "{transform}">(X) Y = ai.onnx.ml.Normalizer<norm = "{norm}">(P)"""


@pytest.mark.parametrize("classes", ["classlabels_ints = [3, 4, 5]", 'classlabels_strings = ["a", "b", "c"]'])
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_a_softmax_is_not_normalised_again(dtype: str, classes: str) -> None:
    label = "string L" if "strings" in classes else "int64 L"
    body = CLASSIFIER.format(classes=classes, transform="SOFTMAX", norm="L1")
    before = graph_of(f"{dtype}[N, 2] X", f"{label}, {dtype} Y", body)
    after = fires_once(RULE, before)
    assert ops(after) == ["LinearModel"]
    x = X[:300].astype(np.float32 if dtype == "float" else np.float64)
    for old, new in zip(run(before, x), run(after, x), strict=True):
        if old.dtype == object or old.dtype == np.int64:
            np.testing.assert_array_equal(new, old)
        else:
            np.testing.assert_allclose(new, old, rtol=3e-7 if dtype == "float" else 1e-15)
            # A whole unit: what is left are the roundings of the sum.
            np.testing.assert_allclose(new.sum(axis=1), 1, rtol=3e-7 if dtype == "float" else 1e-15)


@pytest.mark.parametrize(
    ("transform", "norm", "outputs"),
    [
        ("SOFTMAX", "L2", "int64 L, float Y"),
        ("LOGISTIC", "L1", "int64 L, float Y"),
        ("NONE", "L1", "int64 L, float Y"),
        ("SOFTMAX", "L1", "int64 L, float P, float Y"),
    ],
)
def test_other_normalizers_stay(transform: str, norm: str, outputs: str) -> None:
    body = CLASSIFIER.format(classes="classlabels_ints = [3, 4, 5]", transform=transform, norm=norm)
    before = graph_of("float[N, 2] X", outputs, body)
    assert RULE.run(before) == (before, ())


def test_its_constants_get_names_of_their_own() -> None:
    before = graph(f"{SCORES} P = Softmax(S)", "double P")
    taken = replace(before, constants={**before.constants, "P/weights": np.zeros(1)})
    after, _ = RULE.run(taken)
    (node,) = after.nodes
    assert node.inputs == ("X", "P/weights/", "P/bias")


@pytest.mark.parametrize("labels", ["numbers", "words"])
@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), SGDClassifier(loss="log_loss", random_state=0), LinearSVC(), Ridge()], ids=str
)
def test_scikit_learn(estimator: Any, dtype: Any, classes: int, labels: str) -> None:
    rows = RANDOM.normal(size=(200, 6)).astype(dtype)
    y: Any = np.arange(200) % classes
    if labels == "words" and not isinstance(estimator, Ridge):
        y = np.array([f"class {i}" for i in range(classes)])[y]
    model = estimator.fit(rows, y)
    fast = sklort.convert(model, rows)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(fast.predict(rows), model.predict(rows), rtol=tolerance) if isinstance(
        estimator, Ridge
    ) else np.testing.assert_array_equal(fast.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(fast.predict_proba(rows), model.predict_proba(rows), rtol=tolerance, atol=1e-7)
    if dtype == np.float64 and isinstance(estimator, LinearSVC):
        return  # skl2onnx writes none
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"zipmap": False} if hasattr(model, "predict_proba") else {}
        proto = to_onnx(model, rows[:1], options={id(model): options})
    session = InferenceSession(proto)
    got = session.run(None, {"X": rows})
    if not isinstance(estimator, Ridge):
        np.testing.assert_array_equal(got[0], model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(got[1], model.predict_proba(rows), rtol=1e-4, atol=1e-6)
    if isinstance(estimator, LogisticRegression) and classes > 2:
        assert [node.node.split(" ")[0] for node in session.explain().nodes] == ["ai.sklort:LinearModel"]
