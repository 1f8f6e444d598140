"""What stands in front of a tree: scikit-learn's own roundings, or a row crosses a threshold.

OPS.md D: "float32 pipelines with a scaler in front of a tree differ from scikit-learn by whole leaves on a few rows".
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklort import InferenceSession
from sklort.conversion import convert_model
from tests.conversion.judges import feeds, one_thread  # noqa: F401

RNG = np.random.default_rng(0)
ROWS = 400
X = np.c_[RNG.normal(size=ROWS), RNG.exponential(size=ROWS), RNG.integers(0, 30, ROWS) / 3, 100 + RNG.normal(size=ROWS)]
Y = X[:, 0] * X[:, 1] + X[:, 2]
HIGH = np.median(Y) < Y
TRANSFORMERS = {
    "standard": StandardScaler(),
    "standard without mean": StandardScaler(with_mean=False),
    "minmax": MinMaxScaler((-1.3, 2.7)),
    "minmax clipped": MinMaxScaler(clip=True),
    "maxabs": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust unit": RobustScaler(unit_variance=True, quantile_range=(10, 90)),
    "bins": KBinsDiscretizer(7, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf"),
    "bins hot": KBinsDiscretizer(5, encode="onehot-dense", strategy="kmeans", random_state=0),
    "imputer": SimpleImputer(),
    "imputer median": SimpleImputer(strategy="median", add_indicator=True),
    "polynomial": PolynomialFeatures(2, include_bias=False),
    "chain": make_pipeline(SimpleImputer(), MinMaxScaler(), StandardScaler(), RobustScaler()),
}
ROUNDED = {"power": PowerTransformer(), "quantile": QuantileTransformer(n_quantiles=50, output_distribution="uniform")}


def rows_on_thresholds(rows: np.ndarray, count: int = 4000) -> np.ndarray:
    """Midpoints of training values, where trees split, and their neighbours: scaled, they fall on a threshold or near."""
    found = rows[RNG.integers(0, len(rows), count)].copy()
    for column in range(rows.shape[1]):
        values = np.unique(rows[:, column][~np.isnan(rows[:, column])])
        middle = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(rows.dtype)
        pool = np.concatenate(
            [middle, np.nextafter(middle, rows.dtype.type(9e9)), np.nextafter(middle, rows.dtype.type(-9e9)), values]
        )
        chosen = RNG.random(count) < 0.7
        found[chosen, column] = RNG.choice(pool, chosen.sum())
    return found


def models() -> list:
    return [
        RandomForestClassifier(12, random_state=0),
        ExtraTreesRegressor(8, random_state=0),
        HistGradientBoostingRegressor(max_iter=12, random_state=0),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_every_row_reaches_its_leaf(name, dtype):
    rows = X.astype(dtype)
    if "imputer" in name or name == "chain":
        rows[RNG.random(rows.shape) < 0.1] = np.nan
    cruel = rows_on_thresholds(rows)
    for model in models():
        y = HIGH.astype(int) if hasattr(model, "predict_proba") else Y
        pipe = make_pipeline(clone(TRANSFORMERS[name]), model).fit(rows, y)
        conversion = convert_model(pipe, rows)
        session = InferenceSession(conversion.onnx_model.SerializeToString())
        for given in (rows, cruel):
            got = session.run([conversion.outputs["predict"]], feeds(conversion, given))[0]
            np.testing.assert_array_equal(got, pipe.predict(given))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ROUNDED)
def test_powers_and_quantiles_reach_nearly_every_leaf(name, dtype):
    """Their logarithms and interpolations are the last digit's: no row of the data may move, of cruel ones one in 500."""
    rows = X.astype(dtype)
    cruel = rows_on_thresholds(rows)
    pipe = make_pipeline(clone(ROUNDED[name]), RandomForestClassifier(12, random_state=0)).fit(rows, HIGH)
    conversion = convert_model(pipe, rows)
    session = InferenceSession(conversion.onnx_model.SerializeToString())
    for given, allowed in ((rows, 0), (cruel, len(cruel) // 500)):
        got = session.run([conversion.outputs["predict_proba"]], feeds(conversion, given))[0]
        assert (np.abs(got - pipe.predict_proba(given)).max(axis=1) > 1e-12).sum() <= allowed


@pytest.mark.parametrize("wide", [True, False])
def test_frames(wide):
    """A DataFrame of float32, float64 and integer columns, each scaled in its own dtype."""
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.round(X[:, 2]).astype(int), "d": X[:, 3]})
    if not wide:
        table = table.astype({"a": np.float32, "b": np.float32, "d": np.float32})
    table["word"] = np.array(["u", "v", "w"])[RNG.integers(0, 3, ROWS)]
    columns = make_column_transformer(
        (StandardScaler(), ["a", "d"]), (MinMaxScaler(), ["b"]), (RobustScaler(), ["c"]), (OneHotEncoder(), ["word"])
    )
    pipe = make_pipeline(columns, RandomForestClassifier(15, random_state=0)).fit(table, HIGH)
    conversion = convert_model(pipe, table)
    session = InferenceSession(conversion.onnx_model.SerializeToString())
    for name in "abd":
        kind = table[name].to_numpy().dtype
        values = np.sort(table[name].to_numpy())
        middle = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(kind)
        shifted = table.copy()
        shifted[name] = np.append(middle, values[:1])
        got = session.run([conversion.outputs["predict_proba"]], feeds(conversion, shifted))[0]
        np.testing.assert_array_equal(got, pipe.predict_proba(shifted))
