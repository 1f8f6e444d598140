"""Slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, ints, run, same

DATA = np.arange(4 * 5 * 6).reshape(4, 5, 6)
FAR = 2**63 - 1

bounds = st.one_of(st.integers(-9, 9), st.sampled_from([FAR, -FAR - 1, 2**31 - 1, -(2**31)]))
steps = st.one_of(st.integers(-7, 7).filter(bool), st.sampled_from([FAR, -FAR - 1]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(bounds, bounds, steps), min_size=1, max_size=3),
    st.permutations([0, 1, 2]),
    st.booleans(),
)
def test_any_bounds(slices: list[tuple[int, int, int]], axes: list[int], negative: bool) -> None:
    expected = DATA
    index = [slice(None)] * 3
    for (start, end, step), axis in zip(slices, axes, strict=False):
        dim = DATA.shape[axis]
        # A start before the first element, going backwards, is the first element: ONNX's one difference from Python.
        first = -dim if step < 0 and start < -dim else start
        index[axis] = slice(first, end, step)
    expected = DATA[tuple(index)]
    used = [axis - 3 * negative for axis in axes[: len(slices)]]
    starts, ends, by = (ints(*column) for column in zip(*slices, strict=True))
    for constants in ((), (1, 2, 3, 4)):
        same(
            run("Slice", DATA, starts, ends, ints(*used), by, constants=constants),
            expected,
        )


@pytest.mark.parametrize("dtype", [*NUMBERS, np.complex128])
def test_types(dtype: Any) -> None:
    data = DATA.astype(dtype)
    same(
        run("Slice", data, ints(1, 0), ints(3, 4), ints(0, 2), ints(1, 2)),
        data[1:3, :, 0:4:2],
    )
    same(run("Slice", data, ints(1), ints(3)), data[1:3])
    same(
        run("Slice", data, np.array([1], np.int32), np.array([FAR >> 32], np.int32)),
        data[1:],
    )


def test_version_1_takes_attributes() -> None:
    same(
        run(
            "Slice",
            DATA,
            version=1,
            starts=ints(1, -2),
            ends=ints(FAR, -1),
            axes=ints(0, 1),
        ),
        DATA[1:, -2:-1],
    )
    same(run("Slice", DATA, version=1, starts=ints(1), ends=ints(2)), DATA[1:2])


@pytest.mark.parametrize("version", [10, 11, 13])
def test_versions_texts_and_views(version: int) -> None:
    texts = DATA.astype(str).astype(object)
    got = run("Slice", texts, ints(-1), ints(-9), ints(1), ints(-2), version=version)
    assert got.tolist() == texts[:, ::-2].tolist()
    # One piece of the input's memory: the caller's array must not be handed out.
    got = run("Slice", DATA, ints(1), ints(2), version=version)
    assert not np.shares_memory(got, DATA)
    same(got, DATA[1:2])


def test_empty() -> None:
    same(run("Slice", DATA, ints(3), ints(1)), DATA[3:1])
    same(
        run("Slice", np.zeros((0, 3)), ints(-1), ints(-5), ints(0), ints(-1)),
        np.zeros((0, 3)),
    )
    same(run("Slice", DATA, ints(), ints(), ints()), DATA)


def test_refusals() -> None:
    with pytest.raises(Fail, match="a step is 0"):
        run("Slice", DATA, ints(0), ints(1), ints(0), ints(0))
    with pytest.raises(Fail, match="same length"):
        run("Slice", DATA, ints(0, 1), ints(1))
    with pytest.raises(Fail, match="axis 3 is out of range"):
        run("Slice", DATA, ints(0), ints(1), ints(3))
    with pytest.raises(Fail, match="named twice"):
        run("Slice", DATA, ints(0, 0), ints(1, 1), ints(0, -3))
    with pytest.raises(Fail, match="expected integers"):
        run("Slice", DATA, np.array([0.0]), np.array([1.0]))
