from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import IsolationForest

import sklort
from sklort.exceptions import Fail
from sklort.graph.check import check_graph
from sklort.graph.ir import Graph
from sklort.graph.load import load
from sklort.passes.fuse_isolation_forest import RULE
from sklort.passes.pipeline import optimise
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from sklort.providers.reference import evaluate
from tests.passes.rewriting import graph_of, keeps, ops, plain

OPSETS = {"": 17, "ai.onnx.ml": 3}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
CONSTANT = np.ones((50, 4), np.float32)
GRID = RNG.integers(0, 4, (300, 4)).astype(np.float32)


MODELS = [
    (IsolationForest(n_estimators=100, random_state=0), X, False),
    (IsolationForest(n_estimators=1, random_state=0), X, True),
    (IsolationForest(n_estimators=7, bootstrap=True, contamination=0.1, random_state=1), X, True),
    (IsolationForest(n_estimators=5, random_state=0), CONSTANT, False),
    (IsolationForest(n_estimators=20, max_samples=40, random_state=3), GRID, True),
    (IsolationForest(n_estimators=10, max_features=0.5, random_state=4), X, True),
]
every_model = pytest.mark.parametrize("number", range(len(MODELS)))


@cache
def converted(number: int) -> tuple[IsolationForest, Any, bytes]:
    """A fitted model, its rows, and what skl2onnx writes."""
    model, rows, samples = MODELS[number]
    chosen = model.fit(rows)._max_features
    model._max_features = rows.shape[1]  # otherwise skl2onnx refuses to write a choice of columns, though it can
    proto = to_onnx(model, rows[:1], target_opset=OPSETS, options={"score_samples": samples})
    model._max_features = chosen
    return model, rows, proto.SerializeToString()


def loaded(data: bytes) -> Graph:
    return load(data, CpuProvider().operators).graph


def around_thresholds(graph: Graph, columns: int, limit: int = 400) -> Any:
    """Rows that meet thresholds exactly, or by one step of float on either side, and infinities and NaN."""
    trees = [node.attributes for node in graph.nodes if node.op_type == "TreeEnsembleRegressor"]
    values = np.concatenate([each["nodes_values"].value for each in trees])
    features = np.concatenate([each["nodes_featureids"].value for each in trees])
    chosen = RNG.permutation(len(values))[:limit]
    rows = RNG.choice(values, (len(chosen), columns))
    rows[np.arange(len(chosen)), features[chosen]] = values[chosen]
    odd = RNG.choice(np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], np.float32), (50, columns))
    below, above = np.nextafter(rows, np.float32(-np.inf)), np.nextafter(rows, np.float32(np.inf))
    return np.concatenate([rows, below, above, odd]).astype(np.float32)


@every_model
def test_an_isolation_forest_is_one_forest_with_the_answers_of_scikit_learn(number):
    model, rows, data = converted(number)
    fused, unfused = sklort.InferenceSession(data), plain(data)
    after, _ = optimise(loaded(data), evaluate)
    assert len(after.nodes) <= 12
    assert sum(op.startswith("TreeEnsemble") for op in ops(after)) == 1
    found = dict(zip((each.name for each in fused.get_outputs()), fused.run(None, {"X": rows})))
    np.testing.assert_array_equal(found["label"].ravel(), model.predict(rows))
    np.testing.assert_allclose(found["scores"].ravel(), model.decision_function(rows), atol=1e-6)
    if "score_samples" in found:
        np.testing.assert_allclose(found["score_samples"].ravel(), model.score_samples(rows), atol=1e-6)
    for old, new in zip(unfused.run(None, {"X": rows}), found.values()):
        assert new.dtype == old.dtype
        assert new.shape == old.shape
        np.testing.assert_allclose(new, old, atol=1e-6)


@every_model
def test_a_second_run_changes_nothing(number):
    graph = loaded(converted(number)[2])
    after, refusals = RULE.run(graph, evaluate)
    assert after is not graph
    assert refusals == ()
    check_graph(after)
    assert RULE.run(after, evaluate) == (after, ())


