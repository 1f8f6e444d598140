"""Strings looked up by operators: a table that compares lengths and eight bytes before it reads more must not mistake one for
another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.one_node import ints, run, texts

RANDOM = np.random.default_rng(11)
LETTERS = list("ab\0é日")
"""Few letters: many strings begin alike, and a zero byte is no end."""


def drawn(count: int, longest: int) -> list[str]:
    return ["".join(RANDOM.choice(LETTERS, RANDOM.integers(0, longest + 1))) for _ in range(count)]


def near(keys: list[str]) -> list[str]:
    """The keys, and each with a letter more, less or other."""
    found = list(keys)
    for key in keys:
        at = int(RANDOM.integers(0, len(key) + 1))
        found += [key[:at] + "b" + key[at:], key[:at] + key[at + 1 :], key[:at] + "\0" + key[at + 1 :], key + "\0"]
    return found


@pytest.mark.parametrize("longest", [3, 8, 9, 16, 17, 60])
def test_random_keys(longest: int) -> None:
    keys = list(dict.fromkeys(drawn(400, longest)))
    asked = near(keys)
    where = {key: at for at, key in enumerate(keys)}
    found = run("LabelEncoder", [texts(*asked)], version=2, keys_strings=tuple(keys),
                values_int64s=ints(*range(len(keys))), default_int64=-1)  # fmt: skip
    assert found.tolist() == [where.get(each, -1) for each in asked]
    hot = run("OneHotEncoder", [texts(*asked)], cats_strings=tuple(keys), zeros=1)
    assert [row.nonzero()[0].tolist() for row in hot] == [[where[each]] if each in where else [] for each in asked]


@pytest.mark.parametrize("length", [*range(26), 1000])
def test_one_letter_differs(length: int) -> None:
    """At every place of a key, and its length by one."""
    key = "k" * length
    wrong = [key[:at] + "x" + key[at + 1 :] for at in range(length)] + [key + "k", key[1:] if key else "k"]
    encoded = run("LabelEncoder", [texts(key, *wrong)], version=2, keys_strings=(key,), values_int64s=ints(7),
                  default_int64=0)  # fmt: skip
    assert encoded.tolist() == [7] + [0] * len(wrong)


@pytest.mark.parametrize(("op_type", "first"), [("LabelEncoder", True), ("OneHotEncoder", False)])
def test_which_of_equal_keys(op_type: str, first: bool) -> None:
    keys = ("a", "a long key of words", "a", "b", "a long key of words")
    asked = texts("a", "a long key of words", "b")
    if op_type == "LabelEncoder":
        found = run(op_type, [asked], version=2, keys_strings=keys, values_int64s=ints(*range(5))).tolist()
    else:
        found = run(op_type, [asked], cats_strings=keys, zeros=1).argmax(axis=1).tolist()
    assert found == ([0, 1, 3] if first else [2, 4, 3])


def test_stop_words() -> None:
    words = drawn(200, 12)
    stop = words[::3]
    options: dict[str, Any] = {"domain": "", "version": 10, "is_case_sensitive": 1}
    kept = run("StringNormalizer", [texts(*words)], stopwords=tuple(stop), **options)
    assert kept.tolist() == ([word for word in words if word not in stop] or [""])


def test_a_text_longer_than_every_key() -> None:
    asked = texts("a" * 1_000_000, "", "ab")
    found = run("LabelEncoder", [asked], version=2, keys_strings=("ab", ""), values_int64s=ints(1, 2), default_int64=0)
    assert found.tolist() == [0, 2, 1]
