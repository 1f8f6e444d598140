"""Models that are no models: what happens where onnxruntime gives cryptic errors, or none.

One test for each kind of damage. The class is onnxruntime's wherever that class says what is wrong; the message names the
place in the model, what was expected and what came.

Options that are wrong, saving the optimised model among them, are in test_ort_errors_options.py.
"""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.session.inference_session import InferenceSession
from tests.conformance.malformed import (
    DOUBLE,
    FLOAT,
    ML,
    STRING,
    ml_node,
    model,
    node,
    refuses_to_load,
    tensor,
)

X = np.array([[1, -2], [3, 4]], np.float32)


def plain() -> onnx.ModelProto:
    return model([node("Abs", "X")])


def answers(source, expected=None) -> None:
    found = InferenceSession(source).run(None, {"X": X})[0]
    np.testing.assert_array_equal(found, abs(X) if expected is None else expected)


# --- where a model comes from ------------------------------------------------------------------------------------------


def test_every_way_to_hold_a_model_is_accepted(tmp_path):
    data = plain().SerializeToString()
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    for source in (plain(), data, bytearray(data), memoryview(data), io.BytesIO(data), path, str(path)):
        answers(source)
    with path.open("rb") as file:
        answers(file)


@pytest.mark.parametrize("source", [None, 3, [b"x"], {}])
def test_other_objects(source):
    refuses_to_load(source, TypeError, "expected a model as a path", type(source).__name__)


def test_an_empty_path():
    refuses_to_load("", InvalidArgument, "path of a model, got an empty string")


def test_a_missing_file(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    refuses_to_load(tmp_path / "modle.onnx", NoSuchFile, r"modle\.onnx", r"did you mean .*model\.onnx")
    assert issubclass(NoSuchFile, FileNotFoundError)


def test_a_directory(tmp_path):
    refuses_to_load(tmp_path, InvalidProtobuf, "directory", tmp_path.name)


def damaged() -> dict[str, tuple[bytes, str]]:
    data = plain().SerializeToString()
    return {
        "truncated": (data[:-5], "damaged or cut short"),
        "garbage": (b"\xff\xfe\xfd\x00" * 9, "damaged or cut short"),
        "text": (b"this is no model", "it is text, beginning 'this is no model'"),
        "path as bytes": (b"models/iris.onnx", "the bytes spell the path 'models/iris.onnx': pass it as str"),
        "ort content": (b"\x18\0\0\0ORTM" + bytes(30), r"\.ort format"),
    }


@pytest.mark.parametrize("case", damaged())
@pytest.mark.parametrize("from_file", [False, True], ids=["bytes", "file"])
def test_damaged_bytes(case, from_file, tmp_path):
    data, words = damaged()[case]
    source = data
    if from_file:
        source = tmp_path / "m.onnx"
        source.write_bytes(data)
    refuses_to_load(source, InvalidProtobuf, words, r"m\.onnx" if from_file else f"{len(data)} bytes")


def test_nothing_inside(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"")
    refuses_to_load(b"", InvalidArgument, "got 0 bytes")
    refuses_to_load(tmp_path / "m.onnx", InvalidArgument, "file is empty", r"m\.onnx")


def test_an_ort_file(tmp_path):
    (tmp_path / "m.ort").write_bytes(plain().SerializeToString())
    refuses_to_load(tmp_path / "m.ort", Fail, r"\.ort format of onnxruntime is not supported", r"give the \.onnx file")


@pytest.mark.parametrize("options", [{"threads": 1}, "options", 3, object])
def test_wrong_options_show_no_bytes_of_the_model(options):
    refuses_to_load(
        plain().SerializeToString(),
        TypeError,
        f"sess_options must be .*got {type(options).__name__}$",
        sess_options=options,
    )


# --- operators and versions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        (model([node("Abz", "X")]), ["Abz 'n'", "ai.onnx version 17", "did you mean 'Abs'"]),
        (model([ml_node("Skaler", "X")]), ["Skaler 'n'", "ai.onnx.ml version 3", "did you mean 'Scaler'"]),
        (model([node("Abs", "X", domain="mine")]), ["Abs 'n'", "does not import the domain 'mine'"]),
        (model([node("Gelu", "X")]), ["Gelu 'n'", "version 17", "came with version 20"]),
        (model([node("Abs", "X")], opset=0), ["version 0", "versions begin at 1"]),
    ],
    ids=["main", "ml", "undeclared domain", "too new", "opset 0"],
)
def test_unknown_operators(proto, words):
    refuses_to_load(proto, InvalidGraph, *words)


