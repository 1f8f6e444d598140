from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from sklort import InferenceSession
from sklort.graph.ir import OWN_DOMAIN, Attribute, AttributeKind, Graph, Node
from sklort.passes.fuse_radial_kernels import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, ops

RANDOM = np.random.default_rng(5)


def graph(body: str, dtype: str = "double", metric: str = "sqeuclidean", outputs: str = "{T} K") -> Graph:
    """With the node of our own domain that no text may name: Add stands for it."""
    constants = f"{dtype}[1] c = {{0.3}}, {dtype} minus = {{-0.3}}, {dtype}[2] two = {{1, 2}}"
    kind = dtype
    written = graph_of(f"{kind}[N, 4] X, {kind}[M, 4] Y", outputs.format(T=kind), f"D = Add(X, Y) {body}", constants)
    distances = Node(
        "PairwiseDistance", OWN_DOMAIN, 1, ("X", "Y"), ("D",), {"metric": Attribute(AttributeKind.STRING, metric)}
    )
    return Graph(written.name, written.inputs, written.outputs, (distances, *written.nodes[1:]), written.constants)


def run(of: Graph, *feeds: np.ndarray) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run(list(feeds))


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize(
    "body",
    ["s = Mul(D, c) n = Neg(s) K = Exp(n)", "s = Mul(c, D) n = Neg(s) K = Exp(n)", "s = Mul(D, minus) K = Exp(s)"],
)
def test_it_fires(body: str, dtype: str) -> None:
    before = graph(body, dtype)
    after = fires_once(RULE, before)
    assert ops(after) == ["PairwiseDistance"]
    kind = np.float32 if dtype == "float" else np.float64
    x, y = RANDOM.normal(size=(70, 4)).astype(kind), RANDOM.normal(size=(45, 4)).astype(kind)
    x[0], x[1, 1], x[2, 0] = y[0], np.nan, np.inf
    for rows in (x, x[:1], x[:0]):
        (old,), (new,) = run(before, rows, y), run(after, rows, y)
        assert (old.dtype, old.shape) == (new.dtype, new.shape)
        if kind == np.float64:
            np.testing.assert_array_equal(new, old)
        else:
            np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-30)
            squares = ((rows[:, None].astype(float) - y[None].astype(float)) ** 2).sum(axis=2)
            np.testing.assert_allclose(new, np.exp(-float(kind(0.3)) * squares), rtol=1e-7, atol=1e-38)


@pytest.mark.parametrize(
    ("body", "options", "sentence"),
    [
        ("s = Mul(D, minus) K = Exp(s)", {"metric": "euclidean"}, "the distances are not squared"),
        ("s = Mul(D, wide) K = Exp(s)", {"dtype": "float"}, "the element types are not certain to be one"),
    ],
)
def test_it_keeps_still(body: str, options: dict[str, str], sentence: str) -> None:
    before = graph(body.replace("wide", "minus"), **options)
    if "wide" in body:
        before.constants["minus"] = np.array(-0.3)
    assert keeps(RULE, before) == sentence


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("s = Mul(D, c) K = Exp(s)", "{T} K"),
        ("s = Mul(D, D) K = Exp(s)", "{T} K"),
        ("s = Mul(D, minus) K = Exp(s)", "{T} K, {T} D"),
        ("s = Mul(D, minus) K = Exp(s)", "{T} K, {T} s"),
        ("s = Mul(D, minus) n = Neg(s) K = Exp(n)", "{T} K"),
        ("s = Add(D, minus) K = Exp(s)", "{T} K"),
    ],
)
def test_other_values_are_no_match(body: str, outputs: str) -> None:
    before = graph(body, outputs=outputs)
    assert RULE.run(before) == (before, ())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_processes(dtype: Any) -> None:
    x = RANDOM.normal(size=(80, 3)).astype(dtype)
    model = GaussianProcessRegressor(ConstantKernel(2.0) * RBF(1.5), alpha=0.1, optimizer=None).fit(x, np.sin(x[:, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(model, x[:1])
    session = InferenceSession(proto)
    assert not {"Exp", "Neg"} & {node.node.split(" ")[0] for node in session.explain().nodes}
    got = session.run(None, {"X": x})[0].ravel()
    np.testing.assert_allclose(got, model.predict(x), rtol=1e-3 if dtype == np.float32 else 1e-9, atol=1e-5)
