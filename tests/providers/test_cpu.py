from __future__ import annotations

import numpy as np
import pytest

from sklort.graph.ir import Attribute, AttributeKind, Graph, Node
from sklort.graph.text import parse
from sklort.graph.types import DType
from sklort.plan.build import compile_plan, make_plan
from sklort.providers import cpu
from sklort.providers.cpu import CpuProvider
from sklort.providers.reference import ReferenceProvider

RESHAPE = Node("Reshape", "", 13, ("a", "s"), ("b",), {"allowzero": Attribute(AttributeKind.INT, 0)})


def test_without_the_module_everything_is_refused_with_a_remedy(monkeypatch):
    def absent():
        raise ImportError("no _core")

    monkeypatch.setattr(cpu, "_core", absent)
    provider = CpuProvider()
    assert provider.unavailable() == provider.refuses(RESHAPE)
    assert "not built (no _core)" in provider.unavailable()
    assert provider.operators == frozenset()


def test_refusals_are_sentences():
    provider = CpuProvider()
    assert provider.unavailable() is None
    assert provider.refuses(RESHAPE) is None
    assert provider.refuses(Node("Det", "", 13, ("a",), ("b",))) == "there is no native kernel for Det"
    assert provider.refuses(Node("TreeEnsemble", "ai.onnx.ml", 3, ("a",), ("b",))).startswith(
        "the native kernel knows versions 5 to"
    )
    body = Attribute(AttributeKind.GRAPH, Graph("g", (), (), (), {}))
    assert (
        provider.refuses(Node("Reshape", "", 13, ("a", "s"), ("b",), {"body": body}))
        == "the native kernel takes no graph attribute (body)"
    )


def test_rare_element_types_go_to_the_reference_provider():
    assert not CpuProvider().holds(DType.INT4)
    text = '<ir_version: 10, opset_import: ["": 21]> g (float[N, 2] X) => (float8e4m3fn Y) { a = Cast<to = 17>(X) Y = Reshape(a, s) s = Constant<value_ints = [-1]>() }'
    providers = [CpuProvider(), ReferenceProvider()]
    plan = make_plan(parse(text).graph, providers)
    assert {each.provider for each in plan.assignments} == {"ReferenceExecutionProvider"}
    found = compile_plan(plan, providers).run([np.ones((1, 2), np.float32)])[0]
    assert found.dtype == DType.FLOAT8E4M3FN.numpy


def test_a_whole_plan_is_the_native_program():
    text = '<ir_version: 10, opset_import: ["": 17]> g (float[N, 2] X) => (double[M] Y) <int64[1] s = {-1}> { a = Identity(X) Y = Reshape(a, s) }'
    providers = [CpuProvider(threads=1), ReferenceProvider()]
    runner = compile_plan(make_plan(parse(text).graph, providers), providers)
    assert type(runner).__name__ == "Program"
    X = np.array([[1, 2], [3, 4]], np.float32)
    found = runner.fast(X)
    assert found.dtype == np.float64  # what the model declares
    assert found.tolist() == [1, 2, 3, 4]
    assert runner.fast(X.astype(np.float64)) is None
    assert runner.run([X.T])[0].tolist() == [1, 3, 2, 4]
    assert runner.explain()[0].startswith("Reshape -> Y")


@pytest.mark.parametrize("dtype", ["float", "double", "int64", "int32", "bool", "float16", "uint8", "string"])
def test_native_and_reference_agree_on_moving_values(dtype):
    text = f'<ir_version: 10, opset_import: ["": 17]> g ({dtype}[N, 4] X) => ({dtype}[2, M] Y, {dtype}[N, 4, 1] Z) <int64[2] s = {{2, -1}}, int64[1] a = {{2}}> {{ Y = Reshape(X, s) Z = Unsqueeze(X, a) }}'
    X = np.arange(8).reshape(2, 4).astype(DType[dtype.upper()].numpy if dtype != "string" else str)
    graph = parse(text).graph
    native, judge = [compile_plan(make_plan(graph, p), p).run([X]) for p in ([CpuProvider()], [ReferenceProvider()])]
    for mine, theirs in zip(native, judge):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_operators_of_plans_that_are_gone_are_not_mistaken_for_new_ones():
    providers = [CpuProvider(threads=1)]
    X = np.array([-1.0, 1.0], np.float32)
    for i in range(50):  # freed attributes leave their address to the next ones
        text = f'<ir_version: 10, opset_import: ["": 17]> g (float[N] X) => (float[N] Y) {{ Y = LeakyRelu<alpha = {i}.5>(X) }}'
        found = compile_plan(make_plan(parse(text).graph, providers), providers).run([X])[0]
        np.testing.assert_array_equal(found, [-i - 0.5, 1.0])
