"""Models that skl2onnx 1.20 with onnxruntime 1.31, or another converter, was found to be silently wrong about.

A test for each line of the two lists of faults this project started from: `users_1` what users of the field hit, `b`
what 4,107 variants of 152 estimators showed. Each converts the model of its line as a user does, whole, and compares
every method with scikit-learn's. What was refused or hung is in `test_known_refusals`.
"""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

import sklort
from sklort.exceptions import ScikitLearnAnswered
from tests.conversion.judges import agree, one_thread, stands_in  # noqa: F401

RNG = np.random.default_rng(0)
X, THREE = make_classification(300, 6, n_informative=4, n_classes=3, flip_y=0.1, random_state=0)
TWO = (THREE > 0).astype(int)
WORDS = np.array(["low", "mid", "top"])[THREE]
VALUES = 3 * X[:, 0] + np.sin(X[:, 1])
HOLED = np.where(RNG.random(X.shape) < 0.3, np.nan, X)
FAR = np.vstack([X[:20] * 50, np.zeros((1, 6)), X[:20] + 1e-7])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# -- what users hit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [TWO, THREE], ids=["2", "3"])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier, GradientBoostingClassifier])
def test_users_1_01_forests_of_float32_rows(kind, y):
    """Probabilities off by 2e-7 to 7e-7."""
    rows = X.astype(np.float32)
    stands_in(kind(n_estimators=8, random_state=0).fit(rows, y), rows, FAR.astype(np.float32))


def test_users_1_02_forests_of_float64_rows():
    """Off by 5e-8."""
    stands_in(RandomForestClassifier(8, random_state=0).fit(X, WORDS), X, FAR)


@pytest.mark.parametrize("kind", [ExtraTreesClassifier, GradientBoostingClassifier, RandomForestRegressor])
def test_users_1_03_float64_rows_of_models_that_onnxruntime_would_not_load(kind):
    model = kind(n_estimators=6, random_state=0).fit(X, THREE)
    stands_in(model, X, FAR)
    agree(model, X, FAR, rtol=4e-16)


@pytest.mark.parametrize("kind", [RandomForestRegressor, BaggingRegressor, AdaBoostRegressor, ExtraTreesRegressor])
def test_users_1_04_large_targets_are_not_added_in_float32(kind):
    """Errors up to 2.2 on every row, where the target is about 1e6."""
    rows = X.astype(np.float32)
    model = kind(n_estimators=20, random_state=0).fit(rows, 1e6 + 1e5 * VALUES)
    stands_in(model, rows)
    agree(model, rows, loose=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_users_1_05_histograms_of_any_dtype(kind, dtype):
    """The conversion raised. Whole numbers beside it, and missing ones."""
    rows = (X * 10).astype(dtype)
    stands_in(kind(max_iter=8).fit(rows, THREE), rows)
    if dtype != np.int64:
        rows = HOLED.astype(dtype)
        stands_in(kind(max_iter=8).fit(rows, THREE), rows)


@dtypes
@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_users_1_06_histograms_of_categories(kind, dtype):
    """472 of 2000 labels wrong; the target depends on which category it is, not on its number."""
    rows = np.column_stack([RNG.integers(0, 12, (600, 2)), RNG.normal(size=(600, 2))]).astype(dtype)
    y = (np.isin(rows[:, 0], [1, 4, 6, 11]) ^ np.isin(rows[:, 1], [0, 7, 8])) + (rows[:, 2] > 0.5)
    unseen = rows.copy()
    unseen[::2, 0], unseen[1::2, 1] = 77, np.nan
    stands_in(kind(max_iter=10, categorical_features=[0, 1]).fit(rows, y), rows, unseen)


@dtypes
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_users_1_07_forests_trained_with_missing_values(kind, dtype):
    """831 and 1162 of 5000 labels wrong."""
    rows, y = make_classification(2000, 8, n_informative=6, n_classes=3, random_state=1)
    rows[RNG.random(rows.shape) < 0.3] = np.nan
    rows = rows.astype(dtype)
    model = kind(12, random_state=0).fit(rows[:600], y[:600])
    stands_in(model, rows, np.full((1, 8), np.nan, dtype))
    agree(model, rows, reference=False)


def test_users_1_08_calibrated_pipelines():
    """Probabilities off by up to 0.5."""
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), cv=3)
    for y in (TWO, WORDS):
        stands_in(model.fit(X * [1, 10, 100, 1e-3, 1, 1] + 5, y), X * [1, 10, 100, 1e-3, 1, 1] + 5, FAR)


