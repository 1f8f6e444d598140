"""Inputs that onnxruntime answers with silently wrong results, or dies of: the right answer here, or an error.

OrtValue and IOBinding (memory that is freed, null pointers, updates of another dtype) are in test_ort_errors_binding.py,
profiles and the banner on fallback in test_ort_errors_options.py; there are no sparse feeds. That forests give a
row one result in every batch is tests/ops/test_tree_ensemble.py's; that providers' mistakes warn is
tests/session/test_inference_session.py's.
"""

from __future__ import annotations

import numpy as np
import pytest

from sklort.exceptions import Fail, InvalidArgument, RuntimeException, UnsupportedValue
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from tests.conformance.malformed import (
    DOUBLE,
    FLOAT,
    INT64,
    STRING,
    Tried,
    ml_node,
    model,
    node,
    outlives,
    refuses_to_load,
    tensor,
)
from tests.conformance.test_ort_errors_loading import tree
from tests.conformance.test_ort_errors_running import MAP

X = np.array([[1, -2], [3, 4]], np.float32)
WIDE = {"X": (FLOAT, None)}
TEXT = {"X": (STRING, ["N"])}

# --- what kills onnxruntime, each in a process of its own --------------------------------------------------------------

PREFACE = """
import numpy as np
from tests.conformance.malformed import FLOAT, STRING, Tried, ml_node, model, node
from sklort.exceptions import *
text = Tried(model([node("Identity", "X")], {"X": (STRING, ["N"])}, {"Y": STRING}), {"X": np.array(["a"], object)})
"""


def test_bytes_that_fill_their_width():
    printed = outlives(
        PREFACE
        + """
fixed = np.array([b"abcd", b"efgh", b"ij", b"klmn", b""])
assert fixed.dtype == "S4"
print(text.session.run(None, {"X": fixed})[0].tolist())
many = np.array([b"abcd"] * 100_000)
assert set(text.session.run(None, {"X": many})[0]) == {"abcd"}
for part in (fixed[::2], fixed[:0], fixed.astype("U4"), fixed.astype("U4").astype(">U4")):
    assert text.session.run(None, {"X": part})[0].tolist() == [bytes(x).decode() for x in part.astype("S4")]
text.check_alive()
"""
    )
    assert printed.strip() == "['abcd', 'efgh', 'ij', 'klmn', '']"


def test_an_element_that_cannot_be_printed():
    outlives(
        PREFACE
        + """
class Rude:
    def __str__(self):
        raise KeyError("no")
class Liar:
    def __str__(self):
        return 3
text.refuses({"X": np.array(["a", Rude(), "b"], object)}, KeyError, "no")
text.refuses({"X": np.array(["a", Liar()], object)}, TypeError, "int")
text.check_alive()
"""
    )


def test_a_tree_that_is_one_long_chain():
    outlives(
        PREFACE
        + """
from sklort.session.inference_session import InferenceSession
depth = 30_000
count = 2 * depth + 1
branch = np.arange(count) % 2 == 0
branch[-1] = False
at = np.arange(count)
leaves = at[~branch]
proto = model([ml_node(
    "TreeEnsembleRegressor", "X", n_targets=1, nodes_treeids=[0] * count, nodes_nodeids=at.tolist(),
    nodes_featureids=[0] * count, nodes_modes=["BRANCH_LEQ" if b else "LEAF" for b in branch],
    nodes_values=(depth - at // 2 - 1.0).tolist(),
    nodes_truenodeids=np.where(branch, at + 2, 0).tolist(), nodes_falsenodeids=np.where(branch, at + 1, 0).tolist(),
    target_treeids=[0] * len(leaves), target_nodeids=leaves.tolist(), target_ids=[0] * len(leaves),
    target_weights=(depth - np.arange(len(leaves), dtype=float)).tolist(),
)])
# Branch k asks x <= depth - k - 1: x leaves the chain at the first k where it is larger.
session = InferenceSession(proto.SerializeToString())
rows = np.array([[depth, 0], [0.5, 0], [-1, 0], [100.5, 0]], np.float32)
print(session.run(None, {"X": rows})[0].ravel().tolist())
import pickle
pickle.loads(pickle.dumps(session)).run(None, {"X": rows})
"""
    )


def test_structured_and_void_arrays():
    outlives(
        PREFACE
        + """
for array in (np.zeros(3, [("a", "f4"), ("b", "i8")]), np.zeros(3, "V8"), np.zeros(3, [("a", "O")])):
    text.refuses({"X": array}, UnsupportedValue, "input 'X' has dtype", r"tensor\\(string\\)")
    floats = Tried(model([node("Abs", "X")], {"X": (FLOAT, ["N"])}), {"X": np.ones(2, np.float32)})
    floats.refuses({"X": array}, UnsupportedValue, "input 'X' has dtype", r"tensor\\(float\\)")
"""
    )