@every_model
def test_every_row_comes_to_the_leaves_it_came_to(number):
    _, rows, data = converted(number)
    rows = around_thresholds(loaded(data), rows.shape[1])
    fused, unfused = sklort.InferenceSession(data), plain(data)
    # Another leaf's path length would show: it is hundreds of times more than the rounding of a sum.
    (old,), (new,) = (session.run(["scores"], {"X": rows}) for session in (unfused, fused))
    np.testing.assert_allclose(new, old, atol=4e-7)
    alone = np.concatenate([fused.run(["scores"], {"X": row})[0] for row in rows[:, None]])
    np.testing.assert_array_equal(alone, new)


def test_leaves_hold_the_path_lengths_of_scikit_learn():
    model, _, data = converted(0)
    after, _ = RULE.run(loaded(data), evaluate)
    forest = next(node for node in after.nodes if node.op_type == "TreeEnsembleRegressor")
    sizes = np.concatenate([tree.tree_.n_node_samples[tree.tree_.children_left == -1] for tree in model.estimators_])
    depths = np.concatenate([leaf_depths(tree.tree_) for tree in model.estimators_])
    many = 2 * (np.log(np.maximum(sizes - 1, 1)) + np.euler_gamma) - 2 * (sizes - 1) / sizes
    found = forest.attributes["target_weights"].value
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, depths + np.where(sizes > 2, many, sizes == 2), rtol=3e-7)


def leaf_depths(tree: Any) -> Any:
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # parents come before their children
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    return depth[tree.children_left == -1]


# Small graphs: two trees "x[feature] <= threshold" with the leaves 1 and 2, and what may follow them.


def tree(name: str, source: str, feature: int = 0, threshold: float = 0.5, extra: str = "", weights: str = "") -> str:
    weights = (
        weights or "target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0], target_weights = [1.0, 2.0]"
    )
    return f"""{name} = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0, 0, 0],
        nodes_nodeids = [0, 1, 2], nodes_featureids = [{feature}, 0, 0], nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values = [{threshold}, 0.0, 0.0], nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0],
        {weights} {extra}>({source}) """


CONSTANTS = """float[1] two = {2}, float[1, 1] three = {3}, float[2] pair = {1, 2}, int64[2] column = {-1, 1},
    int64[2] swapped = {1, 0}, int64[2] same = {0, 1}, int64[2] negative = {-1, 0}, int64[1] whole = {0}, int64[1] flat = {-1},
    int64[0] none = {}"""
A, B = tree("a", "X"), tree("b", "X", 1, -0.5)
ROWS = np.array(
    [[0.5, -0.5], [np.nextafter(np.float32(0.5), np.float32(1)), 7], [-np.inf, np.inf], [np.nan, 0]], np.float32
)


def graph(
    body: str, inputs: str = "float[N, 2] X", outputs: str = "float[N, 1] Y", constants: str = CONSTANTS
) -> Graph:
    return graph_of(inputs, outputs, body, constants)


def run(each: Graph, rows: Any) -> Any:
    providers = [CpuProvider()]
    return compile_plan(make_plan(each, providers, passes=()), providers).run([rows])[0]


def fires(before: Graph, rows: Any = ROWS) -> Graph:
    """The graph after the rule: legal, same results (sums of small whole numbers are exact), at rest."""
    after, _ = RULE.run(before, evaluate)
    assert after is not before
    check_graph(after)
    old, new = run(before, rows), run(after, rows)
    assert new.dtype == old.dtype
    np.testing.assert_array_equal(new, old)
    assert RULE.run(after, evaluate)[0] is after
    assert [op for op in ops(after) if op != "Gather"] == ["TreeEnsembleRegressor"]
    return after


@pytest.mark.parametrize(
    "body",
    [
        f"{A} {B} Y = Sum(a, b)",
        f"{A} {B} Y = Add(a, b)",
        f"{A} {B} c = Mul(a, two) d = Sub(two, b) Y = Sum(c, d)",
        f"{A} {B} c = Mul(a, a) d = Add(c, a) e = Reshape(b, column) f = Max(e, three, two) Y = Sum(d, f)",
        f"{A} {B} c = Less(a, two) d = Not(c) e = Where(d, three, a) Y = Sum(e, b)",
        f"{A} Y = Sum(a)",
        f"{A} c = Mul(a, two) Y = Sum(a, c, a)",
    ],
)
def test_functions_of_leaves(body):
    fires(graph(body))


