from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklort import InferenceSession
from sklort.graph.ir import Graph
from sklort.passes.fuse_dense_layers import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, ops

RANDOM = np.random.default_rng(5)
CONSTANTS = """{T}[2, 3] W = {{1, -2, 0.5, 0.25, 3, -1}}, {T}[3, 2] V = {{1, -2, 0.5, 0.25, 3, -1}}, {T}[3] b = {{0.5, -1, 0}},
    {T}[1, 3] c = {{0.25, 1, 2}}, {T}[3, 1] d = {{1, 2, 3}}"""
X = np.vstack([RANDOM.normal(size=(300, 2)), [[0, 0], [np.nan, 1], [np.inf, 0], [-np.inf, 0], [1e38, 1e38]]])


def graph(body: str, outputs: str = "{T} Y", inputs: str = "{T}[N, 2] X", dtype: str = "double") -> Graph:
    return graph_of(inputs.format(T=dtype), outputs.format(T=dtype), body, CONSTANTS.format(T=dtype))


def run(of: Graph, x: np.ndarray) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run([x])


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("p = MatMul(X, W) s = Add(p, b) Y = Relu(s)", ["DenseLayer"]),
        ("p = MatMul(X, W) s = Add(c, p) Y = Tanh(s)", ["DenseLayer"]),
        ("s = Gemm(X, W, b) Y = Relu(s)", ["DenseLayer"]),
        ("s = Gemm<transB = 1>(X, V, c) Y = Relu(s)", ["DenseLayer"]),
        ("s = MatMul(X, W) Y = Relu(s)", ["DenseLayer"]),
        ("p = MatMul(X, W) Y = Add(p, b)", ["Gemm"]),
        ("p = MatMul(X, W) s = Add(p, b) Y = Sigmoid(s)", ["Gemm", "Sigmoid"]),
        ("p = MatMul(X, W) s = Add(p, b) r = Relu(s) q = MatMul(r, V) Y = Tanh(q)", ["DenseLayer", "DenseLayer"]),
        ("p = MatMul(X, W) s = Add(p, b) r = Relu(s) t = Tanh(s) Y = Sub(r, t)", ["Gemm", "Relu", "Tanh", "Sub"]),
    ],
)
def test_it_keeps_every_bit(body: str, left: list[str], dtype: str) -> None:
    before = graph(body, dtype=dtype)
    after = fires_once(RULE, before)
    assert ops(after) == left
    for rows in (X, X[:1], X[:17], X[:0]):
        rows = rows.astype(np.float32 if dtype == "float" else np.float64)
        for old, new in zip(run(before, rows), run(after, rows), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize(
    "body", ["Y = MatMul(X, W)", "Y = Gemm(X, W, b)", "p = MatMul(X, V) Y = Add(p, d)", "p = MatMul(X, W) Y = Exp(p)"]
)
def test_what_it_does_not_know(body: str) -> None:
    before = graph(body)
    assert RULE.run(before) == (before, ())


def test_a_value_that_is_needed_besides() -> None:
    after = fires_once(RULE, graph("p = MatMul(X, W) s = Add(p, b) Y = Relu(s)", "{T} Y, {T} s"))
    assert ops(after) == ["Gemm", "Relu"]
    before = graph("p = MatMul(X, W) Y = Add(p, b)", "{T} Y, {T} p")
    assert RULE.run(before) == (before, ())


def test_a_matrix_of_other_dimensions_stays() -> None:
    three = graph("p = MatMul(X, W) Y = Relu(p)", inputs="{T}[N, 4, 2] X")
    assert keeps(RULE, three) == "'X' is not certain to be a matrix"


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("classes", [0, 2, 4])
def test_scikit_learn(classes: int, activation: str) -> None:
    x = RANDOM.normal(size=(200, 6)).astype(np.float32)
    kind = MLPClassifier if classes else MLPRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = kind(hidden_layer_sizes=(20, 10), activation=activation, max_iter=5)
        model.fit(x, np.arange(200) % classes if classes else x[:, 0])
    proto = to_onnx(model, x[:1], options={"zipmap": False} if classes else None)
    session = InferenceSession(proto)
    got = session.run(None, {"X": x})
    if classes:
        np.testing.assert_array_equal(got[0], model.predict(x))
        np.testing.assert_allclose(got[1], model.predict_proba(x), rtol=1e-5, atol=1e-6)
        assert session.explain().nodes[-1].node.startswith("ai.sklort:LinearModel")
    else:
        np.testing.assert_allclose(got[0].ravel(), model.predict(x), rtol=1e-4, atol=1e-5)
