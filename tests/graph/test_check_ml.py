"""Parameters of ai.onnx.ml operators that contradict each other are refused when the model is loaded."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from sklort.exceptions import Fail, InvalidGraph
from sklort.graph.load import load

LINEAR = {"coefficients": [1.0, 2.0, 3.0, 4.0], "classlabels_ints": [0, 1]}


def load_node(op: str, version: int = 3, **attributes):
    node = helper.make_node(
        op, ["X"], ["Y", "Z"] if op == "LinearClassifier" else ["Y"], domain="ai.onnx.ml", name="n", **attributes
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
    )
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", version)], ir_version=10))


@pytest.mark.parametrize(
    ("op", "attributes", "words"),
    [
        ("Scaler", {"offset": [0.0, 1.0], "scale": [1.0, 1.0, 1.0]}, "offset has 2 numbers and scale 3"),
        ("LinearClassifier", LINEAR | {"intercepts": [0.0] * 3}, "3 intercepts for 2 labels"),
        ("LinearClassifier", LINEAR | {"coefficients": [1.0, 2.0, 3.0]}, "3 coefficients cannot be divided among 2"),
        ("LinearClassifier", {"coefficients": [1.0, 2.0]}, "no class labels"),
        ("LinearClassifier", LINEAR | {"classlabels_strings": ["a", "b"]}, "both integer and string"),
        ("LinearClassifier", LINEAR | {"post_transform": "SOFT"}, "post_transform is 'SOFT'"),
        ("LinearRegressor", {"coefficients": [1.0] * 5, "targets": 2}, "5 coefficients"),
        ("LinearRegressor", {"coefficients": [1.0] * 4, "targets": 2, "intercepts": [0.0]}, "1 intercepts for 2"),
        ("LinearRegressor", {"coefficients": [1.0], "targets": 0}, "targets is 0"),
        (
            "LabelEncoder",
            {"keys_int64s": [1, 2], "values_strings": ["a"]},
            "keys_int64s has 2 entries and values_strings 1",
        ),
        ("LabelEncoder", {"keys_int64s": [1]}, "one list of values, got none"),
        (
            "LabelEncoder",
            {"keys_int64s": [1], "keys_strings": ["a"], "values_int64s": [1]},
            "one list of keys, got keys_int64s, keys_strings",
        ),
        ("CategoryMapper", {"cats_strings": ["a"], "cats_int64s": [1, 2]}, "lengths disagree"),
        ("Imputer", {"imputed_value_floats": [1.0], "imputed_value_int64s": [1]}, "got both"),
        ("Imputer", {}, "got neither"),
        ("OneHotEncoder", {}, "got neither"),
        ("ZipMap", {}, "no class labels"),
        ("Normalizer", {"norm": "L3"}, "norm is 'L3'"),
    ],
)
def test_contradictions(op, attributes, words):
    with pytest.raises(Fail, match=f"{op} 'n': .*{words}"):
        load_node(op, **attributes)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Scaler", {"offset": [0.0], "scale": [1.0, 1.0]}),
        ("Scaler", {"scale": [1.0, 1.0]}),
        ("LinearClassifier", LINEAR | {"intercepts": [0.0]}),
        ("LinearClassifier", LINEAR | {"intercepts": [0.0, 1.0]}),
        ("LinearRegressor", {"coefficients": [1.0, 2.0]}),
        ("LabelEncoder", {"keys_int64s": [1, 2], "values_strings": ["a", "b"]}),
    ],
)
def test_legal(op, attributes):
    load_node(op, **attributes)


def test_label_encoder_1_has_its_own_attributes():
    load_node("LabelEncoder", version=1, classes_strings=["a", "b"])
    with pytest.raises(InvalidGraph, match="keys_strings"):
        load_node("LabelEncoder", version=1, keys_strings=["a"], values_int64s=[1])