def test_terms_that_are_alike_and_not():
    encode = "ai.onnx.ml.LabelEncoder<keys_int64s = [1, 2], values_floats = [{}, {}]>"
    cast = "{1} = Cast<to = 7>({0}) "
    body = A + B + tree("c", "X", 1, 3.0) + cast.format("a", "i") + cast.format("b", "j") + cast.format("c", "k")
    body += f"l = {encode.format(10.0, 20.0)}(i) m = {encode.format(30.0, 40.0)}(j) n = {encode.format(50.0, 60.0)}(k) "
    after = fires(graph(f"{body} o = Mul(l, two) p = Mul(m, two) q = Mul(n, three) Y = Sum(o, p, q)"))
    forest = after.nodes[0].attributes
    assert forest["target_weights"].value.tolist() == [20, 40, 60, 80, 150, 180]
    assert forest["nodes_treeids"].value.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_chosen_columns_become_feature_numbers():
    body = "s = Gather<axis = 1>(X, swapped) t = Gather<axis = 1>(X, same) "
    after = fires(graph(f"{body} {tree('a', 's')} {tree('b', 't')} {tree('c', 's', 1)} Y = Sum(a, b, c)"))
    forest = after.nodes[-1]
    assert forest.inputs == ("X",)
    assert forest.attributes["nodes_featureids"].value[::3].tolist() == [1, 0, 0]


def test_columns_counted_from_the_end_stay_chosen():
    after = fires(graph(f"s = Gather<axis = 1>(X, negative) {tree('a', 's')} {tree('b', 's', 1)} Y = Sum(a, b)"))
    assert after.nodes[-1].inputs == ("s",)


def test_a_weight_of_minus_zero_is_added_to_zero():
    weights = "target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0], target_weights = [-0.0, 2.0]"
    after = fires(graph(f"{tree('a', 'X', weights=weights)} {B} c = Reciprocal(a) Y = Sum(c, b)"))
    assert after.nodes[0].attributes["target_weights"].value[0] == np.inf


def test_double_thresholds_and_missing_values():
    double = tree("b", "X", 1).replace(
        "nodes_values = [0.5, 0.0, 0.0]", "nodes_values_as_tensor = double[3] {0.1, 0, 0}"
    )
    missing = tree("a", "X", extra=", nodes_missing_value_tracks_true = [1, 0, 0]")
    rows = np.concatenate(
        [ROWS, np.array([[0.1, np.float32(0.1)], [0.1, np.nextafter(np.float32(0.1), np.float32(0))]])]
    )
    after = fires(graph(f"{missing} {double} Y = Sum(a, b)"), rows.astype(np.float32))
    assert after.nodes[0].attributes["nodes_values_as_tensor"].value.dtype == np.float64
    assert after.nodes[0].attributes["nodes_missing_value_tracks_true"].value.tolist() == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "body",
    [
        "Y = Sum(X)",
        f"{A} Y = Add(a, two)",
        f"{A} Y = Add(a, a)",
        f"{A} {B} c = Mul(a, b) Y = Sum(c, a)",
        f"{A} {B} Y = Max(a, b)",
        f"{A} {B} Y = Sum(a, b, two)",
    ],
)
def test_other_sums_are_no_match(body):
    before = graph(body)
    assert RULE.run(before, evaluate) == (before, ())


