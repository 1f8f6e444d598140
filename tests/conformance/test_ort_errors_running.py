"""Feeds that a good model cannot take: the error names the input or the node, and the session answers the next one.

Run options and `set_providers` are in test_ort_errors_options.py. What scikit-learn's face does with such inputs is the matter of the estimator's tests.
"""

from __future__ import annotations

import datetime

import ml_dtypes
import numpy as np
import pytest
from onnx import helper

from sklort.exceptions import Fail, InvalidArgument, RuntimeException, SessionError, UnsupportedValue
from sklort.session.inference_session import InferenceSession
from tests.conformance.malformed import FLOAT, INT64, STRING, Tried, check_words, ml_node, model, node, tensor
from tests.conformance.test_ort_errors_loading import tree

X = np.array([[1, -2], [3, 4]], np.float32)
MAP = helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, None))
NUMBERED = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, None))
LIST = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))


def absolute() -> Tried:
    return Tried(model([node("Abs", "X")]), {"X": X}, abs(X))


# --- names ---------------------------------------------------------------------------------------------------------------


def test_missing_and_misspelt_inputs():
    tried = absolute()
    tried.refuses({}, ValueError, "'X' are missing", "got none")
    tried.refuses({"x": X}, ValueError, "'X' are missing", "got 'x'", "did you mean 'x' for 'X'")


def test_an_extra_input():
    absolute().refuses({"X": X, "Q": X}, InvalidArgument, "no input 'Q'", "takes 'X'")


def test_unknown_outputs():
    proto = model([node("Abs", "X", out=["a"]), node("Neg", "a", name="m")])
    tried = Tried(proto, {"X": X}, -abs(X))
    tried.refuses({"X": X}, InvalidArgument, "no output 'y'; it has 'Y'", "did you mean 'Y'", names=["y"])
    tried.refuses({"X": X}, InvalidArgument, "no output 'a'; it has 'Y'", names=["a"])


@pytest.mark.parametrize("names", ["Y", [1], {"Y"}, 3])
def test_output_names_that_are_no_list_of_names(names):
    absolute().refuses({"X": X}, TypeError, "output_names must", names=names)


@pytest.mark.parametrize("feed", [None, [X], X, "X", 3])
def test_feeds_that_are_no_dict(feed):
    absolute().refuses(feed, TypeError, "expected input_feed as a dict", type(feed).__name__)


# --- dtypes and kinds of objects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int32", "bool", "object", "str"])
def test_another_dtype_for_float32(dtype):
    absolute().refuses(
        {"X": X.astype(dtype)},
        InvalidArgument,
        "input 'X' has dtype",
        r"expected tensor\(float\)",
        r"X\.astype\(numpy\.float32\)",
    )


@pytest.mark.parametrize("dtype", ["int32", "uint64"])
def test_another_integer_for_int64(dtype):
    proto = model([node("Abs", "X")], {"X": (INT64, ["N"])}, {"Y": INT64})
    tried = Tried(proto, {"X": np.array([1, -2])}, [1, 2])
    tried.refuses(
        {"X": np.array([1, 2], dtype)}, InvalidArgument, f"'X' has dtype {dtype}", r"int64", r"astype\(numpy\.int64\)"
    )


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (X.astype(np.longdouble), "longdouble|float128"),
        (np.array([["2020-01-01"]], "datetime64[D]"), "datetime64"),
        (np.array([[3]], "timedelta64[s]"), "timedelta64"),
    ],
)
def test_dtypes_that_no_model_takes(array, name):
    absolute().refuses({"X": array}, UnsupportedValue, "input 'X' has dtype", name, r"expected tensor\(float\)")
    assert issubclass(UnsupportedValue, (TypeError, RuntimeError))


@pytest.mark.parametrize("dtype", [np.complex64, ml_dtypes.bfloat16])
def test_dtypes_that_other_models_take(dtype):
    absolute().refuses({"X": X.astype(dtype)}, InvalidArgument, "input 'X' has dtype", np.dtype(dtype).name)


def test_new_strings_are_accepted():
    proto = model([node("Identity", "X")], {"X": (STRING, ["N"])}, {"Y": STRING})
    tried = Tried(proto, {"X": np.array(["a", "bé"], object)})
    found = tried.session.run(None, {"X": np.array(["a", "bé"], np.dtypes.StringDType())})[0]
    assert found.tolist() == ["a", "bé"]


