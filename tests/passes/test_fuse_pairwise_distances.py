from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sklort.graph.ir import Graph
from sklort.passes.fuse_pairwise_distances import RULE
from sklort.passes.pipeline import optimise
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from sklort.providers.reference import ReferenceProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, ops

MADE = ("ai.sklort", "PairwiseDistance")
needs_kernel = pytest.mark.skipif(MADE not in CpuProvider().operators, reason="the kernel is not in this build")

SQUARES = "r = ReduceSumSquare<axes = [1], keepdims = 0>(u)"
SIZES = "a = Abs(u) r = ReduceSum<keepdims = 0>(a, one)"
POWERS = "a = Abs(u) p = Pow(a, three) r = ReduceSum<keepdims = 0>(p, one)"
CONSTANTS = (
    "float[2, 3] Y = {1, 2, 3, 4, 5, 6}, int64[1] one = {1}, float[1] three = {3}, float[1] third = {0.33333334}"
)
POINTS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
X = np.array([[1, 2, 3], [0, 0, 0], [0.1, -7, 2.5], [1e3, 1, np.nan]], np.float32)


def scan(distance: str, extra: str = "", state: str = '""', x: str = "X", y: str = "Y", body: str = "") -> str:
    body = body or f"h = Identity(s) u = Sub(s, v) {distance} q = Identity(r)"
    return f"""{state}, d = Scan({x}, {y}) <num_scan_inputs = 1 {extra},
        body = b (float[N, 3] s, float[3] v) => (float[N, 3] h, float[N] q) {{ {body} }}>"""


def graph(body: str, inputs: str = "float[N, 3] X", outputs: str = "float D", constants: str = CONSTANTS) -> Graph:
    return graph_of(inputs, outputs, body, constants)


def run(fused: Graph, feed: dict[str, Any]) -> Any:
    providers = [CpuProvider()]
    plan = make_plan(fused, providers, passes=())
    return compile_plan(plan, providers).run([feed[value.name] for value in fused.inputs])[0]


VARIANTS = [
    (SQUARES, "D = Transpose<perm = [1, 0]>(d)", "sqeuclidean", {}),
    (SQUARES, "t = Transpose<perm = [1, 0]>(d) D = Sqrt(t)", "euclidean", {}),
    (SIZES, "t = Transpose(d) D = Identity(t)", "cityblock", {}),
    (POWERS, "t = Transpose<perm = [1, 0]>(d) D = Pow(t, third)", "minkowski", {"p": 3}),
]


@pytest.mark.parametrize(("distance", "behind", "metric", "options"), VARIANTS)
def test_fires_on_what_skl2onnx_writes(distance, behind, metric, options):
    node = fires_once(RULE, graph(f"{scan(distance)} {behind}")).nodes[0]
    assert (node.domain, node.op_type, node.inputs) == (*MADE, ("X", "Y"))
    assert {name: attribute.value for name, attribute in node.attributes.items()} == {"metric": metric, **options}


@needs_kernel
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("distance", "behind", "metric", "options"), VARIANTS)
def test_the_distances_are_scipys_and_nearer_than_the_graphs(distance, behind, metric, options, dtype):
    word = {np.float32: "float", np.float64: "double"}[dtype]
    text = f"{scan(distance)} {behind}".replace("float", word)
    before = graph(text, f"{word}[N, 3] X", f"{word} D", CONSTANTS.replace("float", word))
    third = np.asarray([1 / 3], dtype)
    before.constants["third"] = third
    x = X.astype(dtype)
    expected = cdist(x, POINTS, metric, **options)
    plain, fused = run(before, {"X": x}), run(fires_once(RULE, before), {"X": x})
    assert fused.dtype == plain.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(fused, expected, rtol=4 * np.finfo(np.float64).eps + eps / 2)
    np.testing.assert_allclose(plain, expected, rtol=16 * eps)
    assert (np.isnan(fused) == np.isnan(plain)).all()


def test_without_a_transpose_the_inputs_change_places():
    (node,) = fires_once(RULE, graph(f"{scan(SQUARES)} D = Neg(d)")).nodes[:1]
    assert node.inputs == ("Y", "X")
    assert node.attributes["metric"].value == "sqeuclidean"


def test_the_difference_either_way_round_and_through_identities():
    for body in (
        "h = Identity(s) u = Sub(v, s) w = Identity(u) r = ReduceSumSquare<axes = [-1], keepdims = 0>(w) q = Identity(r)",
    ):
        assert fires_once(RULE, graph(f"{scan('', body=body)} D = Transpose(d)")).nodes[0].op_type == "PairwiseDistance"


@pytest.mark.parametrize(
    ("behind", "kept", "outputs"),
    [
        ("t = Transpose(d) D = Sqrt(t) E = Neg(t)", ["PairwiseDistance", "Sqrt", "Neg"], "float D, float E"),
        ("D = Transpose(d) E = Neg(d)", ["PairwiseDistance", "Transpose", "Neg"], "float D, float E"),
        ("D = Transpose(d)", ["PairwiseDistance", "Transpose"], "float D, float d"),
        ("t = Transpose<perm = [0, 1]>(d) D = Neg(t)", ["PairwiseDistance", "Transpose", "Neg"], "float D"),
        ("t = Transpose(d) D = Log(t)", ["PairwiseDistance", "Log"], "float D"),
    ],
)
def test_what_others_read_stays(behind, kept, outputs):
    assert ops(fires_once(RULE, graph(f"{scan(SQUARES)} {behind}", outputs=outputs))) == kept


