"""NearestNeighbors: the same as sorting all distances, ties by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import instruction_set, program, run


def neighbors(x: np.ndarray, y: np.ndarray, k: int, *, constant: bool = True, **options: Any) -> Any:
    options = {"metric": "euclidean", **options}
    return run("NearestNeighbors", [x, y], constants=[1] * constant, domain="ai.sklort", outputs=2, k=k, **options)


def sorted_distances(x: np.ndarray, y: np.ndarray, k: int, metric: str = "euclidean") -> tuple[np.ndarray, np.ndarray]:
    """By what the distances are ranked by: squares stand for their roots. NaN comes last in NumPy's order too."""
    ranked = {"euclidean": "sqeuclidean"}.get(metric, metric)
    keys, values = (
        run("PairwiseDistance", [x, y], constants=[1], domain="ai.sklort", metric=name) for name in (ranked, metric)
    )
    order = np.argsort(keys, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, axis=1), order


def check(x: np.ndarray, y: np.ndarray, k: int, metric: str = "euclidean", **options: Any) -> None:
    expected = sorted_distances(x, y, k, metric)
    got = neighbors(x, y, k, metric=metric, **options)
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(got[0], expected[0])


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    "metric", ["euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "hamming", "jaccard"]
)
@pytest.mark.parametrize(("points", "features"), [(1, 1), (31, 2), (700, 3), (700, 20), (1100, 300)])
def test_ties_go_to_the_lower_index(metric: str, points: int, features: int, constant: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3, (70, features)) * 1.0, rng.integers(0, 3, (points, features)) * 1.0
    x[-1] = y[-1] = 0
    for k in {1, min(5, points), min(40, points)}:
        check(x, y, k, metric, constant=constant)


@pytest.mark.parametrize("k", [1, 5, 300, 700])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers(k: int, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(70, 20)).astype(dtype), rng.normal(size=(700, 20)).astype(dtype)
    # In double: a float distance would hide which one is nearer.
    got = neighbors(x, y, k)
    assert got[0].dtype == dtype
    expected = sorted_distances(x.astype(float), y.astype(float), k)
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(got[0], expected[0].astype(dtype))


def far_away(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """All estimates are alike: float cannot tell the points apart."""
    y = rng.normal(size=(600, 8)) * 1e-6 + 1e3
    return np.vstack([y[:20], rng.normal(size=(20, 8)) * 1e9]), y


def clusters(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The mean is far from every point, and points of a cluster are near each other."""
    y = rng.normal(size=(600, 8)) * 1e-4 + np.repeat(rng.normal(size=(3, 8)) * 1e3, 200, axis=0)
    return y[::13] + 1e-5, y


def copies(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(rng.normal(size=(1, 8)), 600, axis=0)
    return np.vstack([y[:1], rng.normal(size=(9, 8))]), y


def sorted_towards(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each point is nearer than all before it."""
    y = np.linspace(100, 1, 600)[:, None] * np.ones(8)
    return rng.normal(size=(40, 8)), y


def tiny(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(40, 8)) * 1e-30, rng.normal(size=(600, 8)) * 1e-30


def huge(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(40, 8)) * 1e30, rng.normal(size=(600, 8)) * 1e30


def huge_queries(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(40, 8)) * 10.0 ** np.arange(40)[:, None], rng.normal(size=(600, 8))


def sphere(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """All points of a sphere around the query, up to 1e-9; it touches their mean, where an estimate is not larger than its error."""
    way = rng.normal(size=(400, 8))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    x = np.eye(8)[:1]
    half = x + way * (1 + 1e-9 * rng.normal(size=(400, 1)))
    return np.vstack([x, -x]), np.vstack([half, -half])


@pytest.mark.parametrize("make", [sphere, far_away, clusters, copies, sorted_towards, tiny, huge, huge_queries])
@pytest.mark.parametrize("k", [1, 7])
def test_where_estimates_are_poor(make: Any, k: int) -> None:
    x, y = make(np.random.default_rng(2))
    for isa in _core.isas():
        with instruction_set(isa):
            check(x, y, k)


def test_rows_of_zeros_are_nearer_than_opposite_ones() -> None:
    rng = np.random.default_rng(6)
    x, y = abs(rng.normal(size=(9, 8))), -abs(rng.normal(size=(400, 8)))
    x[4] = 0
    check(x, y, 3, "cosine")
    y[300] = 0
    check(x, y, 3, "cosine")
    assert (neighbors(x, y, 3, metric="cosine")[1][:4, 0] == 300).all()


def test_infinities_and_nan_come_last() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(9, 8)), rng.normal(size=(400, 8))
    x[3, 0], x[4, 1], x[5] = np.nan, np.inf, 1e200
    for bad in (0, 300):
        y[5 : 5 + bad, 2] = np.inf
        y[50 : 50 + bad, 3] = np.nan
        for k in (3, 150, 400):
            check(x, y, k)
    np.testing.assert_array_equal(neighbors(x, y, 3)[1][3], [0, 1, 2])


def test_batches_threads_and_instruction_sets_agree() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 5, (300, 16)) * 1.0, rng.integers(0, 5, (500, 16)) * 1.0
    expected = neighbors(x, y, 6, threads=1)
    for isa in _core.isas():
        with instruction_set(isa):
            for one, other in zip(neighbors(x, y, 6, threads=4), expected, strict=True):
                np.testing.assert_array_equal(one, other)
    for size in (1, 7, 40):
        for one, other in zip(neighbors(x[9 : 9 + size].copy(), y, 6), expected, strict=True):
            np.testing.assert_array_equal(one, other[9 : 9 + size])


def test_the_neighbours_of_scikit_learn() -> None:
    """Sets of distances are equal, bit by bit on integers; which of equals is taken, scikit-learn leaves to chance."""
    digits = load_digits().data
    x = digits[::17] + np.random.default_rng(5).integers(0, 2, digits[::17].shape)
    got, index = neighbors(x, digits, 5)
    for algorithm in ("brute", "kd_tree"):
        expected, other = NearestNeighbors(n_neighbors=5, algorithm=algorithm).fit(digits).kneighbors(x)
        np.testing.assert_array_equal(got, expected)
        tied = (np.diff(expected, axis=1) == 0).any(axis=1)
        clear = ~tied & (np.sort(((digits - x[:, None]) ** 2).sum(2), axis=1)[:, 5] > expected[:, -1] ** 2 + 1e-9)
        assert clear.mean() > 0.5
        np.testing.assert_array_equal(index[clear], other[clear])


def test_empty() -> None:
    distances, index = neighbors(np.zeros((0, 3)), np.zeros((5, 3)), 2)
    assert distances.shape == index.shape == (0, 2)


def test_misfits() -> None:
    with pytest.raises(Fail, match="at least k = 4 rows.*got 3"):
        neighbors(np.zeros((1, 2)), np.zeros((3, 2)), 4)
    with pytest.raises(InvalidGraph, match="'k' is 0"):
        program("NearestNeighbors", [np.zeros((1, 2))] * 2, domain="ai.sklort", outputs=2, k=0)