LEAF = "ai.onnx.ml:TreeEnsembleRegressor -> a"
TWO_TREES = (
    A.replace("nodes_treeids = [0, 0, 0]", "nodes_treeids = [0, 1, 1]")
    .replace("BRANCH_LEQ", "LEAF")
    .replace("nodes_nodeids = [0, 1, 2]", "nodes_nodeids = [0, 0, 1]")
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{A.replace('n_targets = 1', 'n_targets = 2')} {B} Y = Sum(a, b)", f"{LEAF} has 2 targets"),
        (tree("a", "X", extra=', post_transform = "PROBIT"') + f"{B} Y = Sum(a, b)", f"{LEAF} has the post_transform PROBIT"),
        (tree("a", "X", extra=", base_values = [1.0]") + f"{B} Y = Sum(a, b)", f"{LEAF} has base_values"),
        (
            TWO_TREES.replace("target_treeids = [0, 0], target_nodeids = [1, 2]", "target_treeids = [0, 1], target_nodeids = [0, 0]")
            + f"{B} Y = Sum(a, b)",
            f"{LEAF} has 2 trees, and gives no single leaf's value",
        ),
        (f"{A.replace('target_nodeids = [1, 2]', 'target_nodeids = [1, 1]')} {B} Y = Sum(a, b)", f"{LEAF} does not have one weight for each leaf"),
        (f"s = Gather<axis = 1>(X, whole) {tree('a', 's', 1)} {B} Y = Sum(a, b)", f"{LEAF} tests feature 1 of 1"),
        (f"{A} {B} c = CumSum(a, axis) Y = Sum(c, b)", "CumSum -> c is not known to work row by row"),
        (f"{A} {B} c = ai.onnx.ml.Scaler<offset = [0.0], scale = [1.0]>(a) Y = Sum(c, b)", "ai.onnx.ml:Scaler -> c is not known to work row by row"),
        (f"{A} {B} c = Cast<to = 8>(a) d = Cast<to = 1>(c) Y = Sum(d, b)", "Cast -> c casts to what is neither a common number nor bool"),
        (f"{A} {B} c = Reshape(a, flat) d = Reshape(c, column) Y = Sum(d, b)", "Reshape -> c does not shape one column"),
        (f"{A} {B} c = Add(a, Z) Y = Sum(c, b)", "Add -> c reads 'Z', which is no constant"),
        (f"{A} {B} c = Add(a, pair) Y = Sum(c, b)", "Add -> c reads 'pair', which is no single number"),
        (f"{A} {B} c = Neg(a) Y = Sum(c, b) W = Neg(c)", "'c' is read by Neg -> W, too"),
        (f"{A} {B} Y = Sum(a, b) W = Neg(a)", "'a' is read by Neg -> W, too"),
        (f"{A} {B} W = Neg(a) Y = Sum(W, b)", "'W' is a graph output"),
        (f"N = Neg(X) {tree('a', 'N')} {B} Y = Sum(a, b)", "its trees read 'N' and 'X'"),
        (f"s = Gather<axis = 1>(X, negative) {tree('a', 's')} {B} Y = Sum(a, b)", "its trees read 's' and 'X'"),
        (f"s = Gather<axis = 1>(X, none) {tree('a', 's')} {B} Y = Sum(a, b)", "its trees read 's' and 'X'"),
        (f"{A} {B} c = Sum(a, b) {tree('Y', 'c')}", "ai.onnx.ml:TreeEnsembleRegressor -> Y compares what is computed from it"),
        (f"{A} {B} c = Log(a) d = Sub(c, c) e = Div(two, d) i = Cast<to = 7>(e) f = Cast<to = 1>(i) Y = Sum(f, b)", "Cast -> i casts a number that its target type cannot hold"),
        (f"{A} {B} i = Cast<to = 7>(a) d = Sub(i, i) e = Div(i, d) f = Cast<to = 1>(e) Y = Sum(f, b)", "Div -> e divides an integer by zero"),
        (f"{A} {B} c = Cast<to = 11>(a) d = Cast<to = 11>(b) W = Sum(c, d) Y = Cast<to = 1>(W)", "its terms are float64, not float: a TreeEnsembleRegressor gives float"),
    ],
)  # fmt: skip
def test_keeps_still(body, reason):
    outputs = "float[N, 1] Y, float[N, 1] W" if "W = Neg" in body else "float[N, 1] Y"
    before = graph(body, "float[N, 2] X, float[N, 1] Z", outputs, CONSTANTS + ", int64 axis = {0}")
    assert keeps(RULE, before) == reason


def test_without_somebody_who_evaluates():
    before = graph(f"{A} {B} Y = Sum(a, b)")
    after, refusals = RULE.run(before)
    assert after is before
    assert [each.reason for each in refusals] == ["nothing here can evaluate what follows a leaf"]


def test_what_cannot_be_evaluated():
    def fails(*_: Any) -> Any:
        raise Fail("no")

    _, refusals = RULE.run(graph(f"{A} {B} c = Neg(a) Y = Sum(c, b)"), fails)
    assert [each.reason for each in refusals] == ["what follows a leaf cannot be evaluated: no"]
