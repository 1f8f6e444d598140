"""Missing values: filled by neighbours, by models, by statistics, and marked."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes it importable
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError, SklortError

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(70, 4)) @ RNG.normal(size=(4, 4)) + [0, 5, 0, -3]
HOLED = np.where(RNG.random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)
NEW = RNG.normal(size=(40, 4)) * 3
NEW = np.where(RNG.random(NEW.shape) < 0.4, np.nan, NEW)
NEW[0] = np.nan
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}


@dtypes
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 3, 200])
def test_neighbours(check, weights, count, dtype):
    model = KNNImputer(n_neighbors=count, weights=weights).fit(HOLED.astype(dtype))
    tolerance = TIGHT if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-3}
    check(model, NEW.astype(dtype), methods={"transform"}, **tolerance)


def test_neighbours_of_the_rows_themselves(check):
    check(KNNImputer(n_neighbors=2).fit(HOLED), HOLED, **TIGHT)


@pytest.mark.parametrize("keep", [False, True])
def test_neighbours_with_an_empty_column_and_marks(check, keep):
    X = HOLED.copy()
    X[:, 1] = np.nan
    check(KNNImputer(keep_empty_features=keep, add_indicator=True).fit(X), NEW, **TIGHT)


def test_neighbours_of_a_marked_value(check):
    X = np.where(np.isnan(HOLED), -99.0, HOLED)
    check(KNNImputer(missing_values=-99.0).fit(X), np.where(np.isnan(NEW), -99.0, NEW), **TIGHT)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_iter": 3, "initial_strategy": "median", "imputation_order": "descending"},
        {"estimator": Ridge(), "min_value": -1, "max_value": 2, "n_nearest_features": 2},
        {"estimator": RandomForestRegressor(3, max_depth=4, random_state=0), "max_iter": 2},
        {"add_indicator": True, "imputation_order": "roman"},
        {"max_iter": 0},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*Early stopping criterion")
def test_iterations(check, arguments):
    model = IterativeImputer(random_state=0, **arguments).fit(HOLED)
    check(model, NEW, methods={"transform"}, rtol=1e-9, atol=1e-9)
    check(model, NEW[:1], rtol=1e-9, atol=1e-9)  # nothing is known of the only row
    check(model, np.nan_to_num(NEW), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.filterwarnings("ignore:.*Early stopping criterion", "ignore:Skipping features")
def test_iterations_with_an_empty_column(check, keep):
    X = HOLED.copy()
    X[:, 2] = np.nan
    check(IterativeImputer(max_iter=2, random_state=0, keep_empty_features=keep).fit(X), NEW, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*Early stopping criterion")
def test_iterations_that_draw_are_refused():
    model = IterativeImputer(sample_posterior=True, max_iter=2, random_state=0)
    model.fit(HOLED)
    with pytest.raises(ConversionError, match="random"):
        convert_model(model, HOLED)


@pytest.mark.parametrize("features", ["missing-only", "all"])
def test_marks(check, features):
    X = HOLED.copy()
    X[:, 1] = 1.0
    model = MissingIndicator(features=features).fit(X)
    rows = NEW.copy()
    rows[:, 1] = 0.0
    check(model, rows, methods={"transform"})
    if features == "all":
        check(model, NEW)
        return
    check(MissingIndicator(error_on_new=False).fit(X), NEW)
    with pytest.raises(ValueError, match="missing values"):
        model.transform(NEW)
    conversion = convert_model(model, X)
    with pytest.raises(SklortError):
        InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {"X": NEW})


def test_marks_of_words(check):
    X = RNG.choice(["a", "b", "?"], (30, 2)).astype(object)
    check(MissingIndicator(missing_values="?", features="all").fit(X), X)
    check(SimpleImputer(missing_values="?", strategy="constant", fill_value="none").fit(X), X)


def test_marked_pipelines(check):
    y = np.arange(len(HOLED)) % 2
    for imputer in (SimpleImputer(add_indicator=True), KNNImputer(add_indicator=True)):
        check(make_pipeline(imputer, LogisticRegression(max_iter=500)).fit(HOLED, y), NEW, **TIGHT)
