"""Scaler, Normalizer and Binarizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import binarize, normalize

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import floats, run, same_rows_in_any_batch

DTYPES = ("float32", "float64", "int64", "int32")
NORMS = {"MAX": "max", "L1": "l1", "L2": "l2"}


def sample(dtype: str, shape: tuple[int, ...] = (200, 5)) -> np.ndarray:
    return (10 * np.random.default_rng(0).normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("offset", "scale"), [(5, 5), (1, 1), (5, 1), (1, 5), (0, 5), (5, 0), (0, 0)])
def test_scaler(dtype: str, offset: int, scale: int) -> None:
    x = sample(dtype)
    given = {"offset": floats(np.linspace(-1, 1.3, offset)), "scale": floats(np.linspace(0.5, 2, scale))}
    y = run("Scaler", [x], **{name: values for name, values in given.items() if len(values)})
    # In the input's type, integers in double; then rounded once.
    compute = np.float32 if dtype == "float32" else np.float64
    want = (x.astype(compute) - (given["offset"] if offset else np.float32(0)).astype(compute)) * (
        given["scale"] if scale else np.float32(1)
    ).astype(compute)
    assert y.dtype == (np.float64 if dtype == "float64" else np.float32)
    np.testing.assert_array_equal(y, want.astype(y.dtype))


def test_scaler_keeps_what_double_holds() -> None:
    big = np.array([[1e8 + 0.125], [2**40 + 1]])
    offset = floats(1e8)
    np.testing.assert_array_equal(run("Scaler", [big], offset=offset, scale=floats(1)), big - 1e8)
    whole = np.array([[100_000_001]], np.int64)
    np.testing.assert_array_equal(run("Scaler", [whole], offset=offset), [[1.0]])


def test_scaler_passes_nan_and_infinity() -> None:
    x = np.array([[np.nan, np.inf, -np.inf, -0.0]])
    np.testing.assert_array_equal(run("Scaler", [x], offset=floats(1, 1, 1, 0)), [[np.nan, np.inf, -np.inf, -0.0]])


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3,), (2, 3, 1)])
def test_scaler_takes_every_shape_of_rows(shape: tuple[int, ...]) -> None:
    x = sample("float64", shape)
    y = run("Scaler", [x], offset=floats(1, 2, 3), scale=floats(1, 1, 2))
    row = (x.reshape(-1, 3) - [1, 2, 3]) * [1, 1, 2]
    np.testing.assert_array_equal(y, row.reshape(shape))


def test_scaler_refuses_lengths_that_disagree() -> None:
    with pytest.raises(InvalidGraph, match="have 2 and 3 numbers"):
        run("Scaler", [sample("float32")], offset=floats(1, 2), scale=floats(1, 2, 3))
    with pytest.raises(Fail, match="expected 3 columns, got 5"):
        run("Scaler", [sample("float32")], offset=floats(1, 2, 3), scale=floats(1, 2, 3))
    with pytest.raises(Fail, match="expected numbers, got string"):
        run("Scaler", [np.array([["a"]], object)], offset=floats(1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("columns", [1, 3, 4, 9])
def test_normalizer_is_scikit_learns(dtype: str, norm: str, columns: int) -> None:
    x = sample(dtype, (60, columns))
    x[7] = 0
    x[8] = -np.abs(x[8])
    y = run("Normalizer", [x], norm=norm)
    assert y.dtype == (np.float64 if dtype == "float64" else np.float32)
    want = normalize(x.astype(np.float64), NORMS[norm])
    np.testing.assert_allclose(y, want, rtol=1e-14 if dtype == "float64" else 2e-7)
    np.testing.assert_array_equal(y[7], 0)


def test_normalizer_on_odd_rows() -> None:
    x = np.array([[np.nan, 1.0], [1.0, np.nan], [1e-200, 0.0]])
    for norm in NORMS:
        y = run("Normalizer", [x], norm=norm)
        assert np.isnan(y[:2]).all()
    np.testing.assert_array_equal(run("Normalizer", [x[2:]], norm="L1"), [[1.0, 0.0]])
    assert run("Normalizer", [np.zeros((0, 4))]).shape == (0, 4)
    np.testing.assert_array_equal(run("Normalizer", [np.array([3.0, -4.0])], norm="L2"), [0.6, -0.8])
    # The squares of these overflow float, not the double they are added in.
    np.testing.assert_allclose(
        run("Normalizer", [np.array([[3e30, 4e30]], np.float32)], norm="L2"), [[0.6, 0.8]], rtol=1e-7
    )


def test_normalizer_refuses_another_norm() -> None:
    with pytest.raises(InvalidGraph, match="MAX, L1 or L2, got 'L3'"):
        run("Normalizer", [np.ones((1, 1))], norm="L3")
    with pytest.raises(Fail, match="expected rows of features"):
        run("Normalizer", [np.ones((1, 1, 1))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threshold", [0.0, 0.5, -3.0])
def test_binarizer_is_scikit_learns(dtype: str, threshold: float) -> None:
    x = sample(dtype)
    x[0] = np.array(threshold).astype(dtype)
    y = run("Binarizer", [x], threshold=threshold)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, binarize(x, threshold=threshold))


def test_binarizer_on_special_values() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324])
    np.testing.assert_array_equal(run("Binarizer", [x]), [0, 1, 0, 0, 0, 1])


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [("Scaler", {"offset": floats(range(7)), "scale": floats(range(1, 8))}), ("Scaler", {"scale": floats(3)})]
    + [("Normalizer", {"norm": norm}) for norm in NORMS]
    + [("Binarizer", {"threshold": 0.25})],
)
def test_rows_do_not_depend_on_the_batch(op_type: str, attributes: dict[str, Any]) -> None:
    same_rows_in_any_batch(op_type, sample("float64", (30_011, 7)), **attributes)