# --- what onnxruntime misreads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "dtype"), [(FLOAT, ">f4"), (DOUBLE, ">f8"), (INT64, ">i8")])
def test_the_other_byte_order(kind, dtype):
    proto = model([node("Abs", "X")], {"X": (kind, ["N", 2])}, {"Y": kind})
    found = InferenceSession(proto).run(None, {"X": X.astype(dtype)})[0]
    np.testing.assert_array_equal(found, abs(X))


def test_masked_arrays():
    tried = Tried(model([node("Abs", "X")]), {"X": X}, abs(X))
    masked = np.ma.masked_array(X, [[0, 1], [0, 0]])
    tried.refuses({"X": masked}, UnsupportedValue, "input 'X' is a masked array with 1 masked", "filled")
    np.testing.assert_array_equal(tried.session.run(None, {"X": np.ma.masked_array(X)})[0], abs(X))


def identity() -> InferenceSession:
    return InferenceSession(model([node("Identity", "X")], TEXT, {"Y": STRING}))


def test_a_nul_inside_a_text():
    for dtype in ("U", object, "S"):
        array = np.array(["a\0b", "c"] if dtype != "S" else [b"a\0b", b"c"], dtype)
        assert identity().run(None, {"X": array})[0].tolist() == ["a\0b", "c"]


def test_what_is_not_text_becomes_its_text():
    found = identity().run(None, {"X": np.array([None, np.nan, 3, 2.5, b"y", True], object)})[0]
    assert found.tolist() == ["None", "nan", "3", "2.5", "b'y'", "True"]


@pytest.mark.parametrize("bad", [None, float("nan"), b"y", 3], ids=str)
def test_what_is_not_text_is_refused_on_demand(bad):
    options = SessionOptions()
    options.add_session_config_entry("sklort.strict_strings", "1")
    proto = model([node("Identity", "X")], {"X": (STRING, ["N"])}, {"Y": STRING}).SerializeToString()
    session = InferenceSession(proto, options)
    for feed in (np.array(["a", bad], object), ["a", bad]):
        for _ in range(2):
            with pytest.raises(InvalidArgument, match=r"the input 'X' has .* at \[1\]"):
                session.run(None, {"X": feed})
    assert session.run(None, {"X": np.array(["a", "None"])})[0].tolist() == ["a", "None"]
    assert session.run(None, {"X": np.array(["a", "b"], object)})[0].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "given", "expected", "words"),
    [
        (INT64, [1.7], [1], "fractions were cut off"),
        (FLOAT, [None, 1.0], [np.nan, 1], "None became nan"),
        (FLOAT, [1e40], [np.inf], "became infinite"),
    ],
)
def test_lists_that_lose_something_warn(kind, given, expected, words):
    session = InferenceSession(model([node("Identity", "X")], {"X": (kind, ["N"])}, {"Y": kind}))
    with pytest.warns(UserWarning, match=f"list for the input 'X' .*{words}"):
        found = session.run(None, {"X": given})[0]
    np.testing.assert_array_equal(found, expected)


# --- parameters that do not fit the data -------------------------------------------------------------------------------


def test_linear_models_count_their_columns():
    classifier = ml_node(
        "LinearClassifier",
        "X",
        out=["L", "Y"],
        coefficients=[1.0, 2, 3, 4],
        classlabels_ints=[0, 1],
        intercepts=[0.0, 0],
    )
    tried = Tried(model([classifier], WIDE), {"X": X}, X @ np.float32([[1, 3], [2, 4]]))
    for columns in (1, 3):
        tried.refuses(
            {"X": np.ones((2, columns), np.float32)},
            Fail,
            "LinearClassifier 'n'",
            "expected 2 columns",
            f"got {columns}",
        )
    regressor = model([ml_node("LinearRegressor", "X", coefficients=[1.0, 2, 3])], WIDE)
    Tried(regressor, {"X": np.ones((1, 3), np.float32)}, [[6.0]]).refuses(
        {"X": X}, Fail, "LinearRegressor 'n'", "expected 3 columns", "got 2"
    )


def test_one_intercept_for_two_full_rows_of_coefficients():
    attributes = {"coefficients": [1.0, 2, 3, 4], "classlabels_ints": [0, 1], "intercepts": [1.0]}
    proto = model([ml_node("LinearClassifier", "X", out=["L", "Y"], **attributes)], WIDE)
    with pytest.raises(Fail, match=r"LinearClassifier 'n': expected 4 columns"):
        InferenceSession(proto).run(None, {"X": X})


def test_an_imputer_with_another_number_of_values():
    proto = model(
        [ml_node("Imputer", "X", imputed_value_floats=[1.0, 2.0, 3.0], replaced_value_float=float("nan"))], WIDE
    )
    good = np.full((1, 3), np.nan, np.float32)
    Tried(proto, {"X": good}, [[1, 2, 3]]).refuses({"X": X}, Fail, "Imputer 'n'", "3", "2")


