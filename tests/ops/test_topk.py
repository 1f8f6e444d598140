"""TopK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.standard import FLOATS, INTEGERS, adversarial, ints, run, same


def expected(data: np.ndarray, k: int, axis: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """A stable sort; descending, so that of equals the first stays first and NaN comes first."""
    if largest:
        order = np.flip(
            data.shape[axis] - 1 - np.argsort(np.flip(data, axis), axis, kind="stable"),
            axis,
        )
    else:
        order = np.argsort(data, axis, kind="stable")
    indices = np.take(order, np.arange(k), axis)
    return np.take_along_axis(data, indices, axis), indices


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("k", [0, 1, 3, 40, 50])
def test_extremes_and_ties(dtype: Any, largest: int, k: int) -> None:
    data = adversarial(dtype, (6, 50))
    data[:, 10:30] = data[:, :20]
    values, indices = run("TopK", data, ints(k), outputs=2, largest=largest)
    for got, one in zip((values, indices), expected(data, k, 1, largest), strict=True):
        np.testing.assert_array_equal(got, one)
        assert got.dtype == one.dtype


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("constants", [(), (1,)])
def test_axes(axis: int, largest: int, constants: tuple[int, ...]) -> None:
    data = np.random.default_rng(0).integers(0, 9, (5, 6, 7)).astype(np.float64)
    got = run(
        "TopK",
        data,
        ints(4),
        outputs=2,
        axis=axis,
        largest=largest,
        sorted=0,
        constants=constants,
    )
    for one, other in zip(got, expected(data, 4, axis, largest), strict=True):
        same(one, other)


def test_versions_and_refusals() -> None:
    data = np.array([[1.0, 3.0, 2.0]])
    assert [value.tolist() for value in run("TopK", data, version=1, outputs=2, k=2)] == [[[3, 2]], [[1, 2]]]
    assert run("TopK", data, ints(1), version=10, outputs=2)[0].tolist() == [[3]]
    assert [value.shape for value in run("TopK", np.zeros((0, 3)), ints(2), outputs=2)] == [(0, 2), (0, 2)]
    for k in (4, -1):
        with pytest.raises(Fail, match=f"cannot take {k} of 3"):
            run("TopK", data, ints(k), outputs=2)
    with pytest.raises(InvalidGraph, match="'k' is missing"):
        run("TopK", data, version=1, outputs=2)


def test_many_rows_on_threads() -> None:
    data = np.random.default_rng(0).normal(size=(3000, 40))
    for k in (5, 35):
        got = run("TopK", data, ints(k), outputs=2, largest=0, threads=2)
        for one, other in zip(got, expected(data, k, 1, 0), strict=True):
            same(one, other)