def odd_objects() -> dict[str, object]:
    import pandas
    import scipy.sparse

    return {
        "scalar": 3.5,
        "memoryview": memoryview(X),
        "DataFrame": pandas.DataFrame(X),
        "Series": pandas.Series(X[0]),
        "csr": scipy.sparse.csr_array(X),
        "range": range(3),
        "generator": (row for row in X),
        "str": "12",
        "date": datetime.date(2020, 1, 1),
        "set": {1.0},
        "dict": {"a": 1.0},
    }


@pytest.mark.parametrize(
    "name", ["scalar", "memoryview", "DataFrame", "Series", "csr", "range", "generator", "str", "date", "set", "dict"]
)
def test_objects_that_are_no_array(name):
    value = odd_objects()[name]
    remedy = {"DataFrame": r"\.to_numpy", "Series": r"\.to_numpy", "csr": r"\.toarray\(\)"}.get(name, r"numpy\.array")
    absolute().refuses(
        {"X": value}, UnsupportedValue, "input 'X' takes a NumPy array", f"got {type(value).__name__}", remedy
    )


def test_a_numpy_scalar_has_the_wrong_rank():
    absolute().refuses({"X": np.float32(1)}, InvalidArgument, "'X' has 0 dimensions", "expected 2")


def test_a_tuple_is_a_list():
    tried = absolute()
    np.testing.assert_array_equal(tried.session.run(None, {"X": ((1, -2), (3, 4))})[0], tried.expected)


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [3.0]], [["a", "b"]], [[object(), 1]]])
def test_lists_that_make_no_array(rows):
    absolute().refuses({"X": rows}, UnsupportedValue, "list for the input 'X'", "float32")


def test_integers_that_are_too_big():
    proto = model([node("Abs", "X")], {"X": (INT64, ["N"])}, {"Y": INT64})
    Tried(proto, {"X": np.array([-2])}, [2]).refuses(
        {"X": [10**30]}, UnsupportedValue, "list for the input 'X'", "int64"
    )


def test_none():
    absolute().refuses({"X": None}, ValueError, "input 'X' is None", r"expected tensor\(float\)")


# --- shapes ----------------------------------------------------------------------------------------------------------------


def test_rank_and_fixed_sizes():
    tried = absolute()
    tried.refuses(
        {"X": X[0]},
        InvalidArgument,
        r"'X' has 1 dimensions \(shape \(2,\)\), expected 2: \(N, 2\)",
        r"reshape\(1, -1\)",
    )
    tried.refuses({"X": X[:, :, None]}, InvalidArgument, "'X' has 3 dimensions", "expected 2")
    tried.refuses(
        {"X": np.ones((2, 3), np.float32)}, InvalidArgument, r"'X' has shape \(2, 3\)", "dimension 1 is 3, expected 2"
    )
    Tried(model([node("Abs", "X")], {"X": (FLOAT, [3, 4, 5])}), {"X": np.ones((3, 4, 5), np.float32)}).refuses(
        {"X": np.ones((9, 4, 8), np.float32)},
        InvalidArgument,
        "dimension 0 is 9, expected 3",
        "dimension 2 is 8, expected 5",
    )


def two_columns(first: str | None, second: str | None) -> Tried:
    inputs = {"age": (FLOAT, [first, 1]), "fare": (FLOAT, [second, 1])}
    good = {"age": X[:, :1], "fare": X[:, 1:]}
    return Tried(model([node("Concat", "age", "fare", axis=1)], inputs), good, X)


def test_row_counts_that_differ():
    one = {"age": np.ones((3, 1), np.float32), "fare": np.ones((5, 1), np.float32)}
    two_columns("N", "N").refuses(one, InvalidArgument, "'fare' is 5 and .* 'age' is 3", "both 'N'")
    two_columns(None, None).refuses(one, Fail, "Concat 'n'", "'age'", "'fare'", r"3x1|\(3, 1\)", r"5x1|\(5, 1\)")


