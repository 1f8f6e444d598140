"""Operators on sequences, against lists and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort import InferenceSession
from sklort.exceptions import Fail
from sklort.graph.save import to_bytes
from sklort.graph.text import parse
from tests.ops.one_node import run

A, B, C = (np.arange(6, dtype=np.float32).reshape(2, 3) + 10 * i for i in range(3))
ITEMS = [A, B, C]


def node(op_type: str, inputs: list[Any], **options: Any) -> Any:
    return run(op_type, inputs, domain="", version=17, **options)


def equal(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_construct_and_length():
    equal(node("SequenceConstruct", ITEMS), ITEMS)
    assert node("SequenceLength", [ITEMS]) == 3
    assert node("SequenceLength", [[]]) == 0
    assert node("SequenceEmpty", []) == []


@pytest.mark.parametrize("position", [-3, -1, 0, 2])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_positions(position, dtype):
    at = np.array(position, dtype)
    np.testing.assert_array_equal(node("SequenceAt", [ITEMS, at]), ITEMS[position])
    erased, inserted = ITEMS.copy(), ITEMS.copy()
    erased.pop(position)
    inserted.insert(position, A)
    equal(node("SequenceErase", [ITEMS, at]), erased)
    equal(node("SequenceInsert", [ITEMS, A, at]), inserted)


def test_positions_at_the_end_and_beyond():
    equal(node("SequenceInsert", [ITEMS, A]), [*ITEMS, A])
    equal(node("SequenceInsert", [ITEMS, A, np.array(3)]), [*ITEMS, A])
    equal(node("SequenceErase", [ITEMS]), ITEMS[:2])
    for op, inputs in (("SequenceAt", [ITEMS]), ("SequenceErase", [ITEMS]), ("SequenceInsert", [ITEMS, A])):
        for position in (4, -4):
            with pytest.raises(Fail, match=f"position {position} is not in a sequence of 3"):
                node(op, [*inputs, np.array(position)])
    with pytest.raises(Fail, match="the sequence is empty"):
        node("SequenceErase", [[]])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(axis):
    np.testing.assert_array_equal(node("ConcatFromSequence", [ITEMS], axis=axis), np.concatenate(ITEMS, axis))
    np.testing.assert_array_equal(node("ConcatFromSequence", [ITEMS], axis=axis, new_axis=1), np.stack(ITEMS, axis))
    mixed = [A, B.astype(np.float64), C[:, :0] if axis else C[:0]]
    found = node("ConcatFromSequence", [mixed], axis=axis)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.concatenate(mixed, axis))


def test_concat_of_strings_and_what_does_not_fit():
    words = [np.array(["a", "bc"], object), np.array(["ß"], object)]
    assert node("ConcatFromSequence", [words], axis=0).tolist() == ["a", "bc", "ß"]
    with pytest.raises(Fail, match=r"item 1 has shape \(2, 2\), which does not fit the first, \(2, 3\)"):
        node("ConcatFromSequence", [[A, B[:, :2]]], axis=0)
    with pytest.raises(Fail, match="there is nothing to join"):
        node("ConcatFromSequence", [[]], axis=0)


@pytest.mark.parametrize("axis", [0, 1, -2])
def test_split(axis):
    X = np.arange(20).reshape(4, 5)
    parts = [X.take([i], axis) for i in range(X.shape[axis])]
    equal(node("SplitToSequence", [X], axis=axis), parts)
    equal(node("SplitToSequence", [X], axis=axis, keepdims=0), [part.squeeze(axis) for part in parts])
    pairs = np.split(X, range(2, X.shape[axis], 2), axis)
    equal(node("SplitToSequence", [X, np.array(2)], axis=axis), pairs)
    equal(node("SplitToSequence", [X, np.array(2)], axis=axis, keepdims=0), pairs)  # keepdims counts without sizes only
    rest = X.shape[axis] - 3
    equal(node("SplitToSequence", [X, np.array([3, 0, rest])], axis=axis), np.split(X, [3, 3], axis))
    with pytest.raises(Fail, match="the parts have 3 of the"):
        node("SplitToSequence", [X, np.array([1, 2])], axis=axis)
    with pytest.raises(Fail, match="must be positive, got 0"):
        node("SplitToSequence", [X, np.array(0)], axis=axis)


def test_rows_of_a_zipmap():
    body = """m = ai.onnx.ml.ZipMap<classlabels_int64s = [3, 5]>(X) R = SequenceAt(m, i) L = SequenceLength(m)
        s = SequenceErase(m, i) S = SequenceInsert(s, R)"""
    model = parse(
        f'<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]> g (float[N, 2] X, int64 i) => '
        f"(map(int64, float) R, int64 L, seq(map(int64, float)) S) {{ {body} }}"
    )
    X = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    session = InferenceSession(to_bytes(model))
    row, length, rows = session.run(None, {"X": X, "i": np.array(-2)})
    assert row == {3: 3.0, 5: 4.0}
    assert length == 3
    assert rows == [{3: 1.0, 5: 2.0}, {3: 5.0, 5: 6.0}, {3: 3.0, 5: 4.0}]
    assert {each.provider for each in session.explain().nodes} == {"CPUExecutionProvider"}
