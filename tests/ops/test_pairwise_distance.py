"""CDist and PairwiseDistance: the distances of SciPy and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import cosine_distances, haversine_distances, nan_euclidean_distances

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import instruction_set, run

# Those that add the same terms in the same order as SciPy.
SAME_BITS = ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "canberra", "braycurtis", "hamming")
TRUTHS = ("jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule", "hamming")
SHAPES = ((1, 1, 1), (5, 16, 3), (9, 17, 1), (37, 300, 11), (4, 33, 200))


def distances(x: np.ndarray, y: np.ndarray, metric: str, *, constant: bool = True, **options: Any) -> Any:
    options = {"domain": "ai.sklort", **options}
    return run(options.pop("op_type", "PairwiseDistance"), [x, y], constants=[1] * constant, metric=metric, **options)


def rows(shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(shape[0], shape[2])), rng.normal(size=(shape[1], shape[2]))
    x[0, 0] = y[-1, 0] = 0
    y[0] = x[0]
    return x, y


@pytest.mark.parametrize("metric", SAME_BITS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("constant", [False, True])
def test_bits_of_scipy(metric: str, shape: tuple[int, int, int], constant: bool) -> None:
    x, y = rows(shape)
    np.testing.assert_array_equal(distances(x, y, metric, constant=constant), cdist(x, y, metric))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("p", [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 7.0, np.inf])
def test_minkowski(shape: tuple[int, int, int], p: float) -> None:
    x, y = rows(shape)
    np.testing.assert_allclose(distances(x, y, "minkowski", p=p), cdist(x, y, "minkowski", p=p), rtol=1e-13)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("shape", [(5, 16, 3), (37, 300, 11)])
def test_angles(metric: str, shape: tuple[int, int, int]) -> None:
    x, y = rows(shape)
    got = distances(x, y, metric)
    np.testing.assert_allclose(got, cdist(x, y, metric), rtol=0, atol=1e-14)
    assert got[0, 0] == 0  # a row and itself, which SciPy gives 2e-16


@pytest.mark.parametrize("metric", TRUTHS)
def test_truths(metric: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 2, (20, 6)), rng.integers(0, 2, (30, 6))
    x[0] = y[0] = 0
    x[1] = y[1] = 1
    expected = cdist(x.astype(bool), y.astype(bool), metric)
    np.testing.assert_array_equal(distances(1.0 * x, 1.0 * y, metric), expected)
    if metric != "hamming":  # whatever is not 0 is true
        np.testing.assert_array_equal(distances(3.5 * x, -2.0 * y, metric), expected)


def test_jensen_shannon_and_haversine() -> None:
    x, y = rows((12, 40, 2))
    np.testing.assert_allclose(
        distances(abs(x) + 0.1, abs(y) + 0.1, "jensenshannon"),
        cdist(abs(x) + 0.1, abs(y) + 0.1, "jensenshannon"),
        rtol=1e-7,
        atol=1e-8,  # the root of a rounding error
    )
    np.testing.assert_allclose(distances(x, y, "haversine"), haversine_distances(x, y), rtol=1e-14)


def test_nan_euclidean() -> None:
    x, y = rows((12, 40, 5))
    x[0, 1] = x[1, :4] = y[3, 2] = y[4] = np.nan
    got, expected = distances(x, y, "nan_euclidean"), nan_euclidean_distances(x, y)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-7)  # scikit-learn's cancel
    assert got[0, 0] == 0
    assert np.isnan(got[:, 4]).all()


@pytest.mark.parametrize("metric", [*SAME_BITS, "cosine", "correlation"])
def test_float_is_the_double_rounded_once(metric: str) -> None:
    x, y = (array.astype(np.float32) for array in rows((37, 300, 11)))
    got = distances(x, y, metric)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, distances(x.astype(float), y.astype(float), metric).astype(np.float32))


@pytest.mark.parametrize(
    ("left", "right"),
    [(np.float32, np.float64), (np.float64, np.float32), (np.int64, np.float32), (np.int32, np.int64)],
)
@pytest.mark.parametrize("constant", [False, True])
def test_other_types_give_double(left: Any, right: Any, constant: bool) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(-9, 9, (5, 4)).astype(left), rng.integers(-9, 9, (20, 4)).astype(right)
    got = distances(x, y, "euclidean", constant=constant)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, cdist(x.astype(float), y.astype(float)))


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "canberra"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_is_at_no_distance_from_itself(metric: str, dtype: Any) -> None:
    x = (np.random.default_rng(3).normal(size=(40, 7)) * 1e-3 + 1e4).astype(dtype)
    got = distances(x, x, metric)
    assert (np.diag(got) == 0).all()
    np.testing.assert_array_equal(got, got.T)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "canberra", "cosine", "minkowski"])
def test_nan_spreads(metric: str) -> None:
    """SciPy's chebyshev passes over it."""
    x, y = rows((4, 20, 3))
    x[1, 0] = x[2, 2] = y[5, 1] = np.nan
    got = distances(x, y, metric, p=3.0)
    expected = np.isnan(x).any(axis=1)[:, None] | np.isnan(y).any(axis=1)
    np.testing.assert_array_equal(np.isnan(got), expected)


