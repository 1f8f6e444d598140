"""Answers have scikit-learn's dtypes, shapes and ties."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import sklort
from sklort import FallbackWarning, OnnxEstimator

X, y = load_iris(return_X_y=True)
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")


def alike(got, expected, *, rtol=1e-9) -> None:
    assert type(got) is type(expected)
    if isinstance(expected, list):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            alike(one, other, rtol=rtol)
        return
    got, expected = (one.toarray() if hasattr(one, "toarray") else one for one in (got, expected))
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)
    else:
        assert np.array_equal(got, expected)


def converted(model, Z):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        return sklort.convert(model, Z)


INTEGERS = [np.dtype(code) for code in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")]


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        *(([0, 1, 2], dtype) for dtype in INTEGERS),
        *(([5, 90, 17], dtype) for dtype in INTEGERS),
        ([-128, 127, 3], np.int8),
        ([True, False], np.bool_),
        ([1.0, -2.0, 7.0], np.float64),
        ([0.0, 1.0, 2.0], np.float32),
        (["no", "yes"], "<U3"),
        (["no", "perhaps", "yes"], "<U20"),
        (["no", "yes", "œuf"], object),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        DecisionTreeClassifier(max_depth=2, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
    ],
    ids=["linear", "tree", "pipeline"],
)
def test_labels(model, labels, dtype) -> None:
    target = np.asarray(labels, dtype=dtype)[y % len(labels)]
    model = clone(model).fit(X, target)
    estimator = converted(model, X)
    for Z in (X, X[:1], X.tolist(), X[:0:-1]):
        alike(estimator.predict(Z), model.predict(Z))
    assert estimator.classes_.dtype == model.classes_.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        RidgeClassifier(),
        SGDClassifier(random_state=0),
        DecisionTreeClassifier(random_state=0),
        ExtraTreesClassifier(3, random_state=0),
        GradientBoostingClassifier(n_estimators=2, random_state=0),
        GaussianNB(),
        LinearRegression(),
        Ridge(),
        DecisionTreeRegressor(random_state=0),
        RandomForestRegressor(3, random_state=0),
        IsolationForest(n_estimators=3, random_state=0),
        StandardScaler(),
        PolynomialFeatures(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), DecisionTreeRegressor(random_state=0)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.filterwarnings("ignore::sklort.exceptions.FallbackWarning")  # what GaussianNB computes its own way
def test_dtypes_and_shapes(model, dtype, n_classes) -> None:
    """A model fitted on one dtype answers X of either in the dtype that scikit-learn does."""
    target = np.minimum(y, n_classes - 1)
    model = clone(model).fit(X.astype(dtype), target)
    estimator = converted(model, X.astype(dtype))
    for came in (np.float32, np.float64):
        for method in METHODS:
            assert hasattr(estimator, method) == hasattr(model, method)
            if hasattr(model, method):
                Z = X.astype(came)
                rtol = 1e-9 if came == dtype == np.float64 else 2e-3
                alike(getattr(estimator, method)(Z), getattr(model, method)(Z), rtol=rtol)
                alike(getattr(estimator, method)(Z[:1]), getattr(model, method)(Z[:1]), rtol=rtol)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(3, random_state=0),
        MultiOutputClassifier(LogisticRegression(max_iter=1000)),
        MultiOutputClassifier(DecisionTreeClassifier(max_depth=2)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("kind", ["words", "numbers"])
def test_several_outputs_of_classes(model, kind) -> None:
    other = (X[:, 1] > 3).astype(int)
    target = np.column_stack([y, other])
    if kind == "words":
        target = np.array(["a", "bb", "ccc"])[target]
    model = clone(model).fit(X, target)
    estimator = converted(model, X)
    for Z in (X, X[:1]):
        alike(estimator.predict(Z), model.predict(Z))
        alike(estimator.predict_proba(Z), model.predict_proba(Z))


@pytest.mark.parametrize("model", [LinearRegression(), DecisionTreeRegressor(), RandomForestRegressor(2)])
@pytest.mark.parametrize("shape", [(150,), (150, 1), (150, 2)])
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_values_are_flat_only_where_scikit_learns_are(model, shape) -> None:
    target = np.resize(X[:, :2] if shape[-1] == 2 else X[:, 0], shape)
    model = clone(model).fit(X, target)
    alike(converted(model, X).predict(X[:7]), model.predict(X[:7]))


def test_ties_are_broken_as_scikit_learn_breaks_them() -> None:
    Z = np.repeat(np.array([[0.0], [1.0], [2.0], [3.0]]), 2, axis=0)
    target = np.array(["b", "a", "c", "a", "b", "c", "a", "b"])
    for model in (
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(4, bootstrap=False, random_state=0),
        KNeighborsClassifier(2),
        LogisticRegression(C=1e-12),
        GaussianNB(),
    ):
        model.fit(Z, target)
        estimator = OnnxEstimator(model, parity="warn")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            estimator.fit(Z, target)
        proba = model.predict_proba(Z)
        assert (
            isinstance(model, LogisticRegression | GaussianNB) or (np.sort(proba)[:, -1] == np.sort(proba)[:, -2]).any()
        )
        alike(estimator.predict(Z), model.predict(Z))
    tied = np.zeros((4, 1))
    binary = LogisticRegression(fit_intercept=False).fit([[1.0], [-1.0]], [0, 1])
    assert np.all(binary.decision_function(tied) == 0)
    alike(converted(binary, tied).predict(tied), binary.predict(tied))


@pytest.mark.parametrize("sparse", [True, False])
def test_sparse_answers_stay_sparse(sparse) -> None:
    words = np.array([["a"], ["b"], ["c"]], dtype=object)[y]
    model = OneHotEncoder(sparse_output=sparse).fit(words)
    alike(converted(model, words).transform(words[:9]), model.transform(words[:9]))


def test_clusterers() -> None:
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    estimator = converted(model, X)
    alike(estimator.predict(X), model.predict(X))
    alike(estimator.transform(X), model.transform(X))
    fitted = OnnxEstimator(KMeans(3, n_init=1, random_state=0))
    alike(fitted.fit_predict(X), model.labels_)
    alike(fitted.labels_, model.labels_)
    assert fitted.score(X) == model.score(X)