def test_too_few_columns_for_a_tree():
    attributes = tree(nodes_featureids=[4, 0, 0])
    proto = model([ml_node("TreeEnsembleRegressor", "X", **attributes)], {"X": (FLOAT, None)})
    good = np.zeros((1, 5), np.float32)
    Tried(proto, {"X": good}, [[1.0]]).refuses({"X": X}, Fail, "TreeEnsembleRegressor 'n'", "'X'", "2", "5|4")


def test_too_few_columns_for_an_svm():
    attributes = {"coefficients": [1.0, -1.0], "support_vectors": [0.0, 1.0, 1.0, 0.0], "rho": [0.5], "n_supports": 2}
    proto = model([ml_node("SVMRegressor", "X", kernel_type="LINEAR", **attributes)], {"X": (FLOAT, None)})
    Tried(proto, {"X": X}).refuses({"X": X[:, :1]}, Fail, "SVMRegressor 'n'", "1", "2")


# --- what a node finds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "categories", "good", "bad", "shown"),
    [
        (STRING, {"cats_strings": ["a", "b"]}, ["a"], ["a", "zebra"], "zebra"),
        (INT64, {"cats_int64s": [1, 2]}, [1], [2, 7], "7"),
    ],
    ids=["text", "numbers"],
)
def test_an_unseen_category(kind, categories, good, bad, shown):
    dtype = object if kind == STRING else np.int64
    proto = model([ml_node("OneHotEncoder", "X", zeros=0, **categories)], {"X": (kind, ["N"])})
    Tried(proto, {"X": np.array(good, dtype)}, [[1.0, 0.0]]).refuses(
        {"X": np.array(bad, dtype)}, Fail, "OneHotEncoder 'n'", f"'{shown}'"
    )


@pytest.mark.parametrize("text", ["abc", "12abc", "", "1 2"])
@pytest.mark.parametrize("to", [FLOAT, INT64])
def test_text_that_is_no_number(text, to):
    proto = model([node("Cast", "X", to=to)], {"X": (STRING, ["N"])}, {"Y": to})
    Tried(proto, {"X": np.array(["12"], object)}, [12]).refuses(
        {"X": np.array(["3", text], object)}, RuntimeException, "Cast 'n'", f"'{text}'"
    )


def identity() -> Tried:
    proto = model([node("Identity", "X")], {"X": (STRING, ["N"])}, {"Y": STRING})
    return Tried(proto, {"X": np.array(["a"], object)})


def test_undecodable_text():
    identity().refuses({"X": np.array(["a", "\ud800"], object)}, UnicodeEncodeError, "surrogates")
    identity().refuses({"X": np.array([b"a", b"\xff"])}, UnicodeDecodeError, "0xff")


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        (model([node("Gather", "X", "i", axis=1)], initializers=[tensor("i", [0], np.int64)]), ["Gather 'n'"]),
        (
            model([ml_node("ArrayFeatureExtractor", "X", "i")], initializers=[tensor("i", [0], np.int64)]),
            ["ArrayFeatureExtractor 'n'"],
        ),
    ],
    ids=["Gather", "ArrayFeatureExtractor"],
)
def test_an_index_out_of_range(proto, words):
    proto.graph.initializer.pop()
    proto.graph.input.append(helper.make_tensor_value_info("i", INT64, ["K"]))
    Tried(proto, {"X": X, "i": np.array([1])}, X[:, 1:]).refuses(
        {"X": X, "i": np.array([0, 7])}, InvalidArgument, *words, "7", "2"
    )


def test_shapes_that_do_not_fit():
    shape = {"X": (FLOAT, ["N", 2]), "s": (INT64, [1])}
    Tried(model([node("Reshape", "X", "s")], shape), {"X": X, "s": np.array([4])}, X.ravel()).refuses(
        {"X": X, "s": np.array([3])}, Fail, "Reshape 'n'", "2.{1,3}2", "3"
    )
    Tried(model([node("MatMul", "X", "W")], {"X": (FLOAT, None), "W": (FLOAT, None)}), {"X": X, "W": X}, X @ X).refuses(
        {"X": X, "W": np.ones((3, 2), np.float32)}, Fail, "MatMul 'n'", "2.{1,3}2", "3.{1,3}2"
    )
    Tried(model([node("Add", "X", "W")], {"X": (FLOAT, None), "W": (FLOAT, None)}), {"X": X, "W": X}, X + X).refuses(
        {"X": X, "W": np.ones((3, 3), np.float32)}, Fail, "Add 'n'", "2.{1,3}2", "3.{1,3}3"
    )