def test_cosine_of_zeros_is_scikit_learns() -> None:
    x, y = rows((4, 20, 3))
    x[1] = y[3] = y[7] = 0
    np.testing.assert_allclose(distances(x, y, "cosine"), cosine_distances(x, y), atol=1e-15)
    assert (distances(x, y, "cosine")[1] == 1).all()


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_cosine_of_extreme_rows(scale: float) -> None:
    x, y = rows((4, 20, 3))
    np.testing.assert_allclose(distances(x * scale, y, "cosine"), distances(x, y, "cosine"), atol=1e-15)


def test_correlation_of_a_constant_row_is_undefined() -> None:
    x, y = rows((4, 20, 3))
    x[1] = 0.1
    got = distances(x, y, "correlation")
    np.testing.assert_array_equal(np.isnan(got), np.arange(4)[:, None] == np.full(20, 1))


def test_empty() -> None:
    assert distances(np.zeros((0, 3)), np.zeros((5, 3)), "euclidean").shape == (0, 5)
    assert distances(np.zeros((2, 3)), np.zeros((0, 3)), "euclidean", constant=False).shape == (2, 0)
    np.testing.assert_array_equal(distances(np.zeros((2, 0)), np.zeros((3, 0)), "euclidean"), np.zeros((2, 3)))


@pytest.mark.parametrize("metric", [*SAME_BITS, "cosine", "minkowski", "jaccard"])
def test_bits_do_not_depend_on_batch_threads_and_instruction_set(metric: str) -> None:
    x, y = rows((200, 300, 11))
    expected = distances(x, y, metric, p=3.0, threads=1)
    np.testing.assert_array_equal(distances(x, y, metric, p=3.0, threads=4), expected)
    for size in (1, 3, 8, 33):
        part = distances(x[5 : 5 + size].copy(), y, metric, p=3.0)
        np.testing.assert_array_equal(part, expected[5 : 5 + size])
    for isa in _core.isas():
        with instruction_set(isa):
            np.testing.assert_array_equal(distances(x, y, metric, p=3.0), expected)


def test_the_power_may_be_an_integer() -> None:
    x, y = rows((5, 16, 3))
    np.testing.assert_array_equal(distances(x, y, "minkowski", p=3), distances(x, y, "minkowski", p=3.0))


@pytest.mark.parametrize(
    ("metric", "p", "sentence"),
    [("mahalanobis", 2.0, "no kernel for the metric 'mahalanobis'"), ("minkowski", 0.0, "must be positive")],
)
def test_unknown_metrics_are_refused(metric: str, p: float, sentence: str) -> None:
    assert sentence in _core.refuses("com.microsoft", "CDist", 1, {"metric": metric, "p": p})
    with pytest.raises(InvalidGraph, match=sentence.split("'")[0]):
        distances(np.zeros((1, 2)), np.zeros((1, 2)), metric, p=p)


def test_misfits() -> None:
    with pytest.raises(Fail, match="3 and 4 columns"):
        distances(np.zeros((1, 3)), np.zeros((1, 4)), "euclidean")
    with pytest.raises(Fail, match="needs 2 columns"):
        distances(np.zeros((1, 3)), np.zeros((1, 3)), "haversine", constant=False)
    with pytest.raises(Fail, match=r"two matrices.*\(3\)"):
        distances(np.zeros(3), np.zeros((1, 3)), "euclidean")


def test_cdist_defaults_to_squares() -> None:
    x, y = rows((5, 16, 3))
    got = run("CDist", [x, y], domain="com.microsoft")
    np.testing.assert_array_equal(got, cdist(x, y, "sqeuclidean"))
    np.testing.assert_array_equal(
        distances(x, y, "cosine"), distances(x, y, "cosine", domain="com.microsoft", op_type="CDist")
    )