def test_users_1_09_soft_votes_with_their_defaults():
    """Refused, for `flatten_transform=True`."""
    base = [
        ("a", LogisticRegression()),
        ("b", RandomForestClassifier(5, random_state=0)),
        ("c", LogisticRegression(C=9)),
    ]
    for y in (TWO, WORDS):
        stands_in(VotingClassifier(base, voting="soft").fit(X, y), X, FAR)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_users_1_10_frozen_estimators(method):
    """Refused: no shape calculator, KeyError."""
    inner = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:150], WORDS[:150])
    stands_in(FrozenEstimator(inner), X, FAR)
    stands_in(CalibratedClassifierCV(FrozenEstimator(inner), method=method).fit(X[150:], WORDS[150:]), X, FAR)


def test_users_1_11_functions_of_numpy():
    """Refused."""
    rows = np.abs(X)
    stands_in(FunctionTransformer(np.log1p).fit(rows), rows, rows * 1e-9, rows * 1e9)
    stands_in(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(rows, TWO), rows)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_users_1_12_sparse_rows_to_convert_with(form):
    """A TypeError."""
    rows = np.where(np.abs(X) < 0.7, 0, X)
    for model in (LogisticRegression(), RandomForestClassifier(4, random_state=0)):
        model.fit(form(rows), THREE)
        compiled = sklort.convert(model, form(rows), fallback="error")
        for given in (form(rows), rows):
            np.testing.assert_array_equal(compiled.predict(given), model.predict(given))
            np.testing.assert_allclose(compiled.predict_proba(given), model.predict_proba(given), rtol=1e-12)


@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(), HistGradientBoostingClassifier()])
def test_users_1_13_labels_that_are_booleans(model):
    """They came back as int64."""
    assert stands_in(model.fit(X, TWO == 1), X).predict(X).dtype == bool


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_users_1_14_a_list_of_probabilities_for_several_outputs(kind):
    """One array of shape (n_outputs, n, n_classes) came back."""
    answer = stands_in(kind(4, random_state=0).fit(X, np.column_stack([THREE, TWO])), X).predict_proba(X)
    assert [one.shape for one in answer] == [(300, 3), (300, 2)]


def test_users_1_15_decision_functions_of_one_column():
    """Of shape (n, 2), where scikit-learn has (n,)."""
    model = GradientBoostingClassifier(n_estimators=4).fit(X, TWO)
    assert stands_in(model, X).decision_function(X).shape == (300,)


def test_users_1_16_probabilities_are_an_array():
    """A list of dictionaries came back."""
    model = LogisticRegression().fit(X, WORDS)
    assert isinstance(stands_in(model, X).predict_proba(X), np.ndarray)


@pytest.mark.parametrize("model", [LogisticRegression(), RandomForestClassifier(5, random_state=0)])
def test_users_1_17_float64_rows_after_float32_ones(model):
    """InvalidArgument. Rows of each dtype are answered as scikit-learn answers them."""
    model.fit(X.astype(np.float32), THREE)
    compiled = stands_in(model, X.astype(np.float32), tolerance=1e-5)
    for rows in (X, FAR, (X * 3).astype(int)):
        np.testing.assert_array_equal(compiled.predict(rows), model.predict(rows))
        np.testing.assert_allclose(compiled.predict_proba(rows), model.predict_proba(rows), rtol=1e-12, atol=1e-15)


