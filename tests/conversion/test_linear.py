"""Linear models in scikit-learn's own dtype."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.datasets import make_classification, make_regression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

PROBABLE = {"predict", "predict_proba", "decision_function"}
SCORED = {"predict", "decision_function"}
TOLERANCE = {np.float32: {"rtol": 1e-5, "atol": 1e-5}, np.float64: {"rtol": 1e-13, "atol": 1e-13}}
CLASSIFIERS = [
    (linear_model.LogisticRegression(), PROBABLE),
    (linear_model.LogisticRegression(fit_intercept=False, C=0.1), PROBABLE),
    (linear_model.SGDClassifier(loss="log_loss", random_state=0, alpha=1.0), PROBABLE),
    (linear_model.SGDClassifier(loss="modified_huber", random_state=0), PROBABLE),
    (linear_model.SGDClassifier(random_state=0), SCORED),
    (linear_model.Perceptron(random_state=0), SCORED),
    (linear_model.RidgeClassifier(), SCORED),
    (LinearSVC(random_state=0), SCORED),
]
REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.LinearRegression(fit_intercept=False),
    linear_model.Ridge(),
    linear_model.Lasso(),
    linear_model.ElasticNet(),
    linear_model.BayesianRidge(),
    linear_model.HuberRegressor(),
    linear_model.SGDRegressor(random_state=0),
    LinearSVR(random_state=0),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("model", "methods"), CLASSIFIERS, ids=lambda v: getattr(v, "loss", type(v).__name__))
def test_classifiers(check, model, methods, classes, dtype):
    X, y = make_classification(100, 6, n_informative=4, n_classes=classes, random_state=0)
    X = X.astype(dtype)
    check(model.fit(X, np.array(["u", "v", "w"])[y]), X, methods=methods, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_regressors(check, model, dtype):
    X, y = make_regression(80, 5, random_state=0)
    X = X.astype(dtype)
    check(
        model.fit(X, y),
        X,
        methods={"predict"},
        rtol=TOLERANCE[dtype]["rtol"],
        atol=1e-2 if dtype == np.float32 else 1e-11,
    )


def test_regressor_of_several_targets(check):
    X, y = make_regression(60, 5, n_targets=2, random_state=0)
    check(linear_model.Ridge().fit(X, y), X, rtol=1e-13, atol=1e-11)
    check(linear_model.LinearRegression().fit(X, y[:, :1]), X, rtol=1e-13, atol=1e-11)


def test_double_model_on_single_input_computes_in_double(check):
    X, y = make_classification(100, 6, random_state=0)
    conversion = check(linear_model.LogisticRegression().fit(X, y), X.astype(np.float32), rtol=1e-13, atol=1e-13)
    kinds = {o.name: o.type.tensor_type.elem_type for o in conversion.onnx_model.graph.output}
    assert kinds["probabilities"] == 11


def test_integers_become_double(check):
    X = np.random.default_rng(0).integers(-5, 5, (60, 3))
    check(linear_model.LogisticRegression().fit(X, X[:, 0] > 0), X, rtol=1e-13, atol=1e-13)


def test_sparsified_coefficients(check):
    X, y = make_classification(80, 6, random_state=0)
    check(linear_model.SGDClassifier(random_state=0).fit(X, y).sparsify(), X, rtol=1e-13, atol=1e-13)


def test_score_of_zero_is_the_first_class(check, answers):
    model = linear_model.LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    X = np.array([[-model.intercept_[0] / model.coef_[0, 0]], [0.0]])
    model.intercept_ = np.zeros(1)
    conversion = check(model, np.zeros((2, 1)), rtol=1e-15)
    assert (answers(conversion, X * 0)["predict"] == 0).all()


def test_probabilities_of_all_zero_are_uniform(check, answers):
    X, y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
    model = linear_model.SGDClassifier(loss="modified_huber", random_state=0).fit(X, y)
    model.intercept_ = np.full(3, -1e6)
    conversion = check(model, X, rtol=1e-15)
    assert (answers(conversion, X)["predict_proba"] == 1 / 3).all()


def test_several_labels_for_a_row(check):
    X, y = make_classification(60, 5, random_state=0)
    marks = np.c_[y, 1 - y, X[:, 0] > 0].astype(int)
    for model in (
        linear_model.RidgeClassifier(),
        OneVsRestClassifier(LinearSVC()),
        OneVsRestClassifier(linear_model.LogisticRegression()),
    ):
        check(model.fit(X, marks), X, rtol=1e-12, atol=1e-12)


def test_a_pipeline_that_ends_in_scores(check):
    X, y = make_classification(60, 5, random_state=0)
    check(make_pipeline(StandardScaler(), LinearSVC()).fit(X, np.array(["u", "v"])[y]), X, rtol=1e-12, atol=1e-12)
