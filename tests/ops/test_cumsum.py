"""CumSum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import INTEGERS, adversarial, run, same


def expected(data: np.ndarray, axis: int, exclusive: int, reverse: int) -> np.ndarray:
    turned = np.flip(data, axis) if reverse else data
    if exclusive:
        shifted = np.zeros_like(turned)
        target, source = [slice(None)] * data.ndim, [slice(None)] * data.ndim
        target[axis], source[axis] = slice(1, None), slice(None, -1)
        shifted[tuple(target)] = turned[tuple(source)]
        turned = shifted
    sums = np.cumsum(turned, axis, dtype=data.dtype)
    return np.flip(sums, axis) if reverse else sums


@pytest.mark.parametrize("dtype", [np.float32, np.float64, *INTEGERS])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_cumsum(dtype: Any, exclusive: int, reverse: int, axis: int) -> None:
    data = (
        adversarial(dtype, (3, 4, 5))
        if np.dtype(dtype).kind != "f"
        else np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)
    )
    for axis_type in (np.int32, np.int64):
        got = run(
            "CumSum",
            data,
            np.array(axis, axis_type),
            exclusive=exclusive,
            reverse=reverse,
            version=14,
        )
        same(got, expected(data, axis, exclusive, reverse))


def test_odd_shapes_and_refusals() -> None:
    same(run("CumSum", np.arange(4.0), np.array([0])), np.cumsum(np.arange(4.0)))
    same(run("CumSum", np.zeros((0, 3)), np.array(0)), np.zeros((0, 3)))
    same(run("CumSum", np.zeros((3, 0)), np.array(1), exclusive=1), np.zeros((3, 0)))
    same(
        run("CumSum", np.array([[5.0]]), np.array(1), exclusive=1, reverse=1),
        np.array([[0.0]]),
    )
    np.testing.assert_allclose(run("CumSum", np.ones(3, np.float16), np.array(0)), [1, 2, 3])
    with pytest.raises(Fail, match="axis 1 is out of range"):
        run("CumSum", np.zeros(3), np.array(1))
    with pytest.raises(Fail, match="the axis must be one integer"):
        run("CumSum", np.zeros(3), np.array([0, 0]))
