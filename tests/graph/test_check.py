"""Each way in which a model can be malformed has its class and says where."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph
from sklort.graph.check import check_graph
from sklort.graph.ir import Graph, Node, ValueInfo
from sklort.graph.load import load
from sklort.graph.text import parse


def body(
    nodes: str, outputs: str = "float[N] Y", imports: str = '"": 17, "ai.onnx.ml": 3, "com.microsoft": 1, "mine": 1'
) -> str:
    return f"<ir_version: 10, opset_import: [{imports}]> g (float[N] X) => ({outputs}) {{ {nodes} }}"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (body("Y = Abs(Z)"), InvalidArgument, r"Abs -> Y reads 'Z'"),
        (body("Yy = Abs(X)"), Fail, r"output 'Y' is made by no node; did you mean 'Yy'"),
        (body("Y = Abs(X) Y = Neg(X)"), Fail, "'Y', which is already defined"),
        (body("X = Abs(X) Y = Neg(X)"), Fail, "'X', which is already defined"),
        (body("a = Abs(b) b = Neg(a) Y = Exp(b)"), Fail, r"not acyclic: Abs -> a needs Neg -> b needs Abs -> a"),
        (body("a = Abs(a) Y = Exp(a)"), Fail, r"not acyclic: Abs -> a needs Abs -> a"),
        (body("Y = Abs(X)", outputs=""), InvalidGraph, "no outputs"),
        (body("Y = Abz(X)"), InvalidGraph, r"ai.onnx version 17 has no operator 'Abz'; did you mean 'Abs'"),
        (body("Y = ai.onnx.ml.Scalar(X)"), InvalidGraph, r"ai.onnx.ml version 3 .* did you mean 'Scaler'"),
        (body("Y = Gelu(X)"), InvalidGraph, "it came with version 20"),
        (body("Y = other.Op(X)"), InvalidGraph, "does not import the domain 'other'"),
        (body("Y = Abs(X)", imports='"ai.onnx.ml": 3'), InvalidGraph, "does not import the domain 'ai.onnx'"),
        (body("Y = mine.Op(X)"), Fail, "no operator 'Op' of the domain 'mine'"),
        (body("Y = com.microsoft.Nope(X)"), Fail, "no operator 'Nope'"),
        (body("Y = Abs(X, X)"), InvalidGraph, "expected 1 input, got 2"),
        (body("Y = Add(X)"), InvalidGraph, "expected 2 inputs, got 1"),
        (body("Y = Clip()"), InvalidGraph, "expected 1 to 3 inputs, got 0"),
        (body('Y = Add("", X)'), InvalidGraph, "input 'A' is required and was omitted"),
        (body("Y, Z = Abs(X)"), InvalidGraph, "expected 1 output, got 2"),
        (body("Y = Concat(X, X)"), InvalidGraph, "'axis' is required and missing"),
        (body("Y = Concat<axis = 0.5>(X, X)"), InvalidGraph, "'axis' must hold int, it holds float"),
        (body("Y = Concat<axes = 0>(X, X)"), InvalidGraph, "no attribute 'axes'; did you mean 'axis'"),
        (body("Y = Abs<axis = 0>(X)"), InvalidGraph, "no attribute 'axis'; it has none"),
        (body("Y = Abs(X)", imports='"": 0'), InvalidGraph, "version 0 of ai.onnx"),
        (
            body(
                "Y = If(X) <then_branch = t () => (float[N] a) { a = Abs(Q) }, else_branch = e () => (float[N] b) { b = Abs(X) }>"
            ),
            InvalidArgument,
            "reads 'Q'",
        ),
        (
            body(
                "Y = If(X) <then_branch = t () => (float[N] a) { a = Abz(X) }, else_branch = e () => (float[N] b) { b = Abs(X) }>"
            ),
            InvalidGraph,
            "'Abz'",
        ),
    ],
)
def test_malformed(text, error, words):
    with pytest.raises(error, match=words) as caught:
        parse(text)
    assert type(caught.value) is error


def test_operators_beyond_onnx():
    for name in ("CDist", "Solve"):
        parse(body(f"Y = com.microsoft.{name}(X, X)"))
    parse(body("Y = mine.Op(X)"), extra_operators={("mine", "Op")})
    with pytest.raises(InvalidGraph, match="does not import"):
        parse(body("Y = com.microsoft.CDist(X, X)", imports='"": 17'))


def test_a_newer_opset_warns_and_runs():
    with pytest.warns(UserWarning, match=r"version 99 of ai.onnx; the installed onnx"):
        model = parse(body("Y = Abs(X)", imports='"": 99'))
    assert model.graph.nodes[0].version == 99
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse(body("Y = Abs(X)", imports=f'"": {onnx.defs.onnx_opset_version()}'))


def test_an_input_without_a_type():
    graph = helper.make_graph(
        [helper.make_node("Abs", ["X"], ["Y"])], "g", [onnx.ValueInfoProto(name="X")], [onnx.ValueInfoProto(name="Y")]
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    with pytest.raises(Fail, match="'X' has no type"):
        load(proto)
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("X", TensorProto.FLOAT, None))
    load(proto)  # an output without a type is fine


@pytest.mark.parametrize("what", ["node", "input", "initializer"])
def test_names_that_occur_twice(what):
    proto = onnx.parser.parse_model(body("a = Abs(X) Y = Neg(a)"))
    if what == "node":
        proto.graph.node[0].name = proto.graph.node[1].name = "same"
    elif what == "input":
        proto.graph.input.append(proto.graph.input[0])
    else:
        proto.graph.initializer.extend([numpy_helper.from_array(np.ones(2, np.float32), "c")] * 2)
    with pytest.raises(Fail, match="same|'X'|'c'"):
        load(proto)


def test_a_subgraph_may_reuse_an_outer_name():
    parse(
        body(
            "a = Abs(X) Y = If(X) <then_branch = t () => (float[N] a) { a = Neg(X) }, "
            "else_branch = e () => (float[N] b) { b = Abs(a) }>"
        )
    )


def test_what_the_specification_would_not_give_is_accepted():
    model = parse(body("Y = Abs(X)", outputs="double[N] Y"))
    assert str(model.graph.outputs[0].type) == "tensor(double)"


def test_check_graph_alone_needs_no_types():
    node = Node("Anything", "nowhere", 1, ("X",), ("Y",))
    check_graph(Graph("g", (ValueInfo("X", None),), (ValueInfo("Y", None),), (node,), {}))
    with pytest.raises(InvalidArgument):
        check_graph(Graph("g", (), (ValueInfo("Y", None),), (node,), {}))
    with pytest.raises(Fail, match="without a name"):
        check_graph(Graph("g", (ValueInfo("", None),), (), (), {}))


def test_our_own_operators_are_no_part_of_a_model():
    text = '<ir_version: 10, opset_import: ["": 17, "ai.sklort": 1]> g (float[N, 2] X) => (float Y) { Y = ai.sklort.PairwiseDistance(X, X) }'
    with pytest.raises(Fail, match="ai.sklort:PairwiseDistance -> Y: the operators of 'ai.sklort' are made by sklort"):
        parse(text, extra_operators={("ai.sklort", "PairwiseDistance")})
