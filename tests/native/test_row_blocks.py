"""Programs that run a block of rows at a time give the bits of the whole batch; programs that may not, do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail

FLOAT, INT64, STRING, DOUBLE = 1, 7, 8, 11
ML = "ai.onnx.ml"
Step = tuple[str, str, int, dict[str, Any], list[Any]]


def build(dtype: int, shape: list[int], *steps: Step) -> _core.Program:
    """A chain: each step reads "@" (the value before it), "X" (the input) or arrays, and makes one value."""
    constants = [x for *_, inputs in steps for x in inputs if isinstance(x, np.ndarray)]
    builder = _core.ProgramBuilder(1 + len(constants) + len(steps))
    builder.input(0, "X", dtype, shape)
    for slot, array in enumerate(constants, 1):
        builder.constant(slot, array)
    next_constant, made = 1, 0
    for number, (domain, op_type, version, attributes, inputs) in enumerate(steps):
        slots = []
        for x in inputs:
            if isinstance(x, np.ndarray):
                slots.append(next_constant)
                next_constant += 1
            else:
                slots.append(made if x == "@" else 0)
        out = 1 + len(constants) + number
        builder.step(op_type, domain, op_type, version, attributes, slots, [out], [])
        made = out
    builder.output(made, "Y", 0)
    return builder.build()


def rows(count: int, columns: int = 4) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(count, columns))
    values[::17, 0] = np.nan
    return values


BY_ROWS: dict[str, tuple[Step, ...]] = {
    "unary": (("", "Abs", 13, {}, ["@"]), ("", "Sigmoid", 13, {}, ["@"])),
    "broadcast a row": (
        ("", "Sub", 14, {}, ["@", np.arange(4.0)]),
        ("", "Div", 14, {}, ["@", np.array([[1.0, 2, 3, 4]])]),
    ),
    "two values by rows": (("", "Neg", 13, {}, ["@"]), ("", "Mul", 14, {}, ["@", "X"])),
    "where": (("", "IsNaN", 13, {}, ["@"]), ("", "Where", 16, {}, ["@", np.zeros(4), "X"])),
    "product": (("", "MatMul", 13, {}, ["@", np.linspace(-1, 1, 12).reshape(4, 3)]), ("", "Softmax", 13, {}, ["@"])),
    "vector product": (("", "MatMul", 13, {}, ["@", np.ones(4)]), ("", "Greater", 13, {}, ["@", np.array(0.5)])),
    "gemm": (("", "Gemm", 13, {"transB": 1}, ["@", np.linspace(-1, 1, 8).reshape(2, 4), np.array([1.0, 2.0])]),),
    "concatenation": (("", "Abs", 13, {}, ["@"]), ("", "Concat", 13, {"axis": 1}, ["@", "X"])),
    "reshape": (("", "Reshape", 14, {}, ["@", np.array([-1, 2, 2])]), ("", "Reshape", 14, {}, ["@", np.array([0, 4])])),
    "label": (
        ("", "ArgMax", 13, {"axis": 1, "keepdims": 0}, ["@"]),
        ("", "Gather", 13, {}, [np.array([7, 8, 9, 5]), "@"]),
    ),
    "reduction": (("", "ReduceSum", 13, {}, ["@", np.array([1])]),),
    "columns": (
        ("", "Gather", 13, {"axis": 1}, ["@", np.array([2, 0])]),
        (ML, "ArrayFeatureExtractor", 1, {}, ["@", np.array([1])]),
    ),
    "axes": (("", "Unsqueeze", 13, {}, ["@", np.array([1])]), ("", "Squeeze", 13, {}, ["@", np.array([1])])),
    "flatten": (("", "Reshape", 14, {}, ["@", np.array([0, 2, 2])]), ("", "Flatten", 13, {}, ["@"])),
    "scaler": (
        (ML, "Scaler", 1, {"offset": np.array([1.0], np.float32), "scale": np.array([2.0], np.float32)}, ["@"]),
    ),
    "normalizer": ((ML, "Normalizer", 1, {"norm": "L2"}, ["@"]),),
    "lines": (("", "LpNormalization", 1, {"p": 1}, ["@"]), ("", "Hardmax", 13, {}, ["@"])),
    "distances": (
        ("com.microsoft", "CDist", 1, {"metric": "euclidean"}, ["@", np.linspace(-1, 1, 20).reshape(5, 4)]),
        ("ai.sklort", "PairwiseDistance", 1, {"metric": "chebyshev"}, ["@", np.eye(5)]),
    ),
    "neighbours": (("ai.sklort", "NearestNeighbors", 1, {"k": 2}, ["@", np.linspace(-1, 1, 20).reshape(5, 4)]),),
}

NOT_BY_ROWS: dict[str, tuple[Step, ...]] = {
    "reduction over the rows": (("", "ReduceSum", 13, {"keepdims": 1}, ["@", np.array([0])]),),
    "reduction over everything": (("", "ReduceMax", 13, {}, ["@"]),),
    "softmax over the rows": (("", "Softmax", 13, {"axis": 0}, ["@"]),),
    "softmax over the rows, by a negative axis": (("", "Softmax", 13, {"axis": -2}, ["@"]),),
    "rows flattened": (("", "Reshape", 14, {}, ["@", np.array([-1])]),),
    "two rows in one": (("", "Reshape", 14, {}, ["@", np.array([-1, 8])]),),
    "transposition": (("", "Transpose", 13, {}, ["@"]),),
    "concatenation of rows": (("", "Concat", 13, {"axis": 0}, ["@", "X"]),),
    "cumulation": (("", "CumSum", 14, {}, ["@", np.array(0)]),),
    "rows picked": (("", "Gather", 13, {"axis": 0}, ["@", np.array([0, 1])]),),
    "a constant row for each row": (("", "Add", 14, {}, ["@", np.zeros((6000, 4))]),),
    "labels along the rows": (("", "ArgMax", 13, {"axis": 0}, ["@"]),),
    "a vector against its own axis": (
        ("", "ReduceSum", 13, {"keepdims": 0}, ["@", np.array([1])]),
        ("", "Add", 14, {}, ["@", np.zeros(6000)]),
    ),
    "squares": (("", "MatMul", 13, {}, ["@", "X"]),),
    "distances between the rows": (("com.microsoft", "CDist", 1, {"metric": "euclidean"}, ["@", "X"]),),
    "lines along the rows": (("", "LpNormalization", 1, {"axis": 0}, ["@"]),),
    "an equation": (("", "Einsum", 12, {"equation": "ij->ij"}, ["@"]),),
}


@pytest.mark.parametrize("name", BY_ROWS)
@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_give_the_bits_of_single_rows(name: str, threads: int) -> None:
    compiled = build(DOUBLE, [-1, 4], *BY_ROWS[name])
    assert compiled.block_rows > 0
    x = rows(2 * compiled.block_rows + 300)
    _core.set_thread_limit(threads)
    try:
        (got,) = compiled.run([x])
    finally:
        _core.set_thread_limit(0)
    single = np.concatenate([compiled.run([x[i : i + 1]])[0] for i in range(0, len(x), 97)])
    np.testing.assert_array_equal(got[::97], single)
    (small,) = compiled.run([x[:200]])  # at once
    np.testing.assert_array_equal(got[:200], small)
    assert got.shape == (len(x), *small.shape[1:])
    assert got.dtype == small.dtype


@pytest.mark.parametrize("name", NOT_BY_ROWS)
def test_what_mixes_rows_is_never_cut(name: str) -> None:
    steps = NOT_BY_ROWS[name]
    assert build(DOUBLE, [-1, 4], *steps).block_rows == 0


def test_an_input_of_unknown_rank_or_of_fixed_rows_is_never_cut() -> None:
    assert build(DOUBLE, [6000, 4], ("", "Abs", 13, {}, ["@"])).block_rows == 0
    builder = _core.ProgramBuilder(2)
    builder.input(0, "X", DOUBLE, None)
    builder.step("Abs", "", "Abs", 13, {}, [0], [1], [])
    builder.output(1, "Y", 0)
    assert builder.build().block_rows == 0


def test_strings_that_a_block_makes_are_not_lost() -> None:
    compiled = build(DOUBLE, [-1, 4], ("", "Cast", 13, {"to": STRING}, ["@"]))
    x = np.arange(4.0 * 5000).reshape(-1, 4)
    (got,) = compiled.run([x])
    assert got[4999].tolist() == compiled.run([x[4999:]])[0][0].tolist()


def test_strings_of_the_model_and_of_the_input() -> None:
    encode: Step = (
        ML,
        "LabelEncoder",
        2,
        {"keys_strings": ("a", "b"), "values_int64s": np.array([1, 2]), "default_int64": -1},
        ["@"],
    )
    decode: Step = (
        ML,
        "LabelEncoder",
        2,
        {"keys_int64s": np.array([1, 2]), "values_strings": ("A", "B"), "default_string": "?"},
        ["@"],
    )
    compiled = build(STRING, [-1, 1], encode, decode)
    assert compiled.block_rows > 0
    x = np.array(["a", "b", "c"] * 3000, object).reshape(-1, 1)
    assert compiled.run([x])[0].ravel().tolist() == ["A", "B", "?"] * 3000


def test_an_error_speaks_of_the_whole_batch() -> None:
    compiled = build(STRING, [-1, 1], (ML, "OneHotEncoder", 1, {"cats_strings": ("a", "b"), "zeros": 0}, ["@"]))
    x = np.full((9000, 1), "a", object)
    x[8123] = "new"
    with pytest.raises(Fail, match="element 8123 is no category: 'new'"):
        compiled.run([x])
    assert compiled.run([x[:8000]])[0].shape == (8000, 1, 2)
