"""ZipMap, DictVectorizer and CastMap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import ints, run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("labels", [{"classlabels_int64s": ints(4, -2)}, {"classlabels_strings": ("no", "ja é")}])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_zip_map_gives_a_dict_for_each_row(dtype: str, labels: dict[str, Any], rows: int) -> None:
    x = np.random.default_rng(0).random((rows, 2)).astype(dtype)
    keys = [key if isinstance(key, str) else int(key) for key in next(iter(labels.values()))]
    y = run("ZipMap", [x], **labels)
    assert y == [dict(zip(keys, map(float, row), strict=True)) for row in x]


def test_zip_map_takes_one_dimension_as_one_row() -> None:
    assert run("ZipMap", [np.array([0.25, 0.75])], classlabels_int64s=ints(0, 1)) == [{0: 0.25, 1: 0.75}]


def test_zip_map_refusals() -> None:
    with pytest.raises(Fail, match=r"expected 3 columns .*, got 2"):
        run("ZipMap", [np.ones((1, 2))], classlabels_int64s=ints(1, 2, 3))
    with pytest.raises(InvalidGraph, match="is missing"):
        run("ZipMap", [np.ones((1, 2))])
    with pytest.raises(InvalidGraph, match="exclude each other"):
        run("ZipMap", [np.ones((1, 2))], classlabels_int64s=ints(1, 2), classlabels_strings=("a", "b"))
    with pytest.raises(Fail, match="expected float or double, got int64"):
        run("ZipMap", [np.ones((1, 2), np.int64)], classlabels_int64s=ints(1, 2))


def test_dict_vectorizer_places_values() -> None:
    words = {"string_vocabulary": ("b", "a", "é")}
    np.testing.assert_array_equal(run("DictVectorizer", [{"a": 1.5, "é": 2.5}], **words), [[0, 1.5, 2.5]])
    y = run("DictVectorizer", [{"a": 1, "unknown": 9}], **words)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, [[0, 1, 0]])
    y = run("DictVectorizer", [{7: 0.5, 3: 1.0, 8: 4.0}], int64_vocabulary=ints(3, 7))
    np.testing.assert_array_equal(y, [[1.0, 0.5]])
    assert run("DictVectorizer", [{7: "x"}], int64_vocabulary=ints(3, 7)).tolist() == [["", "x"]]


def test_dict_vectorizer_on_a_list_of_dicts() -> None:
    words = {"string_vocabulary": ("b", "a")}
    y = run("DictVectorizer", [[{"a": 1.0}, {}, {"b": 2.0, "a": 3.0}]], **words)
    np.testing.assert_array_equal(y, [[0, 1], [0, 0], [2, 3]])
    y = run("DictVectorizer", [[{"a": 1}, {"b": 0.5}]], **words)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [[0, 1], [0.5, 0]])
    np.testing.assert_array_equal(run("DictVectorizer", [{}], **words), [[0, 0]])


def test_dict_vectorizer_refusals() -> None:
    with pytest.raises(Fail, match="holds strings, the map's keys are of int64"):
        run("DictVectorizer", [{1: 1.0}], string_vocabulary=("a",))
    with pytest.raises(Fail, match="holds integers, the map's keys are of string"):
        run("DictVectorizer", [{"a": 1.0}], int64_vocabulary=ints(1))
    with pytest.raises(Fail, match="expected a map, got a tensor"):
        run("DictVectorizer", [np.ones(1)], int64_vocabulary=ints(1))
    with pytest.raises(Fail, match="both text and numbers"):
        run("DictVectorizer", [[{1: 1.0}, {1: "a"}]], int64_vocabulary=ints(1))
    with pytest.raises(InvalidGraph, match="exactly one"):
        run("DictVectorizer", [{1: 1.0}])


def test_cast_map() -> None:
    np.testing.assert_array_equal(run("CastMap", [{5: 1.5, 0: 2.0}]), np.float32([[2.0, 1.5]]))
    np.testing.assert_array_equal(run("CastMap", [{5: "1.5", 0: "-2"}]), np.float32([[-2.0, 1.5]]))
    np.testing.assert_array_equal(
        run("CastMap", [{1: 7.9}], cast_to="TO_INT64", map_form="SPARSE", max_map=3), [[0, 7, 0]]
    )
    assert run("CastMap", [{3: 7, 1: 8}], cast_to="TO_STRING").tolist() == [["8", "7"]]
    assert run("CastMap", [{3: "é"}], cast_to="TO_STRING").tolist() == [["é"]]
    assert run("CastMap", [{}]).shape == (1, 0)


@pytest.mark.parametrize(
    ("value", "attributes", "error", "message"),
    [
        ({3: 1.0}, {"map_form": "SPARSE", "max_map": 3}, Fail, "key 3 is not below 'max_map', 3"),
        ({-1: 1.0}, {}, Fail, "negative: -1"),
        ({1: "x"}, {}, Fail, "'x' is not a number"),
        ({1: 1.0}, {"cast_to": "TO_BOOL"}, InvalidGraph, "got 'TO_BOOL'"),
        ({1: 1.0}, {"map_form": "THIN"}, InvalidGraph, "got 'THIN'"),
    ],
)
def test_cast_map_refusals(value: Any, attributes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run("CastMap", [value], **attributes)