def test_users_1_18_a_session_that_is_pickled():
    """A TypeError."""
    compiled = sklort.convert(LogisticRegression().fit(X, THREE), X)
    feed = {compiled.session_.get_inputs()[0].name: X}
    for one, other in zip(
        pickle.loads(pickle.dumps(compiled.session_)).run(None, feed), compiled.session_.run(None, feed), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@dtypes
@pytest.mark.parametrize("model", [AdaBoostClassifier(n_estimators=6), DecisionTreeClassifier()], ids=["boost", "tree"])
def test_users_1_19_adaboost_and_single_trees(model, dtype):
    """Refused by treelite."""
    stands_in(model.fit(X.astype(dtype), WORDS), X.astype(dtype), FAR.astype(dtype))


# -- what the converter is silently wrong about ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_b01_neighbours_weighted_by_distance(kind):
    """Distances were negated and clipped, so that all weights were alike."""
    stands_in(kind(7, weights="distance").fit(X, THREE), X[:60] * 0.9, FAR, X[:20])


@dtypes
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        DecisionTreeRegressor(random_state=0),
        ExtraTreeClassifier(random_state=0),
        ExtraTreeRegressor(random_state=0),
        RandomForestRegressor(5, random_state=0),
        ExtraTreesRegressor(5, random_state=0),
    ],
    ids=lambda m: type(m).__name__,
)
def test_b02_trees_with_missing_values(model, dtype):
    """The side they had learnt was lost. The two other forests: `users_1_07`."""
    stands_in(model.fit(HOLED.astype(dtype), THREE), HOLED.astype(dtype), np.full((1, 6), np.nan, dtype))


def test_b03_categories_of_frames():
    """Splits of categories became splits of numbers: 42 of 60 labels. As numbers: `users_1_06`."""
    colours = pd.Series(RNG.choice(["red", "green", "blue", "grey"], 300), dtype="category")
    table = pd.DataFrame({"colour": colours, "size": X[:, 0], "shape": RNG.integers(0, 9, 300)})
    y = (colours.isin(["red", "grey"]).to_numpy() ^ table["shape"].isin([1, 5]).to_numpy()).astype(int)
    model = HistGradientBoostingClassifier(max_iter=8, categorical_features=["colour", "shape"]).fit(table, y)
    stands_in(model, table, table[::-1])


@dtypes
@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_b04_losses_with_a_logarithm(loss, dtype):
    """The inverse link was missing."""
    model = HistGradientBoostingRegressor(loss=loss, max_iter=10)
    stands_in(model.fit(X.astype(dtype), np.exp(VALUES / 3)), X.astype(dtype))


@pytest.mark.parametrize("solver", ["svd", "lsqr", "eigen"])
def test_b05_discriminants_of_two_classes(solver):
    """softmax([-d, d]) in place of the logistic function."""
    model = LinearDiscriminantAnalysis(solver=solver).fit(X[:, [0, 1, 2, 4]], TWO)
    stands_in(model, X[:, [0, 1, 2, 4]], FAR[:, [0, 1, 2, 4]], tolerance=1e-11)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
def test_b06_isotonic_calibration(y):
    """The nearest knot was taken in place of the line between two."""
    stands_in(CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2).fit(X, y), X, FAR)


def test_b07_tuned_thresholds():
    """Ignored."""
    rare = (THREE == 0) & (RNG.random(300) < 0.6)
    model = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy", cv=3).fit(X, rare)
    assert (model.predict(X) != model.estimator_.predict(X)).any()
    stands_in(model, X, FAR)


@pytest.mark.parametrize("labels", [[3, 7, 100], [-2, 0, 5], ["b", "c", "a"]], ids=str)
def test_b08_labels_of_one_against_one(labels):
    """The number of the class was answered, not its label."""
    stands_in(OneVsOneClassifier(LogisticRegression()).fit(X, np.array(labels)[THREE]), X, FAR)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
def test_b09_stacks_of_decision_functions(y):
    """Both [-d, d] were stacked where scikit-learn stacks d."""
    stands_in(StackingClassifier([("a", LinearSVC()), ("b", RidgeClassifier())], cv=2).fit(X, y), X, FAR)


