"""Linear and nearly linear maps, clusterers, densities, networks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import (
    cluster,
    covariance,
    cross_decomposition,
    decomposition,
    feature_selection,
    kernel_approximation,
    linear_model,
    manifold,
    random_projection,
)
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError, SklortError

X, GROUPS = make_blobs(90, 6, centers=4, cluster_std=2.0, random_state=0)
NUMBER = X @ np.arange(6.0) + 3
BOTH = np.column_stack([NUMBER, X[:, 0] ** 2])
NEW = np.vstack([X[::4] + 0.3, X[:3], X[:4] * 7, np.zeros((1, 6))])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def tolerance(dtype: type, size: float = 1.0) -> dict[str, float]:
    return TIGHT if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-4 * size}


LINEAR = [
    decomposition.PCA(3),
    decomposition.PCA(3, whiten=True),
    decomposition.IncrementalPCA(3, whiten=True),
    decomposition.TruncatedSVD(3, random_state=0),
    decomposition.FastICA(3, random_state=0, max_iter=1000),
    decomposition.FastICA(whiten=False, random_state=0, max_iter=2000, tol=1e-2),
    decomposition.FactorAnalysis(3),
    decomposition.SparsePCA(3, random_state=0),
    decomposition.MiniBatchSparsePCA(3, random_state=0),
    random_projection.GaussianRandomProjection(3, random_state=0),
    random_projection.SparseRandomProjection(3, random_state=0),
    kernel_approximation.RBFSampler(gamma=0.01, random_state=0, n_components=20),
    kernel_approximation.PolynomialCountSketch(gamma=0.1, random_state=0, n_components=20),
    kernel_approximation.PolynomialCountSketch(gamma=0.1, degree=3, coef0=2, random_state=0, n_components=15),
    BernoulliRBM(4, random_state=0, n_iter=2),
    cluster.FeatureAgglomeration(3),
    cluster.FeatureAgglomeration(3, pooling_func=np.max),
]


@dtypes
@pytest.mark.parametrize("model", LINEAR, ids=lambda m: str(m)[:40])
@pytest.mark.filterwarnings("ignore:.*did not converge", "ignore:n_iter=")
def test_maps(check, model, dtype):
    check(model.fit(X.astype(dtype)), NEW.astype(dtype), **tolerance(dtype, 50))


def test_maps_learnt_from_labels(check):
    check(NeighborhoodComponentsAnalysis(2, random_state=0).fit(X, GROUPS), NEW, **TIGHT)


@dtypes
@pytest.mark.parametrize(
    "model",
    [
        cross_decomposition.PLSRegression(2),
        cross_decomposition.PLSRegression(2, scale=False),
        cross_decomposition.PLSCanonical(2),
        cross_decomposition.CCA(1),
    ],
    ids=str,
)
def test_partial_least_squares(check, model, dtype):
    check(
        model.fit(X.astype(dtype), BOTH), NEW.astype(dtype), methods={"predict", "transform"}, **tolerance(dtype, 500)
    )
    if isinstance(model, cross_decomposition.PLSRegression):
        check(model.fit(X, NUMBER), NEW, **TIGHT)


def test_partial_least_squares_of_singular_vectors(check):
    check(cross_decomposition.PLSSVD(2).fit(X, BOTH), NEW, **TIGHT)


@dtypes
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_chi_square_maps(check, dtype, steps):
    rows = np.abs(NEW)
    rows[::3, 1] = 0
    check(
        kernel_approximation.AdditiveChi2Sampler(sample_steps=steps).fit(rows.astype(dtype)),
        rows.astype(dtype),
        **tolerance(dtype),
    )
    model = kernel_approximation.SkewedChi2Sampler(skewedness=0.5, n_components=9, random_state=0).fit(rows)
    check(model, rows, **TIGHT)
    for refusing in (model, kernel_approximation.AdditiveChi2Sampler(sample_steps=steps).fit(rows)):
        conversion = convert_model(refusing, rows)
        with pytest.raises(SklortError):
            InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {"X": -rows - 1})


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_sparse_codes_by_threshold(check, positive, split):
    given = {"transform_algorithm": "threshold", "transform_alpha": 0.3, "positive_code": positive, "split_sign": split}
    check(decomposition.SparseCoder(X[:5] / 9, **given).fit(X), NEW, **TIGHT)
    learnt = decomposition.DictionaryLearning(4, max_iter=3, random_state=0, fit_algorithm="cd", **given).fit(X)
    check(learnt, NEW, **TIGHT)


def test_sparse_codes_by_pursuit_are_refused():
    with pytest.raises(ConversionError, match="for every row"):
        convert_model(decomposition.SparseCoder(X[:5] / 9).fit(X), X)


@dtypes
@pytest.mark.parametrize(
    "model",
    [
        cluster.KMeans(4, n_init=1, random_state=0),
        cluster.MiniBatchKMeans(4, n_init=1, random_state=0),
        cluster.BisectingKMeans(5, random_state=0),
        cluster.BisectingKMeans(1, random_state=0),
        cluster.Birch(n_clusters=3, threshold=2.0),
        cluster.Birch(n_clusters=None, threshold=3.0),
        cluster.MeanShift(bandwidth=6.0),
        cluster.AffinityPropagation(random_state=0),
    ],
    ids=str,
)
def test_clusters(check, model, dtype):
    check(model.fit(X.astype(dtype)), NEW.astype(dtype), **tolerance(dtype, 50))


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_densities(check, kernel, width):
    rows, new = X[:, :width] / 3, NEW[:, :width] / 3
    check(KernelDensity(bandwidth=1.5, kernel=kernel).fit(rows), new, methods={"score_samples"}, rtol=1e-8, atol=1e-8)
    weights = np.arange(1, 91)
    check(KernelDensity(kernel=kernel).fit(rows, sample_weight=weights), new, rtol=1e-8, atol=1e-8)


@dtypes
def test_envelopes(check, dtype):
    model = covariance.EllipticEnvelope(random_state=0).fit(X.astype(dtype))
    check(model, NEW.astype(dtype), methods={"predict", "decision_function", "score_samples"}, **tolerance(dtype, 500))


def test_isomap(check):
    check(manifold.Isomap(n_neighbors=30).fit(X), NEW, rtol=1e-8, atol=1e-8)


@dtypes
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"n_neighbors": 12, "n_components": 3},
        {"n_neighbors": 3, "reg": 1e-6},
        {"n_neighbors": 9, "method": "modified"},
    ],
    ids=str,
)
def test_locally_linear(check, arguments, dtype):
    rows = X.astype(dtype).astype(float)  # as given, so that scikit-learn's search sees doubles
    model = manifold.LocallyLinearEmbedding(**arguments, eigen_solver="dense").fit(rows)
    check(model, NEW.astype(dtype), rtol=1e-6, atol=1e-8)


def test_locally_linear_on_one_point(check):
    """All neighbours where the row is: a trace of nothing, and equal shares."""
    rows = np.repeat(np.array([[0.0, 1.0], [5.0, 5.0], [9.0, 1.0]]), 4, axis=0)
    model = manifold.LocallyLinearEmbedding(n_neighbors=3, n_components=1, eigen_solver="dense").fit(X[:12, :2])
    model.nbrs_.fit(rows)
    model.embedding_ = np.repeat([[1.0], [2.0], [3.0]], 4, axis=0)  # equal, whichever of equal points are nearest
    check(model, rows[::4], rtol=1e-12)


SELECTORS = [
    feature_selection.SelectKBest(k=2),
    feature_selection.SelectPercentile(percentile=17),
    feature_selection.SelectFpr(),
    feature_selection.SelectFdr(),
    feature_selection.SelectFwe(),
    feature_selection.GenericUnivariateSelect(mode="k_best", param=3),
    feature_selection.SelectFromModel(RidgeClassifier()),
    feature_selection.SelectFromModel(RandomForestClassifier(4, random_state=0), max_features=1),
    feature_selection.SequentialFeatureSelector(GaussianNB(), n_features_to_select=2, cv=2),
    feature_selection.VarianceThreshold(5.0),
]


@pytest.mark.parametrize("model", SELECTORS, ids=lambda m: str(m)[:40])
def test_selectors(check, model):
    check(model.fit(X, GROUPS), NEW, methods={"transform"})
    check(make_pipeline(model, RidgeClassifier()).fit(X, GROUPS), NEW, **TIGHT)


def test_eliminations(check):
    base = RidgeClassifier()
    for model in (feature_selection.RFE(base, n_features_to_select=2), feature_selection.RFECV(base, cv=2)):
        check(model.fit(X, GROUPS), NEW, **TIGHT)
    check(feature_selection.RFE(Ridge(), n_features_to_select=3).fit(X, NUMBER), NEW, **TIGHT)


@dtypes
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_networks(check, activation, dtype):
    given = {"hidden_layer_sizes": (7, 5), "activation": activation, "max_iter": 5, "random_state": 0}
    rows, new = X.astype(dtype) / 5, NEW.astype(dtype) / 5
    marks = np.column_stack([GROUPS > 1, GROUPS % 2]).astype(int)
    for y in (GROUPS, GROUPS > 1, np.array(["a", "b", "c", "d"])[GROUPS], marks):
        check(MLPClassifier(**given).fit(rows, y), new, **tolerance(dtype))
    for target in (NUMBER, BOTH):
        check(MLPRegressor(**given).fit(rows, target), new, **tolerance(dtype, 100))


@dtypes
@pytest.mark.parametrize(
    "model",
    [
        linear_model.PoissonRegressor(),
        linear_model.GammaRegressor(fit_intercept=False),
        linear_model.TweedieRegressor(power=1.5),
        linear_model.TweedieRegressor(power=0),
        linear_model.TweedieRegressor(power=0, link="log"),
    ],
    ids=str,
)
def test_generalised_linear_models(check, model, dtype):
    check(model.fit(X.astype(dtype) / 9, np.abs(NUMBER) + 1), NEW.astype(dtype) / 9, **tolerance(dtype, 100))


@pytest.mark.parametrize("bounds", ["clip", "nan", "raise"])
@pytest.mark.parametrize("increasing", [True, False])
def test_isotonic_regression(check, bounds, increasing):
    x = np.sort(np.concatenate([X[:, 0], X[:20, 0]]))
    y = np.cumsum(np.random.default_rng(0).normal(size=len(x))) + np.arange(len(x)) / 9
    model = IsotonicRegression(out_of_bounds=bounds, increasing=increasing).fit(x, y)
    rows = x.reshape(-1, 1) if bounds == "raise" else np.vstack([x.reshape(-1, 1) * 1.5, x.reshape(-1, 1)])
    check(model, rows, methods={"predict", "transform"}, rtol=1e-13, atol=1e-13)
