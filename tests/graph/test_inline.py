"""Model-local functions are gone after loading, and what they computed is not."""

from __future__ import annotations

import numpy as np
import onnx.parser
import onnx.reference
import pytest
from onnx import helper

from sklort.exceptions import InvalidGraph
from sklort.graph.load import load
from sklort.session.inference_session import InferenceSession

HEADER = '<ir_version: 10, opset_import: ["": 17, "local": 1]>'


def run(text: str, **feed: np.ndarray) -> list[np.ndarray]:
    proto = onnx.parser.parse_model(text)
    ours = InferenceSession(proto).run(None, feed)
    theirs = onnx.reference.ReferenceEvaluator(proto).run(None, feed)
    for mine, yours in zip(ours, theirs):
        np.testing.assert_array_equal(mine, yours)
    return ours


X = np.array([1.0, -2.0], np.float32)


def test_nested_calls_attribute_references_and_defaults():
    text = f"""{HEADER} g (float[N] X) => (float[N] Y, float[N] Z) {{
        Y = local.outer <slope = 0.5> (X)
        Z = local.inner (X)
    }}
    <domain: "local", opset_import: ["": 17, "local": 1]>
    inner <alpha: float = 0.25> (x) => (y) {{ y = LeakyRelu <alpha: float = @alpha> (x) }}
    <domain: "local", opset_import: ["": 17, "local": 1]>
    outer <slope> (x) => (y) {{ t = local.inner <alpha: float = @slope> (x)
        y = Neg(t) }}
    """
    proto = onnx.parser.parse_model(text)
    nodes = load(proto).graph.nodes
    assert [node.op_type for node in nodes] == ["LeakyRelu", "Neg", "LeakyRelu"]
    assert [node.attributes["alpha"].value for node in nodes if node.attributes] == [0.5, 0.25]
    y, z = InferenceSession(proto).run(None, {"X": X})
    np.testing.assert_array_equal(y, [-1, 1])
    np.testing.assert_array_equal(z, [1, -0.5])


def test_names_inside_functions_clash_with_nothing():
    (y,) = run(
        f"""{HEADER} g (float[N] x) => (float[N] y) {{
        t = Abs(x)
        a = local.twice(t)
        b = local.twice(a)
        y = Add(b, t)
    }}
    <domain: "local", opset_import: ["": 17]>
    twice (t) => (y) {{ x = Identity(t)
        y = Add(x, t) }}
    """,
        x=X,
    )
    np.testing.assert_array_equal(y, [5, 10])


def test_an_input_handed_through_and_outputs_left_out():
    (y,) = run(
        f"""{HEADER} g (float[N] X) => (float[N] Y) {{
        Y, Z = local.both(X)
    }}
    <domain: "local", opset_import: ["": 17]>
    both (x) => (x, y) {{ y = Neg(x) }}
    """,
        X=X,
    )
    np.testing.assert_array_equal(y, X)


def test_a_call_inside_a_subgraph_of_a_function():
    text = f"""{HEADER} g (float[N] X, bool c) => (float[N] Y) {{
        Y = local.choose(X, c)
    }}
    <domain: "local", opset_import: ["": 17]>
    neg (x) => (y) {{ y = Neg(x) }}
    <domain: "local", opset_import: ["": 17, "local": 1]>
    choose (x, c) => (y) {{
        y = If (c) <then_branch = th () => (float[N] r) {{ r = local.neg(x) }},
                    else_branch = el () => (float[N] r) {{ r = Identity(x) }}>
    }}
    """
    session = InferenceSession(onnx.parser.parse_model(text))
    np.testing.assert_array_equal(session.run(None, {"X": X, "c": np.array(True)})[0], -X)
    np.testing.assert_array_equal(session.run(None, {"X": X, "c": np.array(False)})[0], X)


def test_functions_import_their_own_opset():
    text = f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f(X) }}
    <domain: "local", opset_import: ["": 13]> f (x) => (y) {{ y = Abs(x) }}"""
    assert load(onnx.parser.parse_model(text)).graph.nodes[0].version == 13


@pytest.mark.parametrize("call", ["f", "h"])
def test_recursion_is_refused(call):
    text = f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f(X) }}
    <domain: "local", opset_import: ["": 17, "local": 1]> f (x) => (y) {{ y = local.{call}(x) }}
    <domain: "local", opset_import: ["": 17, "local": 1]> h (x) => (y) {{ y = local.f(x) }}"""
    with pytest.raises(InvalidGraph, match="calls itself"):
        load(onnx.parser.parse_model(text))


def test_too_many_arguments():
    text = f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f(X, X) }}
    <domain: "local", opset_import: ["": 17]> f (x) => (y) {{ y = Abs(x) }}"""
    with pytest.raises(InvalidGraph, match="has 1 inputs, the call gives 2"):
        load(onnx.parser.parse_model(text))


def test_a_function_defined_twice():
    proto = onnx.parser.parse_model(
        f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f(X) }}
    <domain: "local", opset_import: ["": 17]> f (x) => (y) {{ y = Abs(x) }}"""
    )
    proto.functions.append(proto.functions[0])
    with pytest.raises(InvalidGraph, match="defined twice"):
        load(proto)


def test_overloads_are_told_apart():
    proto = onnx.parser.parse_model(
        f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f(X) }}
    <domain: "local", opset_import: ["": 17]> f (x) => (y) {{ y = Abs(x) }}"""
    )
    other = helper.make_function(
        "local",
        "f",
        ["x"],
        ["y"],
        [helper.make_node("Neg", ["x"], ["y"])],
        [helper.make_opsetid("", 17)],
        overload="neg",
    )
    proto.functions.append(other)
    assert load(proto).graph.nodes[0].op_type == "Abs"
    proto.graph.node[0].overload = "neg"
    assert load(proto).graph.nodes[0].op_type == "Neg"


def test_exponential_nesting_is_stopped():
    functions = "".join(
        f'<domain: "local", opset_import: ["": 17, "local": 1]> f{i} (x) => (y) {{ t = local.f{i + 1}(x)\n y = local.f{i + 1}(t) }}\n'
        for i in range(40)
    )
    text = f"""{HEADER} g (float[N] X) => (float[N] Y) {{ Y = local.f0(X) }}
    {functions} <domain: "local", opset_import: ["": 17]> f40 (x) => (y) {{ y = Abs(x) }}"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklort.graph.inline._NODE_LIMIT", 1000)
        with pytest.raises(InvalidGraph, match="more than 1000 nodes"):
            load(onnx.parser.parse_model(text))
