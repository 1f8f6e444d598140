"""ONNX's own node tests of what runs graphs or works on sequences and optional values, through a session.

Cases that spell an operator out as a function (``..._expanded``) are among them: they are whole graphs with loops.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx.backend.test.case.node as node_cases
import pytest

from sklort import InferenceSession
from tests.conformance.test_onnx_nodes import array, check

MODULES = [
    "identity",
    "if_",
    "loop",
    "optionalgetelement",
    "optionalhaselement",
    "rangeop",
    "scan",
    "sequence_map",
    "sequenceinsert",
]
OPERATORS = ("If", "Loop", "Scan", "Sequence", "Optional", "SplitToSequence", "ConcatFromSequence")
BY_THE_REFERENCE = {"test_scan_sum"}  # version 8 of Scan
LEAST_CASES = 40


@cache
def cases() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in MODULES:
            importlib.import_module(f"{node_cases.__name__}.{name}")
    return {
        case.name: case
        for case in node_cases._NodeTestCases
        if any(node.op_type.startswith(OPERATORS) for node in case.model.graph.node)
        or case.name.startswith("test_identity_")
    }


@pytest.mark.parametrize("name", sorted(cases().keys() - BY_THE_REFERENCE))
def test_node(name: str) -> None:
    case = cases()[name]
    session = InferenceSession(case.model)
    assert {node.provider for node in session.explain().nodes} == {"CPUExecutionProvider"}
    for inputs, outputs in case.data_sets:
        feed = dict(zip([value.name for value in case.model.graph.input], map(array, inputs), strict=True))
        for got, expected in zip(session.run(None, feed), map(array, outputs), strict=True):
            if expected is None:
                assert got is None
            else:
                check(case, got, expected)


def test_no_cases_are_lost() -> None:
    assert len(cases()) >= LEAST_CASES
    assert cases().keys() >= BY_THE_REFERENCE


def test_the_old_scan_is_refused_with_a_sentence() -> None:
    session = InferenceSession(cases()["test_scan_sum"].model)
    (node,) = session.explain().nodes
    assert dict(node.refusals)["CPUExecutionProvider"].startswith("the native kernel knows versions 9 to")
    assert np.shape(session.get_outputs()[0].shape) == (2,)
