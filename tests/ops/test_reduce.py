"""The Reduce operators."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.standard import INTEGERS, SIGNED, adversarial, ints, reference, run, same


def log_sum(x: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
    return np.log(np.sum(x, axis=axis, keepdims=keepdims))


NUMPY: dict[str, Callable[..., Any]] = {
    "ReduceSum": np.sum,
    "ReduceMean": np.mean,
    "ReduceMax": np.max,
    "ReduceMin": np.min,
    "ReduceProd": np.prod,
    "ReduceSumSquare": lambda x, **options: np.sum(x * x, **options),
    "ReduceL1": lambda x, **options: np.sum(np.abs(x), **options),
    "ReduceL2": lambda x, **options: np.sqrt(np.sum(x * x, **options)),
    "ReduceLogSum": log_sum,
    "ReduceLogSumExp": logsumexp,
}
AXES = [axes for size in range(1, 5) for axes in combinations(range(4), size)]


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_every_set_of_axes(op_type: str, dtype: Any, keepdims: int) -> None:
    data = np.random.default_rng(0).uniform(0.5, 2, size=(3, 4, 2, 5)).astype(dtype)
    for axes in AXES:
        expected = np.asarray(NUMPY[op_type](data.astype(np.float64), axis=axes, keepdims=bool(keepdims)))
        for got in (
            run(op_type, data, ints(*axes), keepdims=keepdims),
            run(
                op_type,
                data,
                ints(*(axis - 4 for axis in axes)),
                keepdims=keepdims,
                constants=(1,),
            ),
            run(op_type, data, version=11, axes=ints(*axes), keepdims=keepdims),
        ):
            assert got.dtype == dtype
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-14 if dtype is np.float64 else 1e-6)


@pytest.mark.parametrize("op_type", ["ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceMean"])
@pytest.mark.parametrize("columns", [*range(1, 20), 64, 127, 128, 129, 136, 500, 1000, 4321])
def test_sums_of_doubles_have_numpys_bits(op_type: str, columns: int) -> None:
    data = np.random.default_rng(columns).normal(size=(7, columns)) * 1e3
    same(run(op_type, data, ints(1), keepdims=0), NUMPY[op_type](data, axis=1))
    same(run(op_type, data, ints(0), keepdims=0), NUMPY[op_type](data, axis=0))


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_depend_on_neither_threads_nor_instruction_set_nor_batch(op_type: str, dtype: Any) -> None:
    data = np.random.default_rng(0).uniform(0.1, 2, size=(3000, 37)).astype(dtype)
    seen = set()
    for isa in _core.isas():
        _core.choose_isa(isa)
        for threads in (1, 2):
            rows = run(op_type, data, ints(1), threads=threads, keepdims=0)
            np.testing.assert_array_equal(run(op_type, data[5:9].copy(), ints(1), keepdims=0), rows[5:9])
            seen.add(
                rows.tobytes()
                + run(op_type, data, ints(0), threads=threads).tobytes()
                + run(op_type, data, threads=threads).tobytes()
            )
    _core.choose_isa("")
    assert len(seen) == 1


@pytest.mark.parametrize("op_type", ["ReduceMax", "ReduceMin"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, *INTEGERS, np.bool_])
def test_extremes(op_type: str, dtype: Any) -> None:
    data = adversarial(dtype, (12, 7))
    for axis in (0, 1):
        same(run(op_type, data, ints(axis), keepdims=0), NUMPY[op_type](data, axis=axis))


@pytest.mark.parametrize("op_type", ["ReduceSum", "ReduceProd", "ReduceSumSquare", "ReduceL1"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap_around(op_type: str, dtype: Any) -> None:
    data = adversarial(dtype, (6, 9))
    with np.errstate(all="ignore"):
        values = {
            "ReduceSum": data,
            "ReduceProd": data,
            "ReduceSumSquare": data * data,
            "ReduceL1": np.abs(data),
        }[op_type]
        expected = (np.prod if op_type == "ReduceProd" else np.sum)(values, axis=1, dtype=dtype)
    same(run(op_type, data, ints(1), keepdims=0), expected)


@pytest.mark.parametrize("dtype", SIGNED)
def test_integer_means_and_roots(dtype: Any) -> None:
    data = np.array([[100, 101, 3], [-7, -7, -6]], dtype)
    same(run("ReduceMean", data, ints(1), keepdims=0), np.array([68, -6], dtype))
    same(
        run("ReduceL2", np.array([[3, 4]], dtype), ints(1), keepdims=0),
        np.array([5], dtype),
    )
    with pytest.raises(Fail, match="mean of no integers"):
        run("ReduceMean", np.zeros((2, 0), dtype), ints(1))


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_to_reduce(op_type: str, dtype: Any) -> None:
    empty = {
        "ReduceMax": -np.inf,
        "ReduceMin": np.inf,
        "ReduceProd": 1,
        "ReduceMean": np.nan,
    }
    value = empty.get(op_type, -np.inf if "Log" in op_type else 0)
    same(
        run(op_type, np.zeros((2, 0, 3), dtype), ints(1), keepdims=0),
        np.full((2, 3), value, dtype),
    )
    same(
        run(op_type, np.zeros((2, 0, 3), dtype), ints(2), keepdims=1),
        np.zeros((2, 0, 1), dtype),
    )
    assert run(op_type, np.array(2.0, dtype)).shape == ()


@pytest.mark.parametrize("op_type", NUMPY)
def test_no_axes(op_type: str) -> None:
    data = np.array([[1.0, 2.0], [3.0, 4.0]])
    whole = run(op_type, data, version=13 if op_type == "ReduceSum" else 18)
    np.testing.assert_allclose(whole, np.asarray(NUMPY[op_type](data, axis=None, keepdims=True)), rtol=1e-15)
    np.testing.assert_allclose(run(op_type, data, ints(), keepdims=0), whole[0, 0])
    alone = run(op_type, data, ints(), noop_with_empty_axes=1)
    function = {"ReduceSumSquare": np.square, "ReduceLogSum": np.log}.get(op_type, np.array)
    np.testing.assert_allclose(alone, function(data), rtol=1e-15)


def test_log_sum_exp_far_out() -> None:
    data = np.array(
        [
            [1e3, 1e3],
            [-1e3, -1e3 - 2],
            [np.inf, 0],
            [-np.inf, -np.inf],
            [-np.inf, 5],
            [np.nan, np.inf],
        ]
    )
    np.testing.assert_allclose(
        run("ReduceLogSumExp", data, ints(1), keepdims=0),
        logsumexp(data, axis=1),
        rtol=1e-15,
    )


def test_short_floats_are_added_in_double() -> None:
    data = np.full((1, 100000), 0.1, np.float32)
    assert run("ReduceSum", data, ints(1))[0, 0] == np.float32(data.astype(np.float64).sum())
    half = np.full((3, 5000), 0.25, np.float16)
    same(run("ReduceSum", half, ints(1), keepdims=0), np.full(3, 1250, np.float16))


@pytest.mark.parametrize("version", [1, 11, 12, 13, 18, 20])
@pytest.mark.parametrize("op_type", ["ReduceMax", "ReduceMean"])
def test_versions(op_type: str, version: int) -> None:
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    if version >= 18:
        same(
            run(op_type, data, ints(1), version=version),
            reference(op_type, data, ints(1), version=version),
        )
    else:
        same(
            run(op_type, data, version=version, axes=ints(1)),
            reference(op_type, data, version=version, axes=[1]),
        )


def test_refusals() -> None:
    with pytest.raises(Fail, match="axis 2 is out of range"):
        run("ReduceSum", np.zeros((2, 2)), ints(2))
    with pytest.raises(Fail, match="named twice"):
        run("ReduceSum", np.zeros((2, 2)), ints(1, -1))
    with pytest.raises(Fail, match="bool"):
        run("ReduceSum", np.zeros(2, bool))
    with pytest.raises(Fail, match="expected numbers, got string"):
        run("ReduceSum", np.array(["a"], object))
