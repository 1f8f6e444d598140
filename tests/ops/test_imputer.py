"""Imputer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.impute import SimpleImputer

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import floats, ints, run, same_rows_in_any_batch

NAN = float("nan")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("missing", [NAN, 0.0, -1.5])
def test_replaces_as_scikit_learn_does(dtype: str, missing: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4)).astype(dtype)
    x[rng.random(x.shape) < 0.3] = missing
    model = SimpleImputer(missing_values=missing, strategy="median").fit(x)
    values = floats(model.statistics_)
    y = run("Imputer", [x], imputed_value_floats=values, replaced_value_float=missing)
    assert y.dtype == x.dtype
    gone = np.isnan(x) if np.isnan(missing) else x == missing
    np.testing.assert_array_equal(y, np.where(gone, values.astype(dtype), x))
    np.testing.assert_allclose(y, model.transform(x), rtol=1e-7)


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_integers(dtype: str) -> None:
    x = np.array([[1, -1], [-1, 2], [0, 2**31 - 1]], dtype)
    y = run("Imputer", [x], imputed_value_int64s=ints(7, -8), replaced_value_int64=-1)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, [[1, -8], [7, 2], [0, 2**31 - 1]])


def test_one_value_is_for_every_column_of_every_shape() -> None:
    x = np.array([[[1.0], [NAN]], [[NAN], [4.0]]])
    y = run("Imputer", [x], imputed_value_floats=floats(9), replaced_value_float=NAN)
    np.testing.assert_array_equal(y, [[[1.0], [9.0]], [[9.0], [4.0]]])
    y = run("Imputer", [np.array([NAN, 1.0, NAN])], imputed_value_floats=floats(5, 6, 7), replaced_value_float=NAN)
    np.testing.assert_array_equal(y, [5.0, 1.0, 7.0])
    assert run("Imputer", [np.zeros((0, 2))], imputed_value_floats=floats(5, 6)).shape == (0, 2)


def test_nan_is_kept_when_another_value_is_replaced() -> None:
    y = run("Imputer", [np.array([[NAN, -0.0, np.inf]])], imputed_value_floats=floats(3), replaced_value_float=0.0)
    np.testing.assert_array_equal(y, [[NAN, 3.0, np.inf]])


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"imputed_value_floats": floats(1, 2, 3)}, Fail, r"expected 3 columns .*, got 2"),
        ({"imputed_value_int64s": ints(1, 2)}, Fail, "impute integers, the input is of double"),
        ({}, InvalidGraph, "is missing"),
        ({"imputed_value_floats": floats(1), "imputed_value_int64s": ints(1)}, InvalidGraph, "exclude each other"),
    ],
)
def test_refusals(attributes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run("Imputer", [np.ones((2, 2))], **attributes)


def test_rows_do_not_depend_on_the_batch() -> None:
    x = np.random.default_rng(1).normal(size=(20_001, 3))
    x[x > 1] = NAN
    same_rows_in_any_batch("Imputer", x, imputed_value_floats=floats(1, 2, 3), replaced_value_float=NAN)
