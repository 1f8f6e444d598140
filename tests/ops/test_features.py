"""ArrayFeatureExtractor and FeatureVectorizer."""

from __future__ import annotations

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph
from tests.ops.one_node import ints, run


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool", "uint8", "float16", "object"])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("index", [[0], [2, 0, 2], [-1], [-3, 1], []])
@pytest.mark.parametrize("shape", [(50, 3), (1, 3), (0, 3), (2, 5, 3)])
def test_extractor_picks_along_the_last_axis(
    dtype: str, constant: bool, index: list[int], shape: tuple[int, ...]
) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    if dtype == "object":
        x = np.array([f"é{i}" for i in range(x.size)], object).reshape(shape)
    for at in (ints(index), ints(index)[None]):
        y = run("ArrayFeatureExtractor", [x, at], constants=[1] if constant else [])
        assert y.dtype == x.dtype
        np.testing.assert_array_equal(y, x[..., index])


def test_one_dimension_gives_one_row() -> None:
    y = run("ArrayFeatureExtractor", [np.array([5.0, 6.0, 7.0]), ints(2, 0)])
    np.testing.assert_array_equal(y, [[7.0, 5.0]])


@pytest.mark.parametrize("index", [3, -4, 2**40])
def test_an_index_out_of_range_is_an_error(index: int) -> None:
    with pytest.raises(InvalidArgument, match=f"index {index} is out of range for 3 columns"):
        run("ArrayFeatureExtractor", [np.zeros((2, 3)), ints(index)])


def test_an_index_must_be_an_integer() -> None:
    with pytest.raises(Fail, match="expected integers"):
        run("ArrayFeatureExtractor", [np.zeros((2, 3)), np.zeros(1)])


def test_many_rows() -> None:
    x = np.random.default_rng(0).normal(size=(70_001, 4))
    for index in ([1], [3, 1]):
        np.testing.assert_array_equal(run("ArrayFeatureExtractor", [x, ints(index)]), x[:, index])


@pytest.mark.parametrize("dtypes", [("float32", "int64"), ("float32", "float64"), ("int32", "bool")])
def test_vectorizer_joins_columns(dtypes: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    parts = [(4 * rng.normal(size=(100, width))).astype(dtype) for width, dtype in zip((3, 2), dtypes, strict=True)]
    y = run("FeatureVectorizer", parts, inputdimensions=ints(3, 2))
    assert y.dtype == (np.float64 if "float64" in dtypes else np.float32)
    np.testing.assert_array_equal(y, np.hstack(parts).astype(y.dtype))
    np.testing.assert_array_equal(run("FeatureVectorizer", parts), y)


def test_vectorizer_pads_and_cuts_to_the_declared_widths() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    y = run("FeatureVectorizer", [x, x], inputdimensions=ints(3, 1))
    np.testing.assert_array_equal(y, [[1, 2, 0, 1], [3, 4, 0, 3]])


def test_vectorizer_on_small_batches() -> None:
    assert run("FeatureVectorizer", [np.zeros((0, 2)), np.zeros((0, 1))]).shape == (0, 3)
    np.testing.assert_array_equal(
        run("FeatureVectorizer", [np.array([1.0, 2.0]), np.array([[3.0]])]), [[1.0, 2.0, 3.0]]
    )
    np.testing.assert_array_equal(run("FeatureVectorizer", [np.array([[[np.nan], [-0.0]]])]), [[np.nan, -0.0]])


def test_vectorizer_refusals() -> None:
    with pytest.raises(Fail, match="input 0 has 2 rows, input 1 has 3"):
        run("FeatureVectorizer", [np.zeros((2, 1)), np.zeros((3, 1))])
    with pytest.raises(InvalidGraph, match="has 1 numbers for 2 inputs"):
        run("FeatureVectorizer", [np.zeros((2, 1)), np.zeros((2, 1))], inputdimensions=ints(1))
    with pytest.raises(Fail, match="expected numbers, got string"):
        run("FeatureVectorizer", [np.array([["a"]], object)])
