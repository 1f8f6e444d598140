"""Trees, forests and gradient boosting: equal to scikit-learn to the last bit on onnx.reference."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from sklort.conversion import convert_model
from sklort.conversion.converters.trees import nodes_of, tree_values
from sklort.conversion.trees.ensemble import ensemble_attributes
from sklort.conversion.trees.forest import build
from sklort.exceptions import ConversionError
from tests.conversion.judges import agree, cruel_rows

ULP = 4e-16
CLASSIFIERS = [
    DecisionTreeClassifier(random_state=0),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(7, random_state=0),
    ExtraTreesClassifier(6, max_depth=4, random_state=0),
]
REGRESSORS = [
    DecisionTreeRegressor(random_state=0),
    ExtraTreeRegressor(random_state=0),
    RandomForestRegressor(6, random_state=0),
    ExtraTreesRegressor(5, max_depth=4, random_state=0),
    RandomForestRegressor(4, criterion="absolute_error", random_state=0),
]


def classes_data(classes: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(120, 6, n_informative=4, n_classes=classes, random_state=0)
    return X.astype(dtype), y


def edge_rows(model: object, X: np.ndarray) -> np.ndarray:
    """Rows on the thresholds of a tree, and on the float32 and float64 neighbours of them."""
    tree = model.estimators_[0] if hasattr(model, "estimators_") else model
    tree = (tree[0] if isinstance(tree, np.ndarray) else tree).tree_
    rows = []
    for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
        if feature < 0:
            continue
        single = np.float32(threshold)
        near = [single, np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))]
        for value in [threshold, *near, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf)]:
            row = X[0].copy()
            row[feature] = value
            rows.append(row)
    return np.array(rows[:300], X.dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_classifiers(check, answers, model, classes, dtype):
    X, y = classes_data(classes, dtype)
    model.fit(X, y)
    conversion = check(model, X, methods={"predict", "predict_proba"})
    edges = edge_rows(model, X)
    got = answers(conversion, edges)
    assert (got["predict_proba"] == model.predict_proba(edges)).all()
    assert (got["predict"] == model.predict(edges)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_regressors(check, answers, model, dtype):
    X, y = make_regression(100, 5, random_state=0)
    X = X.astype(dtype)
    conversion = check(model.fit(X, y), X, methods={"predict"})
    edges = edge_rows(model, X)
    assert (answers(conversion, edges)["predict"] == model.predict(edges)).all()


@pytest.mark.parametrize("model", [*CLASSIFIERS, *REGRESSORS], ids=lambda m: type(m).__name__)
def test_missing_values(check, model):
    if getattr(model, "criterion", "") == "absolute_error":
        pytest.skip("scikit-learn: no missing values with the absolute error")
    X, y = classes_data(3)
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.25] = np.nan
    model.fit(X, y)
    check(model, X)
    check(model, np.full((2, 6), np.nan))


def test_missing_values_on_a_forest_that_saw_none(check):
    X, y = classes_data(3)
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    holed = X.copy()
    holed[::2, 0] = np.nan
    holed[::3, 3] = np.nan
    check(model, holed)


def test_infinite_threshold(check):
    X = np.array([[1.0], [2.0], [np.nan], [np.nan]])
    model = DecisionTreeClassifier().fit(X, [0, 0, 1, 1])
    assert np.isinf(model.tree_.threshold[0])
    check(model, X)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "b", "long"]),
        np.array(["a", "b", "é"], dtype=object),
        np.array([-3, 5, 1000], np.int32),
        np.array([1.0, 2.0, 7.0]),
        np.array([250, 3, 4], np.uint8),
        np.array([True, False, True]),
    ],
    ids=lambda v: str(v.dtype),
)
def test_labels(check, labels):
    X, y = classes_data(3)
    conversion = check(RandomForestClassifier(4, random_state=0).fit(X, labels[y]), X)
    kind = conversion.onnx_model.graph.output[0].type.tensor_type.elem_type
    assert kind == {"U": 8, "O": 8}.get(labels.dtype.kind, 7)


def test_labels_that_onnx_cannot_hold():
    X, y = classes_data(2)
    with pytest.raises(ConversionError, match="integers or strings"):
        convert_model(DecisionTreeClassifier().fit(X, np.array(["a", 1], object)[y].astype("S")), X)


def test_one_class(check):
    X, _ = classes_data(2)
    check(RandomForestClassifier(3).fit(X, np.full(len(X), 7)), X)


def test_ties_take_the_first_class(check, answers):
    X = np.repeat(np.arange(4.0), 6).reshape(-1, 1)
    y = np.tile([2, 1, 0], 8)
    conversion = check(RandomForestClassifier(8, bootstrap=False).fit(X, y), X)
    assert (answers(conversion, X)["predict"] == 0).all()


def test_trees_of_one_leaf_amid_others(check):
    X, y = make_regression(60, 4, random_state=0)
    model = RandomForestRegressor(5, max_depth=2, random_state=0).fit(X, y)
    for i in (1, 2, 4):
        model.estimators_[i] = DecisionTreeRegressor().fit(X, np.full(60, 0.1 * i))
    check(model, X)
    check(DecisionTreeRegressor().fit(X, np.full(60, 0.3)), X)


def test_several_targets(check):
    X, y = make_regression(80, 5, n_targets=3, random_state=0)
    check(RandomForestRegressor(4, random_state=0).fit(X, y), X)
    check(DecisionTreeRegressor(random_state=0).fit(X, y), X)
    check(DecisionTreeRegressor().fit(X, np.ones((80, 3)) * [1.0, 2.0, 3.0]), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("names", [[0, 1, 2], ["no", "yes", "maybe"]], ids=["numbers", "strings"])
def test_several_outputs_of_classes(names, dtype):
    """One output has three classes, the other two."""
    X, y = classes_data(3, dtype)
    labels = np.array(names)[np.c_[y, y > 0]]
    for model in (DecisionTreeClassifier(max_depth=4, random_state=0), ExtraTreesClassifier(3, random_state=0)):
        conversion = agree(model.fit(X, labels), X, methods={"predict", "predict_proba"})
        agree(model, X, cruel_rows(conversion, X, 60), ml=(1,), reference=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
@pytest.mark.parametrize("init", [None, "zero", DummyClassifier(strategy="uniform")], ids=str)
def test_gradient_boosting_of_two_classes(check, answers, loss, init, dtype):
    X, y = classes_data(2, dtype)
    model = GradientBoostingClassifier(loss=loss, init=init, n_estimators=6, learning_rate=0.37, random_state=0)
    conversion = check(
        model.fit(X, y), X, methods={"predict", "predict_proba", "decision_function"}, rtol=ULP, atol=ULP
    )
    got = answers(conversion, X)
    assert (got["decision_function"] == model.decision_function(X)).all()


def test_gradient_boosting_score_of_zero_is_the_second_class(check, answers):
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    model = GradientBoostingClassifier(n_estimators=1, init="zero").fit(X, [0, 1, 0, 1])
    assert (model.decision_function(X) == 0).all()
    conversion = check(model, X, rtol=ULP, atol=ULP)
    assert (answers(conversion, X)["predict"] == 1).all()


@pytest.mark.parametrize("init", [None, "zero"], ids=str)
def test_gradient_boosting_of_three_classes(check, answers, init):
    X, y = classes_data(3)
    model = GradientBoostingClassifier(init=init, n_estimators=4, random_state=0).fit(X, np.array(["x", "y", "z"])[y])
    conversion = check(model, X, rtol=ULP, atol=ULP)
    assert (answers(conversion, X)["decision_function"] == model.decision_function(X)).all()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("init", [None, "zero", DummyRegressor(strategy="constant", constant=3.25)], ids=str)
def test_gradient_boosting_regressor(check, loss, init):
    X, y = make_regression(80, 5, random_state=0)
    check(GradientBoostingRegressor(loss=loss, init=init, n_estimators=5, random_state=0).fit(X, y), X)


@pytest.mark.parametrize(
    ("model", "classes", "rtol"),
    [
        (GradientBoostingRegressor(init=RandomForestRegressor(2, max_depth=3, random_state=0)), 0, 1e-15),
        (GradientBoostingRegressor(init=LinearRegression()), 0, 1e-5),  # whose float32 products are its own
        (GradientBoostingClassifier(init=ExtraTreesClassifier(3, max_depth=2, random_state=0)), 2, 1e-14),
        (GradientBoostingClassifier(init=ExtraTreesClassifier(3, max_depth=2, random_state=0)), 3, 1e-14),
        (
            GradientBoostingClassifier(loss="exponential", init=ExtraTreesClassifier(3, max_depth=9, random_state=0)),
            2,
            1e-14,
        ),
        (GradientBoostingClassifier(init=RandomForestClassifier(3, random_state=0)), 3, 1e-14),  # shares of 0 and 1
    ],
    ids=lambda v: type(v).__name__,
)
def test_gradient_boosting_that_starts_from_another_estimator(model, classes, rtol):
    X, y = classes_data(classes or 3)
    model.set_params(n_estimators=4, random_state=0).fit(X, y if classes else X[:, 0] ** 2 + X[:, 1])
    agree(model, X, rtol=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", [*CLASSIFIERS, *REGRESSORS], ids=lambda m: type(m).__name__)
def test_older_targets(model, dtype):
    """What version 5 of ai.onnx.ml has no operator for is computed to the last bit all the same."""
    X, y = classes_data(3, dtype)
    missing = X.copy()
    if getattr(model, "criterion", "") != "absolute_error":
        missing[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    conversion = agree(model.fit(missing, y), missing, ml=(3, 1), reference=False)
    assert "TreeEnsembleRegressor" in {n.op_type for n in conversion.onnx_model.graph.node}
    newest = convert_model(model, missing)
    agree(model, missing, cruel_rows(newest, X, 120), ml=(3, 1), reference=False)


@pytest.mark.parametrize("version", [1, 3])
def test_older_targets_of_boosting(version):
    X, y = classes_data(3, np.float32)
    agree(GradientBoostingClassifier(n_estimators=4, random_state=0).fit(X, y), X, ml=(version,), rtol=ULP)
    model = GradientBoostingRegressor(loss="huber", n_estimators=4, random_state=0).fit(X, y)
    agree(model, X, ml=(version,))


def test_copies_of_a_tree_are_alike():
    """What the runtime relies on to walk the K copies of a tree once."""
    X, y = classes_data(3)
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y).tree_
    forest = ensemble_attributes(build([nodes_of(tree, tree_values(tree))], 3))
    copies = [slice(a, a + len(forest["nodes_splits"]) // 3) for a in forest["tree_roots"]]
    for name in ("featureids", "splits", "modes", "trueleafs", "falseleafs"):
        parts = [forest[f"nodes_{name}"][c] for c in copies]
        assert all((p == parts[0]).all() for p in parts)
    leaves = len(forest["leaf_weights"]) // 3
    np.testing.assert_array_equal(forest["leaf_targetids"], np.repeat([0, 1, 2], leaves))
    shift = np.where(forest["nodes_trueleafs"][copies[1]] == 1, leaves, forest["tree_roots"][1])
    true = forest["nodes_truenodeids"]
    np.testing.assert_array_equal(true[copies[1]], true[copies[0]] + shift)


@pytest.mark.parametrize("chunk", [1, 7, 40])
@pytest.mark.parametrize("classes", [1, 3])
def test_a_forest_is_written_alike_in_parts_of_any_size(monkeypatch, classes, chunk):
    X, y = classes_data(3)
    trees = [one.tree_ for one in RandomForestClassifier(6, max_depth=4, random_state=0).fit(X, y).estimators_]
    if classes == 1:
        nodes = [nodes_of(t, tree_values(t)[:, :1]) for t in trees]
        forest = build(nodes, 2, columns=np.array([0, 1, 1, 0, 1, 0]), first=np.array([0.5, 0.25]))
    else:
        forest = build([nodes_of(t, tree_values(t)) for t in trees], 3)
    whole = ensemble_attributes(forest)
    monkeypatch.setattr("sklort.conversion.trees.ensemble._CHUNK", chunk)
    parts = ensemble_attributes(forest)
    assert set(parts) == set(whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(parts[name], value)


def test_converting_a_large_tree_has_no_loop_over_nodes():
    rng = np.random.default_rng(0)
    X = rng.random((30_000, 4), np.float32)
    model = DecisionTreeRegressor(splitter="random").fit(X, rng.random(30_000))
    assert model.tree_.node_count > 50_000
    import sys

    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        conversion = convert_model(model, X[:2])
    finally:
        sys.setprofile(None)
    assert calls < 50_000
    assert conversion.outputs == {"predict": "prediction"}
