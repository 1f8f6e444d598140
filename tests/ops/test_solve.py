"""Solve, by substitution and by elimination, against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.one_node import instruction_set, run


def solve(a: np.ndarray, b: np.ndarray, *, constant: bool = True, **options: Any) -> Any:
    return run("Solve", [a, b], constants=[0] * constant, domain="com.microsoft", **options)


def system(n: int, form: str, columns: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, n))
    if form != "general":
        a = (np.tril if form == "lower" else np.triu)(a) + 3 * np.eye(n)
    return a, rng.normal(size=(n, *columns))


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("columns", [(), (1,), (5,), (64,), (131,)])
@pytest.mark.parametrize("form", ["general", "lower", "upper"])
@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("constant", [False, True])
def test_is_scipys(n: int, columns: tuple[int, ...], form: str, transposed: int, constant: bool) -> None:
    a, b = system(n, form, columns)
    expected = scipy.linalg.solve(a.T if transposed else a, b)
    got = solve(a, b, transposed=transposed, lower=0, constant=constant)
    assert got.shape == b.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * np.linalg.cond(a) * abs(expected).max())


def test_lower_says_nothing_of_a_general_matrix() -> None:
    a, b = system(6, "general", (2,))
    np.testing.assert_array_equal(solve(a, b, lower=1), solve(a, b, lower=0))


def test_rows_are_exchanged() -> None:
    a = np.array([[0.0, 1.0], [1e-20, 1.0]])
    np.testing.assert_array_equal(solve(np.array([[0.0, 2.0], [4.0, 0.0]]), np.array([2.0, 8.0])), [2, 1])
    np.testing.assert_allclose(solve(a[::-1].copy(), np.array([1.0, 1.0])), [0, 1], atol=1e-12)


def test_floats_are_solved_in_double() -> None:
    a, b = (array.astype(np.float32) for array in system(30, "lower", (9,)))
    got = solve(a, b)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, solve(a.astype(float), b.astype(float)).astype(np.float32))
    assert solve(a, b.astype(float)).dtype == np.float64


def test_bits_do_not_depend_on_columns_threads_and_instruction_set() -> None:
    a, b = system(30, "general", (300,))
    expected = solve(a, b, threads=1)
    np.testing.assert_array_equal(solve(a, b, threads=4), expected)
    np.testing.assert_array_equal(solve(a, b[:, 70:71].copy()), expected[:, 70:71])
    for isa in _core.isas():
        with instruction_set(isa):
            np.testing.assert_array_equal(solve(a, b), expected)


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.ones((3, 3)), np.tril(np.ones((3, 3)), -1)])
@pytest.mark.parametrize("constant", [False, True])
def test_singular(matrix: np.ndarray, constant: bool) -> None:
    with pytest.raises(Fail, match="singular"):
        solve(matrix, np.ones(len(matrix)), constant=constant)


def test_misfits_and_nothing() -> None:
    with pytest.raises(Fail, match=r"square matrix, got shape \(2, 3\)"):
        solve(np.ones((2, 3)), np.ones(2))
    with pytest.raises(Fail, match=r"has shape \(3\); the matrix has 2 rows"):
        solve(np.eye(2), np.ones(3))
    assert solve(np.eye(3), np.ones((3, 0))).shape == (3, 0)
    assert np.isnan(solve(np.eye(2), np.array([np.nan, 1.0]))[0])
