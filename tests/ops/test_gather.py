"""Gather, GatherElements, GatherND."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidArgument
from tests.ops.standard import NUMBERS, reference, run, same

DATA = np.arange(3 * 4 * 5).reshape(3, 4, 5)


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.complex128])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_gather_types(dtype: Any, index: Any) -> None:
    data = DATA.astype(dtype)
    same(
        run("Gather", data, np.array([[0, -1], [2, 0]], index), axis=1),
        np.take(data, [[0, -1], [2, 0]], 1),
    )


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("indices", [0, -1, [], [1], [[2, 1, 0]], [[0, 1], [-2, -1]]])
@pytest.mark.parametrize("version", [1, 11, 13])
def test_gather(axis: int, indices: Any, version: int) -> None:
    chosen = np.array(indices, np.int64)
    same(
        run("Gather", DATA, chosen, axis=axis, version=version),
        np.take(DATA, chosen, axis),
    )


def test_gather_columns_rows_and_texts() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(4000, 23))
    chosen = np.array([5, 0, 22, -1, 5])
    for threads in (1, 2):
        same(run("Gather", data, chosen, axis=1, threads=threads), data[:, chosen])
        rows = rng.integers(-4000, 4000, 9000)
        same(run("Gather", data, rows, threads=threads), data[rows])
    texts = np.array([["a", "bé"], ["c", ""]], object)
    assert run("Gather", texts, np.array([1]), axis=1).tolist() == [["bé"], [""]]
    assert run("Gather", texts, np.array(1)).tolist() == ["c", ""]


@pytest.mark.parametrize("index", [3, -4, 2**40, -(2**63), 2**63 - 1])
def test_gather_out_of_range(index: int) -> None:
    with pytest.raises(InvalidArgument, match=f"index {index} is out of range for an axis of size 3"):
        run("Gather", DATA, np.array([0, index]))


def test_gather_refusals() -> None:
    with pytest.raises(Fail, match="axis 3 is out of range"):
        run("Gather", DATA, np.array([0]), axis=3)
    with pytest.raises(Fail, match="indices must be int64 or int32, got double"):
        run("Gather", DATA, np.array([0.0]))
    with pytest.raises(Fail, match="out of range"):
        run("Gather", np.array(1.0), np.array([0]))
    with pytest.raises(InvalidArgument, match="out of range for an axis of size 0"):
        run("Gather", np.zeros((0, 2)), np.array([0]))
    same(run("Gather", np.zeros((0, 2)), np.zeros((0,), np.int64)), np.zeros((0, 2)))


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_gather_elements(axis: int) -> None:
    rng = np.random.default_rng(0)
    shape = [2, 3, 4]
    shape[axis] = 6
    indices = rng.integers(-DATA.shape[axis], DATA.shape[axis], shape)
    trimmed = DATA[tuple(slice(size) if i != axis % 3 else slice(None) for i, size in enumerate(shape))]
    same(
        run("GatherElements", DATA, indices, axis=axis),
        np.take_along_axis(trimmed, indices, axis),
    )
    texts = DATA.astype(str).astype(object)
    got = run("GatherElements", texts, indices, axis=axis)
    assert got.tolist() == np.take_along_axis(trimmed, indices, axis).astype(str).tolist()


def test_gather_elements_refusals() -> None:
    with pytest.raises(InvalidArgument, match="index 5 is out of range"):
        run("GatherElements", DATA, np.full((3, 4, 5), 5), axis=2)
    with pytest.raises(Fail, match="do not fit"):
        run("GatherElements", DATA, np.zeros((4, 4, 5), np.int64), axis=2)
    with pytest.raises(Fail, match="do not fit"):
        run("GatherElements", DATA, np.zeros((4, 5), np.int64), axis=1)
    same(
        run("GatherElements", DATA, np.zeros((0, 4, 5), np.int64)),
        np.zeros((0, 4, 5), np.int64),
    )


@pytest.mark.parametrize(
    ("indices", "batch"),
    [
        ([[0], [-1]], 0),
        ([[0, 1], [2, -1]], 0),
        ([[[0, 1, 4]], [[-3, -4, -5]]], 0),
        ([[[0], [3]], [[1], [1]], [[-1], [2]]], 1),
        ([[[0, 1]], [[1, 1]], [[-1, 4]]], 1),
        ([[[4], [3], [2], [1]], [[0], [1], [2], [3]], [[-1], [-2], [-3], [-4]]], 2),
    ],
)
def test_gather_nd(indices: Any, batch: int) -> None:
    chosen = np.array(indices)
    same(
        run("GatherND", DATA, chosen, batch_dims=batch),
        reference("GatherND", DATA, chosen, batch_dims=batch),
    )


def test_gather_nd_refusals() -> None:
    with pytest.raises(InvalidArgument, match="index 4 is out of range for axis 1 of size 4"):
        run("GatherND", DATA, np.array([[0, 4]]))
    with pytest.raises(Fail, match="do not fit"):
        run("GatherND", DATA, np.array([[0, 0, 0, 0]]))
    with pytest.raises(Fail, match="batch_dims"):
        run("GatherND", DATA, np.array([0]), batch_dims=1)
    same(run("GatherND", DATA, np.zeros((0, 2), np.int64)), np.zeros((0, 5), np.int64))