@pytest.mark.parametrize(
    "body",
    [
        "h = Neg(s) u = Sub(s, v) r = ReduceSumSquare<axes = [1], keepdims = 0>(u) q = Identity(r)",
        "h = Identity(s) u = Add(s, v) r = ReduceSumSquare<axes = [1], keepdims = 0>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, s) r = ReduceSumSquare<axes = [1], keepdims = 0>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) r = ReduceSumSquare<axes = [0], keepdims = 0>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) r = ReduceSumSquare<axes = [1], keepdims = 1>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) r = ReduceSumSquare<axes = [1]>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) r = ReduceSumSquare<keepdims = 0>(u) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) r = ReduceSum<keepdims = 0>(u, one) q = Identity(r)",
        "h = Identity(s) u = Sub(s, v) p = Pow(u, three) r = ReduceSum<keepdims = 0>(p, one) q = Identity(r)",
        "h = Identity(s) u = Sub(s, Y) r = ReduceSumSquare<axes = [1], keepdims = 0>(u) q = Identity(r)",
    ],
)
def test_other_bodies_are_no_match(body):
    before = graph(f"{scan('', body=body)} D = Transpose(d)")
    assert RULE.run(before) == (before, ())


def test_a_state_that_is_read():
    assert keeps(RULE, graph(f"{scan(SQUARES, state='Z')} D = Transpose(d)")) == "its final state 'Z' is read"


def test_directions_and_axes():
    for extra in ("scan_input_directions", "scan_output_directions", "scan_input_axes", "scan_output_axes"):
        text = f"{scan(SQUARES, f', {extra} = [1]')} D = Transpose(d)"
        assert keeps(RULE, graph(text)) == f"it has {extra}"


def test_ranks_that_are_not_declared():
    text = f"{scan(SQUARES)} D = Transpose(d)".replace("float[N, 3] s", "float s").replace(
        "float[3] v", "float[N, 3] v"
    )
    assert keeps(RULE, graph(text)) == "its body does not declare a matrix and a row"


def test_types_that_are_not_certain():
    text = f"{scan(SQUARES, y='Q')} D = Transpose(d)"
    assert (
        keeps(RULE, graph(text, "int64[N, 3] X, int64[M, 3] Q"))
        == "neither 'X' nor 'Q' is certain to be float or double"
    )


def test_a_column_that_may_be_broadcast():
    text = f"{scan(SQUARES, y='Q')} D = Transpose(d)"
    before = graph(text, constants=CONSTANTS + ", float[2, 1] Q = {1, 2}")
    assert keeps(RULE, before) == "'Q', of shape (2, 1), may be broadcast"
    assert fires_once(
        RULE, graph(text.replace("float[N, 3] s", "float[N, 1] s"), constants=CONSTANTS + ", float[2, 1] Q = {1, 2}")
    )


@pytest.mark.parametrize(
    "behind", ["D = Transpose(d)", "t = Transpose(d) D = Pow(t, three)", "t = Transpose(d) D = Sqrt(t)"]
)
def test_powers_without_their_root(behind):
    assert keeps(RULE, graph(f"{scan(POWERS)} {behind}")) == "no root of 3 follows the sum of powers"


def test_powers_that_make_no_metric():
    constants = CONSTANTS + ", float[1] minus = {-1}"
    text = f"{scan(POWERS.replace('three', 'minus'))} t = Transpose(d) D = Pow(t, minus)"
    assert keeps(RULE, graph(text, constants=constants)) == "-1 is the power of no metric"


def test_not_above_a_tree():
    tree = """ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0], nodes_nodeids = [0], nodes_featureids = [0],
        nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0], nodes_falsenodeids = [0],
        target_treeids = [0], target_nodeids = [0], target_ids = [0], target_weights = [1.0]>(e)"""
    text = f"{scan(SQUARES)} t = Transpose(d) e = Exp(t) D = {tree}"
    assert keeps(RULE, graph(text)) == "ai.onnx.ml:TreeEnsembleRegressor -> D compares what is computed from it"


def test_it_stays_where_nobody_runs_the_kernel():
    before = graph(f"{scan(SQUARES)} D = Transpose(d)")
    plan = make_plan(before, [ReferenceProvider()])
    assert [each.node.op_type for each in plan.assignments] == ["Scan", "Transpose"]


@needs_kernel
def test_it_runs_by_default_inside_bodies_too():
    inner = scan(SQUARES, x="W")
    text = f"""D = If(c) <then_branch = t () => (float[N, M] r) {{ W = Neg(X) {inner} r = Transpose(d) }},
        else_branch = e () => (float[N, M] X) {{ }}>"""
    text = text.replace("r = ReduceSumSquare", "z = ReduceSumSquare").replace("q = Identity(r)", "q = Identity(z)")
    before = graph(text, "float[N, 3] X, bool c")
    after, _ = optimise(before)
    assert [ops(inside) for inside in after.nodes[0].subgraphs] == [["Neg", "PairwiseDistance"], []]
    found = run(after, {"X": X[:3], "c": np.array(True)})
    np.testing.assert_allclose(found, cdist(-X[:3], POINTS, "sqeuclidean"), rtol=1e-6)
