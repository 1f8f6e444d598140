"""LpNormalization and Hardmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.standard import reference, run, same


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_lp_normalization(p: int, axis: int, dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)
    x[1] = 0
    x[:, 2] = 0
    wide = x.astype(np.float64)
    norm = np.linalg.norm(wide, ord=p, axis=axis, keepdims=True)
    expected = (wide / np.where(norm == 0, 1, norm)).astype(dtype)
    got = run("LpNormalization", x, axis=axis, p=p, version=22)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("p", "name"), [(1, "l1"), (2, "l2")])
def test_is_scikit_learns_normalize(p: int, name: str) -> None:
    x = np.random.default_rng(1).normal(size=(20, 7))
    x[3] = 0
    np.testing.assert_allclose(run("LpNormalization", x, axis=1, p=p), normalize(x, name), rtol=1e-15)


def test_nan_spreads_along_its_line() -> None:
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(run("LpNormalization", x), [[np.nan, np.nan], [0.6, 0.8]])


def test_malformed() -> None:
    with pytest.raises(InvalidGraph, match="'p' is 3"):
        run("LpNormalization", np.ones((2, 2)), p=3)
    with pytest.raises(Fail, match="axis 2 is out of range"):
        run("LpNormalization", np.ones((2, 2)), axis=2)
    with pytest.raises(Fail):
        run("LpNormalization", np.ones((2, 2), np.int64))


@pytest.mark.parametrize("version", [11, 13])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_hardmax(version: int, axis: int, dtype: Any) -> None:
    x = np.random.default_rng(2).integers(0, 3, (3, 4, 5)).astype(dtype)  # many ties: the first one wins
    x[0, 1, 2] = x[2, 3, 4] = np.nan
    flat = x
    if version == 11:  # everything from the axis on is one
        flat = x.reshape(*x.shape[: axis % 3], -1)
    expected = reference("Hardmax", flat, axis=-1 if version == 11 else axis, version=13).reshape(x.shape)
    same(run("Hardmax", x, axis=axis, version=version), expected)


def test_empty() -> None:
    for op_type in ("Hardmax", "LpNormalization"):
        assert run(op_type, np.zeros((0, 3))).shape == (0, 3)
        assert run(op_type, np.zeros((3, 0))).shape == (3, 0)
