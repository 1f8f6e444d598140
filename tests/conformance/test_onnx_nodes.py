"""ONNX's own node tests, for every operator that the native runtime claims.

Each case becomes a program of one node, so nothing but the operator is tested. The cases come from the installed onnx
package: only the modules that make a node of a claimed operator are imported, as making all cases takes long.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases
import pytest
from onnx import AttributeProto, numpy_helper

from sklort._native import _core

# A change that loses cases must fail: raise these with the operators, never lower them.
LEAST_CASES = 598
LEAST_OPERATORS = 96

STORED = set("?bBhHiIlLqQefdFDOUS")  # characters of NumPy's own types; ml_dtypes borrows their kinds


def attribute(proto: AttributeProto) -> Any:
    """An attribute as a kernel takes it."""
    value = onnx.helper.get_attribute_value(proto)
    match proto.type:
        case AttributeProto.INTS:
            return np.asarray(value, np.int64)
        case AttributeProto.FLOATS:
            return np.asarray(value, np.float32)
        case AttributeProto.STRING:
            return value.decode()
        case AttributeProto.STRINGS:
            return tuple(text.decode() for text in value)
        case AttributeProto.TENSOR:
            return numpy_helper.to_array(value)
        case AttributeProto.INT | AttributeProto.FLOAT:
            return value
        case _:
            raise NotImplementedError(f"attribute {proto.name} of type {proto.type}")


def array(value: Any) -> Any:
    """A case's value, which some cases give as a protobuf or a NumPy scalar, as an array or a list of arrays."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, np.generic | int | float):
        return np.asarray(value)
    return [array(item) for item in value] if isinstance(value, list) else value


def is_stored(value: Any) -> bool:
    """Whether the runtime has this element type."""
    if isinstance(value, list):
        return all(is_stored(item) for item in value)
    return isinstance(value, np.ndarray) and (value.dtype.char in STORED or value.dtype.name == "bfloat16")


def reason_to_skip(case: Any) -> str | None:
    """Why a case of a claimed operator is not run; None for those that are."""
    node = case.model.graph.node[0]
    versions = {opset.domain: opset.version for opset in case.model.opset_import}
    try:
        attributes = {proto.name: attribute(proto) for proto in node.attribute}
        if not all(is_stored(value) for value in attributes.values() if isinstance(value, np.ndarray)):
            return "an attribute of a type that is not stored"
        refusal = _core.refuses(node.domain, node.op_type, versions[node.domain], attributes)
    except NotImplementedError as error:
        return str(error)
    if refusal is not None:
        return f"refused: {refusal}"
    for inputs, outputs in case.data_sets:
        if not is_stored(array([*inputs, *outputs])):
            return "a value of a type that is not stored"
    return None


@cache
def claimed_cases() -> dict[str, Any]:
    """Cases of one node whose operator has a kernel; those with graphs inside are test_onnx_control_flow's."""
    operators = {name for _, name, _, _ in _core.operators()}
    folder = Path(node_cases.__path__[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages([str(folder)], node_cases.__name__ + "."):
            source = folder.joinpath(*module.name.split(".")[len(node_cases.__name__.split(".")) :]).with_suffix(".py")
            if source.exists() and operators & set(re.findall(r'make_node\(\s*"(\w+)"', source.read_text())):
                importlib.import_module(module.name)
    return {
        case.name: case
        for case in node_cases._NodeTestCases
        if len(case.model.graph.node) == 1
        and case.model.graph.node[0].op_type in operators
        and not any(proto.type == AttributeProto.GRAPH for proto in case.model.graph.node[0].attribute)
    }


def run(case: Any, inputs: list[Any]) -> list[Any]:
    """The outputs of a case's node."""
    graph = case.model.graph
    (node,) = graph.node
    versions = {opset.domain: opset.version for opset in case.model.opset_import}
    names = [value.name for value in graph.input]
    slots = {name: slot for slot, name in enumerate([*names, *(name for name in node.output if name)])}
    builder = _core.ProgramBuilder(len(slots))
    for name in names:
        builder.input(slots[name], name, 0, None)
    builder.step(
        case.name,
        node.domain,
        node.op_type,
        versions[node.domain],
        {proto.name: attribute(proto) for proto in node.attribute},
        [slots[name] if name else -1 for name in node.input],
        [slots[name] if name else -1 for name in node.output],
        [],
    )
    for value in graph.output:
        builder.output(slots[value.name], value.name, 0)
    return list(builder.build().run(inputs))


def check(case: Any, got: Any, expected: Any) -> None:
    """Asserts that an output is the expected one, element type and shape included."""
    if isinstance(expected, list):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            check(case, one, other)
        return
    assert got.shape == expected.shape
    if expected.dtype.kind in "OUS":
        assert got.ravel().tolist() == [str(text) for text in expected.ravel()]
        return
    assert got.dtype == expected.dtype
    if expected.dtype.kind not in "biufc":  # bfloat16
        got, expected = got.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_allclose(got, expected, rtol=case.rtol, atol=case.atol)


RUN = sorted(name for name, case in claimed_cases().items() if reason_to_skip(case) is None)


@pytest.mark.parametrize("name", RUN)
def test_node(name: str) -> None:
    case = claimed_cases()[name]
    for inputs, outputs in case.data_sets:
        check(case, run(case, array(list(inputs))), array(list(outputs)))


def test_no_cases_are_lost() -> None:
    operators = {claimed_cases()[name].model.graph.node[0].op_type for name in RUN}
    assert len(RUN) >= LEAST_CASES
    assert len(operators) >= LEAST_OPERATORS


def test_only_these_cases_are_skipped() -> None:
    skipped = Counter(
        re.sub(r"\d+|'\w+'", "*", reason) for case in claimed_cases().values() if (reason := reason_to_skip(case))
    )
    assert set(skipped) <= {
        "a value of a type that is not stored",
        "an attribute of a type that is not stored",
        "refused: element type * is not stored by the native runtime",
        "refused: reduction * has no native kernel; * and * have",
        "refused: reduction * has no native kernel; * has",
    }, skipped
