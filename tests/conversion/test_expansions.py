"""Polynomials, splines, bins, thresholds, powers, quantiles and functions."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError, SklortError

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(80, 3)) * [1, 1e3, 1e-3] + [0, 5, 0]
# Beyond what was seen on both sides, on the edges, and twice the same.
WIDE = np.vstack([NUMBERS, NUMBERS * 4, NUMBERS.min(axis=0), NUMBERS.max(axis=0), np.zeros(3), NUMBERS[:2]])
HOLED = np.where(RNG.random(WIDE.shape) < 0.1, np.nan, WIDE)
POSITIVE = np.abs(WIDE) + 1e-3
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def close(dtype: type, many: float = 1.0) -> dict[str, float]:
    eps = float(np.finfo(dtype).eps)
    return {"rtol": many * 8 * eps, "atol": many * 8 * eps}


@dtypes
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"degree": 3},
        {"interaction_only": True, "degree": 3},
        {"include_bias": False},
        {"degree": (2, 4)},
        {"degree": 0},
    ],
    ids=str,
)
def test_polynomials(check, arguments, dtype):
    check(PolynomialFeatures(**arguments).fit(NUMBERS), WIDE.astype(dtype))


def test_polynomials_in_front_of_a_linear_model(check):
    X = NUMBERS.astype(np.float32)
    y = X[:, 0] > 0
    check(
        make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression()).fit(X, y), X, rtol=1e-4, atol=1e-4
    )


@dtypes
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
def test_splines(check, extrapolation, degree, knots, dtype):
    model = SplineTransformer(degree=degree, n_knots=7, knots=knots, extrapolation=extrapolation)
    X = WIDE.astype(dtype)
    if extrapolation == "constant" and degree == 0:
        X = NUMBERS.astype(dtype)  # scikit-learn raises beyond
    model.fit(NUMBERS.astype(dtype))
    size = np.abs(model.transform(X)).max()
    check(model, X, rtol=1e-12 if dtype == np.float64 else 1e-5, atol=size * (1e-13 if dtype == np.float64 else 1e-6))


@dtypes
def test_splines_without_bias_with_holes_and_many_knots(check, dtype):
    X = HOLED.astype(dtype)
    model = SplineTransformer(n_knots=40, include_bias=False, handle_missing="zeros", extrapolation="constant")
    check(model.fit(NUMBERS.astype(dtype)), X, rtol=1e-11 if dtype == np.float64 else 1e-4, atol=1e-12)


def test_splines_that_refuse(check):
    model = SplineTransformer(extrapolation="error").fit(NUMBERS)
    check(model, NUMBERS, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="beyond"):
        model.transform(WIDE)
    conversion = convert_model(model, NUMBERS)
    with pytest.raises(SklortError):
        InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {"X": WIDE})


def test_splines_of_a_constant_column(check):
    X = np.column_stack([NUMBERS[:, 0], np.full(80, 2.0)])
    for extrapolation in ("constant", "linear"):
        check(SplineTransformer(extrapolation=extrapolation).fit(X), X, rtol=1e-12, atol=1e-13)


@dtypes
@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
def test_bins(check, encode, strategy, dtype):
    model = KBinsDiscretizer(4, encode=encode, strategy=strategy, quantile_method="averaged_inverted_cdf")
    X = WIDE.astype(dtype)
    check(model.fit(NUMBERS.astype(dtype)), X)
    edges = np.column_stack([e[1:-1][:3] for e in model.bin_edges_]).astype(dtype)
    check(model, np.vstack([edges, np.nextafter(edges, dtype(np.inf)), np.nextafter(edges, dtype(-np.inf))]))


def test_many_bins(check):
    model = KBinsDiscretizer(40, encode="ordinal", strategy="uniform").fit(NUMBERS)
    edges = np.column_stack(list(model.bin_edges_))
    check(model, np.vstack([WIDE, edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]))


@pytest.mark.parametrize("threshold", [0.0, 0.1, -3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_binarizer(check, threshold, dtype):
    check(Binarizer(threshold=threshold).fit(WIDE), np.vstack([WIDE, np.full((1, 3), 0.1)]).astype(dtype))


@dtypes
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers(check, method, standardize, dtype):
    X = (POSITIVE if method == "box-cox" else HOLED).astype(dtype)
    model = PowerTransformer(method, standardize=standardize).fit(POSITIVE if method == "box-cox" else NUMBERS)
    check(model, X, rtol=2e-13 if dtype == np.float64 else 1e-5, atol=1e-13 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("power", [0.0, 2.0, 1.0, -1.5, 1e-17])
def test_powers_at_their_special_values(check, power):
    for method in ("yeo-johnson", "box-cox"):
        X = np.abs(NUMBERS) + 1e-9 if method == "box-cox" else NUMBERS
        model = PowerTransformer(method, standardize=False).fit(np.abs(NUMBERS) + 1)
        model.lambdas_ = np.array([power, 0.5, power])
        check(model, X, rtol=2e-13, atol=1e-15)


@dtypes
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("quantiles", [5, 1000])
def test_quantiles(check, distribution, quantiles, dtype):
    few = np.column_stack([NUMBERS[:, 0], np.round(NUMBERS[:, 1] / 500), np.full(80, 4.0)])
    rows = np.vstack([few, few * 3, few[:, [1, 0, 2]], few.min(axis=0), few.max(axis=0), few * np.nan]).astype(dtype)
    with pytest.warns(UserWarning, match="n_quantiles") if quantiles > 80 else nullcontext():
        model = QuantileTransformer(n_quantiles=quantiles, output_distribution=distribution).fit(few.astype(dtype))
    check(model, rows, **({"rtol": 1e-12, "atol": 1e-13} if dtype == np.float64 else {"rtol": 1e-4, "atol": 2e-6}))


def test_a_thousand_quantiles(check):
    X = RNG.normal(size=(2000, 2))
    for distribution in ("uniform", "normal"):
        model = QuantileTransformer(output_distribution=distribution).fit(X)
        assert model.n_quantiles_ == 1000
        check(model, X[:200] * 1.2, rtol=1e-12, atol=1e-13)
    forest = make_pipeline(QuantileTransformer(), RandomForestClassifier(4, random_state=0))
    check(forest.fit(X, X[:, 0] > 0.3), X[:200], rtol=1e-12)


FUNCTIONS = [
    np.log1p, np.expm1, np.log, np.log2, np.log10, np.exp, np.exp2, np.sqrt, np.cbrt, np.sin, np.cos, np.tan, np.tanh,
    np.sinh, np.cosh, np.deg2rad, np.rad2deg, expit, logit, np.abs, np.fabs, np.negative, np.square, np.sign, np.floor,
    np.ceil, np.rint, np.reciprocal, np.asarray, np.nan_to_num,
]  # fmt: skip


@dtypes
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_functions(check, function, dtype):
    X = np.concatenate([NUMBERS[:, :1] / 3, NUMBERS[:, 2:] * 1e-9, [[0.0], [1.5], [-2.5], [0.999]]]).astype(dtype)
    if function in (np.log, np.log2, np.log10, np.sqrt, logit):
        X = np.abs(X)
    if function is logit:
        X = np.clip(X, 0.0, 0.99)
    if function is np.log1p:
        X = np.maximum(X, dtype(-1))
    with np.errstate(all="ignore"):
        check(FunctionTransformer(function), X, **close(dtype, 4))


def test_functions_of_integers(check):
    X = np.arange(-6, 6).reshape(-1, 2)
    for function in (np.abs, np.square, np.negative, np.exp, np.cbrt, np.floor):
        check(FunctionTransformer(function), X, **close(np.float64))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (np.clip, {"a_min": -0.5, "a_max": 1.0}),
        (np.clip, {"a_min": 0, "a_max": None}),
        (np.nan_to_num, {"nan": -1.0}),
        (np.power, {"x2": 2}),
        (np.multiply, {"x2": 3.5}),
    ],
)
def test_functions_with_arguments(check, function, arguments):
    X = HOLED if function is np.nan_to_num else NUMBERS
    if function in (np.power, np.multiply):
        with pytest.raises(TypeError):
            function(X, **arguments)
        return
    check(FunctionTransformer(function, kw_args=arguments), X)


def test_functions_in_a_pipeline(check):
    model = make_pipeline(FunctionTransformer(np.abs), FunctionTransformer(np.log1p), LogisticRegression())
    check(model.fit(NUMBERS, NUMBERS[:, 0] > 0), NUMBERS, rtol=1e-12, atol=1e-12)


def test_functions_of_python_are_refused_by_name():
    def twice(X):
        return X * 2

    model = make_pipeline(FunctionTransformer(twice), LogisticRegression()).fit(NUMBERS, NUMBERS[:, 0] > 0)
    with pytest.raises(ConversionError, match=r"twice.*Python"):
        convert_model(model, NUMBERS)


def test_infinite_logarithms(check):
    X = np.array([[np.inf, -1.0], [0.0, 700.0], [1e308, -745.0], [-0.5, 1e-300], [3.0, -np.inf]])
    with np.errstate(all="ignore"):
        check(FunctionTransformer(np.log1p), np.abs(X), rtol=1e-15)
        check(FunctionTransformer(np.expm1), X, rtol=1e-15)
