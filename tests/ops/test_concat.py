"""Concat and Split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.standard import NUMBERS, ints, run, same


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.complex128])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_concat(dtype: Any, axis: int) -> None:
    shapes = [[3, 4, 2], [3, 4, 2], [3, 4, 2], [3, 4, 2]]
    for width, shape in zip((1, 0, 20, 3), shapes, strict=True):
        shape[axis] = width
    inputs = [np.arange(np.prod(shape)).reshape(shape).astype(dtype) for shape in shapes]
    same(run("Concat", *inputs, axis=axis), np.concatenate(inputs, axis))


@pytest.mark.parametrize("version", [1, 4, 11, 13])
def test_columns_of_many_rows(version: int) -> None:
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=(5000, width)) for width in (1, 1, 3, 1, 17, 2)]
    for threads in (1, 2):
        same(
            run("Concat", *columns, version=version, axis=1, threads=threads),
            np.hstack(columns),
        )
    if version == 1:
        same(run("Concat", *columns, version=version), np.hstack(columns))
    else:
        with pytest.raises(InvalidGraph, match="axis"):
            run("Concat", *columns, version=version)


def test_concat_of_texts_one_input_and_mixed_types() -> None:
    texts = np.array([["a"], ["bé"]], object)
    assert run("Concat", texts, texts, axis=1).tolist() == [["a", "a"], ["bé", "bé"]]
    assert run("Concat", texts, axis=1).tolist() == texts.tolist()
    a, b, c = np.array([[1.5]], np.float32), np.array([[0.1]]), np.array([[7]])
    same(run("Concat", a, b, c, axis=1), np.hstack([a, b, c]))
    with pytest.raises(Fail, match="cannot join string with double"):
        run("Concat", texts, np.zeros((2, 1)), axis=1)


def test_concat_refusals() -> None:
    with pytest.raises(Fail, match=r"input 1 is \(3, 2\)"):
        run("Concat", np.zeros((2, 2)), np.zeros((3, 2)), axis=1)
    with pytest.raises(Fail, match=r"same shape"):
        run("Concat", np.zeros((2, 2)), np.zeros(2), axis=1)
    with pytest.raises(Fail, match="axis 2 is out of range for rank 2"):
        run("Concat", np.zeros((2, 2)), np.zeros((2, 2)), axis=2)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.complex64])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split(dtype: Any, axis: int) -> None:
    data = np.arange(6 * 8 * 10).reshape(6, 8, 10).astype(dtype)
    sizes = [1, 0, 3, data.shape[axis] - 4]
    expected = np.split(data, np.cumsum(sizes)[:-1], axis)
    for constants in ((), (1,)):
        parts = run("Split", data, ints(*sizes), outputs=4, axis=axis, constants=constants)
        for part, one in zip(parts, expected, strict=True):
            same(part, one)
    for version in (2, 11):
        for part, one in zip(
            run("Split", data, version=version, outputs=4, axis=axis, split=ints(*sizes)),
            expected,
            strict=True,
        ):
            same(part, one)


@pytest.mark.parametrize("version", [2, 11, 13])
def test_split_into_equal_parts(version: int) -> None:
    data = np.arange(24.0).reshape(2, 12)
    for part, one in zip(
        run("Split", data, version=version, outputs=3, axis=1),
        np.split(data, 3, 1),
        strict=True,
    ):
        same(part, one)
    with pytest.raises(Fail, match="equal parts"):
        run("Split", data, version=version, outputs=5, axis=1)


def test_split_with_a_smaller_last_part() -> None:
    data = np.arange(7.0)
    parts = run("Split", data, version=18, outputs=3, num_outputs=3)
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    parts = run("Split", data[:3].copy(), version=18, outputs=4, num_outputs=4)
    assert [part.tolist() for part in parts] == [[0], [1], [2], []]
    texts = run("Split", np.array(["a", "b"], object), version=18, outputs=2, num_outputs=2)
    assert [part.tolist() for part in texts] == [["a"], ["b"]]


def test_split_refusals() -> None:
    data = np.zeros((4, 3))
    for sizes in ([1, 2], [5, -1], [2, 3], [4]):
        with pytest.raises(Fail, match="fit"):
            run("Split", data, ints(*sizes), outputs=2)
    with pytest.raises(InvalidGraph, match="num_outputs"):
        run("Split", data, version=18, outputs=2, num_outputs=3)
