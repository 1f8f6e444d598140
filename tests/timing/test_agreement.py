"""Whether two answers are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklort.timing.agreement import agreement

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (np.array([1.0, NAN, INF]), np.array([1.0 + 1e-13, NAN, INF])),
        (np.array([1e20]), np.array([1e20 * (1 + 1e-13)])),
        (np.array(["a", "b"]), np.array(["a", "b"], dtype=object)),
        (np.array(["a", NAN], dtype=object), np.array(["a", NAN], dtype=object)),
        (np.array([True]), np.array([True])),
        (np.array([1, 2]), np.array([1, 2], dtype=np.int32)),
        ([np.array([1.0]), np.array([2])], [np.array([1.0]), np.array([2])]),
        ([{0: 0.25, 1: 0.75}] * 3, [{0: 0.25, 1: 0.75}] * 3),
        ({"a": [1.0]}, {"a": [1.0]}),
        (csr_matrix([[0.0, 1.0]]), np.array([[0.0, 1.0]])),
        (np.zeros((0, 2)), np.zeros((0, 2))),
        ([], []),
    ],
)
def test_the_same(truth: Any, answer: Any) -> None:
    found = agreement(truth, answer, 1e-12)
    assert found.difference == ""
    assert found.ok
    assert found.largest <= 1e-12


@pytest.mark.parametrize(
    ("truth", "answer", "sentence"),
    [
        (
            np.array([1.0, 2.0]),
            np.array([1.0, 2.1]),
            "1 of 2 numbers differ by more than 1e-12, by up to 5.0e-02; at [1]",
        ),
        (np.array([1.0]), np.array([NAN]), "by up to inf"),
        (np.array([INF]), np.array([-INF]), "by up to inf"),
        (np.array([1, 2]), np.array([1, 3]), "1 of 2 labels differ; at [1]"),
        (np.array(["a"]), np.array(["b"]), "1 of 1 labels differ"),
        (np.array(["a"], dtype=object), np.array([NAN], dtype=object), "1 of 1 labels differ"),
        (np.zeros((2, 1)), np.zeros(2), "float64 of shape (2,) instead of float64 of shape (2, 1)"),
        (np.zeros(2), np.zeros(2, dtype=int), "int64 of shape (2,) instead of float64 of shape (2,)"),
        ([np.zeros(1)] * 2, [np.zeros(1)], "a list of 1 instead of a list of 2"),
        ([np.zeros(1)], np.zeros(1), "float64 of shape (1,) instead of a list of 1"),
        ([np.zeros(1), np.ones(1)], [np.zeros(1), np.zeros(1)], "output 1: 1 of 1 numbers differ"),
        ([{0: 0.5, 1: 0.5}] * 2, [{0: 0.5, 1: 0.5}, {0: 0.4, 1: 0.6}], "2 of 4 numbers differ"),
        ([{0: 0.5}], [{1: 0.5}], "output 0: a dict with the keys 1 instead of 0"),
        ({"a": 1.0}, {"a": 2.0}, "a: 1 of 1 numbers differ"),
        ({"a": 1.0}, 3, "a dict with the keys of a int instead of 'a'"),
    ],
)
def test_not_the_same(truth: Any, answer: Any, sentence: str) -> None:
    found = agreement(truth, answer, 1e-12)
    assert not found.ok
    assert sentence in found.difference


def test_tolerance_is_relative_to_large_numbers_only() -> None:
    assert agreement(np.array([1e-9]), np.array([2e-9]), 1e-6).ok
    assert not agreement(np.array([1e9]), np.array([1.01e9]), 1e-6).ok
    assert agreement(np.array([1e9]), np.array([1e9 + 1]), 1e-6).largest == pytest.approx(1e-9)
