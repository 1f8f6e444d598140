"""MurmurHash3 against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils import murmurhash3_32

from sklort.exceptions import SklortError
from tests.ops.one_node import run, texts

OP: dict[str, Any] = {"domain": "com.microsoft", "version": 1}
SEEDS = [0, 1, 42, 2**31, 2**32 - 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("positive", [True, False])
def test_strings(seed: int, positive: bool) -> None:
    words = ["", "a", "ab", "abc", "abcd", "abcde", "é日本", "x" * 1001, "nul\0inside"]
    out = run("MurmurHash3", [texts(*words)], seed=seed, positive=int(positive), **OP)
    assert out.dtype == (np.uint32 if positive else np.int32)
    assert out.tolist() == [murmurhash3_32(word.encode(), seed, positive) for word in words]


@pytest.mark.parametrize("seed", SEEDS)
def test_int32(seed: int) -> None:
    x = np.array([[0, 1, -1], [2**31 - 1, -(2**31), 7]], np.int32)
    out = run("MurmurHash3", [x], seed=seed, positive=0, **OP)
    assert out.tolist() == murmurhash3_32(x, seed).tolist()
    assert run("MurmurHash3", [x.view(np.uint32)], seed=seed, positive=0, **OP).tolist() == out.tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float32, np.float64])
def test_other_numbers_are_hashed_by_their_bytes(dtype: Any) -> None:
    x = np.array([0, 1, 3, 250], dtype)
    out = run("MurmurHash3", [x], seed=3, **OP)
    assert out.tolist() == [murmurhash3_32(value.tobytes(), 3, True) for value in x]


def test_defaults_and_shapes() -> None:
    """Seed 0, and positive: what the operator's definition says, not what scikit-learn does."""
    out = run("MurmurHash3", [np.array([["foo"]], object)], **OP)
    assert out.dtype == np.uint32
    assert out.tolist() == [[murmurhash3_32(b"foo", 0, True)]]
    assert run("MurmurHash3", [np.empty((0, 2), object)], **OP).shape == (0, 2)


def test_wrong_inputs() -> None:
    with pytest.raises(SklortError, match="element type int8 is not supported"):
        run("MurmurHash3", [np.zeros(1, np.int8)], **OP)
