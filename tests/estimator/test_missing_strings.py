"""None, NaN and null among strings: compiled where a model encodes or fills them, and told apart as scikit-learn does."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import sklort
from tests.estimator.reading import is_native, mixed_model, refused_or_answered, refuses, same

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def mixed():
    return mixed_model()


@pytest.fixture(scope="module")
def holed(mixed):
    """A model that has learned missing words, and tells None from NaN."""
    frame, _ = mixed
    frame = frame.astype({"city": object, "kind": object})
    frame.loc[::7, "city"] = None
    frame.loc[1::7, "city"] = np.nan
    frame.loc[::5, "kind"] = None
    words = ColumnTransformer([("words", OneHotEncoder(), ["city", "kind"])], remainder="drop")
    return frame, make_pipeline(words, LogisticRegression()).fit(frame, frame.rooms > 2)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("dtype", ["str", object])
def test_missing_strings(mixed, missing, dtype) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    Z = frame.astype({"city": dtype})
    assert is_native(estimator, Z)
    Z = Z.copy()
    Z.loc[3, "city"] = missing
    if dtype is object and missing is pd.NA:
        refused_or_answered(estimator, model, Z)
        return
    same(estimator, model, Z)
    assert is_native(estimator, Z)
    same(estimator, model, Z.iloc[[3]])


def test_none_is_not_nan(holed) -> None:
    frame, model = holed
    estimator = sklort.convert(model, frame, fallback="error")
    for Z in (frame, frame.iloc[[0]], frame.iloc[[1]], frame.iloc[[0, 1, 2]]):
        same(estimator, model, Z)
        assert is_native(estimator, Z)
    saved = sklort.load(estimator.onnx_model_)
    same(saved, model, frame)
    assert is_native(saved, frame)
    for word in ("\ufdd0nan", "\ufdd0None"):  # a text that looks like one is no missing value
        refuses(estimator, model, frame.assign(city=word))
        refuses(estimator, model, frame.assign(city=word).iloc[[3]])


def test_what_scikit_learn_refuses_to_miss(mixed) -> None:
    """An imputer of None takes no NaN."""
    frame, _ = mixed
    frame = frame.astype({"city": object})
    frame.loc[::7, "city"] = None
    fill = make_pipeline(SimpleImputer(missing_values=None, strategy="most_frequent"), OneHotEncoder())
    model = make_pipeline(ColumnTransformer([("words", fill, ["city"])]), LogisticRegression())
    model.fit(frame, frame.rooms > 2)
    estimator = sklort.convert(model, frame, fallback="error")
    same(estimator, model, frame)
    Z = frame.copy()
    Z.loc[1, "city"] = np.nan
    refuses(estimator, model, Z)
    refuses(estimator, model, Z.iloc[[1]])


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_null_strings(holed, package) -> None:
    module = pytest.importorskip(package)
    frame, model = holed
    frame = frame.where(frame.notna(), None).astype({"age": float})
    make = module.from_pandas if package == "polars" else module.Table.from_pandas
    Z = make(frame)
    model = clone(model).fit(Z, frame.rooms > 2)
    estimator = sklort.convert(model, Z, fallback="error")
    for rows in (Z, Z[3:90], Z[5:6], Z[7:8]):
        same(estimator, model, rows)
        assert is_native(estimator, rows)
