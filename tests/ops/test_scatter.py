"""ScatterElements, Scatter, ScatterND."""

from __future__ import annotations

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail, InvalidArgument
from tests.ops.standard import run, same

DATA = np.arange(3 * 4 * 5.0).reshape(3, 4, 5)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_scatter_elements(axis: int) -> None:
    rng = np.random.default_rng(0)
    shape = [2, 3, 4]
    shape[axis] = 2
    indices = np.argsort(rng.random(shape), axis)  # no index twice
    updates = rng.normal(size=shape)
    expected = DATA.copy()
    np.put_along_axis(
        expected[tuple(slice(size) if i != axis % 3 else slice(None) for i, size in enumerate(shape))],
        indices,
        updates,
        axis,
    )
    same(run("ScatterElements", DATA, indices, updates, axis=axis), expected)
    same(run("Scatter", DATA, indices, updates, axis=axis, version=9), expected)
    same(
        run(
            "ScatterElements",
            DATA,
            (indices - DATA.shape[axis]).astype(np.int32),
            updates,
            axis=axis,
        ),
        expected,
    )


def test_the_last_of_two_stays_and_texts() -> None:
    same(
        run("ScatterElements", np.zeros(3), np.array([1, 1]), np.array([5.0, 6.0])),
        np.array([0.0, 6.0, 0.0]),
    )
    texts = np.array(["a", "b", "c"], object)
    assert run("ScatterElements", texts, np.array([-1]), np.array(["é"], object)).tolist() == ["a", "b", "é"]
    assert run("ScatterND", texts, np.array([[0]]), np.array(["é"], object)).tolist() == ["é", "b", "c"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int32, np.uint16, np.int64])
def test_scatter_elements_adds(dtype: type) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(-50, 50, (3, 4)).astype(dtype)
    indices = rng.integers(-4, 4, (3, 40))
    updates = rng.integers(0, 9, (3, 40)).astype(dtype)
    expected = data.copy()
    np.add.at(expected, (np.arange(3)[:, None], indices), updates)
    same(run("ScatterElements", data, indices, updates, axis=1, reduction="add", version=18), expected)
    same(run("ScatterElements", data, indices[:, :0], updates[:, :0], axis=1, reduction="add", version=18), data)


def test_sums_of_whole_numbers_wrap_around_and_texts_have_none() -> None:
    most = np.array([np.iinfo(np.int64).max])
    wrapped = run("ScatterElements", most, np.array([0, 0]), np.array([1, 0]), reduction="add", version=18)
    same(wrapped, np.array([np.iinfo(np.int64).min]))
    for data in (np.array(["a"], object), np.array([True])):
        with pytest.raises(Fail):
            run("ScatterElements", data, np.array([0]), data, reduction="add", version=18)


def test_scatter_nd() -> None:
    expected = DATA.copy()
    expected[[0, 2]] = 7
    same(run("ScatterND", DATA, np.array([[0], [-1]]), np.full((2, 4, 5), 7.0)), expected)
    expected = DATA.copy()
    expected[[0, 2], [1, 3], [4, 0]] = [8, 9]
    same(
        run("ScatterND", DATA, np.array([[0, 1, -1], [2, 3, 0]]), np.array([8.0, 9.0])),
        expected,
    )
    same(run("ScatterND", DATA, np.zeros((0, 2), np.int64), np.zeros((0, 5))), DATA)


def test_refusals() -> None:
    with pytest.raises(InvalidArgument, match="index 3 is out of range"):
        run("ScatterElements", np.zeros(3), np.array([3]), np.array([1.0]))
    with pytest.raises(Fail, match="do not fit"):
        run("ScatterElements", np.zeros(3), np.array([1]), np.array([1.0, 2.0]))
    with pytest.raises(Fail, match="the updates are float, the data is double"):
        run("ScatterElements", np.zeros(3), np.array([1]), np.array([1.0], np.float32))
    with pytest.raises(InvalidArgument, match="index -4 is out of range"):
        run("ScatterND", DATA, np.array([[-4]]), np.zeros((1, 4, 5)))
    with pytest.raises(Fail, match=r"must have shape \(1, 4, 5\), got \(1, 4\)"):
        run("ScatterND", DATA, np.array([[0]]), np.zeros((1, 4)))
    assert "mul" in _core.refuses("", "ScatterElements", 18, {"reduction": "mul"})
    assert "add" in _core.refuses("", "ScatterND", 18, {"reduction": "add"})
    assert _core.refuses("", "ScatterND", 18, {"reduction": "none"}) is None
