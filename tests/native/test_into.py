"""Outputs that are put into arrays of the caller: the bits of a run without them, and nothing written that does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail
from tests.native.test_row_blocks import FLOAT, STRING, build

MANY, FEW = 50_000, 3  # rows that are cut into blocks, and rows that are not


def square() -> _core.Program:
    program = build(FLOAT, [-1, 4], ("", "Mul", 14, {}, ["@", "X"]))
    assert program.block_rows
    return program


def values(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, 4)).astype(np.float32)


@pytest.mark.parametrize("rows", [MANY, FEW, 1, 0])
@pytest.mark.parametrize("timed", [False, True])
def test_an_output_is_put_into_an_array_that_fits(rows, timed):
    X = values(rows)
    target = np.full((rows, 4), 7, np.float32)
    (found,) = square().run([X], None, [] if timed else None, [target])
    assert found is target
    np.testing.assert_array_equal(target, X * X)


@pytest.mark.parametrize("rows", [MANY, FEW])
def test_a_program_that_is_not_by_rows(rows):
    program = build(FLOAT, [-1, 4], ("", "CumSum", 14, {}, ["@", np.array(0)]))
    assert not program.block_rows
    X = values(rows)
    (expected,) = program.run([X])
    target = np.zeros_like(X)
    for _ in range(3):
        (found,) = program.run([X], None, None, [target])
        assert found is target
        np.testing.assert_array_equal(target, expected)
        (fresh,) = program.run([X])
        assert not np.shares_memory(fresh, target)


@pytest.mark.parametrize("rows", [MANY, FEW])
def test_arrays_that_do_not_fit_are_left_alone(rows):
    X = values(rows)
    read_only = np.zeros((rows, 4), np.float32)
    read_only.flags.writeable = False
    wide = np.zeros((rows, 8), np.float32)
    unaligned = np.zeros(rows * 16 + 1, np.uint8)[1:].view(np.float32).reshape(rows, 4)
    for target in (
        np.zeros((rows, 4)),
        np.zeros((rows, 4), ">f4"),
        np.zeros((rows + 1, 4), np.float32),
        np.zeros((rows, 2), np.float32),
        np.zeros(rows * 4, np.float32),
        np.zeros((rows, 4), np.float32, order="F"),
        np.zeros((rows, 4), object),
        np.zeros((1,) * 20),
        wide[:, ::2],
        unaligned,
        read_only,
        None,
        "no array",
    ):
        (found,) = square().run([X], None, None, [target])
        assert found is not target
        np.testing.assert_array_equal(found, X * X)
        assert not isinstance(target, np.ndarray) or not np.shares_memory(found, target)
        assert not isinstance(target, np.ndarray) or not np.any(target.astype(float))


@pytest.mark.parametrize("rows", [MANY, FEW])
@pytest.mark.parametrize("shift", [0, 4, -4, 400, 1, -3])
def test_memory_of_an_input_is_not_written_to_while_it_is_read(rows, shift):
    memory = np.zeros(rows * 4 + 1000, np.float32)
    X = memory[500 : 500 + rows * 4].reshape(rows, 4)
    X[...] = values(rows)
    before = X.copy()
    target = memory[500 + shift : 500 + shift + rows * 4].reshape(rows, 4)
    (found,) = square().run([X], None, None, [target])
    assert (found is target) == (not np.shares_memory(X, target))
    np.testing.assert_array_equal(found, before * before)
    np.testing.assert_array_equal(X, before)


def test_several_outputs():
    builder = _core.ProgramBuilder(3)
    builder.input(0, "X", FLOAT, [-1, 4])
    builder.step("a", "", "Neg", 13, {}, [0], [1], [])
    builder.step("b", "", "Abs", 13, {}, [0], [2], [])
    for slot in (1, 2):
        builder.output(slot, f"Y{slot}", FLOAT)
    program = builder.build()
    for rows in (MANY, FEW):
        X = values(rows)
        both = np.zeros((2, rows, 4), np.float32)
        first, second = both[0], both[1]
        found = program.run([X], None, None, [first, second])
        assert found[0] is first
        assert found[1] is second
        np.testing.assert_array_equal(both, [-X, abs(X)])
        one = np.zeros((rows, 4), np.float32)
        found = program.run([X], None, None, [None, one])
        assert found[1] is one
        np.testing.assert_array_equal(found, [-X, abs(X)])
        found = program.run([X], None, None, [one, one])  # the second is put there: the first is a fresh array
        assert found[1] is one
        assert not np.shares_memory(found[0], one)
        np.testing.assert_array_equal(found, [-X, abs(X)])
        for wrong in ([one], [one] * 3, (one, one), 3):
            with pytest.raises(ValueError, match="entry for each output"):
                program.run([X], None, None, wrong)


def test_strings_are_never_written():
    program = build(STRING, [-1], ("", "Identity", 16, {}, ["@"]))
    target = np.full(3, "kept", object)
    (found,) = program.run([np.array(["a", "b", "c"])], None, None, [target])
    assert found is not target
    assert found.tolist() == ["a", "b", "c"]
    assert target.tolist() == ["kept"] * 3


def test_a_failing_run_raises_and_the_next_one_is_whole():
    program = build(7, [-1, 1], ("", "Div", 14, {}, [np.array([[100]]), "X"]))
    X = np.ones((MANY, 1), np.int64)
    X[MANY // 2] = 0
    target = np.zeros((MANY, 1), np.int64)
    with pytest.raises(Fail, match="zero"):
        program.run([X], None, None, [target])
    X[MANY // 2] = 50
    (found,) = program.run([X], None, None, [target])
    assert found is target
    np.testing.assert_array_equal(target, 100 // X)