@pytest.mark.parametrize("form", ["words", "numbers"])
def test_b10_codes_of_infrequent_categories(form):
    """Codes were off by up to 2."""
    values = np.array(["a", "b", "c", "d", "e", "f"], object) if form == "words" else np.arange(6) * 3.5
    rows = RNG.choice(values, (200, 2), p=[0.03, 0.4, 0.05, 0.3, 0.02, 0.2])
    for arguments in ({"max_categories": 3}, {"min_frequency": 15, "handle_unknown": "use_encoded_value"}):
        if "handle_unknown" in arguments:
            arguments["unknown_value"] = -1
        stands_in(OrdinalEncoder(**arguments).fit(rows), rows)


TEXTS = np.array(
    [
        *("I am a cat and a dog is a b c", "a cat", "the the cat, a dog!", "x y z cat dog", "", "cat-dog a_b 42 4"),
        *("Über die Straße — naïve café", "日本 語 cat", "the cat is the cat is a dog", "DOG Dog dog dog"),
    ],
    dtype=object,
)


@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer])
@pytest.mark.parametrize("words", [(1, 2), (2, 3)], ids=str)
def test_b11_runs_of_words(kind, words):
    """Words of one letter were kept between two others, and words beyond ASCII were cut."""
    stands_in(kind(ngram_range=words).fit(TEXTS), TEXTS, np.array(["cat a dog", "naïve é café", "a a"], object))


def test_b12_sublinear_counts():
    """log(1 + n) in place of 1 + log(n)."""
    stands_in(TfidfVectorizer(sublinear_tf=True).fit(TEXTS), TEXTS)
    counts = RNG.poisson(1.5, (40, 5)).astype(float)
    stands_in(TfidfTransformer(sublinear_tf=True).fit(counts), counts)


def test_b13_ties_of_modified_huber():
    """The largest of tied probabilities was taken, where scikit-learn compares scores."""
    model = SGDClassifier(loss="modified_huber", alpha=1e-5, random_state=0).fit(X, THREE)
    shares = model.predict_proba(X)
    assert ((shares == shares.max(axis=1, keepdims=True)).sum(axis=1) > 1).any()
    stands_in(model, X, FAR)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
def test_b14_scores_of_one_against_the_rest(y):
    """They were made to sum to 1."""
    stands_in(OneVsRestClassifier(LinearSVC()).fit(X, y), X, FAR)


def test_b15_deviations_of_a_regression():
    """The standard deviation was wrong. scikit-learn's is answered, and said to be."""
    model = BayesianRidge().fit(X, VALUES)
    stands_in(model, X, FAR)
    with pytest.warns(ScikitLearnAnswered, match="return_std"):
        mean, deviation = sklort.convert(model, X, fallback="error").predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    np.testing.assert_array_equal(deviation, model.predict(X, return_std=True)[1])


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_b16_processes_of_matern(nu):
    """The squared distance was taken for the distance."""
    model = GaussianProcessRegressor(Matern(nu=nu), alpha=0.1).fit(X[:80], VALUES[:80])
    stands_in(model, X, FAR, tolerance=1e-11)


@dtypes
def test_b17_columns_that_say_what_was_missing(dtype):
    """They were dropped."""
    rows = HOLED.astype(dtype)
    model = SimpleImputer(add_indicator=True).fit(rows)
    assert stands_in(model, rows).transform(rows).shape == (300, 12)


@pytest.mark.parametrize("y", [TWO, WORDS], ids=["2", "3"])
def test_b18_bags_of_machines(y):
    """The answers were transposed."""
    stands_in(BaggingClassifier(SVC(), n_estimators=4, random_state=0).fit(X, y), X, FAR)


@pytest.mark.parametrize(
    "parameters",
    [{"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, {"objective": "multiclassova"}],
    ids=["forest", "one against the rest"],
)
def test_b19_lightgbm(parameters):
    """31 of 60 labels wrong."""
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1, **parameters)
    stands_in(model.fit(X, THREE), X, FAR)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_b19_xgboost_of_several_targets(strategy):
    """Off by 3.2."""
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=6, multi_strategy=strategy, tree_method="hist", n_jobs=1)
    stands_in(model.fit(X, np.column_stack([VALUES, -5 * VALUES + 30])), X, FAR, tolerance=1e-5)
