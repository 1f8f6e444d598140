"""Isolation forests, AdaBoost, bagging, embeddings: equal to scikit-learn, over trees to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomTreesEmbedding,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError
from tests.conversion.judges import agree, cruel_rows, one_thread  # noqa: F401

ULP = 4e-16
X, THREE = make_classification(130, 6, n_informative=4, n_classes=3, random_state=0)
TWO = (THREE > 0).astype(int)
WORDS = np.array(["u", "v", "w"])[THREE]
VALUES = 3 * X[:, 0] + np.sin(X[:, 1])
HOLED = np.where(np.random.default_rng(0).random(X.shape) < 0.15, np.nan, X)


def exact(model, rows, y, dtype, *, ml=(5, 3), rtol=0.0):
    rows = rows.astype(dtype)
    model.fit(rows, y) if y is not None else model.fit(rows)
    cruel = cruel_rows(convert_model(model, rows), rows, 150)
    return agree(model, rows, cruel, ml=ml, rtol=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"max_features": 0.5}, {"max_features": 3, "contamination": 0.2, "bootstrap": True}, {"max_samples": 1}],
    ids=str,
)
def test_isolation_forests(parameters, dtype):
    model = IsolationForest(n_estimators=5, random_state=0, **parameters)
    conversion = exact(model, X, None, dtype, ml=(5, 3, 1), rtol=1e-15)
    assert set(conversion.outputs) == {"predict", "decision_function", "score_samples"}


def test_isolation_forests_with_missing_values():
    agree(IsolationForest(n_estimators=4, random_state=0).fit(HOLED), HOLED, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y", [TWO, THREE, WORDS], ids=["2", "3", "words"])
@pytest.mark.parametrize("depth", [1, 4])
def test_adaboost_of_trees(depth, y, dtype):
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=depth), n_estimators=6, random_state=0)
    exact(model, X, y, dtype, ml=(5, 3, 1), rtol=ULP)


def test_adaboost_whose_trees_know_fewer_classes():
    rare = np.where(np.arange(len(X)) < 2, 9, TWO)
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=5, random_state=0).fit(X, rare)
    model.estimators_[1].fit(X, TWO)
    agree(model, X, rtol=ULP)


def test_adaboost_by_shares_is_refused():
    """What scikit-learn did by default before 1.6."""
    model = AdaBoostClassifier(n_estimators=3).fit(X, TWO)
    model.algorithm = "SAMME.R"
    with pytest.raises(ConversionError, match="SAMME.R"):
        convert_model(model, X)


def test_adaboost_of_one_class():
    agree(AdaBoostClassifier(n_estimators=3).fit(X, np.full(len(X), 4)), X)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "words"])
def test_adaboost_of_other_estimators(y):
    base = LogisticRegression(max_iter=300)
    agree(AdaBoostClassifier(base, n_estimators=4, random_state=0).fit(X, y), X, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_adaboost_regressors(loss, dtype):
    base = ExtraTreeRegressor(max_depth=4) if loss == "square" else None
    exact(AdaBoostRegressor(base, n_estimators=7, loss=loss, random_state=0), X, VALUES, dtype, ml=(5, 3, 1))


def test_adaboost_of_other_regressors():
    agree(AdaBoostRegressor(LinearRegression(), n_estimators=5, random_state=0).fit(X, VALUES), X, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"max_features": 0.5}, {"max_features": 0.5, "bootstrap_features": True}, {"max_samples": 5}],
    ids=str,
)
def test_bagging_of_trees(parameters, dtype):
    """The last sees too few rows to know all classes."""
    bagged = BaggingClassifier(n_estimators=5, random_state=0, **parameters)
    exact(bagged, HOLED, WORDS, dtype)
    exact(BaggingRegressor(DecisionTreeRegressor(max_depth=5), 4, random_state=0, **parameters), X, VALUES, dtype)


def test_bagging_of_several_targets():
    agree(BaggingRegressor(n_estimators=3, random_state=0).fit(X, np.c_[VALUES, X[:, 2]]), X)


@pytest.mark.parametrize("y", [TWO, THREE, WORDS], ids=["2", "3", "words"])
@pytest.mark.parametrize(
    ("base", "parameters"),
    [
        (ExtraTreesClassifier(3, max_depth=3), {"max_samples": 6}),
        (make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)), {"max_features": 0.5}),
        (LinearSVC(), {"max_features": 0.7}),
        (RidgeClassifier(), {}),
    ],
    ids=["forests", "pipelines", "LinearSVC", "RidgeClassifier"],
)
def test_bagging_of_other_estimators(base, parameters, y):
    agree(BaggingClassifier(base, n_estimators=3, random_state=0, **parameters).fit(X, y), X, rtol=1e-12)


def test_bagging_of_machines_that_vote():
    agree(BaggingClassifier(SVC(), n_estimators=3, random_state=0).fit(X, WORDS), X, rtol=1e-5, loose=1e-5)


def test_bagging_of_other_regressors():
    bagged = BaggingRegressor(GradientBoostingRegressor(n_estimators=3), n_estimators=3, max_features=0.6)
    agree(bagged.fit(X, VALUES), X, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [True, False])
def test_embeddings(sparse, dtype):
    model = RandomTreesEmbedding(4, max_depth=3, sparse_output=sparse, random_state=0)
    conversion = exact(model, X, None, dtype, ml=(5, 3, 1))
    assert set(conversion.outputs) == {"transform"}


def test_embeddings_in_front_of_a_model():
    model = make_pipeline(RandomTreesEmbedding(3, max_depth=3, random_state=0), LogisticRegression())
    agree(model.fit(X, TWO), X, rtol=1e-12)


def test_embeddings_that_tell_nothing_apart_are_refused():
    model = RandomTreesEmbedding(2, random_state=0).fit(np.ones((9, 2)))
    with pytest.raises(ConversionError, match="without a split"):
        convert_model(model, np.ones((9, 2)))
