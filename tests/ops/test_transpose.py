"""Transpose."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, ints, run, same


@pytest.mark.parametrize("order", [*permutations(range(3)), *permutations(range(4))])
def test_every_order(order: tuple[int, ...]) -> None:
    data = np.arange(np.prod(range(3, 3 + len(order)))).reshape(range(3, 3 + len(order)))
    same(run("Transpose", data, perm=ints(*order)), data.transpose(order))
    thin = data[:, :1].copy()
    same(run("Transpose", thin, perm=ints(*order)), thin.transpose(order))


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.complex128])
def test_types(dtype: Any) -> None:
    data = np.arange(35).reshape(5, 7).astype(dtype)
    same(run("Transpose", data), data.T)


@pytest.mark.parametrize(
    "shape",
    [
        (1000, 130),
        (3, 5000),
        (5000, 3),
        (17, 31),
        (1, 40),
        (40, 1),
        (2, 300, 300),
        (0, 3),
        (3, 0),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("version", [1, 21])
def test_sizes(shape: tuple[int, ...], threads: int, version: int) -> None:
    data = np.random.default_rng(0).normal(size=shape)
    same(run("Transpose", data, threads=threads, version=version), data.T)
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    same(
        run("Transpose", data, perm=ints(*order), threads=threads),
        data.transpose(order),
    )


def test_texts_scalars_and_refusals() -> None:
    texts = np.array([["a", "bé"], ["", "d"]], object)
    assert run("Transpose", texts).tolist() == texts.T.tolist()
    same(run("Transpose", np.array(3.5)), np.array(3.5))
    same(run("Transpose", np.arange(3)), np.arange(3))
    with pytest.raises(Fail, match="does not fit"):
        run("Transpose", np.zeros((2, 2)), perm=ints(0))
    with pytest.raises(Fail, match="twice"):
        run("Transpose", np.zeros((2, 2)), perm=ints(0, 0))
    with pytest.raises(Fail, match="out of range"):
        run("Transpose", np.zeros((2, 2)), perm=ints(0, 2))
