"""Add, Sub, Mul, Div, Mod, Pow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.standard import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    SIGNED,
    adversarial,
    reference,
    run,
    same,
)

NUMPY = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}

SHAPES = [
    ((), ()),
    ((5,), ()),
    ((4, 3), (3,)),
    ((4, 3), (1, 3)),
    ((4, 3), (4, 1)),
    ((4, 1), (1, 3)),
    ((1,), (4, 3)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 5, 1)),
    ((0, 3), (3,)),
    ((0,), (1,)),
    ((3, 0), (1, 1)),
    ((2, 3, 4, 5), (2, 3, 4, 5)),
]


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_pair_of_extremes(op_type: str, dtype: Any) -> None:
    values = adversarial(dtype)
    a, b = values[:, None], values[None, :]
    if op_type == "Div" and dtype in INTEGERS:
        b = b[b != 0][None, :]
        wide_a, wide_b = a.astype(object), b.astype(object)
        quotient = np.where(
            (wide_a < 0) != (wide_b < 0),
            -(abs(wide_a) // abs(wide_b)),
            abs(wide_a) // abs(wide_b),
        )
        expected = (quotient % 2 ** (8 * a.itemsize)).astype(f"u{a.itemsize}").view(dtype)
    else:
        with np.errstate(all="ignore"):
            expected = NUMPY[op_type](a, b)
    same(run(op_type, np.ascontiguousarray(a), np.ascontiguousarray(b)), expected)


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_broadcasting(left: tuple[int, ...], right: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = (
        rng.integers(-9, 9, size=left).astype(dtype),
        rng.integers(-9, 9, size=right).astype(dtype),
    )
    for threads in (1, 2):
        same(run("Sub", a, b, threads=threads), np.asarray(a - b))
        same(run("Sub", b, a, threads=threads), np.asarray(b - a))


def test_large_operands_on_threads() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3000, 41))
    for other in (
        matrix[::-1].copy(),
        matrix[0],
        matrix[:, :1].copy(),
        np.float64(3.5),
    ):
        same(run("Mul", matrix, np.asarray(other)), matrix * other)
        same(run("Div", np.asarray(other), matrix, threads=2), other / matrix)


def test_instruction_sets_agree_to_the_bit() -> None:
    a, b = adversarial(np.float64, (777,)), adversarial(np.float64, (777,), seed=1)
    results = []
    for isa in _core.isas():
        _core.choose_isa(isa)
        results.append([run(op_type, a, b).tobytes() for op_type in NUMPY])
    _core.choose_isa("")
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize(
    "pair",
    [
        ("f4", "f8"),
        ("i8", "f4"),
        ("i4", "i8"),
        ("u1", "i1"),
        ("f2", "f4"),
        ("i2", "f4"),
    ],
)
def test_mixed_types_are_promoted(pair: tuple[str, str]) -> None:
    a, b = np.array([1, 2, 3], pair[0]), np.array([[2], [5]], pair[1])
    same(run("Add", a, b), a + b)
    same(run("Mul", b, a), b * a)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op_type", ["Div", "Mod"])
def test_integer_division_by_zero(op_type: str, dtype: Any) -> None:
    with pytest.raises(Fail, match="integer division by zero"):
        run(op_type, np.array([1, 2], dtype), np.array([1, 0], dtype))
    assert run(op_type, np.zeros((0, 2), dtype), np.array([1, 0], dtype)).shape == (
        0,
        2,
    )


@pytest.mark.parametrize("version", [1, 6, 7, 13, 14])
def test_old_alignment(version: int) -> None:
    a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    if version >= 7:
        same(run("Add", a, a[0, 0], version=version), a + a[0, 0])
        return
    same(run("Add", a, a[0, 0], version=version, broadcast=1), a + a[0, 0])
    same(
        run("Sub", a, a[0, :, 0].copy(), version=version, broadcast=1, axis=1),
        a - a[0, :, 0, None],
    )
    same(
        run("Mul", a, a[:, :, 0].copy(), version=version, broadcast=1, axis=0),
        a * a[:, :, :1],
    )
    with pytest.raises(Fail, match="broadcast=1"):
        run("Add", a, a[0, 0], version=version)
    with pytest.raises(Fail, match="does not fit"):
        run("Add", a, a[0, 0], version=version, broadcast=1, axis=1)


def test_refusals() -> None:
    with pytest.raises(Fail, match=r"shapes \(2\) and \(3\) cannot be broadcast together"):
        run("Add", np.zeros(2), np.zeros(3))
    with pytest.raises(Fail, match="expected numbers, got string"):
        run("Add", np.array(["a"], object), np.zeros(1))
    with pytest.raises(Fail, match="bool"):
        run("Add", np.zeros(1, bool), np.zeros(1, bool))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("fmod", [0, 1])
def test_mod(dtype: Any, fmod: int) -> None:
    values = adversarial(dtype)
    a, b = values[:, None], values[values != 0][None, :]
    with np.errstate(all="ignore"):
        expected = np.fmod(a, b) if fmod else np.mod(a, b)
    got = run("Mod", np.ascontiguousarray(a), np.ascontiguousarray(b), fmod=fmod)
    if dtype is np.float16:  # computed in float, where the last step is rounded once more
        np.testing.assert_allclose(got, expected, rtol=2e-3, equal_nan=True)
    else:
        same(got, expected)


@pytest.mark.parametrize("dtype", SIGNED)
def test_pow_of_integers(dtype: Any) -> None:
    base = np.array([-3, -2, -1, 1, 2, 3], dtype)[:, None]
    exponent = np.array([0, 1, 2, 3, 7], dtype)[None, :]
    with np.errstate(all="ignore"):
        same(run("Pow", base, exponent), base**exponent)
    same(
        run("Pow", base, np.array([-1], dtype)),
        np.array([[0], [0], [-1], [1], [0], [0]], dtype),
    )
    with pytest.raises(Fail, match="zero to a negative power"):
        run("Pow", np.array([0], dtype), np.array([-1], dtype))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pow_of_floats(dtype: Any) -> None:
    values = adversarial(dtype)
    for exponent in (2.0, 1.0, 0.5, -1.0, 3.0, 0.0):
        with np.errstate(all="ignore"):
            expected = np.power(values, np.full(values.shape, exponent, dtype))
        np.testing.assert_allclose(
            run("Pow", values, np.array([exponent], dtype)),
            expected,
            rtol=2 * np.finfo(dtype).eps,
        )
    same(run("Pow", values, np.array(2, dtype)), np.square(values))


@pytest.mark.parametrize(
    ("base", "exponent"),
    [("i4", "f4"), ("f4", "i8"), ("f4", "f8"), ("i8", "u1"), ("f2", "i4")],
)
def test_pow_keeps_the_type_of_the_base(base: str, exponent: str) -> None:
    a, b = np.array([1, 2, 3], base), np.array([4, 5, 2], exponent)
    same(run("Pow", a, b), reference("Pow", a, b))


@pytest.mark.parametrize("dtype", FLOATS)
def test_empty(dtype: Any) -> None:
    for op_type in (*NUMPY, "Mod", "Pow"):
        assert run(op_type, np.zeros((0, 4), dtype), np.zeros((1, 4), dtype)).shape == (
            0,
            4,
        )
