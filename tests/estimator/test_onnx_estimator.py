"""`OnnxEstimator` keeps scikit-learn's conventions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_outlier_detector, is_regressor
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

import sklort
from sklort import OnnxEstimator

X, y = load_iris(return_X_y=True)
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


@pytest.fixture(scope="module")
def logistic():
    return LogisticRegression(max_iter=1000).fit(X, y)


def test_import_is_light() -> None:
    code = (
        "import sys, sklort\n"
        "heavy = {'sklearn', 'skl2onnx', 'onnx', 'onnx.reference', 'pandas', 'polars', 'cupy', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert 'OnnxEstimator' in dir(sklort)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'predictor'"):
        sklort.predictor


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        LinearRegression(),
        RandomForestClassifier(5, random_state=0),
        LinearSVC(),
        StandardScaler(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(MinMaxScaler(), StandardScaler()),
        IsolationForest(n_estimators=5, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_has_the_methods_of_the_model_and_their_answers(model) -> None:
    before = OnnxEstimator(model)
    for method in METHODS:
        assert hasattr(before, method) == hasattr(model, method), method
    fitted = clone(model).fit(X, y)
    estimator = sklort.convert(fitted, X)
    for method in METHODS:
        assert hasattr(estimator, method) == hasattr(fitted, method), method
        if hasattr(fitted, method):
            expected, got = getattr(fitted, method)(X), getattr(estimator, method)(X)
            assert got.dtype == expected.dtype
            assert got.shape == expected.shape
            tolerance = estimator.parity_report_.tolerance
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([0, 1, 2], np.int64),
        ([3, -5, 7], np.int32),
        ([False, True], np.bool_),
        (["setosa", "versicolor", "virginica"], "<U10"),
        (["a", "bb", "ccc"], object),
        ([0.0, 1.0, 2.0], np.float64),
        ([1, 2, 3], np.uint8),
    ],
)
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), DecisionTreeClassifier(random_state=0)])
def test_labels_keep_values_and_dtype(model, labels, dtype) -> None:
    target = np.asarray(labels, dtype=dtype)[y % len(labels)]
    fitted = clone(model).fit(X, target)
    estimator = sklort.convert(fitted, X)
    got, expected = estimator.predict(X), fitted.predict(X)
    assert got.dtype == expected.dtype
    assert np.array_equal(got, expected)
    assert estimator.classes_.dtype == fitted.classes_.dtype
    assert np.array_equal(estimator.classes_, fitted.classes_)


def test_fit_clones_and_converts() -> None:
    inner = LogisticRegression(max_iter=1000)
    estimator = OnnxEstimator(inner)
    assert estimator.fit(X, y) is estimator
    assert not hasattr(inner, "coef_")
    assert np.array_equal(estimator.coef_, estimator.estimator_.coef_)
    assert estimator.n_features_in_ == 4
    assert isinstance(estimator.onnx_model_, bytes)
    assert estimator.parity_report_.ok
    assert estimator.session_.get_inputs()[0].shape[1] == 4
    with pytest.raises(AttributeError, match="no_such_"):
        estimator.no_such_


def test_fit_params_reach_the_model() -> None:
    weight = np.where(y == 0, 10.0, 0.1)
    estimator = OnnxEstimator(LogisticRegression(max_iter=1000)).fit(X, y, sample_weight=weight)
    expected = LogisticRegression(max_iter=1000).fit(X, y, sample_weight=weight)
    assert np.array_equal(estimator.coef_, expected.coef_)


def test_convert_does_not_refit(logistic) -> None:
    before = logistic.coef_.copy()
    estimator = sklort.convert(logistic, X)
    assert estimator.estimator_ is logistic
    assert estimator.estimator is logistic
    assert np.array_equal(logistic.coef_, before)


def test_not_fitted() -> None:
    estimator = OnnxEstimator(LogisticRegression())
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    with pytest.raises(NotFittedError):
        estimator.score(X, y)
    with pytest.raises(NotFittedError):
        sklort.convert(LogisticRegression(), X)
    with pytest.raises(AttributeError):
        estimator.classes_
    with pytest.raises(AttributeError):
        estimator.transform


def test_method_taken_before_fit_works_after_it() -> None:
    estimator = OnnxEstimator(LogisticRegression(max_iter=1000))
    predict = estimator.predict
    estimator.fit(X, y)
    assert np.array_equal(predict(X), estimator.estimator_.predict(X))


def test_unbound_call(logistic) -> None:
    estimator = sklort.convert(logistic, X)
    assert np.array_equal(OnnxEstimator.predict(estimator, X), logistic.predict(X))
    assert "Labels" in OnnxEstimator.predict.__doc__


def test_params_and_clone(logistic) -> None:
    estimator = sklort.convert(logistic, X)
    params = estimator.get_params()
    assert {"estimator", "parity", "tolerance", "target_opset", "estimator__C"} <= set(params)
    copy = clone(estimator)
    assert not copy.__sklearn_is_fitted__()
    assert "_lanes" not in vars(copy)
    copy.set_params(estimator__C=0.01, tolerance=1e-6)
    assert (copy.estimator.C, copy.tolerance) == (0.01, 1e-6)
    assert estimator.estimator.C == 1.0


def test_tags_follow_the_model() -> None:
    assert is_classifier(OnnxEstimator(LogisticRegression()))
    assert is_regressor(OnnxEstimator(Ridge()))
    assert is_outlier_detector(OnnxEstimator(IsolationForest()))
    assert is_classifier(OnnxEstimator(make_pipeline(StandardScaler(), LogisticRegression())))


def test_score(logistic) -> None:
    assert sklort.convert(logistic, X).score(X, y) == logistic.score(X, y)
    ridge = Ridge().fit(X, y)
    assert sklort.convert(ridge, X).score(X, y) == pytest.approx(ridge.score(X, y), rel=1e-12)
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1.0]}, scoring="neg_log_loss", cv=2).fit(X, y)
    estimator = OnnxEstimator(LogisticRegression(max_iter=1000)).fit(X, y)
    assert estimator.score(X, y, sample_weight=np.ones(len(y))) == estimator.score(X, y)
    assert search.best_score_ < 0


def test_inside_scikit_learn() -> None:
    wrapped = OnnxEstimator(LogisticRegression(max_iter=1000))
    search = GridSearchCV(wrapped, {"estimator__C": [0.1, 1.0]}, cv=2).fit(X, y)
    plain = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
    assert search.best_params_["estimator__C"] == plain.best_params_["C"]
    assert np.array_equal(search.predict(X), plain.predict(X))
    assert np.array_equal(
        cross_val_score(wrapped, X, y, cv=2), cross_val_score(LogisticRegression(max_iter=1000), X, y, cv=2)
    )
    first = make_pipeline(OnnxEstimator(StandardScaler()), OnnxEstimator(LogisticRegression())).fit(X, y)
    assert np.array_equal(first.predict(X), make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y).predict(X))
    assert np.array_equal(FrozenEstimator(search.best_estimator_).predict(X), search.predict(X))


def test_set_output_and_feature_names() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"), index=range(5, 155))
    estimator = OnnxEstimator(StandardScaler()).fit(frame)
    assert list(estimator.get_feature_names_out()) == list("abcd")
    assert isinstance(estimator.transform(frame), np.ndarray)
    out = estimator.set_output(transform="pandas").transform(frame)
    expected = StandardScaler().set_output(transform="pandas").fit(frame).transform(frame)
    pd.testing.assert_frame_equal(out, expected)
    assert not hasattr(OnnxEstimator(LogisticRegression()), "set_output")


def test_fit_transform_is_the_models_own() -> None:
    assert np.array_equal(OnnxEstimator(StandardScaler()).fit_transform(X), StandardScaler().fit_transform(X))
    assert not hasattr(OnnxEstimator(LogisticRegression()), "fit_transform")


def test_multiclass_and_binary_decision_function() -> None:
    for n_classes in (2, 3):
        Z, target = make_classification(200, 6, n_informative=4, n_classes=n_classes, random_state=0)
        for model in (LogisticRegression(), GradientBoostingClassifier(n_estimators=5, random_state=0)):
            fitted = model.fit(Z, target)
            estimator = sklort.convert(fitted, Z)
            expected = fitted.decision_function(Z)
            got = estimator.decision_function(Z)
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_regression_shapes(n_targets) -> None:
    target = X[:, 0] if n_targets is None else X[:, :n_targets]
    fitted = LinearRegression().fit(X, target)
    got = sklort.convert(fitted, X).predict(X)
    assert got.shape == fitted.predict(X).shape
    np.testing.assert_allclose(got, fitted.predict(X), rtol=1e-12)


def test_tune_measures_on_the_rows_and_changes_no_answer() -> None:
    X, y = load_iris(return_X_y=True)
    estimator = sklort.convert(RandomForestClassifier(20, random_state=0).fit(X, y), X)
    before = estimator.predict_proba(X)
    assert estimator.tune(X) is estimator
    assert "measured for 128 to 255 rows: " in str(estimator.session_.explain())
    np.testing.assert_array_equal(estimator.predict_proba(X), before)
    with pytest.raises(NotFittedError):
        OnnxEstimator(RandomForestClassifier()).tune(X)
