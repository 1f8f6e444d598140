"""Categories: infrequent, unknown, missing, dropped; codes, one-hot columns and target means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import SklortError

RNG = np.random.default_rng(0)
SKEWED = np.array([0.4, 0.3, 0.12, 0.1, 0.05, 0.03])
WORDS = RNG.choice(["a", "bé", "c c", "", "ZZ", "ß"], (120, 2), p=SKEWED).astype(object)
INTEGERS = RNG.choice([3, -1, 7, 2**40, 0, 99], (120, 2), p=SKEWED)
REALS = RNG.choice([3.5, -1.25, 7.0, 1e300, 0.1, -0.0], (120, 2), p=SKEWED)
HOLED = np.where(RNG.random(REALS.shape) < 0.2, np.nan, REALS)
MANY = RNG.integers(0, 400, (500, 1)) * 0.37 - 50
KINDS = {"words": WORDS, "integers": INTEGERS, "reals": REALS, "holes": HOLED, "many": MANY}
kinds = pytest.mark.parametrize("X", KINDS.values(), ids=KINDS.keys())


def frame(X: np.ndarray) -> pd.DataFrame:
    """One input per column, so that integers stay integers."""
    return pd.DataFrame({f"c{i}": list(X[:, i]) for i in range(X.shape[1])}).infer_objects()


def strange(X: np.ndarray) -> np.ndarray:
    """`X` with values that no encoder has seen."""
    out = X.copy()
    out[::5] = "new" if X is WORDS else 12345 if X is INTEGERS else 0.3
    out[1::7] = "" if X is WORDS else -12345
    return out


def by_columns(encoder: object, X: np.ndarray) -> ColumnTransformer:
    return ColumnTransformer([("e", encoder, [f"c{i}" for i in range(X.shape[1])])])


@kinds
@pytest.mark.parametrize(
    "arguments",
    [
        {"min_frequency": 15, "handle_unknown": "infrequent_if_exist"},
        {"max_categories": 3, "handle_unknown": "infrequent_if_exist", "drop": "first"},
        {"max_categories": 3, "handle_unknown": "ignore"},
        {"max_categories": 2, "handle_unknown": "warn", "drop": "if_binary"},
        {"min_frequency": 1, "handle_unknown": "infrequent_if_exist"},
        {"handle_unknown": "warn"},
        {"handle_unknown": "ignore", "drop": "first", "dtype": np.int64},
    ],
    ids=str,
)
def test_one_hot_of_unknown_and_infrequent(check, X, arguments):
    for encoder in (OneHotEncoder(**arguments), OneHotEncoder(sparse_output=False, **arguments)):
        check(encoder.fit(X), strange(X), methods={"transform"})
    check(by_columns(OneHotEncoder(**arguments), X).fit(frame(X)), frame(strange(X)))


@kinds
def test_one_hot_of_infrequent_where_unknown_is_an_error(check, X):
    check(OneHotEncoder(max_categories=3, drop="first").fit(X), X)
    refuses(OneHotEncoder(max_categories=3, drop="first").fit(X), X, strange(X))


def refuses(model: object, X: np.ndarray, wrong: np.ndarray) -> None:
    """Both runtimes raise, as scikit-learn does."""
    with pytest.raises(ValueError, match="unknown"):
        model.transform(wrong)
    conversion = convert_model(model, X)
    (given,) = conversion.inputs
    rows = wrong.astype(given.dtype)
    with pytest.raises(SklortError):
        InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {given.name: rows})
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(conversion.onnx_model.SerializeToString())
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
        session.run(None, {given.name: rows})


@kinds
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_categories": 3},
        {"min_frequency": 15, "dtype": np.float32},
        {"encoded_missing_value": -7},
        {"encoded_missing_value": 9, "max_categories": 4},
    ],
    ids=str,
)
def test_ordinal(check, X, arguments):
    check(OrdinalEncoder(**arguments).fit(X), X, methods={"transform"})
    refuses(OrdinalEncoder(**arguments).fit(X), X, strange(X))
    for unknown in (-1, np.nan):
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown, **arguments)
        check(encoder.fit(X), strange(X), methods={"transform"})
        check(by_columns(encoder, X).fit(frame(X)), frame(strange(X)))


def test_ordinal_of_integers_out(check):
    check(OrdinalEncoder(dtype=np.int64).fit(WORDS), WORDS)


def test_categories_in_the_order_given(check):
    check(OrdinalEncoder(categories=[["b", "c", "a"]]).fit([["a"], ["b"]]), np.array([["c"], ["a"], ["b"]], object))
    check(OneHotEncoder(categories=[[1, 5, 9]]).fit([[1], [5]]), np.array([[9.0], [1.0], [5.0]]))


TARGETS = {
    "two": RNG.integers(0, 2, 500),
    "three": RNG.integers(0, 3, 500),
    "words": RNG.choice(["u", "v", "w"], 500),
    "number": RNG.normal(size=500) * 100,
}


@kinds
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("smooth", ["auto", 5.0])
def test_target_means(check, X, target, smooth):
    model = TargetEncoder(smooth=smooth).fit(X, TARGETS[target][: len(X)])
    check(model, strange(X), methods={"transform"})


def test_target_means_of_columns_of_all_kinds(check):
    table = pd.DataFrame({"w": WORDS[:, 0], "i": INTEGERS[:, 0], "r": REALS[:, 0], "b": INTEGERS[:, 1] > 0})
    y = TARGETS["three"][:120]
    model = make_pipeline(ColumnTransformer([("t", TargetEncoder(), ["w", "i", "r", "b"])]), LogisticRegression())
    check(model.fit(table, y), table, rtol=1e-12, atol=1e-12)
    trees = make_pipeline(model[0], RandomForestClassifier(4, random_state=0))
    check(trees.fit(table, y), table, rtol=1e-12, atol=1e-12)


def test_float32_categories(check):
    X = np.minimum(REALS, 1e30).astype(np.float32)[:, :1]
    for encoder in (OrdinalEncoder(), OneHotEncoder(max_categories=3, handle_unknown="ignore")):
        check(encoder.fit(X), X)
