"""OneHotEncoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import ints, run, same_rows_in_any_batch, texts

WORDS = ("a", "", "ä", "été", "twelve chars", "日本語", "a much longer category, past every short case", "A", "aa", "1")


def expected(x: np.ndarray, categories: list[Any]) -> np.ndarray:
    return (x[..., None] == np.array(categories, x.dtype)).astype(np.float32)


@pytest.mark.parametrize("shape", [(200, 1), (40, 3), (10,), (0, 1), (1, 1)])
def test_text(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    pool = texts(*WORDS, "unseen", "twelve charz", "日本")
    x = rng.choice(pool, size=shape)
    y = run("OneHotEncoder", [x], cats_strings=WORDS)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, expected(x, list(WORDS)))
    np.testing.assert_array_equal(run("OneHotEncoder", [x.astype("U50")], cats_strings=WORDS), y)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32", "float64"])
@pytest.mark.parametrize("categories", [[3, 1, 2], [0, 10**6, 7], list(range(100)), [5]])
def test_integers(dtype: str, categories: list[int]) -> None:
    rng = np.random.default_rng(1)
    known = [c for c in categories if c < 256 or dtype != "uint8"]
    x = rng.choice([*known, 4, 99], size=(500, 2)).astype(dtype)
    np.testing.assert_array_equal(
        run("OneHotEncoder", [x], cats_int64s=ints(categories)), expected(x.astype("int64"), categories)
    )


def test_the_largest_integers() -> None:
    categories = [2**63 - 1, -(2**63), 0, -1]
    x = ints([*categories, 1, 2**62])
    np.testing.assert_array_equal(run("OneHotEncoder", [x], cats_int64s=ints(categories)), expected(x, categories))
    huge = np.array([2**64 - 1, 2**63 - 1, 2**63], np.uint64)
    np.testing.assert_array_equal(
        run("OneHotEncoder", [huge], cats_int64s=ints(categories)), [[0] * 4, [1, 0, 0, 0], [0] * 4]
    )


def test_reals_are_cut_to_integers() -> None:
    x = np.array([1.7, 1.0, -0.5, -1.2, np.nan, np.inf, -np.inf, 1e300, 2.0**63, -(2.0**63)])
    y = run("OneHotEncoder", [x], cats_int64s=ints(1, 0, -1))
    want = np.zeros((10, 3))
    want[[0, 1, 2, 3], [0, 0, 1, 2]] = 1
    np.testing.assert_array_equal(y, want)


def test_the_last_of_equal_categories_counts() -> None:
    np.testing.assert_array_equal(run("OneHotEncoder", [ints(1)], cats_int64s=ints(1, 2, 1)), [[0, 0, 1]])
    np.testing.assert_array_equal(run("OneHotEncoder", [texts("a")], cats_strings=("a", "b", "a")), [[0, 0, 1]])


def test_unseen_values_are_named_when_they_are_errors() -> None:
    x = np.full((30_000, 1), "a", object)
    np.testing.assert_array_equal(run("OneHotEncoder", [x], cats_strings=("a",), zeros=0), np.ones((30_000, 1, 1)))
    x[20_000], x[12_345] = "later", "schön"
    with pytest.raises(Fail, match="element 12345 is no category: 'schön'"):
        run("OneHotEncoder", [x], cats_strings=("a",), zeros=0)
    with pytest.raises(Fail, match="element 1 is no category: '-7'"):
        run("OneHotEncoder", [ints(1, -7)], cats_int64s=ints(1), zeros=0)


@pytest.mark.parametrize(
    ("x", "attributes", "error", "message"),
    [
        (ints(1), {"cats_strings": ("a",)}, Fail, "categories are strings, the input is of int64"),
        (texts("a"), {"cats_int64s": ints(1)}, Fail, "categories are integers, the input is of string"),
        (ints(1), {}, InvalidGraph, "exactly one"),
        (ints(1), {"cats_int64s": ints(1), "cats_strings": ("a",)}, InvalidGraph, "exactly one"),
    ],
)
def test_refusals(x: np.ndarray, attributes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run("OneHotEncoder", [x], **attributes)


def test_rows_do_not_depend_on_the_batch() -> None:
    x = np.random.default_rng(2).integers(0, 30, size=(20_001, 2))
    same_rows_in_any_batch("OneHotEncoder", x, cats_int64s=ints(range(20)))


def test_many_categories() -> None:
    names = tuple(f"category {i}" for i in range(5_000))
    x = texts(*names[::7], "category", "category 5000")
    hot = run("OneHotEncoder", [x], cats_strings=names)
    np.testing.assert_array_equal(hot.argmax(axis=1)[:-2], np.arange(0, 5_000, 7))
    np.testing.assert_array_equal(hot.sum(axis=1), [1] * (len(x) - 2) + [0, 0])
