"""LabelEncoder and CategoryMapper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import floats, ints, run, texts

KEYS = {
    "strings": ("b", "ü", "", "a longer key than eight"),
    "int64s": ints(3, -1, 10**12, 0),
    "floats": floats(0.5, np.nan, -2, 0),
}
VALUES = {"strings": ("x", "é", "", "y"), "int64s": ints(9, 8, 7, -(2**62)), "floats": floats(1.5, np.nan, np.inf, -3)}
DEFAULTS = {"strings": "?", "int64s": -77, "floats": 0.25}
DEFAULT_NAME = {"strings": "default_string", "int64s": "default_int64", "floats": "default_float"}


def as_array(values: Any) -> np.ndarray:
    return texts(*values) if isinstance(values, tuple) else values


def encode(x: np.ndarray, version: int = 2, **attributes: Any) -> np.ndarray:
    return run("LabelEncoder", [x], version=version, **attributes)


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES)
def test_every_pair_of_lists(version: int, key: str, value: str) -> None:
    keys, values = as_array(KEYS[key]), as_array(VALUES[value])
    unseen = {"strings": texts("unseen", "B"), "int64s": ints(4, 2**62), "floats": floats(0.25, np.inf)}[key]
    x = np.concatenate([keys[::-1], unseen, keys[:1]])[:, None]
    y = encode(
        x, version, **{f"keys_{key}": KEYS[key], f"values_{value}": VALUES[value], DEFAULT_NAME[value]: DEFAULTS[value]}
    )
    want = np.concatenate(
        [values[::-1], as_array((DEFAULTS[value],) * 2) if value == "strings" else [DEFAULTS[value]] * 2, values[:1]]
    )
    assert y.shape == x.shape
    if value != "strings":
        assert y.dtype == values.dtype
    np.testing.assert_array_equal(y[:, 0], want.astype(y.dtype))


@pytest.mark.parametrize("key", ["float64", "float32", "int64", "int32", "int16", "uint8", "bool"])
@pytest.mark.parametrize("value", ["float64", "float32", "int64", "int32", "int16", "object"])
def test_tensors_of_every_type(key: str, value: str) -> None:
    keys = np.array([1, 0], key)
    values = texts("one", "zero") if value == "object" else np.array([11, 10], value)
    default = texts("none") if value == "object" else np.array([-1], value)
    x = np.array([0, 1, 1, 2, 0], key if key != "bool" else "int64")
    y = encode(x, 4, keys_tensor=keys, values_tensor=values, default_tensor=default)
    assert y.dtype == values.dtype
    np.testing.assert_array_equal(y, np.concatenate([values, default])[[1, 0, 0, 2, 1]])


@pytest.mark.parametrize(
    ("values", "default"),
    [(("v",), "_Unused"), (ints(1), -1), (floats(1), -0.0), (np.array([1], np.int16), -1), (np.array([1.0]), -0.0)],
)
def test_defaults_nobody_gave(values: Any, default: Any) -> None:
    name = {tuple: "values_strings"}.get(type(values)) or {"int64": "values_int64s", "float32": "values_floats"}.get(
        values.dtype.name, "values_tensor"
    )
    y = encode(ints(5), 4, keys_int64s=ints(1), **{name: values})
    assert y.tolist() == [default]
    if isinstance(default, float):
        assert np.signbit(y[0])


@pytest.mark.parametrize("version", [2, 4])
def test_nan_and_zero(version: int) -> None:
    x = np.array([np.nan, -np.nan, 0.0, -0.0, 1.0])
    for dtype in ("float32", "float64"):
        y = encode(x.astype(dtype), version, keys_floats=floats(np.nan, -0.0), values_int64s=ints(1, 2))
        np.testing.assert_array_equal(y, [1, 1, 2, 2, -1])


def test_the_first_of_equal_keys_counts() -> None:
    np.testing.assert_array_equal(encode(ints(1), keys_int64s=ints(1, 1), values_int64s=ints(5, 6)), [5])
    np.testing.assert_array_equal(encode(texts("a"), keys_strings=("a", "a"), values_int64s=ints(5, 6)), [5])
    y = encode(floats(np.nan), keys_floats=floats(np.nan, np.nan), values_int64s=ints(5, 6))
    np.testing.assert_array_equal(y, [5])


def test_mixed_types_of_numbers() -> None:
    attributes = {"keys_floats": floats(0.1, 3), "values_int64s": ints(1, 2)}
    np.testing.assert_array_equal(encode(np.array([0.1, np.float32(0.1), 3.0, 0.2]), **attributes), [1, 1, 2, -1])
    np.testing.assert_array_equal(encode(ints(3, 0), **attributes), [2, -1])
    np.testing.assert_array_equal(encode(np.array([3, 0], np.float16), **attributes), [2, -1])
    exact = {"keys_tensor": np.array([0.1]), "values_tensor": ints(1)}
    np.testing.assert_array_equal(encode(np.array([0.1, np.float32(0.1)]), 4, **exact), [1, -1])
    whole = {"keys_int64s": ints(1, 2**53), "values_int64s": ints(5, 6)}
    x = np.array([1.0, 1.5, np.nan, np.inf, 2.0**53, 1e300])
    np.testing.assert_array_equal(encode(x, **whole), [5, -1, -1, -1, 6, -1])


@pytest.mark.parametrize("shape", [(0,), (1, 1), (2, 3, 4), (40_000,)])
def test_shapes(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 40, size=shape)
    y = encode(x, keys_int64s=ints(range(0, 80, 2)), values_strings=tuple(f"n{i}" for i in range(40)))
    want = np.where(x % 2 == 0, np.char.add("n", (x // 2).astype(str)), "_Unused")
    np.testing.assert_array_equal(y.astype(str), want)


def test_version_1_goes_both_ways_by_position() -> None:
    classes = ("a", "ö", "c")
    np.testing.assert_array_equal(run("LabelEncoder", [texts("c", "x", "ö")], classes_strings=classes), [2, -1, 1])
    y = run("LabelEncoder", [texts("x")], classes_strings=classes, default_int64=7)
    np.testing.assert_array_equal(y, [7])
    y = run("LabelEncoder", [ints(2, 0, 3, -1)], classes_strings=classes)
    assert y.tolist() == ["c", "a", "_Unused", "_Unused"]


def test_category_mapper_goes_both_ways() -> None:
    attributes = {"cats_strings": ("a", "b", "c"), "cats_int64s": ints(5, 2**40, -3)}
    np.testing.assert_array_equal(run("CategoryMapper", [texts("b", "z", "c")], **attributes), [2**40, -1, -3])
    y = run("CategoryMapper", [ints(-3, 5, 0)], **attributes, default_string="none")
    assert y.tolist() == ["c", "a", "none"]


@pytest.mark.parametrize(
    ("x", "attributes", "error", "message"),
    [
        (ints(1), {"keys_int64s": ints(1, 2), "values_int64s": ints(1)}, InvalidGraph, "2 keys have 1 values"),
        (ints(1), {"keys_int64s": ints(1)}, InvalidGraph, "exactly one of the attributes 'values_floats'"),
        (
            ints(1),
            {"keys_int64s": ints(1), "keys_strings": ("a",), "values_int64s": ints(1)},
            InvalidGraph,
            "exactly one .*got 2",
        ),
        (
            ints(1),
            {"keys_strings": ("a",), "values_int64s": ints(1)},
            Fail,
            "keys are of string, the input is of int64",
        ),
        (
            texts("a"),
            {"keys_int64s": ints(1), "values_int64s": ints(1)},
            Fail,
            "keys are of int64, the input is of string",
        ),
        (
            ints(1),
            {"keys_int64s": ints(1), "values_int64s": ints(1), "default_tensor": ints(1, 2)},
            InvalidGraph,
            "must hold one element, got 2",
        ),
        (
            ints(1),
            {"keys_int64s": ints(1), "values_strings": ("a",), "default_tensor": ints(1)},
            InvalidGraph,
            "'default_tensor' is of int64",
        ),
    ],
)
def test_refusals(x: np.ndarray, attributes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        encode(x, 4, **attributes)


def test_category_mapper_refuses_lists_of_different_length() -> None:
    with pytest.raises(InvalidGraph, match="2 keys have 1 values"):
        run("CategoryMapper", [ints(1)], cats_strings=("a", "b"), cats_int64s=ints(1))