def test_a_one_hot_encoder_cuts_off_fractions():
    proto = model([ml_node("OneHotEncoder", "X", cats_int64s=[1, 2], zeros=0)], {"X": (FLOAT, ["N"])})
    Tried(proto, {"X": np.array([1.7, 2.2], np.float32)}, [[1, 0], [0, 1]])


def test_leaves_without_a_weight_and_weights_of_branches():
    attributes = tree(target_treeids=[0, 0], target_nodeids=[0, 2], target_weights=[9.0, 2.0])
    Tried(model([ml_node("TreeEnsembleRegressor", "X", **attributes)]), {"X": X - 1}, [[0.0], [2.0]])


def test_more_columns_than_a_forest_reads():
    Tried(
        model([ml_node("TreeEnsembleRegressor", "X", **tree())], WIDE),
        {"X": np.zeros((2, 7), np.float32)},
        [[1.0], [1.0]],
    )


def test_a_feature_vectorizer_pads_with_zeros():
    proto = model([ml_node("FeatureVectorizer", "X", inputdimensions=[5])], WIDE)
    Tried(proto, {"X": X}, np.pad(X, ((0, 0), (0, 3))))


# --- numbers -----------------------------------------------------------------------------------------------------------


def test_half_a_number_is_no_number():
    proto = model([node("Cast", "X", to=INT64)], TEXT, {"Y": INT64})
    Tried(proto, {"X": np.array(["12"])}, [12]).refuses(
        {"X": np.array(["12abc"])}, RuntimeException, "Cast 'n'", "'12abc'"
    )


def test_what_no_integer_holds_becomes_the_smallest():
    proto = model([node("Cast", "X", to=INT64)], {"X": (FLOAT, ["N"])}, {"Y": INT64})
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30], np.float32)
    Tried(proto, {"X": odd}, [np.iinfo(np.int64).min] * 5)


@pytest.mark.parametrize("place", range(3))
def test_nan_wins(place):
    row = np.array([[1, 5, 3]], np.float32)
    row[0, place] = np.nan
    for operator, expected in (
        ("ArgMax", [[place]]),
        ("ArgMin", [[place]]),
        ("ReduceMax", [[np.nan]]),
        ("ReduceMin", [[np.nan]]),
    ):
        attributes = {"axis": 1} if operator.startswith("Arg") else {"axes": [1]}
        kind = INT64 if operator.startswith("Arg") else FLOAT
        Tried(model([node(operator, "X", **attributes)], WIDE, {"Y": kind}), {"X": row}, expected)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_nan_is_a_category(version):
    attributes = {"keys_floats": [float("nan"), 1.0], "values_int64s": [7, 8], "default_int64": -1}
    if version == 4:
        attributes = {
            "keys_tensor": tensor("k", [np.nan, 1]),
            "values_tensor": tensor("v", [7, 8], np.int64),
            "default_tensor": tensor("d", [-1], np.int64),
        }
    proto = model([ml_node("LabelEncoder", "X", **attributes)], {"X": (FLOAT, ["N"])}, {"Y": INT64}, ml=version)
    Tried(proto, {"X": np.array([1, np.nan, 2], np.float32)}, [8, 7, -1])


# --- declarations ------------------------------------------------------------------------------------------------------


def test_one_name_for_sizes_that_differ():
    inputs = {"A": (FLOAT, ["N", 2]), "B": (FLOAT, ["N", 2])}
    tried = Tried(model([node("Concat", "A", "B", axis=0)], inputs), {"A": X, "B": X})
    tried.refuses(
        {"A": np.ones((3, 2), np.float32), "B": np.ones((5, 2), np.float32)},
        InvalidArgument, "dimension 0 of the input 'B' is 5", "of 'A' is 3", "both 'N'",
    )  # fmt: skip


def test_a_declared_output_shape_that_is_wrong_is_no_obstacle():
    Tried(model([node("Abs", "X")], outputs={"Y": (FLOAT, [9, 9, 9])}), {"X": X}, abs(X))


def test_a_dict_with_keys_of_two_kinds():
    proto = model([ml_node("DictVectorizer", "X", string_vocabulary=["a", "b"])], {"X": MAP})
    Tried(proto, {"X": {"b": 2.0}}, [[0, 2]]).refuses({"X": {"a": 1.0, 4: 2.0}}, InvalidArgument, "input 'X'", "got 4")


def test_labels_of_two_kinds_are_refused():
    attributes = {
        "coefficients": [1.0, 2.0],
        "classlabels_ints": [0, 1],
        "classlabels_strings": ["a", "b"],
        "intercepts": [1.0],
    }
    refuses_to_load(
        model([ml_node("LinearClassifier", "X", out=["L", "Y"], **attributes)]), Fail, "both integer and string"
    )
