"""Identity, Reshape, Flatten, Squeeze, Unsqueeze, Shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import ints, run, same

DATA = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ((4, 6), (4, 6)),
        ((-1,), (24,)),
        ((0, -1), (2, 12)),
        ((0, 0, 2, 2), (2, 3, 2, 2)),
        ((1, 0, -1), (1, 3, 8)),
        ((24, -1), (24, 1)),
    ],
)
def test_reshape(wanted: tuple[int, ...], shape: tuple[int, ...]) -> None:
    for constants in ((), (1,)):
        same(
            run("Reshape", DATA, ints(*wanted), constants=constants),
            DATA.reshape(shape),
        )
    same(run("Reshape", DATA, version=1, shape=ints(*wanted)), DATA.reshape(shape))
    texts = DATA.astype(str).astype(object)
    assert run("Reshape", texts, ints(*wanted)).tolist() == texts.reshape(shape).tolist()


def test_reshape_of_nothing_and_of_a_scalar() -> None:
    same(run("Reshape", np.array(3.0), ints(1, 1)), np.array([[3.0]]))
    same(run("Reshape", np.array([3.0]), ints()), np.array(3.0))
    same(run("Reshape", np.zeros((0, 3)), ints(0, -1)), np.zeros((0, 0)))
    same(run("Reshape", np.zeros((0, 3)), ints(3, 0), allowzero=1), np.zeros((3, 0)))


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ((5, 5), "cannot reshape 24 elements"),
        ((-1, -1), "more than one dimension open"),
        ((-2, 12), "is -2"),
        ((2, 3, 4, 0), "copies dimension 3 of a tensor of rank 3"),
        ((5, -1), "cannot reshape"),
        ((2**32, 2**32), "does not fit into memory"),
    ],
)
def test_reshape_refusals(wanted: tuple[int, ...], match: str) -> None:
    with pytest.raises(Fail, match=match):
        run("Reshape", DATA, ints(*wanted))


@pytest.mark.parametrize(
    ("axis", "shape"),
    [
        (0, (1, 24)),
        (1, (2, 12)),
        (2, (6, 4)),
        (3, (24, 1)),
        (-1, (6, 4)),
        (-3, (1, 24)),
    ],
)
def test_flatten(axis: int, shape: tuple[int, ...]) -> None:
    same(run("Flatten", DATA, axis=axis), DATA.reshape(shape))
    with pytest.raises(Fail, match="axis 4 is out of range"):
        run("Flatten", DATA, axis=4)


def test_squeeze_and_unsqueeze() -> None:
    data = np.arange(6).reshape(1, 2, 1, 3)
    same(run("Squeeze", data), data.squeeze())
    same(run("Squeeze", data, ints(0)), data[0])
    same(run("Squeeze", data, ints(-2)), data[:, :, 0])
    same(run("Squeeze", data, version=11, axes=ints(0, 2)), data.squeeze())
    same(run("Unsqueeze", DATA, ints(0, -1)), DATA[None, ..., None])
    same(run("Unsqueeze", DATA, version=11, axes=ints(1, 3)), DATA[:, None, :, None, :])
    same(run("Unsqueeze", np.array(5), ints(0)), np.array([5]))
    with pytest.raises(Fail, match="cannot drop axis 1 of size 2"):
        run("Squeeze", data, ints(1))
    with pytest.raises(Fail, match="named twice"):
        run("Unsqueeze", data, ints(0, 0))


@pytest.mark.parametrize(
    "value",
    [
        DATA,
        np.array(["a", "é"], object),
        np.array(True),
        [np.zeros(2), np.ones(1)],
        {1: 2.0},
    ],
)
def test_identity(value: Any) -> None:
    got = run("Identity", value)
    if isinstance(value, np.ndarray):
        same(got, value)
        assert not np.shares_memory(got, value)
    else:
        np.testing.assert_equal(got, value)


def test_shape() -> None:
    same(run("Shape", DATA), ints(2, 3, 4))
    same(run("Shape", np.array(1)), np.zeros(0, np.int64))
    for start, end in [(0, 2), (1, 9), (-1, 3), (-9, -1), (2, 1)]:
        same(
            run("Shape", DATA, version=15, start=start, end=end),
            ints(*DATA.shape[start:end]),
        )
