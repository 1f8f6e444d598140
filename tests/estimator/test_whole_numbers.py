"""Rows of whole numbers: mostly the same numbers in double; but a selector keeps their dtype, and some compute in it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.kernel_approximation import AdditiveChi2Sampler
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler

import sklort
from sklort.exceptions import ScikitLearnAnswered

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(RNG.integers(0, 9, (60, 4)), columns=list("abcd"))
Y = RNG.integers(0, 2, 60)
ONCE_WHOLE = [
    SelectKBest(k=2),
    VarianceThreshold(),
    Binarizer(threshold=3),
    AdditiveChi2Sampler(),
    ColumnTransformer([("p", "passthrough", ["a", "b"])]),
    ColumnTransformer([("p", AdditiveChi2Sampler(), ["a", "b"])]),
    GaussianMixture(2, random_state=0),
    BayesianGaussianMixture(n_components=2, random_state=0),
]
ALIKE = [
    LogisticRegression(),
    RandomForestClassifier(3, random_state=0),
    make_pipeline(SelectKBest(k=2), LogisticRegression()),
    StandardScaler(),
    KMeans(2, n_init=1, random_state=0),
]
METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")


def containers(*, arrays: bool) -> list[object]:
    half = TABLE.assign(a=TABLE["a"] + 0.5)
    given = [TABLE, TABLE + 0.5, TABLE.astype(float), TABLE.astype("int8"), TABLE > 3, half, TABLE[:1], half[:1]]
    given += [TABLE.to_numpy(), TABLE.to_numpy() + 0.5, TABLE.to_numpy().tolist()] if arrays else []
    try:
        import polars as pl
        import pyarrow as pa
    except ImportError:
        return given
    return [*given, pl.from_pandas(TABLE), pl.from_pandas(half), pa.Table.from_pandas(half)]


@pytest.mark.parametrize("model", [*ONCE_WHOLE, *ALIKE], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("fitted", [TABLE, TABLE.astype(float), TABLE.to_numpy()], ids=["whole", "double", "array"])
def test_the_answer_is_scikit_learns(model, fitted) -> None:
    named = hasattr(model, "transformers")
    if named and not hasattr(fitted, "columns"):
        pytest.skip("chooses its columns by name")
    model.fit(fitted, Y)
    compiled = sklort.convert(model, fitted)
    for given in containers(arrays=not named):
        for method in METHODS:
            if not hasattr(model, method):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    want = getattr(model, method)(given)
                except Exception:  # noqa: BLE001 - an Arrow table, to some
                    continue
                got = getattr(compiled, method)(given)
            assert got.dtype == want.dtype, (method, type(given))
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", ALIKE, ids=lambda m: type(m).__name__)
def test_whole_numbers_are_computed_here_where_they_are_the_same_in_double(model) -> None:
    compiled = sklort.convert(model.fit(TABLE, Y), TABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScikitLearnAnswered)
        for method in METHODS:
            if hasattr(model, method):
                getattr(compiled, method)(TABLE)


def test_a_loaded_model_says_what_it_cannot_read() -> None:
    model = SelectKBest(k=2).fit(TABLE.to_numpy(float), Y)
    loaded = sklort.OnnxEstimator.from_onnx(sklort.convert(model, TABLE.to_numpy(float)).onnx_model_)
    with pytest.raises(ValueError, match="whole numbers"):
        loaded.transform(TABLE.to_numpy())
    assert (loaded.transform(TABLE.to_numpy(float)) == model.transform(TABLE.to_numpy(float))).all()
