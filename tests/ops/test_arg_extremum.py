"""ArgMax and ArgMin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, adversarial, run, same

NUMPY = {"ArgMax": np.argmax, "ArgMin": np.argmin}


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_extremes_and_ties(op_type: str, dtype: Any, axis: int) -> None:
    data = adversarial(dtype, (4, 6, 5))
    data[:, 3:] = data[:, :3]
    first = NUMPY[op_type](data, axis=axis)
    last = data.shape[axis] - 1 - NUMPY[op_type](np.flip(data, axis), axis=axis)
    same(run(op_type, data, axis=axis, keepdims=0), first)
    same(run(op_type, data, axis=axis), np.expand_dims(first, axis))
    same(run(op_type, data, axis=axis, keepdims=0, select_last_index=1), last)


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("version", [1, 11, 12, 13])
def test_rows(op_type: str, version: int) -> None:
    for columns in (1, 2, 3, 10, 100):
        data = np.random.default_rng(0).normal(size=(5000, columns))
        for threads in (1, 2):
            same(
                run(op_type, data, axis=1, keepdims=0, version=version, threads=threads),
                NUMPY[op_type](data, axis=1),
            )


@pytest.mark.parametrize("op_type", NUMPY)
def test_nan_wins(op_type: str) -> None:
    data = np.array(
        [
            [1, np.nan, 3, np.nan],
            [np.nan, np.inf, 0, -np.inf],
            [-np.inf, -np.inf, -np.inf, np.nan],
        ]
    )
    assert run(op_type, data, axis=1, keepdims=0).tolist() == [1, 0, 3]
    assert run(op_type, data, axis=1, keepdims=0, select_last_index=1).tolist() == [
        3,
        0,
        3,
    ]


def test_empty_and_refusals() -> None:
    same(run("ArgMax", np.zeros((0, 3)), axis=1), np.zeros((0, 1), np.int64))
    same(run("ArgMax", np.zeros((3, 0)), axis=0), np.zeros((1, 0), np.int64))
    with pytest.raises(Fail, match="is empty"):
        run("ArgMax", np.zeros((3, 0)), axis=1)
    with pytest.raises(Fail, match="axis 2 is out of range"):
        run("ArgMin", np.zeros((3, 3)), axis=2)
