"""Softmax and LogSoftmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.standard import run, same

SCIPY: dict[str, Callable[..., Any]] = {
    "Softmax": special.softmax,
    "LogSoftmax": special.log_softmax,
}


@pytest.mark.parametrize("op_type", SCIPY)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_along_an_axis(op_type: str, dtype: Any, axis: int) -> None:
    data = (np.random.default_rng(0).normal(size=(4, 5, 6)) * 10).astype(dtype)
    got = run(op_type, data, axis=axis, version=13)
    assert got.dtype == dtype
    # x - max(x), rounded, is off by up to half a unit of 64.
    exact = SCIPY[op_type](data.astype(np.float64), axis=axis)
    np.testing.assert_allclose(
        got,
        exact,
        rtol=40 * np.finfo(dtype).eps,
        atol=1e-6 if dtype is np.float16 else 1e-30,
    )
    np.testing.assert_allclose(run(op_type, data), run(op_type, data, axis=-1), rtol=0)


@pytest.mark.parametrize("op_type", SCIPY)
@pytest.mark.parametrize("version", [1, 11])
def test_all_axes_from_one_on(op_type: str, version: int) -> None:
    data = np.random.default_rng(0).normal(size=(4, 5, 6))
    for axis in (0, 1, 2, 3, -2):
        flat = data.reshape(int(np.prod(data.shape[:axis])), -1) if axis != 3 else data.reshape(-1, 1)
        expected = SCIPY[op_type](flat, axis=1).reshape(data.shape)
        np.testing.assert_allclose(
            run(op_type, data, axis=axis, version=version),
            expected,
            rtol=1e-14,
            atol=1e-300,
        )
    np.testing.assert_allclose(
        run(op_type, data, version=version),
        run(op_type, data, version=version, axis=1),
        rtol=0,
    )


@pytest.mark.parametrize("op_type", SCIPY)
@pytest.mark.parametrize("columns", [1, 2, 3, 10, 511, 512, 513, 2000])
def test_rows(op_type: str, columns: int) -> None:
    data = np.random.default_rng(0).normal(size=(max(3, 3000 // columns), columns)) * 20
    seen = set()
    for isa in _core.isas():
        _core.choose_isa(isa)
        for threads in (1, 2):
            got = run(op_type, data, threads=threads)
            np.testing.assert_allclose(
                got,
                SCIPY[op_type](data, axis=1),
                rtol=2e-14,
                atol=1e-15 if op_type == "LogSoftmax" else 1e-300,
            )
            np.testing.assert_array_equal(run(op_type, data[1:2].copy()), got[1:2])
            seen.add(got.tobytes())
    _core.choose_isa("")
    assert len(seen) == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op_type", SCIPY)
def test_far_out(op_type: str) -> None:
    data = np.array(
        [
            [1e308, 0],
            [-1e308, 0],
            [800, 790],
            [-800, -790],
            [-np.inf, 0],
            [np.nan, 0],
            [-np.inf, -np.inf],
        ]
    )
    np.testing.assert_allclose(run(op_type, data), SCIPY[op_type](data, axis=1), rtol=1e-15, atol=1e-323)
    assert np.isnan(run(op_type, np.array([[np.inf, 0.0]]))[0, 0])


def test_odd_shapes_and_refusals() -> None:
    same(run("Softmax", np.zeros((0, 3))), np.zeros((0, 3)))
    same(run("Softmax", np.zeros((3, 0))), np.zeros((3, 0)))
    same(run("Softmax", np.array([5.0])), np.array([1.0]))
    with pytest.raises(Fail, match="expected floating-point numbers, got int64"):
        run("Softmax", np.zeros((2, 2), np.int64))
    with pytest.raises(Fail, match="axis 2 is out of range"):
        run("Softmax", np.zeros((2, 2)), axis=2)
