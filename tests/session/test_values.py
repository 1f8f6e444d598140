"""What may be fed, what may not, and what the error says."""

from __future__ import annotations

import re

import ml_dtypes
import numpy as np
import pytest
import scipy.sparse

from sklort.exceptions import InvalidArgument, UnsupportedValue
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import ValueInfo
from sklort.graph.types import DType, MapType, OptionalType, SequenceType, SparseTensorType, TensorType
from sklort.session.values import FeedReader, read_value

FLOAT = ValueInfo("X", TensorType(DType.FLOAT, (None, 2)))
INT = ValueInfo("X", TensorType(DType.INT64, (None, 2)))
TEXT = ValueInfo("X", TensorType(DType.STRING, (None, 2)))
MAP = ValueInfo("X", MapType(DType.STRING, TensorType(DType.FLOAT)))
X = np.array([[1, 2], [3, 4]], np.float32)


def read_feed(inputs, optional, feed):
    return FeedReader(inputs, optional).read(feed)


@pytest.mark.parametrize(
    "array",
    [
        X,
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::-2],
        np.broadcast_to(X[:1], (5, 2)),
        X[:0],
        np.ma.masked_array(X),
    ],
)
def test_arrays_of_the_declared_type_pass_as_they_are(array):
    np.testing.assert_array_equal(read_value(array, FLOAT), array)


def test_byte_order_is_put_right():
    found = read_value(X.astype(">f4"), FLOAT)
    assert found.dtype == np.float32
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, bool, object, "U3", ml_dtypes.bfloat16])
def test_another_dtype_is_named_with_its_remedy(dtype):
    words = f"the input 'X' has dtype {np.dtype(dtype)}, expected tensor(float) (NumPy float32); convert it with X.astype(numpy.float32)"
    with pytest.raises(InvalidArgument, match=re.escape(words)) as caught:
        read_value(X.astype(dtype), FLOAT)
    assert not isinstance(caught.value, UnsupportedValue)


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]", "V4", np.longdouble])
def test_dtypes_no_model_takes(dtype):
    with pytest.raises(UnsupportedValue, match=r"'X' has dtype .* no model takes"):
        read_value(np.zeros((1, 2), dtype), FLOAT)


def test_unsupported_values_are_caught_as_onnxruntimes_would_be():
    assert issubclass(UnsupportedValue, (RuntimeError, TypeError, InvalidArgument))
    assert all(issubclass(UnsupportedValue, kind) for kind in (RuntimeError, TypeError, InvalidArgument, ValueError))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "float; wrap it with numpy.array"),
        ("text", "got str"),
        (range(2), "got range"),
        ((x for x in [1]), "got generator"),
        (scipy.sparse.csr_matrix(X), r"csr_matrix; densify it with \.toarray\(\)"),
        ({"a": 1}, "got dict"),
    ],
)
def test_objects_no_input_takes(value, words):
    with pytest.raises(UnsupportedValue, match=f"'X'.*{words}"):
        read_value(value, FLOAT)


def test_frames_are_told_how_to_become_arrays():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(UnsupportedValue, match=r"DataFrame; convert it with \.to_numpy\(dtype="):
        read_value(pandas.DataFrame(X), FLOAT)


def test_masked_values_are_refused():
    with pytest.raises(UnsupportedValue, match="masked array with 1 masked values; fill them"):
        read_value(np.ma.masked_array(X, mask=[[0, 1], [0, 0]]), FLOAT)


def test_numpy_scalars_are_arrays_without_dimensions():
    assert read_value(np.float32(2), ValueInfo("X", TensorType(DType.FLOAT, ()))).shape == ()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (X[0], r"'X' has 1 dimensions \(shape \(2,\)\), expected 2: \(any, 2\); reshape it with X\.reshape\(1, -1\)"),
        (X[None], r"has 3 dimensions \(shape \(1, 2, 2\)\), expected 2"),
        (X[:, :1], r"has shape \(2, 1\): dimension 1 is 1, expected 2"),
    ],
)
def test_ranks_and_sizes(array, words):
    with pytest.raises(InvalidArgument, match=words):
        read_value(array, FLOAT)


def test_every_wrong_size_is_listed():
    with pytest.raises(InvalidArgument, match="dimension 0 is 2, expected 3, dimension 1 is 2, expected 4"):
        read_value(X, ValueInfo("X", TensorType(DType.FLOAT, (3, 4))))


@pytest.mark.parametrize("shape", [None, ()])
def test_an_undeclared_shape_takes_any(shape):
    read_value(X, ValueInfo("X", TensorType(DType.FLOAT, shape)))


