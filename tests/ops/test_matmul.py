"""MatMul and Gemm against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.one_node import instruction_set, program, run

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


def matmul(*inputs: np.ndarray, **options: Any) -> np.ndarray:
    return run("MatMul", list(inputs), domain="", version=13, **options)


def gemm(*inputs: np.ndarray, **options: Any) -> np.ndarray:
    return run("Gemm", list(inputs), domain="", version=13, **options)


def assert_product(y: np.ndarray, a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    """Every element within `tolerance` of the exact product, relative to the sum of its terms' sizes."""
    exact = np.matmul(a.astype(np.longdouble), b.astype(np.longdouble))
    scale = np.matmul(np.abs(a).astype(np.longdouble), np.abs(b).astype(np.longdouble))
    assert y.shape == exact.shape
    assert (np.abs(y - exact) <= tolerance * scale).all()


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_agrees_with_numpy_for_every_shape_of_the_loops(isa: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    with instruction_set(isa):
        for k in (1, 2, 7, 8, 9, 16, 17, 25, 31, 64, 100, 300):
            for m in (1, 2, 3, 4, 5, 8, 10, 17, 33, 49, 64, 130):
                x = rng.normal(size=(37, k)).astype(dtype)
                w = rng.normal(size=(k, m)).astype(dtype)
                y = matmul(x, w, constants=[1])
                assert y.dtype == dtype
                assert_product(y, x, w, TOLERANCE[dtype])
                np.testing.assert_array_equal(matmul(x, w), y)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("k", "m"), [(64, 10), (25, 1), (4, 3), (20, 2), (5, 1), (1, 1), (40, 30), (3, 70)])
def test_a_row_has_the_same_bits_in_any_batch(isa: str, dtype: Any, k: int, m: int) -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(k, m)).astype(dtype)
    x = rng.normal(size=(20_011 if k * m < 100 else 3_001, k)).astype(dtype)
    with instruction_set(isa):
        many = program("MatMul", [x, w], constants=[1], domain="", version=13)
        one = program("MatMul", [x, w], constants=[1], domain="", version=13, threads=1)
    whole = many.run([x])[0]
    np.testing.assert_array_equal(whole, one.run([x])[0])
    for size in (1, 3, 8, 17):
        for first in (0, 5, len(x) - size):
            np.testing.assert_array_equal(
                many.run([x[first : first + size].copy()])[0],
                whole[first : first + size],
            )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((4, 3), (3,)),
        ((2, 4, 3), (3,)),
        ((3,), (2, 3, 4)),
        ((2, 4, 3), (3, 5)),
        ((4, 3), (2, 3, 5)),
        ((2, 4, 3), (2, 3, 5)),
        ((2, 1, 4, 3), (5, 3, 2)),
        ((1, 5, 4, 3), (2, 1, 3, 2)),
        ((0, 3), (3, 2)),
        ((4, 0), (0, 2)),
        ((2, 3), (3, 0)),
        ((0, 2, 3), (3, 2)),
    ],
)
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "uint64", "uint32", "int8"])
def test_broadcasts_as_numpy_does(left: tuple[int, ...], right: tuple[int, ...], constant: bool, dtype: str) -> None:
    rng = np.random.default_rng(2)
    a = rng.integers(0, 9, size=left).astype(dtype)
    b = rng.integers(0, 9, size=right).astype(dtype)
    y = matmul(a, b, constants=[1] if constant else [])
    want = np.matmul(a, b)
    assert y.dtype == want.dtype
    assert y.shape == want.shape
    np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("float32", "float64"),
        ("float64", "float32"),
        ("int64", "float64"),
        ("float16", "float16"),
    ],
)
def test_mixed_types_are_promoted_as_numpy_does(left: str, right: str, constant: bool) -> None:
    rng = np.random.default_rng(3)
    a = (8 * rng.normal(size=(5, 7))).astype(left)
    b = rng.normal(size=(7, 3)).astype(right)
    y = matmul(a, b, constants=[1] if constant else [])
    assert y.dtype == np.matmul(a, b).dtype
    np.testing.assert_allclose(
        y,
        np.matmul(a.astype(np.float64), b.astype(np.float64)),
        rtol=2e-3 if left == "float16" else 1e-12,
    )


