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
    assert "add" in _core.refuses("", "ScatterElements", 18, {"reduction": "add"})
    assert _core.refuses("", "ScatterND", 18, {"reduction": "none"}) is None