def test_an_operator_of_a_domain_that_is_imported_and_unknown():
    proto = model([node("Thing", "X", domain="mine")])
    proto.opset_import.add(domain="mine", version=1)
    refuses_to_load(proto, Fail, "mine:Thing 'n'", "knows no operator 'Thing' of the domain 'mine'")


def test_an_operator_that_nobody_implements():
    proto = model([node("GlobalLpPool", "X")], {"X": (FLOAT, ["N", 2, 3])})
    refuses_to_load(
        proto, NotImplementedHere, "GlobalLpPool 'n'", "CPUExecutionProvider: ", "ReferenceExecutionProvider: "
    )


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        (model([node("Abs", "X")], {"X": STRING}, {"Y": STRING}), ["Abs 'n'", "'X'", r"tensor\(string\)"]),
        (
            model([node("StringNormalizer", "X")], outputs={"Y": STRING}),
            ["StringNormalizer 'n'", r"tensor\(float\)", r"tensor\(string\)"],
        ),
        (
            model([ml_node("DictVectorizer", "X", string_vocabulary=["a"])]),
            ["DictVectorizer 'n'", r"tensor\(float\)", "map"],
        ),
    ],
    ids=["string to Abs", "float to StringNormalizer", "tensor to DictVectorizer"],
)
def test_a_type_that_the_operator_never_takes(proto, words):
    refuses_to_load(proto, InvalidGraph, *words)


@pytest.mark.parametrize("version", [0, 2, 3, 13])
def test_ir_versions(version):
    proto = plain()
    proto.ir_version = version
    answers(proto)


def test_an_ir_version_of_the_future():
    proto = plain()
    proto.ir_version = 99
    refuses_to_load(proto, Fail, "IR version 99", "newest supported one is 14")


@pytest.mark.parametrize(("domain", "version"), [("", 99), (ML, 77)])
def test_opsets_of_the_future_are_tried_with_a_warning(domain, version):
    proto = plain()
    next(entry for entry in proto.opset_import if entry.domain == domain).version = version
    with pytest.warns(UserWarning, match=f"version {version} of {domain or 'ai.onnx'}"):
        answers(proto)


def test_no_opset_import():
    proto = plain()
    del proto.opset_import[:]
    refuses_to_load(proto, Fail, "imports no operator set", "opset_import")


def test_ml_nodes_without_the_import_of_their_domain():
    answers(model([ml_node("Scaler", "X", offset=[1.0], scale=[2.0])], ml=None), (X - 1) * 2)


# --- the graph ---------------------------------------------------------------------------------------------------------


def test_an_input_that_nothing_makes():
    refuses_to_load(model([node("Add", "X", "Xx")]), InvalidArgument, "Add 'n' reads 'Xx'", "did you mean 'X'")


def test_an_output_that_nothing_makes():
    refuses_to_load(model([node("Abs", "X", out=["Z"])]), Fail, "output 'Y' is made by no node")


def test_no_outputs():
    refuses_to_load(model([node("Abs", "X")], outputs={}), InvalidGraph, "graph 'g' has no outputs")


def test_no_graph():
    refuses_to_load(onnx.ModelProto(ir_version=8), InvalidArgument, "no graph")


def test_names_given_twice():
    refuses_to_load(
        model([node("Abs", "X"), node("Neg", "X", name="m")]), Fail, "Neg 'm' makes 'Y', .* already defined"
    )
    refuses_to_load(model([node("Abs", "X", out=["a"]), node("Neg", "a")]), Fail, "two nodes named 'n'")
    proto = plain()
    proto.graph.input.append(proto.graph.input[0])
    refuses_to_load(proto, Fail, "two inputs named 'X'")
    twice = [tensor("c", [1, 2]), tensor("c", [3, 4])]
    refuses_to_load(model([node("Add", "X", "c")], initializers=twice), Fail, "constant 'c' is defined twice")


