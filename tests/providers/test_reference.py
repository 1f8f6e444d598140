from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklort.exceptions import Fail
from sklort.graph.ir import Node
from sklort.graph.text import parse
from sklort.graph.types import DType, SequenceType, TensorType
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.part import Port
from sklort.providers.reference import ReferenceProvider, ReferenceRunner, evaluate
from sklort.providers.requests import honour

X = np.array([[1.0, -2.0]], np.float32)


def runner_of(inputs: str, outputs: str, body: str, version: int = 18) -> ReferenceRunner:
    graph = parse(
        f'<ir_version: 10, opset_import: ["": {version}, "ai.onnx.ml": 5]> g ({inputs}) => ({outputs}) {{ {body} }}'
    ).graph
    return compile_plan(make_plan(graph, [ReferenceProvider()], passes=()), [ReferenceProvider()])


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (Node("ZipMap", "ai.onnx.ml", 1, ("a",), ("b",)), "onnx.reference does not implement ZipMap"),
        (Node("CDist", "com.microsoft", 1, ("a", "b"), ("c",)), "no operators of the domain 'com.microsoft'"),
        (Node("Scatter", "", 10, ("a", "b", "c"), ("d",)), "does not implement Scatter"),
    ],
)
def test_refusals(node, words):
    assert words in ReferenceProvider().refuses(node)


def test_a_refusal_inside_a_subgraph():
    text = """<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 1]> g (bool c, float[N, 2] X) => (float[N, 2] Y) {
        Y = If(c) <then_branch = t () => (float r) { r = ai.onnx.ml.ZipMap<classlabels_int64s = [0, 1]>(X) },
                   else_branch = e () => (float q) { q = Identity(X) }> }"""
    sentence = ReferenceProvider().refuses(parse(text).graph.nodes[0])
    assert sentence == "its subgraph holds ai.onnx.ml:ZipMap -> r: onnx.reference does not implement ZipMap"


def test_loop_and_scan_see_the_values_around_them():
    loop = """y, Y = Loop(n, "", X) <body = b (int64 i, bool c, float[N, 2] s) => (bool d, float[N, 2] t, float[N, 2] u) {
        d = Identity(c)
        t = Add(s, Z)
        u = Identity(t) }>"""
    runner = runner_of("int64 n, float[N, 2] X, float[N, 2] Z", "float Y", loop)
    np.testing.assert_array_equal(runner.run([np.array(2), X, X])[0], [2 * X, 3 * X])
    np.testing.assert_array_equal(runner.run([np.array(0), X, X])[0], np.empty((0, 0, 2)))
    scan = "Y = Scan<num_scan_inputs = 1, body = b (float[2] row) => (float[2] out) { out = Mul(row, w) }>(X)"
    runner = runner_of("float[N, 2] X, float[2] w", "float Y", scan)
    np.testing.assert_array_equal(runner.run([X, np.array([3, 4], np.float32)])[0], [[3, -8]])


def test_loop_stops_by_condition_and_stacks_along_a_new_axis():
    loop = """last, Y = Loop("", yes, zero) <body = b (int64 i, bool c, int64 s) => (bool d, int64 t, int64 u) {
        t = Add(s, i) u = Identity(t) d = Less(t, five) }> yes = Constant<value = bool {1}>() five = Constant<value_int = 5>()
        zero = Constant<value_int = 0>()"""
    runner = runner_of("float[N, 2] X", "int64 last, int64 Y", loop)
    last, every = runner.run([X])
    assert last == 6
    assert every.tolist() == [0, 1, 3, 6]


def test_operators_defined_as_a_function_of_their_types():
    runner = runner_of(
        "float[N, 2] X, float[2] s, float[2] b", "float Y", "Y = GroupNormalization<num_groups = 1>(X, s, b)", 21
    )
    ones = np.ones(2, np.float32)
    for _ in range(2):
        np.testing.assert_allclose(runner.run([X, ones, 0 * ones])[0], [[1, -1]], atol=1e-4)


