"""Einsum against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.standard import run

SIZES = {"i": 3, "j": 4, "k": 5, "l": 2, "b": 6}
EQUATIONS = (
    *("ij,ij->j", "ij,jk->ik", "ij,jk", "ij,kj->ik", "ji,jk->ik", "ij , jk -> ki", "bij,bjk->bik", "bij,jk->bik"),
    *("ii->i", "ii->", "ii", "ij->ji", "ij->", "ij->i", "iij->j", "ba"),
    *("i,j->ij", "i,i", "i,i->i", "i,->i", ",", "bijk,bijk->b", "ij,ij,i->j", "ij,jk,kl->il", "i,i,i->"),
    *("...ij,...jk->...ik", "...ii->...i", "...,...", "i...->...", "...j->...", "i...,i...->...", "...i,...i"),
)


def operands(equation: str, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = []
    for term in equation.replace(" ", "").split("->")[0].split(","):
        shape: list[int] = []
        for letter in term.replace("...", "*"):
            shape += [2, 7] if letter == "*" else [SIZES.get(letter, 3)]
        found.append(rng.integers(-9, 9, size=shape))
    return found


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int32, np.int64, np.uint64])
def test_is_numpys(equation: str, dtype: Any) -> None:
    """Small integers: exact in every type, or wrapping alike."""
    values = [value.astype(dtype) for value in operands(equation)]
    wide = [value.astype(np.float64) if np.dtype(dtype).kind == "f" else value for value in values]
    got = run("Einsum", *values, equation=equation)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.einsum(equation, *wide).astype(dtype))


def test_dimensions_of_one_are_repeated() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(1, 3, 4)), rng.normal(size=(5, 4, 2))
    np.testing.assert_allclose(run("Einsum", a, b, equation="...ij,...jk->...ik"), a @ b, rtol=1e-14)
    np.testing.assert_allclose(run("Einsum", a[0], b, equation="...ij,...jk->...ik"), a[0] @ b, rtol=1e-14)


def test_floats_are_summed_in_double() -> None:
    a = np.random.default_rng(2).normal(size=(2000, 3)).astype(np.float32)
    exact = np.einsum("ij,ij->j", a.astype(float), a.astype(float))
    for equation in ("ij,ij->j", "ij,ij->"):
        got = run("Einsum", a, a, equation=equation)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, exact if got.ndim else exact.sum(), rtol=1e-7)


def test_mixed_types_are_promoted() -> None:
    a, b = operands("ij,jk->ik")
    got = run("Einsum", a.astype(np.float32), b.astype(np.float64), equation="ij,jk->ik")
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, a @ b)


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ij,ij->j", "ij,kj->ik"])
def test_threads_do_not_matter(equation: str) -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(150, 150))
    one, many = (run("Einsum", a, a.T.copy(), equation=equation, threads=threads) for threads in (1, 4))
    np.testing.assert_array_equal(one, many)
    np.testing.assert_allclose(one, np.einsum(equation, a, a.T), rtol=1e-12, atol=1e-11)


def test_empty() -> None:
    np.testing.assert_array_equal(run("Einsum", np.ones((0, 3)), np.ones((0, 3)), equation="ij,ij->j"), np.zeros(3))
    assert run("Einsum", np.ones((0, 3)), equation="ij->ji").shape == (3, 0)


@pytest.mark.parametrize(
    ("equation", "error", "sentence"),
    [
        ("ij,jk->ik", Fail, "axis 0 of input 1 has size 2, but its index has size 3"),
        ("ij,ij->ik", InvalidGraph, "an index 'k' that no input has"),
        ("ij,ij->ii", InvalidGraph, "names the index 'i' twice"),
        ("i1,ij->i", InvalidGraph, "unexpected '1'"),
        ("i......,ij->i", InvalidGraph, "more than one ellipsis"),
        ("ij->i", Fail, "has 1 terms, but there are 2 inputs"),
        ("ijk,ij->i", Fail, r"input 0 has shape \(2, 3\); the equation gives it 3 indices"),
        ("...i,ij->i", Fail, "an ellipsis, which the output of the equation lacks"),
    ],
)
def test_malformed(equation: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        run("Einsum", np.ones((2, 3)), np.ones((2, 3)), equation=equation)


def test_many_terms_are_refused() -> None:
    assert "up to 8" in _core.refuses("", "Einsum", 12, {"equation": ",".join("i" * 9)})
    assert _core.refuses("", "Einsum", 12, {"equation": "i,i"}) is None
