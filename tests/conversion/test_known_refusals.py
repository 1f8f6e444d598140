"""Models that skl2onnx 1.20 does not convert with its defaults, or takes forever to convert.

A test for each line of the list, `c1` to `c8`, and for each model that a line names; the last, of the estimators without
any converter, is the first table of `docs/coverage.md`, which `tests/conformance/test_coverage.py` holds. What is
converted wrongly without a word is in `test_known_faults`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Exponentiation, Matern, RationalQuadratic
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, RidgeClassifierCV
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import sklort
from sklort.exceptions import ScikitLearnAnswered
from tests.conversion.judges import one_thread, stands_in  # noqa: F401

RNG = np.random.default_rng(0)
X, THREE = make_classification(240, 5, n_informative=4, n_redundant=0, n_classes=3, flip_y=0.1, random_state=0)
TWO = (THREE > 0).astype(int)
WORDS = np.array(["low", "mid", "top"])[THREE]
VALUES = 3 * X[:, 0] + np.sin(X[:, 1])
HOLED = np.where(RNG.random(X.shape) < 0.3, np.nan, X)
WHOLE = np.round(X * 10).astype(np.int64)
FAR = np.vstack([X[:20] * 50, np.zeros((1, 5)), X[:20] + 1e-7])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_c1_histograms_of_mixed_columns(kind):
    """Every case raised. Rows of one dtype: `users_1_05`, categories: `b03`."""
    table = pd.DataFrame(X, columns=list("abcde")).assign(word=WORDS, small=X[:, 0].astype(np.float32))
    columns = ColumnTransformer([("w", OneHotEncoder(sparse_output=False), ["word"])], remainder="passthrough")
    stands_in(make_pipeline(columns, kind(max_iter=5)).fit(table, TWO), table)


@pytest.mark.parametrize("weights", [None, [0.2, 0.5, 0.3], [1, 2, 3]], ids=str)
@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_c2_votes_and_their_weights(voting, weights):
    """Refused with the default `flatten_transform=True`, and with weights in a list."""
    base = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=4)), ("c", LogisticRegression(C=0.01))]
    stands_in(VotingClassifier(base, voting=voting, weights=weights).fit(X, WORDS), X, FAR)
    numbers = [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=4)), ("c", LinearRegression())]
    stands_in(VotingRegressor(numbers, weights=weights).fit(X, VALUES), X, FAR)


@dtypes
@pytest.mark.parametrize("parameters", [{}, {"max_features": 0.5}, {"max_features": 1}], ids=str)
def test_c3_isolation_forests(parameters, dtype):
    """Refused for the default target_opset, float64 and a part of the features."""
    rows = X.astype(dtype)
    stands_in(IsolationForest(n_estimators=8, random_state=0, **parameters).fit(rows), rows, FAR.astype(dtype))


@dtypes
@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
@pytest.mark.parametrize("kind", [RidgeClassifier, RidgeClassifierCV, LinearSVC])
def test_c4_classifiers_of_scores(kind, y, dtype):
    """Refused for float64, and at the end of a pipeline."""
    rows, far = X.astype(dtype), FAR.astype(dtype)
    close = 1e-12 if dtype == np.float64 else 1e-5
    stands_in(kind().fit(rows, y), rows, far, tolerance=close)
    stands_in(make_pipeline(StandardScaler(), kind()).fit(rows, y), rows, far, tolerance=close)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
def test_c5_calibration_by_temperature(y):
    stands_in(CalibratedClassifierCV(LogisticRegression(), method="temperature", cv=2).fit(X, y), X, FAR)


def test_c5_nearest_neighbours_with_their_default_radius():
    model = NearestNeighbors().fit(X)
    compiled = sklort.convert(model, X, fallback="error")
    for got, want in zip(compiled.kneighbors(FAR), model.kneighbors(FAR), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@dtypes
@pytest.mark.parametrize(
    "model",
    [
        RandomTreesEmbedding(4, max_depth=3, random_state=0),
        KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    ],
    ids=["embedding", "bins"],
)
def test_c5_sparse_answers(model, dtype):
    """What scikit-learn answers in a sparse matrix is answered in one."""
    rows = X.astype(dtype)
    compiled = stands_in(model.fit(rows), rows, FAR.astype(dtype))
    assert hasattr(compiled.transform(rows), "tocsr")


@pytest.mark.parametrize("form", ["words", "numbers"])
def test_c5_infrequent_categories_of_one_input(form):
    values = np.array(["a", "b", "c", "d", "e", "f"], object) if form == "words" else np.arange(6.0)
    rows = RNG.choice(values, (200, 2), p=[0.03, 0.4, 0.05, 0.3, 0.02, 0.2])
    for arguments in ({"min_frequency": 15}, {"max_categories": 3, "handle_unknown": "infrequent_if_exist"}):
        stands_in(OneHotEncoder(**arguments).fit(rows), rows)


@dtypes
@pytest.mark.parametrize("model", [PowerTransformer(), KNNImputer(n_neighbors=3)], ids=["power", "neighbours"])
def test_c5_transformers_of_double(model, dtype):
    rows = HOLED.astype(dtype)
    stands_in(model.fit(rows), rows, tolerance=1e-11 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("target", [TWO, WORDS, VALUES], ids=["2", "3", "numbers"])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.int64, object])
def test_c5_means_of_targets(dtype, target):
    """Refused for several classes, and for categories in double and int32."""
    rows = RNG.integers(0, 7, (240, 2))
    rows = np.array(["red", "green", "blue", "a", "b", "c", "d"], object)[rows] if dtype is object else rows
    stands_in(TargetEncoder().fit(rows.astype(dtype), target), rows.astype(dtype))


@dtypes
def test_c5_quantiles_of_the_normal_distribution(dtype):
    rows = X.astype(dtype)
    model = QuantileTransformer(n_quantiles=50, output_distribution="normal").fit(rows)
    stands_in(model, rows, FAR.astype(dtype), tolerance=1e-12 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("function", [np.log1p, np.exp, np.sqrt, np.abs, np.sign], ids=lambda f: f.__name__)
def test_c5_functions(function):
    stands_in(FunctionTransformer(function).fit(np.abs(X)), np.abs(X))


def test_c5_steps_that_do_nothing():
    stands_in(Pipeline([("a", "passthrough"), ("b", LogisticRegression()), ("c", None)][:2]).fit(X, WORDS), X, FAR)
    union = FeatureUnion([("a", "passthrough"), ("b", "drop"), ("c", MinMaxScaler())])
    stands_in(union.fit(X), X, FAR)
    stands_in(Pipeline([("u", union), ("n", "passthrough"), ("m", LogisticRegression())]).fit(X, TWO), X)


@pytest.mark.parametrize("y", [TWO[:60], THREE[:60], WORDS[:60]], ids=["2", "3", "words"])
def test_c5_processes_of_classes(y):
    stands_in(GaussianProcessClassifier(RBF(2.0), optimizer=None).fit(X[:60], y), X, FAR, tolerance=1e-11)


@pytest.mark.parametrize(
    "kernel", [Matern(nu=2.5), Exponentiation(RationalQuadratic(), 2), Exponentiation(RBF(), 3)], ids=str
)
def test_c5_kernels(kernel):
    process = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None)
    stands_in(process.fit(X[:80], VALUES[:80]), X, FAR, tolerance=1e-11)
    stands_in(GaussianProcessClassifier(kernel, optimizer=None).fit(X[:60], TWO[:60]), X, tolerance=1e-11)


@dtypes
def test_c5_lines_through_the_origin(dtype):
    model = LinearRegression(fit_intercept=False).fit(X.astype(dtype), VALUES)
    close = 1e-12 if dtype == np.float64 else 1e-5
    stands_in(model, X.astype(dtype), FAR.astype(dtype), tolerance=close)


@pytest.mark.parametrize(
    "kind", [DecisionTreeClassifier, DecisionTreeRegressor, RandomForestClassifier, RandomForestRegressor]
)
def test_c6_trees_that_split_what_is_missing_from_what_is_not(kind):
    """An infinite threshold made the conversion of float64 rows hang."""
    rows = np.where(RNG.random((120, 2)) < 0.5, np.nan, 1.0)
    rows[:, 1] = np.where(np.isnan(rows[:, 1]), np.nan, np.arange(120) / 7)
    y = np.isnan(rows[:, 0]).astype(int) + np.isnan(rows[:, 1])
    model = kind(random_state=0, **({"n_estimators": 6} if "Forest" in kind.__name__ else {})).fit(rows, y)
    trees = [one.tree_ for one in getattr(model, "estimators_", [model])]
    assert any(np.isinf(tree.threshold).any() for tree in trees)
    stands_in(model, rows, np.array([[np.nan, np.nan], [1e38, np.nan], [-1.0, 3.0]]))


@dtypes
def test_c6_a_thousand_quantiles(dtype):
    """The time of a conversion grew faster than their number to the power of 1.4: 200 were not done in 30 s."""
    rows = RNG.normal(size=(2500, 3)).astype(dtype)
    model = QuantileTransformer().fit(rows)
    assert model.n_quantiles_ == 1000
    stands_in(model, rows, rows * 3, tolerance=1e-12 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize(
    "model",
    [
        GaussianMixture(2, random_state=0),
        PowerTransformer(),
        QuantileTransformer(n_quantiles=30),
        GaussianRandomProjection(3, random_state=0),
        KernelPCA(2, kernel="rbf", gamma=1e-3),
        GaussianProcessRegressor(RBF(20.0), alpha=0.1, optimizer=None),
        GaussianProcessClassifier(RBF(20.0), optimizer=None),
    ],
    ids=lambda m: type(m).__name__,
)
def test_c7_whole_numbers(model):
    """scikit-learn's mixture rounds the densities of whole numbers to whole numbers: those rows it answers itself."""
    model.fit(WHOLE[:80], TWO[:80])
    stands_in(model, WHOLE.astype(float), tolerance=1e-9 if isinstance(model, KernelPCA) else 1e-11)
    if not isinstance(model, GaussianMixture):
        stands_in(model, WHOLE, tolerance=1e-9 if isinstance(model, KernelPCA) else 1e-11)
        return
    with pytest.warns(ScikitLearnAnswered, match="whole numbers"):
        answer = sklort.convert(model, WHOLE, fallback="error").score_samples(WHOLE)
    np.testing.assert_array_equal(answer, model.score_samples(WHOLE))


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=0),
        Ridge(),
        PCA(3),
        PolynomialFeatures(),
        make_pipeline(SimpleImputer(), PolynomialFeatures(), LogisticRegression(max_iter=500)),
    ],
    ids=lambda m: type(m).__name__,
)
def test_c8_columns_of_frames_without_a_column_transformer(model):
    """Refused, or wrong when run: one input for each column."""
    table = pd.DataFrame(X, columns=list("abcde"))
    table["d"] = np.round(table["d"] * 5).astype(int)
    stands_in(model.fit(table, TWO), table, table[list("abcde")][::-1])
