"""HistGradientBoosting: categories of all kinds, missing values, losses; equal to scikit-learn to the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import sklort
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError
from tests.conversion.judges import agree, cruel_rows, forests_of, odd_rows, one_thread  # noqa: F401

SMALL = {"max_iter": 6, "min_samples_leaf": 3, "random_state": 0}
RNG = np.random.default_rng(0)
ROWS = 160
X = RNG.normal(size=(ROWS, 4))
X[:, 1] = RNG.integers(1, 9, ROWS)
X[:, 3] = RNG.choice([-2.5, 0.1, 7.0, 300.0], ROWS)
HOLED = np.where(RNG.random(X.shape) < 0.12, np.nan, X)
SCORE = X[:, 0] + (X[:, 1] % 3 > 1) - (X[:, 3] == 7) + 0.3 * RNG.normal(size=ROWS)
THREE = np.digitize(SCORE, [-0.5, 0.8])
TWO = (SCORE > 0).astype(int)
UNSEEN = (0.0, 8.5, -1.0, 1e10, np.nan)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y", [TWO, THREE, np.array(["u", "v", "w"])[THREE]], ids=["2", "3", "strings"])
def test_classifiers(y, dtype):
    rows = HOLED.astype(dtype)
    model = HistGradientBoostingClassifier(**SMALL).fit(rows, y)
    conversion = agree(model, rows, methods={"predict", "predict_proba", "decision_function"}, rtol=1e-15)
    cruel = [cruel_rows(conversion, rows, 150), odd_rows(rows, (np.nan, np.inf, -np.inf, 0.0, -0.0))]
    agree(model, rows, *cruel, rtol=1e-15, reference=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma", "quantile"])
def test_losses(loss, dtype):
    rows, y = HOLED.astype(dtype), np.exp(SCORE)
    quantile = 0.3 if loss == "quantile" else None
    model = HistGradientBoostingRegressor(loss=loss, quantile=quantile, **SMALL).fit(rows, y)
    conversion = agree(model, rows, rtol=1e-15, reference=False)
    agree(model, rows, cruel_rows(conversion, rows, 150), rtol=1e-15, reference=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y", [TWO, THREE], ids=["2", "3"])
@pytest.mark.parametrize("rows", [X, HOLED], ids=["whole", "holed"])
def test_categories_that_are_numbers(rows, y, dtype):
    """Known, unseen, negative, fractional and missing ones; the sets hold the numbers themselves."""
    rows = rows.astype(dtype)
    if dtype == np.float32:
        rows[:, 3] = np.round(rows[:, 3])  # 0.1 is another number in float32
    model = HistGradientBoostingClassifier(categorical_features=[1, 3], **SMALL).fit(rows, y)
    conversion = agree(
        model, rows, odd_rows(rows, UNSEEN), cruel_rows(convert_model(model, rows), rows, 120), rtol=1e-15
    )
    assert (forests_of(conversion)[0]["nodes_modes"] == 6).any()


def test_many_categories():
    rows = np.c_[RNG.integers(0, 250, 600), RNG.normal(size=600)].astype(float)
    y = np.sin(rows[:, 0]) + rows[:, 1]
    model = HistGradientBoostingRegressor(categorical_features=[0], **SMALL).fit(rows, y)
    agree(model, rows, np.c_[np.arange(-5.0, 260), np.zeros(265)], reference=False)


def test_one_class():
    model = HistGradientBoostingClassifier(**SMALL).fit(X, np.full(ROWS, 3))
    agree(model, X, rtol=1e-15)


def test_monotonic_and_interacting():
    constraints = HistGradientBoostingRegressor(monotonic_cst=[1, 0, -1, 0], interaction_cst=[{0, 1}, {2, 3}], **SMALL)
    agree(constraints.fit(HOLED, SCORE), HOLED)


def test_whole_numbers():
    rows = np.round(3 * X).astype(np.int64)
    agree(HistGradientBoostingRegressor(categorical_features=[1], **SMALL).fit(rows, SCORE), rows, reference=False)


def frame() -> pd.DataFrame:
    table = pd.DataFrame(HOLED, columns=["a", "b", "c", "d"])
    table["word"] = pd.Categorical(np.array(["one", "two", "é", "four"])[RNG.integers(0, 4, ROWS)])
    table["text"] = np.array(["x", "y", "z"])[RNG.integers(0, 3, ROWS)]
    table["number"] = pd.Categorical(np.array([10, -3, 7])[RNG.integers(0, 3, ROWS)])
    table["flag"] = RNG.random(ROWS) < 0.5
    return table


@pytest.mark.parametrize("kind", ["from_dtype", "names"])
def test_categories_of_frames(kind):
    """pandas categoricals of strings and numbers, strings, booleans: one input per column."""
    table = frame()
    if kind == "from_dtype":
        table = table.drop(columns="text")
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", **SMALL)
    else:
        model = HistGradientBoostingClassifier(categorical_features=["word", "text", "flag", "d"], **SMALL)
        table = table.drop(columns="number")
    y = (SCORE + (table["word"] == "two") > 0.3).astype(int).to_numpy()
    agree(model.fit(table, y), table, rtol=1e-15, reference=False)
    estimator = sklort.convert(model, table)
    unseen = table.copy()
    unseen["word"] = pd.Categorical(["never seen"] * ROWS)
    np.testing.assert_array_equal(estimator.predict(table), model.predict(table))
    np.testing.assert_allclose(estimator.predict_proba(unseen), model.predict_proba(unseen), rtol=1e-15)


def test_behind_encoders_and_scalers():
    table = frame()
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((encoder, ["text"]), (StandardScaler(), ["a", "c"]), remainder="drop")
    model = make_pipeline(columns, HistGradientBoostingClassifier(categorical_features=[0], **SMALL)).fit(table, THREE)
    agree(model, table, rtol=1e-15, reference=False)


def test_a_version_that_cannot_compare_doubles_is_refused():
    model = HistGradientBoostingRegressor(**SMALL).fit(X, SCORE)
    with pytest.raises(ConversionError, match="float64"):
        convert_model(model, X, target_opset={"ai.onnx.ml": 1})
    rows = X.astype(np.float32)
    agree(model.fit(rows, SCORE), rows, ml=(1,), reference=False)