def test_a_cycle():
    nodes = [
        node("Add", "X", "b", out=["a"], name="first"),
        node("Abs", "a", out=["b"], name="second"),
        node("Neg", "b"),
    ]
    refuses_to_load(model(nodes), Fail, "not acyclic", "Add 'first'", "Abs 'second'")


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        (model([node("Concat", "X", "X")]), ["Concat 'n'", "'axis' is required and missing"]),
        (model([node("Abs", "X", axis=1)]), ["Abs 'n'", "no attribute 'axis'"]),
        (model([node("Concat", "X", "X", axis=1.0)]), ["Concat 'n'", "'axis' must hold int, it holds float"]),
        (model([node("Add", "X")]), ["Add 'n'", "expected 2 inputs, got 1"]),
        (model([node("Abs", "X", "X")]), ["Abs 'n'", "expected 1 input, got 2"]),
        (model([node("Abs", "X", out=["Y", "Z"])]), ["Abs 'n'", "expected 1 output, got 2"]),
        (model([node("Add", "X", "")]), ["Add 'n'", "1"]),
    ],
    ids=["missing attribute", "unknown", "wrong kind", "few inputs", "many inputs", "many outputs", "omitted input"],
)
def test_arity_and_attributes(proto, words):
    refuses_to_load(proto, InvalidGraph, *words)


def test_a_declared_output_type_is_honoured_where_it_differs_from_the_operators():
    stump = tree(target_weights=[0.1, 0.2])
    found = InferenceSession(
        model([ml_node("TreeEnsembleRegressor", "X", **stump)], {"X": (DOUBLE, ["N", 2])}, {"Y": DOUBLE})
    ).run(None, {"X": X.astype(np.float64)})[0]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found[:, 0], np.float32([0.2, 0.2]).astype(np.float64))


def test_an_input_without_a_type():
    proto = plain()
    proto.graph.input[0].ClearField("type")
    refuses_to_load(proto, Fail, "input 'X' has no type")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.dims.__setitem__(0, 7), "needs 28 bytes"),
        (lambda t: t.ClearField("raw_data"), "needs 2 elements, the model has 0"),
        (lambda t: setattr(t, "data_type", 0), "undefined"),
        (lambda t: setattr(t, "data_type", 4711), "4711 is undefined or unknown"),
        (lambda t: t.dims.__setitem__(0, -1), "negative size"),
    ],
    ids=["size", "no data", "undefined", "unknown", "negative"],
)
def test_damaged_initializers(change, words):
    constant = tensor("c", [1, 2])
    change(constant)
    refuses_to_load(model([node("Add", "X", "c")], initializers=[constant]), Fail, "initializer 'c'", words)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("gone.bin", "cannot read its external data"),
        ("../secret.bin", "inside that directory only"),
        ("/etc/passwd", "only"),
    ],
)
def test_external_data(location, words, tmp_path):
    constant = TensorProto(name="c", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    constant.external_data.add(key="location", value=location)
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "m.onnx"
    path.write_bytes(model([node("Add", "X", "c")], initializers=[constant]).SerializeToString())
    refuses_to_load(path, Fail, "initializer 'c'", words)


# --- parameters of ai.onnx.ml ------------------------------------------------------------------------------------------


def tree(**changes):
    """A stump on column 0 as attributes, with some of them changed."""
    attributes = {
        "n_targets": 1,
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    }
    return {**attributes, **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nodes_truenodeids": [7, 0, 0]}, "node 0 of tree 0 leads to node 7, which the tree lacks"),
        ({"nodes_truenodeids": [0, 0, 0]}, "node 0 of tree 0 is its own child"),
        (
            {
                "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"],
                "nodes_truenodeids": [1, 0, 0],
                "nodes_falsenodeids": [2, 2, 0],
            },
            "cycle of 2 nodes|is the root, yet it is also a child",
        ),
        ({"nodes_nodeids": [0, 1, 1]}, "node 1 of tree 0 is defined twice"),
        ({"target_ids": [0, 5]}, r"target_ids\[1\] is 5; expected 0 to 0"),
        ({"target_ids": [-1, 0]}, r"target_ids\[0\] is -1"),
        ({"target_nodeids": [1, 9]}, "node 9 of tree 0, which does not exist"),
        ({"nodes_values": [0.5, 0.0]}, "lengths disagree: .*nodes_values has 2"),
        ({"target_weights": [1.0]}, "lengths disagree: .*target_weights has 1"),
        ({"nodes_modes": ["BRANCH_MAYBE", "LEAF", "LEAF"]}, "unknown nodes_modes 'BRANCH_MAYBE'"),
        ({"aggregate_function": "MEDIAN"}, "aggregate_function is 'MEDIAN'; expected one of AVERAGE"),
        ({"post_transform": "CUBIC"}, "post_transform is 'CUBIC'; expected one of NONE"),
        ({"n_targets": 0}, "n_targets is 0; expected at least 1"),
        ({"n_targets": -2}, "n_targets is -2"),
        ({"base_values": [1.0, 2.0, 3.0]}, "base_values has 3 values"),
        ({"nodes_featureids": [-1, 0, 0]}, "node 0 of tree 0 tests feature -1"),
    ],
)
def test_trees(changes, words):
    refuses_to_load(
        model([ml_node("TreeEnsembleRegressor", "X", **tree(**changes))]), Fail, "TreeEnsembleRegressor 'n'", words
    )