def test_an_error_names_the_node_and_what_it_was_given():
    runner = runner_of("float[N, 2] X, float[M] c", "float Y", "Y = Add(X, c)")
    with pytest.raises(Fail, match=r"Add -> Y: ValueError: .*broadcast.*float32\[1, 2\], float32\[3\]"):
        runner.run([X, np.ones(3, np.float32)])


def test_an_attribute_it_cannot_prepare():
    with pytest.raises(Fail, match="Scan -> Y: onnx.reference cannot prepare it"):
        runner_of(
            "float[N, 2] X",
            "float Y",
            "Y = Scan<num_scan_inputs = 0, body = b (float[2] r) => (float[2] o) { o = Neg(r) }>(X)",
        )


@pytest.mark.parametrize(
    ("body", "dtype"),
    [
        ("Y = Mul(X, D)", np.float64),
        ("Y = Concat<axis = 0>(X, D, X)", np.float64),
        ("c = Greater(X, D) Y = Where(c, X, D)", np.float64),
        ("Y = Add(X, I)", np.float64),
        ("Y = Less(D, X)", np.bool_),
        ("Y = Reshape(X, I)", np.float32),
    ],
)
def test_mixed_numbers_are_promoted_as_numpy_does(body, dtype):
    runner = runner_of("float[N, 2] X, double[N, 2] D, int64[2] I", "string Y", body)  # not a request it can honour
    assert runner.run([X, X.astype(np.float64), np.array([2, 1])])[0].dtype == dtype


def test_one_input_twice_and_outputs_left_out():
    runner = runner_of(
        "float[N, 2] X", "int64 Y, float Z", '"", Y = TopK(X, k) Z = Mul(X, X) k = Constant<value_ints = [1]>()'
    )
    top, square = runner.run([X])
    assert top.tolist() == [[0]]
    assert square.tolist() == [[1, 4]]


@pytest.mark.parametrize(
    "texts",
    [
        np.array([["a", "é"]]),
        np.array([["a", "é"]], object),
        np.array([[b"a", "é".encode()]]),
    ],
)
def test_strings_of_any_kind_arrive_as_str(texts):
    runner = runner_of("string[N, 2] X", "string Y", "Y = Transpose(X)")
    found = runner.run([texts])[0]
    assert found.dtype == object
    assert found.tolist() == [["a"], ["é"]]


def test_results_share_nothing_with_inputs():
    given = X.copy()
    first, second = runner_of(
        "float[N, 2] X", "float Y, float Z", "Y = Transpose(X) Z = Reshape(X, s) s = Constant<value_ints = [-1]>()"
    ).run([given])
    assert not np.shares_memory(first, given)
    assert not np.shares_memory(second, given)
    assert first.flags.c_contiguous
    assert first.flags.writeable


@pytest.mark.parametrize(
    ("value", "wanted", "dtype"),
    [
        (np.ones(2, np.float32), DType.DOUBLE, np.float64),
        (np.ones(2, np.float64), DType.FLOAT, np.float32),
        (np.ones(2, np.float64), DType.INT64, np.int64),
        (np.full(2, 0.5), DType.INT64, np.float64),
        (np.full(2, np.nan), DType.INT64, np.float64),
        (np.array([True]), DType.INT64, np.int64),
        (np.array(["a"], object), DType.INT64, object),
        (np.array([1]), DType.STRING, np.int64),
    ],
)
def test_the_declared_type_is_a_request(value, wanted, dtype):
    assert honour(value, Port(0, "Y", TensorType(wanted))).dtype == dtype


def test_what_is_no_tensor_passes():
    assert honour([1], Port(0, "Y", SequenceType(TensorType(DType.FLOAT)))) == [1]
    assert honour(X, Port(0, "Y", None)) is X


def test_evaluate_for_passes():
    (found,) = evaluate(Node("Neg", "", 17, ("a",), ("b",)), [X])
    assert found.tolist() == [[-1, 2]]


def test_several_threads():
    runner = runner_of("float[N, 2] X", "float Y", "a = Exp(X) b = Neg(a) Y = Add(a, b)")
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda i: runner.run([X * i])[0], range(40)):
            assert not found.any()


def test_it_has_no_fast_lane():
    assert runner_of("float[N, 2] X", "float Y", "Y = Abs(X)").fast(X) is None
