"""`apply` and `kneighbors`: compiled at their first call, scikit-learn's where that would differ."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomTreesEmbedding,
)
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestNeighbors,
)
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

import sklort
from sklort import OnnxEstimator

X, THREE = make_classification(200, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
TWO = (THREE > 0).astype(int)
HOLED = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
NEW = X[:80] * 0.93 + 0.01
TREES = [
    (DecisionTreeClassifier(random_state=0), HOLED, THREE),
    (ExtraTreeRegressor(random_state=0), X, THREE),
    (RandomForestClassifier(7, random_state=0), HOLED, THREE),
    (ExtraTreesRegressor(5, max_depth=4, random_state=0), X, THREE),
    (GradientBoostingClassifier(n_estimators=4), X, THREE),
    (GradientBoostingClassifier(n_estimators=4), X, TWO),
    (GradientBoostingRegressor(n_estimators=4), X, X[:, 0]),
    (RandomTreesEmbedding(4, random_state=0), X, THREE),
]
NEIGHBOURS = [
    NearestNeighbors(n_neighbors=3),
    NearestNeighbors(metric="manhattan", algorithm="ball_tree"),
    KNeighborsClassifier(),
    KNeighborsRegressor(4),
    KNeighborsTransformer(n_neighbors=2),
    LocalOutlierFactor(5, novelty=True),
]


def alike(got, want) -> None:
    assert type(got) is type(want)
    for one, other in zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]:
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("model", "rows", "y"), TREES, ids=lambda v: type(v).__name__)
def test_leaves(model, rows, y, dtype) -> None:
    rows = rows.astype(dtype)
    model.fit(rows, y)
    compiled = sklort.convert(model, rows)
    alike(compiled.apply(rows), model.apply(rows))
    assert compiled.apply.compiled(rows) is not None
    cuts = rows.copy()
    for tree in np.ravel(getattr(model, "estimators_", [model])):
        branches = np.flatnonzero((tree.tree_.feature >= 0) & np.isfinite(tree.tree_.threshold))[:8]
        cuts[: len(branches), tree.tree_.feature[branches]] = tree.tree_.threshold[branches].astype(dtype)
        for given in (cuts, np.nextafter(cuts, dtype(9)), cuts[:1], rows[:, ::-1][:, ::-1]):
            alike(compiled.apply(given), model.apply(given))
    other = rows.astype(np.float64 if dtype == np.float32 else np.float32)
    alike(compiled.apply(other), model.apply(other))


@pytest.mark.parametrize("model", NEIGHBOURS, ids=lambda m: type(m).__name__)
def test_neighbours(model) -> None:
    compiled = sklort.convert(model.fit(X, THREE), X)
    alike(compiled.kneighbors(NEW), model.kneighbors(NEW))
    assert compiled.kneighbors.compiled(NEW) is not None
    alike(compiled.kneighbors(NEW[:1]), model.kneighbors(NEW[:1]))
    alike(compiled.kneighbors(), model.kneighbors())
    alike(compiled.kneighbors(NEW, 1), model.kneighbors(NEW, 1))
    alike(compiled.kneighbors(NEW, return_distance=False), model.kneighbors(NEW, return_distance=False))


def test_neighbours_at_equal_distances_are_scikit_learns() -> None:
    """Whose order follows no rule."""
    rows = np.repeat(np.arange(12.0), 4).reshape(-1, 1)
    model = KNeighborsClassifier(6, algorithm="kd_tree").fit(rows, np.arange(48) % 2)
    compiled = sklort.convert(model, rows, parity=False)
    for given in (rows, rows + 0.5):
        alike(compiled.kneighbors(given), model.kneighbors(given))


def test_a_search_alone_is_an_estimator_and_a_file(tmp_path) -> None:
    compiled = OnnxEstimator(NearestNeighbors(n_neighbors=4), fallback="error").fit(X)
    compiled.save(tmp_path / "search.onnx")
    alike(sklort.load(tmp_path / "search.onnx").kneighbors(NEW), compiled.estimator_.kneighbors(NEW))


@pytest.mark.parametrize("model", [RandomForestClassifier(3), KNeighborsClassifier()], ids=["forest", "neighbours"])
def test_like_any_other_method(model) -> None:
    method = "apply" if isinstance(model, RandomForestClassifier) else "kneighbors"
    compiled = OnnxEstimator(model)
    with pytest.raises(NotFittedError):
        getattr(compiled, method)(X)
    compiled.fit(X, THREE)
    want = getattr(compiled, method)(NEW)
    for bad in (NEW[:, :2], NEW[0], np.where(NEW > 1, np.inf, NEW)):
        with pytest.raises(ValueError) as theirs:
            getattr(compiled.estimator_, method)(bad)
        with pytest.raises(ValueError) as ours:
            getattr(compiled, method)(bad)
        assert str(ours.value) == str(theirs.value)
    for one in (copy.deepcopy(compiled), copy.copy(compiled), pickle.loads(pickle.dumps(compiled))):
        alike(getattr(one, method)(NEW), want)
    compiled.fit(X[::-1] * 2, THREE)
    alike(getattr(compiled, method)(NEW), getattr(compiled.estimator_, method)(NEW))


def test_a_model_without_the_method_has_none() -> None:
    with pytest.raises(AttributeError, match="apply"):
        _ = sklort.convert(KNeighborsClassifier().fit(X, THREE), X).apply
