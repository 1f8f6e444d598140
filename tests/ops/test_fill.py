"""ConstantOfShape, Expand, Tile, Range, EyeLike."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.standard import FLOATS, INTEGERS, NUMBERS, SIGNED, ints, run, same


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.complex128])
def test_constant_of_shape(dtype: Any) -> None:
    value = np.array([1], dtype)
    for shape in ((), (3,), (2, 0), (2, 3, 4)):
        same(run("ConstantOfShape", ints(*shape), value=value), np.full(shape, 1, dtype))
        same(
            run("ConstantOfShape", ints(*shape), constants=(0,), value=value),
            np.full(shape, 1, dtype),
        )


def test_constant_of_shape_default_texts_and_refusals() -> None:
    same(run("ConstantOfShape", ints(2, 2)), np.zeros((2, 2), np.float32))
    assert run("ConstantOfShape", ints(2), value=np.array(["é"], object)).tolist() == [
        "é",
        "é",
    ]
    with pytest.raises(Fail, match="negative"):
        run("ConstantOfShape", ints(2, -1))
    with pytest.raises(Fail, match="does not fit into memory"):
        run("ConstantOfShape", ints(2**40, 2**40))
    with pytest.raises(InvalidGraph, match="one element"):
        run("ConstantOfShape", ints(2), value=np.zeros(2))


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.bool_, np.complex128])
def test_expand(dtype: Any) -> None:
    for shape, wanted in [
        ((3, 1), (2, 1, 6)),
        ((3, 1), (3, 4)),
        ((1,), (2, 3)),
        ((), (2, 3)),
        ((2, 3), (1, 1)),
        ((2, 3), ()),
        ((1, 4, 1), (3, 1, 5)),
        ((2, 1), (2, 0)),
        ((0, 1), (1, 3)),
    ]:
        data = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        expected = np.broadcast_to(data, np.broadcast_shapes(shape, wanted))
        for version in (8, 13):
            same(run("Expand", data, ints(*wanted), version=version), expected)
    assert run("Expand", np.array(["a"], object), ints(2, 2)).tolist() == [["a", "a"]] * 2
    with pytest.raises(Fail, match="cannot be broadcast"):
        run("Expand", np.zeros((2, 3)), ints(2, 4))


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 3), (1, 4, 1), (3, 2, 2), (0, 1, 1), (1, 1, 5)])
def test_tile(repeats: tuple[int, ...]) -> None:
    for dtype in (np.float64, np.uint16, np.bool_):
        data = np.arange(24).reshape(2, 3, 4).astype(dtype)
        for version in (6, 13):
            same(
                run("Tile", data, ints(*repeats), version=version),
                np.tile(data, repeats),
            )
    assert run("Tile", np.array(["a", "b"], object), ints(2)).tolist() == [
        "a",
        "b",
        "a",
        "b",
    ]


def test_tile_refusals() -> None:
    with pytest.raises(Fail, match="do not fit"):
        run("Tile", np.zeros((2, 3)), ints(2))
    with pytest.raises(Fail, match="negative"):
        run("Tile", np.zeros(2), ints(-1))
    with pytest.raises(Fail, match="does not fit into memory"):
        run("Tile", np.zeros((1000, 1000)), ints(2**40, 2**40))


@pytest.mark.parametrize("dtype", SIGNED)
def test_range_of_integers(dtype: Any) -> None:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for start, limit, delta in [
        (0, 10, 3),
        (10, 0, -3),
        (5, 5, 1),
        (5, 0, 1),
        (0, 1, high),
        (high, low, low),
        (low, high, high),
    ]:
        got = run("Range", *(np.array(value, dtype) for value in (start, limit, delta)))
        same(got, np.array(range(start, limit, delta), dtype))
    same(
        run(
            "Range",
            np.array(high - 2, dtype),
            np.array(high, dtype),
            np.array(1, dtype),
        ),
        np.array([high - 2, high - 1], dtype),
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_range_of_floats(dtype: Any) -> None:
    for start, limit, delta in [
        (0, 1, 0.125),
        (1, -1, -0.5),
        (0, -1, 1),
        (0.5, 100, 1.5),
    ]:
        got = run("Range", *(np.array(value, dtype) for value in (start, limit, delta)))
        same(got, np.arange(start, limit, delta).astype(dtype))
    with pytest.raises(Fail, match="delta is 0"):
        run("Range", *(np.array(value, dtype) for value in (0, 1, 0)))
    with pytest.raises(Fail):
        run("Range", *(np.array(value, dtype) for value in (0, np.nan, 1)))


def test_range_refusals() -> None:
    with pytest.raises(Fail, match="does not fit into memory"):
        run("Range", np.array(0.0), np.array(np.inf), np.array(1.0))
    with pytest.raises(Fail, match="one number each"):
        run("Range", np.zeros(2), np.array(1.0), np.array(1.0))


@pytest.mark.parametrize("k", [0, 1, -1, 3, -2, 9, -9])
def test_eye_like(k: int) -> None:
    like = np.zeros((3, 4), np.int32)
    same(run("EyeLike", like, k=k), np.eye(3, 4, k, np.int32))
    same(
        run("EyeLike", like, k=k, dtype=TensorProto.FLOAT16),
        np.eye(3, 4, k, np.float16),
    )
    got = run("EyeLike", like, k=k, dtype=TensorProto.BFLOAT16)
    np.testing.assert_array_equal(got.astype(np.float32), np.eye(3, 4, k, ml_dtypes.bfloat16).astype(np.float32))
    same(
        run("EyeLike", like, k=k, dtype=TensorProto.BOOL, version=9),
        np.eye(3, 4, k, bool),
    )


def test_eye_like_of_every_type_and_refusals() -> None:
    for dtype in (*FLOATS, *INTEGERS):
        same(run("EyeLike", np.zeros((2, 2), dtype)), np.eye(2, dtype=dtype))
    with pytest.raises(Fail, match="expected a matrix"):
        run("EyeLike", np.zeros(3))
    assert "17" in _core.refuses("", "EyeLike", 21, {"dtype": 17})
