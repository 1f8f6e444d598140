"""Max, Min, Sum, Mean, Clip."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import FLOATS, NUMBERS, adversarial, run, same

NUMPY = {"Max": np.maximum, "Min": np.minimum, "Sum": np.add}


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_pair_of_extremes(op_type: str, dtype: Any) -> None:
    values = adversarial(dtype)
    a, b = np.broadcast_arrays(values[:, None], values[None, :])
    with np.errstate(all="ignore"):
        expected = NUMPY[op_type](a, b)
    got = run(op_type, np.ascontiguousarray(values[:, None]), values)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("version", [1, 6, 8, 12, 13])
def test_many_inputs_of_different_shapes(op_type: str, version: int) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape) for shape in [(3,), (2, 1), (1, 1), (2, 3), (4, 1, 1), (3,), (4, 2, 3)]]
    for count in range(1, len(inputs) + 1):
        same(
            run(op_type, *inputs[:count], version=version),
            reduce(NUMPY[op_type], inputs[:count]),
        )


@pytest.mark.parametrize("dtype", FLOATS)
def test_mean(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape).astype(dtype) for shape in [(3,), (2, 1), (2, 3)]]
    expected = reduce(np.add, [one.astype(np.float64) for one in inputs]) / 3
    got = run("Mean", *inputs)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps)
    same(run("Mean", inputs[0]), inputs[0])
    with pytest.raises(Fail, match="floating-point"):
        run("Mean", np.zeros(2, np.int64), np.zeros(2, np.int64))


def test_mixed_types() -> None:
    a, b, c = np.array([1.5, 2], np.float32), np.array([1.7]), np.array([[2], [1]])
    same(run("Max", a, b, c), np.maximum(np.maximum(a, b), c))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_clip(dtype: Any) -> None:
    values = adversarial(dtype, (7, 9))
    low, high = np.array(2, dtype), np.array(5, dtype)
    same(run("Clip", values, low, high), np.clip(values, low, high))
    same(run("Clip", values, None, high), np.minimum(values, high))
    same(run("Clip", values, low, None), np.maximum(values, low))
    same(run("Clip", values, low), np.maximum(values, low))
    same(run("Clip", values), values)
    same(
        run("Clip", values, high, low),
        np.full_like(values, 2) if values.dtype.kind != "f" else np.clip(values, 5, 2),
    )


@pytest.mark.parametrize("version", [1, 6])
def test_clip_by_attributes(version: int) -> None:
    values = adversarial(np.float32)
    same(
        run("Clip", values, version=version, min=-1.5, max=2.0),
        np.clip(values, np.float32(-1.5), np.float32(2)),
    )
    same(run("Clip", values, version=version), values)


def test_clip_promotes_its_bounds() -> None:
    values = np.array([0.1, 0.5], np.float32)
    same(
        run("Clip", values, np.array(0.2), np.array(0.4)),
        np.clip(values.astype(np.float64), 0.2, 0.4),
    )
    with pytest.raises(Fail, match="a bound must be one number"):
        run("Clip", values, np.zeros(2, np.float32))
