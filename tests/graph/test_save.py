from __future__ import annotations

import numpy as np
import onnx
import pytest

from sklort.exceptions import Fail
from sklort.graph.ir import Graph
from sklort.graph.load import load
from sklort.graph.save import tensor_proto, to_bytes, to_proto
from sklort.graph.text import parse, show
from sklort.graph.types import DType
from sklort.session.inference_session import InferenceSession


def same(one: Graph, other: Graph) -> bool:
    if show(one) != show(other) or set(one.constants) != set(other.constants):
        return False
    return all(
        array.tobytes() == other.constants[name].tobytes()
        for name, array in one.constants.items()
        if array.dtype != object
    )


HEADER = '<ir_version: 10, opset_import: ["": 21, "ai.onnx.ml": 5]>'


@pytest.mark.parametrize(
    "text",
    [
        """g (float[N, 2] X, bool c) => (float[N, ?] Y) {
            Y = If(c) <then_branch = t () => (float[2] r) { r = Neg(X) }, else_branch = e () => (float[2] q) { q = Abs(X) }> }""",
        "g (seq(float[N]) X, optional(seq(float)) Z) => (seq(map(int64, float[2])) Y) { Y = Identity(X) }",
        'g (string[2] X) => (int64[2] Y) { Y = ai.onnx.ml.LabelEncoder <keys_strings = ["é", "b"], values_int64s = [1, 2]>(X) }',
        "g (float[2, 1] X) => (float Y) { Y = ai.onnx.ml.Scaler <offset = [0.1, -0.0], scale = [1e-40, 3.0]>(X) }",
        "g (float[2] X) => (float8e4m3fn Y) { Y = Cast <to = 17, saturate = 0>(X) }",
        "g (float[2] X) => (float Y) <float[2] c = {1, 2}, int64 n = {3}> { a = Add(X, c) v, Y = TopK(a, n) }",
        "g (float[2] X) => (double Y) { Y = ConstantOfShape <value = double[1] {0.1}>(s) s = Shape(X) }",
        "g (float[2] X) => (seq(float) Y) { o = Optional <type = float[2]>() Y = SequenceEmpty <dtype = 1>() }",
    ],
)
def test_a_model_survives_saving(text):
    model = parse(HEADER + text)
    assert same(load(to_bytes(model)).graph, model.graph)


@pytest.mark.parametrize("dtype", [dtype for dtype in DType if dtype is not DType.UNDEFINED])
def test_arrays_of_every_type(dtype):
    values = np.array([["1", "1"]]).astype(object) if dtype is DType.STRING else np.array([[1, 1]]).astype(dtype.numpy)
    proto = tensor_proto(values, "c")
    assert proto.data_type == dtype
    text = f'<ir_version: 10, opset_import: ["": 25]> g (float X) => ({dtype.label}[1, 2] Y) {{ Y = Identity(c) }}'
    model = onnx.parser.parse_model(text.replace(dtype.label, "float"))
    model.graph.initializer.append(proto)
    back = load(model).graph.constants["c"]
    assert back.dtype == values.dtype
    assert back.tolist() == values.tolist()


def test_metadata_overridable_and_opsets_survive():
    model = parse(
        '<ir_version: 10, opset_import: ["": 17], producer_name: "p", model_version: 3> g (float[N] X, float c = {1}) => (float Y) { Y = Add(X, c) }'
    )
    model.metadata["k"] = "v"
    again = load(to_proto(model))
    assert (again.opsets, again.producer_name, again.model_version, again.metadata) == ({"": 17}, "p", 3, {"k": "v"})
    assert [value.name for value in again.overridable] == ["c"]
    assert InferenceSession(again_proto := to_proto(again)).run(None, {"X": np.ones(1, np.float32)})[0].tolist() == [2]
    assert again_proto.graph.input[-1].name == "c"


SOFTMAX_11 = (
    '<ir_version: 8, opset_import: ["": 17, "f": 1]> g (float[N, 2, 3] X) => (float[N, 2, 3] Y) { Y = f.soft(X) } '
    '<domain: "f", opset_import: ["": 11]> soft (x) => (y) { y = Softmax<axis = 1>(x) }'
)


def test_a_node_of_a_version_of_its_own_keeps_it():
    """Softmax of version 11 takes an axis and all that follow as one; that of version 13 the axis alone."""
    X = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    first = load(onnx.parser.parse_model(SOFTMAX_11))
    saved = to_proto(first)
    again = load(saved)
    assert [(node.op_type, node.version) for node in again.graph.nodes if node.op_type != "Identity"] == [
        ("Softmax", 11)
    ]
    flat = np.exp(X.reshape(2, 6) - X.reshape(2, 6).max(1, keepdims=True))
    expected = (flat / flat.sum(1, keepdims=True)).reshape(2, 2, 3)
    for source in (saved, to_bytes(again)):
        np.testing.assert_allclose(InferenceSession(source).run(None, {"X": X})[0], expected, rtol=1e-6)


def test_a_version_that_makes_no_difference_makes_no_function():
    saved = to_proto(
        load(onnx.parser.parse_model(SOFTMAX_11.replace("Softmax<axis = 1>", "Abs").replace("11]", "16]")))
    )
    assert len(saved.functions) == 0


def test_a_graph_that_reads_from_outside_cannot_become_a_function():
    text = SOFTMAX_11.replace(
        "y = Softmax<axis = 1>(x)",
        "k = Constant<value = int64 {2}>() c = Constant<value = bool {1}>() y = Loop(k, c, x) <body = b "
        "(int64 i, bool go, float v) => (bool on, float w) { on = Identity(go) w = Add(v, x) }>",
    )
    with pytest.raises(
        Fail, match=r"Loop .*version 11.* model of version 17.* reads 'f.*x' from outside|Loop .*outside"
    ):
        to_proto(load(onnx.parser.parse_model(text)))