def test_integers_wrap_around() -> None:
    a = np.array([[2**62, 1]], np.int64)
    b = np.array([[2], [1]], np.int64)
    np.testing.assert_array_equal(matmul(a, b), [[-(2**63) + 1]])


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("m", [1, 2, 10])
def test_infinity_and_nan_stay_in_their_row(isa: str, m: int) -> None:
    x = np.zeros((9, 21))
    x[2, 20], x[4, 3], x[8, 20] = np.inf, np.nan, -np.inf
    with instruction_set(isa):
        y = matmul(x, np.ones((21, m)), constants=[1])
    want = np.zeros((9, m))
    want[2], want[4], want[8] = np.inf, np.nan, -np.inf
    np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((3,), (2,)), ((2, 2, 3), (3, 3, 1)), ((), (3,))])
def test_shapes_that_do_not_meet_are_an_error(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    a, b = (np.zeros(shape) for shape in shapes)
    with pytest.raises(Fail, match=r"MatMul 'node': (cannot|MatMul takes)"):
        matmul(a, b)


def test_text_is_refused() -> None:
    with pytest.raises(Fail, match="expected numbers, got string"):
        matmul(np.array([["a"]], object), np.zeros((1, 1)))


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("constants", [[], [1], [1, 2], [2]])
@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("c_shape", [None, (), (1,), (5,), (1, 5), (4, 1), (1, 1), (4, 5)])
def test_gemm(
    isa: str,
    constants: list[int],
    trans_a: int,
    trans_b: int,
    c_shape: tuple[int, ...] | None,
) -> None:
    rng = np.random.default_rng(4)
    if c_shape is None and 2 in constants:
        pytest.skip("there is no C")
    for dtype, alpha, beta in (
        (np.float64, 1.0, 1.0),
        (np.float32, 0.5, -2.0),
        (np.float64, 0.25, 0.0),
        (np.int64, 2.0, 3.0),
    ):
        a = (9 * rng.normal(size=(4, 19))).astype(dtype)
        b = (9 * rng.normal(size=(19, 5))).astype(dtype)
        inputs = [a.T.copy() if trans_a else a, b.T.copy() if trans_b else b]
        want = alpha * (a @ b)
        if c_shape is not None:
            inputs.append(np.asarray(9 * rng.normal(size=c_shape)).astype(dtype))
            want = want + beta * inputs[2]
        with instruction_set(isa):
            y = gemm(
                *inputs,
                constants=constants,
                alpha=alpha,
                beta=beta,
                transA=trans_a,
                transB=trans_b,
            )
        assert y.dtype == dtype
        np.testing.assert_allclose(
            y,
            want,
            rtol=1e-4 if dtype is np.float32 else 1e-11,
            atol=1e-3 if dtype is np.float32 else 1e-10,
        )


def test_gemm_with_one_double_input_is_double() -> None:
    a, b, c = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), np.full(2, 0.1)
    for constants in ([], [1], [1, 2]):
        y = gemm(a, b, c, constants=constants)
        assert y.dtype == np.float64
        np.testing.assert_array_equal(y, np.full((2, 2), 3.1))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (2, 3)), "3 columns meet 2 rows"),
        (((2,), (2, 3)), "A must be a matrix"),
        (((2, 3), (3, 2), (3,)), "cannot broadcast C"),
        (((2, 3), (3, 2), (2, 1, 2)), "cannot broadcast C"),
    ],
)
def test_gemm_refuses_shapes_that_do_not_fit(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(Fail, match=message):
        gemm(*(np.zeros(shape) for shape in shapes))


def test_gemm_of_integers_refuses_a_fraction() -> None:
    with pytest.raises(Fail, match="alpha must be a whole number"):
        gemm(np.ones((2, 2), np.int64), np.ones((2, 2), np.int64), alpha=0.5)


def test_rows_of_gemm_do_not_depend_on_the_batch() -> None:
    rng = np.random.default_rng(5)
    w, c = rng.normal(size=(12, 30)), rng.normal(size=12)
    x = rng.normal(size=(4_001, 30))
    compiled = program("Gemm", [x, w, c], constants=[1, 2], domain="", version=13, transB=1)
    whole = compiled.run([x])[0]
    for row in (0, 7, 4_000):
        np.testing.assert_array_equal(compiled.run([x[row : row + 1].copy()])[0], whole[row : row + 1])