def test_lists_take_the_declared_type():
    found = read_value([[1, 2.5], (3, np.float64(4))], FLOAT)
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 2.5], [3, 4]]
    assert read_value([["a", 3]], TEXT).tolist() == [["a", 3]]
    assert read_value([[True, 2]], INT).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("value", "declared", "result", "words"),
    [
        ([[1.7, 2]], INT, [[1, 2]], "fractions were cut off"),
        ([[1e40, 2]], FLOAT, [[np.inf, 2]], "became infinite"),
        ([[None, 2]], FLOAT, [[np.nan, 2]], "None became nan"),
        ([[2, 0]], ValueInfo("X", TensorType(DType.BOOL)), [[True, False]], "became True"),
    ],
)
def test_a_list_that_loses_something_warns(value, declared, result, words):
    with pytest.warns(UserWarning, match=f"'X' becomes .*{words}"):
        np.testing.assert_array_equal(read_value(value, declared), result)


@pytest.mark.parametrize("value", [[[1, 2], [3]], [["a", "b"]], [[10**400, 1]], [[{}, 1]]])
def test_lists_that_make_no_array(value):
    with pytest.raises(
        UnsupportedValue, match="the list for the input 'X' does not make an array of float32"
    ) as caught:
        read_value(value, FLOAT)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("texts", [np.array([["a", "b"]]), np.array([["a", None]], object), np.array([[b"a", b"b"]])])
def test_every_kind_of_text_passes(texts):
    assert read_value(texts, TEXT) is texts


def test_numpy_string_dtype():
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy 1")
    assert read_value(np.array([["a", "b"]], np.dtypes.StringDType()), TEXT).dtype == object


def test_maps():
    assert read_value({"a": 1}, MAP) == {"a": 1.0}
    assert read_value([{"a": 1}, {}], MAP) == [{"a": 1.0}, {}]
    for wrong, words in [
        ({1: 2.0}, "keys must be str, got 1"),
        ({"a": "b"}, "a value of the input 'X'"),
        (X, "takes a dict"),
    ]:
        with pytest.raises(InvalidArgument, match=words):
            read_value(wrong, MAP)
    with pytest.raises(InvalidArgument, match="keys must be int, got 'b'"):
        read_value({1: 1.0, "b": 2.0}, ValueInfo("X", MapType(DType.INT64, TensorType(DType.FLOAT))))


def test_sequences():
    kind = ValueInfo("X", SequenceType(TensorType(DType.FLOAT)))
    assert len(read_value((X, X), kind)) == 2
    with pytest.raises(InvalidArgument, match=r"'X\[1\]' has dtype int64"):
        read_value([X, np.ones(2, np.int64)], kind)
    with pytest.raises(InvalidArgument, match=r"takes a list \(seq\(tensor\(float\)\)\), got an array of float32"):
        read_value(X, kind)


def test_optional_and_sparse():
    optional = ValueInfo("X", OptionalType(TensorType(DType.FLOAT)))
    assert read_value(None, optional) is None
    assert read_value(X, optional) is X
    assert read_feed([optional], [], {}) == {"X": None}
    with pytest.raises(NotImplementedHere):
        read_value(X, ValueInfo("X", SparseTensorType(DType.FLOAT)))


def test_none_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match=r"the input 'X' is None; expected tensor\(float\)"):
        read_value(None, FLOAT)


def pair(*shapes):
    return [ValueInfo(name, TensorType(DType.FLOAT, shape)) for name, shape in zip("ab", shapes)]


def test_names():
    inputs = [ValueInfo("age", None), ValueInfo("fare", None)]
    with pytest.raises(
        ValueError,
        match=r"inputs 'age' are missing; the model needs 'age', 'fare', got 'Age', 'fare'; did you mean 'Age' for 'age'",
    ):
        read_feed(inputs, [], {"Age": X, "fare": X})
    with pytest.raises(InvalidArgument, match=r"no input 'fares'; it takes 'age', 'fare'; did you mean 'fare'"):
        read_feed(inputs, [], {"age": X, "fare": X, "fares": X})
    assert list(read_feed(inputs, [ValueInfo("c", None)], {"fare": X, "age": X})) == ["age", "fare"]
    for feed in (None, [X], X):
        with pytest.raises(TypeError, match=type(feed).__name__):
            read_feed(inputs, [], feed)


def test_sizes_that_share_a_name_must_agree():
    with pytest.raises(
        InvalidArgument,
        match=r"dimension 0 of the input 'b' is 1 and dimension 0 of 'a' is 2; the model calls both 'N'",
    ):
        read_feed(pair(("N", 2), ("N", 2)), [], {"a": X, "b": X[:1]})
    read_feed(pair(("N", 2), ("N", 2)), [], {"a": X, "b": X})
    read_feed(pair(("None", 2), ("None", 2)), [], {"a": X, "b": X[:1]})  # a converter's name for every free size


def test_a_size_named_twice_in_one_input():
    (square,) = pair(("N", "N"))
    assert FeedReader([square]).equal_sizes == [[(0, 0), (0, 1)]]
    assert FeedReader([FLOAT]).equal_sizes == []
    with pytest.raises(InvalidArgument, match="calls both 'N'"):
        read_feed([square], [], {"a": X[:1]})