@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_an_integer_divided_by_zero(operator):
    proto = model([node(operator, "A", "B")], {"A": (INT64, ["N"]), "B": (INT64, ["N"])}, {"Y": INT64})
    good = {"A": np.array([7]), "B": np.array([7])}
    Tried(proto, good).refuses(
        {"A": np.array([7]), "B": np.array([0])}, Fail, f"{operator} 'n'", "division by zero|divi.* by 0"
    )


def test_the_smallest_integer_by_minus_one_does_not_trap():
    least = np.array([np.iinfo(np.int64).min])
    for operator, expected in (("Div", least), ("Mod", [0])):
        proto = model([node(operator, "A", "B")], {"A": (INT64, ["N"]), "B": (INT64, ["N"])}, {"Y": INT64})
        Tried(proto, {"A": least, "B": np.array([-1])}, expected)


# --- maps and sequences ----------------------------------------------------------------------------------------------------


def vectorizer() -> Tried:
    proto = model([ml_node("DictVectorizer", "X", string_vocabulary=["a", "b"])], {"X": MAP})
    return Tried(proto, {"X": {"b": 2.0}}, [[0.0, 2.0]])


def test_an_empty_dict_is_a_row_of_zeros():
    np.testing.assert_array_equal(vectorizer().session.run(None, {"X": {}})[0], [[0, 0]])


def test_a_list_of_dicts_is_a_row_for_each():
    rows = [{"b": 2.0}, {}, {"a": 1.0, "other": 5.0}]
    np.testing.assert_array_equal(vectorizer().session.run(None, {"X": rows})[0], [[0, 2], [0, 0], [1, 0]])


def test_keys_of_another_type():
    vectorizer().refuses({"X": {3: 1.0}}, InvalidArgument, "input 'X'", r"map\(string", "keys must be str, got 3")
    vectorizer().refuses({"X": [{"a": 1.0}, {3: 1.0}]}, InvalidArgument, "input 'X'", "keys must be str, got 3")
    vectorizer().refuses({"X": {"a": "much"}}, InvalidArgument, "input 'X'", "'much'")
    proto = model([ml_node("DictVectorizer", "X", int64_vocabulary=[4, 5])], {"X": NUMBERED})
    Tried(proto, {"X": {5: 2.0}}, [[0.0, 2.0]]).refuses({"X": {"a": 1.0}}, InvalidArgument, "keys must be int, got 'a'")


def test_arrays_for_maps_and_sequences():
    vectorizer().refuses({"X": X}, InvalidArgument, "input 'X' takes a dict", r"array of float32 with shape \(2, 2\)")
    proto = model([node("ConcatFromSequence", "X", axis=0)], {"X": LIST})
    tried = Tried(proto, {"X": [X, X]}, np.concatenate([X, X]))
    tried.refuses({"X": X}, InvalidArgument, "input 'X' takes a list", r"seq\(tensor\(float\)\)", "array of float32")
    tried.refuses(
        {"X": [X, X.astype(np.float64)]}, InvalidArgument, r"input 'X\[1\]' has dtype float64", r"tensor\(float\)"
    )
    tried.refuses({"X": [X, "a"]}, UnsupportedValue, r"input 'X\[1\]' takes a NumPy array", "got str")
    tried.refuses({"X": [X, None]}, ValueError, r"input 'X\[1\]' is None")


# --- quietly ---------------------------------------------------------------------------------------------------------------


def test_a_failing_kernel_prints_nothing(capfd):
    two_columns(None, None).refuses({"age": X[:, :1], "fare": X[:1, :1]}, Fail)
    assert capfd.readouterr() == ("", "")


def test_an_error_in_the_reference_provider_names_the_node_too():
    proto = model([node("Det", "X")], {"X": (FLOAT, None)})
    session = InferenceSession(proto)
    with pytest.raises(SessionError) as caught:
        session.run(None, {"X": np.ones((2, 3), np.float32)})
    check_words(caught.value, ["Det 'n'", "float32"])
    np.testing.assert_allclose(session.run(None, {"X": X})[0], 10, rtol=1e-6)
