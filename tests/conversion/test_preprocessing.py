"""Scalers, imputers and encoders: scikit-learn's own roundings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError
from sklort.graph.missing import word_of

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(80, 4)) * [1, 1e3, 1e-3, 7] + [0, 5, 0, -3]
HOLED = np.where(RNG.random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fitted_on", [np.float32, np.float64])
@pytest.mark.parametrize(
    "model",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MinMaxScaler((-2, 3), clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
        Normalizer("max"),
    ],
    ids=str,
)
def test_scalers_to_the_last_bit(check, model, fitted_on, dtype):
    check(model.fit(NUMBERS.astype(fitted_on)), (NUMBERS * 1.37).astype(dtype), methods={"transform"})


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_normalizer(check, norm):
    X = NUMBERS.copy()
    X[3] = 0
    X[4] = 1e-17
    check(Normalizer(norm).fit(X), X, rtol=1e-15)


def test_missing_values_pass_scalers(check):
    check(StandardScaler().fit(HOLED), HOLED)


def test_integers_are_scaled_in_double(check):
    X = np.array([[1, 20], [2, 30], [4, 50]])
    check(StandardScaler().fit(X), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_imputer(check, strategy, dtype):
    X = HOLED.astype(dtype)
    check(SimpleImputer(strategy=strategy).fit(X), X)


@pytest.mark.parametrize("keep", [False, True])
def test_imputer_of_an_empty_column(check, keep):
    X = HOLED.copy()
    X[:, 2] = np.nan
    check(SimpleImputer(keep_empty_features=keep).fit(X), X)
    check(SimpleImputer(keep_empty_features=keep, add_indicator=True).fit(X), X)


def test_imputer_with_indicator(check):
    X = HOLED.copy()
    X[:, 1] = 3
    check(SimpleImputer(add_indicator=True).fit(X), X)


def test_imputer_of_a_marked_value(check):
    X = RNG.integers(-2, 3, (40, 3))
    check(SimpleImputer(missing_values=-1, strategy="constant", fill_value=7).fit(X), X)
    check(SimpleImputer(missing_values=-1, strategy="mean").fit(X), X)


def test_imputer_of_strings(check):
    X = RNG.choice(["a", "b", "?"], (30, 2)).astype(object)
    check(SimpleImputer(missing_values="?", strategy="most_frequent").fit(X), X)
    check(SimpleImputer(strategy="most_frequent").fit(X), X)


STRINGS = RNG.choice(["x", "yy", "é"], (40, 2)).astype(object)
INTEGERS = RNG.integers(-2, 3, (40, 3))
FRACTIONS = INTEGERS + 0.5


@pytest.mark.parametrize("X", [STRINGS, STRINGS.astype(str), INTEGERS, FRACTIONS, FRACTIONS.astype(np.float32)])
@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
@pytest.mark.parametrize("unknown", ["error", "ignore"])
def test_one_hot(check, X, drop, unknown):
    check(OneHotEncoder(drop=drop, handle_unknown=unknown).fit(X), X, methods={"transform"})


def test_one_hot_of_fractions_does_not_truncate(check, answers):
    model = OneHotEncoder(handle_unknown="ignore").fit([[1.0], [2.0]])
    conversion = check(model, np.array([[1.0], [1.5], [2.0], [-7.25]]))
    assert (answers(conversion, np.array([[1.5]]))["transform"] == 0).all()


def test_one_hot_of_missing_numbers(check):
    X = np.where(INTEGERS == 2, np.nan, INTEGERS)
    check(OneHotEncoder().fit(X), X)


@pytest.mark.parametrize("X", [STRINGS, INTEGERS])
def test_unknown_categories(check, answers, X):
    strange = X.copy()
    strange[::5, 0] = "new" if X is STRINGS else 99
    check(OneHotEncoder(handle_unknown="ignore").fit(X), strange)
    conversion = convert_model(OneHotEncoder().fit(X), X)
    with pytest.raises((RuntimeError, IndexError)):
        answers(conversion, strange)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_one_hot_dtype(check, dtype):
    check(OneHotEncoder(dtype=dtype).fit(STRINGS), STRINGS)


MISSING = pd.DataFrame(
    {"a": ["x", None, "y", np.nan, "x"], "b": ["u", "v", "u", "w", None], "c": ["p", np.nan, "q", "q", "p"]},
    dtype=object,
)


@pytest.mark.parametrize(
    "model",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first"),
        OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist"),
        OrdinalEncoder(),
        OrdinalEncoder(encoded_missing_value=-5, handle_unknown="use_encoded_value", unknown_value=-1),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        make_pipeline(SimpleImputer(strategy="constant", fill_value="hm"), OrdinalEncoder()),
    ],
    ids=str,
)
def test_missing_strings(model, answers):
    """Two words stand for None and NaN, which scikit-learn tells apart."""
    model = clone(model).fit(MISSING)
    conversion = convert_model(model, MISSING)
    assert all(one.missing for one in conversion.inputs)
    words = MISSING.map(lambda value: word_of(value) or value)
    expected = model.transform(MISSING)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    np.testing.assert_array_equal(answers(conversion, words)["transform"], expected)


def test_missing_strings_that_would_go_on_are_refused():
    with pytest.raises(ConversionError, match="column 'b' holds strings and missing values, and more is done"):
        convert_model(ColumnTransformer([("b", "passthrough", ["b"])]).fit(MISSING), MISSING)
    texts = np.array([["aa bb"], ["bb cc"]], object)
    counts = ColumnTransformer([("a", CountVectorizer(), 0)]).fit(texts)
    assert [one.missing for one in convert_model(counts, texts).inputs] == [False]


def test_strings_of_an_encoder_that_has_seen_missing_ones(check):
    frame = pd.DataFrame({"a": ["x", None, "y"], "b": ["u", "v", "w"]})
    check(OneHotEncoder().fit(frame), frame.dropna())
    check(OrdinalEncoder(encoded_missing_value=-5).fit(frame), frame.dropna())


def test_a_scaler_decides_the_leaf_behind_it(check):
    X = NUMBERS.astype(np.float32)
    check(make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(X, X[:, 0] > 0), X)
    check(make_pipeline(RobustScaler(), RandomForestClassifier(5, random_state=0)).fit(X, X[:, 0] > 0), X)