def ensemble(splits=np.float32, **changes):
    attributes = {
        "n_targets": 1,
        "tree_roots": [0],
        "nodes_featureids": [0],
        "nodes_modes": np.array([0], np.uint8),
        "nodes_splits": np.array([0.5], splits),
        "nodes_truenodeids": [0],
        "nodes_falsenodeids": [1],
        "nodes_trueleafs": [1],
        "nodes_falseleafs": [1],
        "leaf_targetids": [0, 0],
        "leaf_weights": np.array([1, 2], splits),
        **changes,
    }
    return {
        name: onnx.numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
        for name, value in attributes.items()
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nodes_truenodeids": [-1]}, "leads to leaf -1; expected 0 to 1"),
        ({"nodes_falsenodeids": [2]}, "leads to leaf 2; expected 0 to 1"),
        ({"nodes_featureids": [0, 1]}, "lengths disagree: nodes_featureids has 2"),
        ({"leaf_targetids": [0]}, "lengths disagree: leaf_targetids has 1"),
        ({"tree_roots": [3]}, r"tree_roots\[0\] is 3"),
        ({"nodes_modes": np.array([9], np.uint8)}, r"nodes_modes\[0\] is 9"),
    ],
)
def test_ensembles_of_version_5(changes, words):
    refuses_to_load(model([ml_node("TreeEnsemble", "X", **ensemble(**changes))], ml=5), Fail, "TreeEnsemble 'n'", words)


def test_splits_of_another_type_than_the_input_are_promoted():
    """onnxruntime refuses; skl2onnx writes such graphs, and NumPy's promotion is what they mean."""
    proto = model([ml_node("TreeEnsemble", "X", **ensemble(np.float64))], outputs={"Y": DOUBLE}, ml=5)
    answers(proto, [[2.0], [2.0]])


LABELS = {"classlabels_ints": [0, 1]}


@pytest.mark.parametrize(
    ("operator", "attributes", "words"),
    [
        ("Scaler", {"offset": [1.0, 2.0, 3.0], "scale": [1.0, 2.0]}, "offset has 3 numbers and scale 2"),
        ("LinearClassifier", {"coefficients": [1.0] * 5, **LABELS}, "5 coefficients cannot be divided among 2"),
        ("LinearClassifier", {"coefficients": [1.0] * 4}, "no class labels"),
        ("LinearRegressor", {"coefficients": [1.0] * 3, "targets": 2}, "3 coefficients cannot be divided among 2"),
        ("LinearRegressor", {"coefficients": [1.0] * 2, "intercepts": [1.0, 2.0]}, "2 intercepts for 1 targets"),
        (
            "LabelEncoder",
            {"keys_floats": [1.0, 2.0], "values_floats": [1.0]},
            "keys_floats has 2 entries and values_floats 1",
        ),
        ("Normalizer", {"norm": "L3"}, "norm is 'L3'; expected one of MAX, L1, L2"),
        ("OneHotEncoder", {}, "one of cats_int64s and cats_strings, got neither"),
        ("Imputer", {"imputed_value_floats": [1.0], "imputed_value_int64s": [1]}, "got both"),
    ],
)
def test_parameters_that_contradict_each_other(operator, attributes, words):
    out = ["L", "Y"] if operator == "LinearClassifier" else ["Y"]
    proto = model([ml_node(operator, "X", out=out, **attributes)])
    refuses_to_load(proto, Fail, f"{operator} 'n'", words)


def test_a_refused_model_says_nothing_on_stdout_or_stderr(capfd):
    refuses_to_load(model([node("Abz", "X")]), InvalidGraph)
    assert capfd.readouterr() == ("", "")
