"""Compress, NonZero, Trilu, Size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, adversarial, run, same


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.bool_, np.complex128])
def test_compress(axis: int | None, dtype: Any) -> None:
    data = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(dtype)
    options = {} if axis is None else {"axis": axis}
    for condition in ([True, False, True], [False], [], [False, True]):
        chosen = np.array(condition, bool)
        same(
            run("Compress", data, chosen, version=11, **options),
            np.compress(chosen, data, axis),
        )
    assert run("Compress", np.array(["a", "b"], object), np.array([False, True])).tolist() == ["b"]


def test_compress_refusals() -> None:
    with pytest.raises(Fail, match="chooses element 2 of 2"):
        run("Compress", np.zeros((2, 3)), np.array([True, False, True]), axis=0)
    with pytest.raises(Fail, match="expected bool"):
        run("Compress", np.zeros(2), np.zeros(2))
    with pytest.raises(Fail, match="one dimension"):
        run("Compress", np.zeros(2), np.zeros((2, 1), bool))


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_])
def test_non_zero(dtype: Any) -> None:
    data = adversarial(dtype, (4, 3, 5))
    data[::2, 1] = 0
    same(run("NonZero", data), np.array(np.nonzero(data)))
    same(run("NonZero", np.zeros((2, 3), dtype)), np.zeros((2, 0), np.int64))
    same(run("NonZero", np.array(1, dtype)), np.zeros((0, 1), np.int64))


def test_non_zero_of_texts() -> None:
    same(
        run("NonZero", np.array([["a", ""], ["", "b"]], object)),
        np.array([[0, 1], [0, 1]]),
    )


@pytest.mark.parametrize("k", [None, 0, 1, -1, 4, -4, 2**62, -(2**62)])
@pytest.mark.parametrize("upper", [0, 1])
def test_trilu(k: int | None, upper: int) -> None:
    function = np.triu if upper else np.tril
    for shape in ((3, 4), (4, 3), (2, 3, 3), (0, 3), (3, 0), (2, 0, 3)):
        data = np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(np.float32)
        inputs = [data] if k is None else [data, np.array(k)]
        same(
            run("Trilu", *inputs, upper=upper),
            function(data, max(min(k or 0, 99), -99)),
        )


def test_trilu_of_bool_and_refusals() -> None:
    data = np.ones((3, 3), bool)
    same(run("Trilu", data), np.triu(data))
    with pytest.raises(Fail, match="expected a matrix"):
        run("Trilu", np.zeros(3))
    with pytest.raises(Fail, match="strings"):
        run("Trilu", np.array([["a"]], object))


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
def test_size(shape: tuple[int, ...]) -> None:
    for dtype in (np.float32, np.bool_, object):
        same(
            run("Size", np.zeros(shape, dtype)),
            np.array(np.prod(shape, dtype=np.int64)),
        )
