from __future__ import annotations

import numpy as np
import pytest

from sklort.passes import fold_constants
from sklort.passes.fold_constants import RULE
from tests.passes.rewriting import fires, graph_of, keeps, ops

X = np.array([[1.0, -2.0]], np.float32)
CONSTANTS = "float[2] c = {1.5, 2}, int64[2] s = {2, 1}, int64[1] zero = {0}, float[1] big = {1e30}, int64[1] many = {100000000}"


def graph(body: str):
    return graph_of("float[N, 2] X", "float Y", body, CONSTANTS)


@pytest.mark.parametrize(
    "body",
    [
        "a = Reshape(c, s) Y = Add(X, a)",
        "a = Div(c, c) b = Neg(a) Y = Add(X, b)",
        "a = Cast<to = 7>(c) b = Cast<to = 1>(a) Y = Add(X, b)",
        "a = ConstantOfShape(s) Y = Add(X, a)",
        "a, b = Split<axis = 0>(c) d = Concat<axis = 0>(b, a) Y = Add(X, d)",
    ],
)
def test_fires(body):
    assert ops(fires(RULE, graph(body), {"X": X})) == ["Add"]


def test_a_constant_output_stays_an_output():
    changed = fires(RULE, graph("Y = Neg(c)"), {"X": X})
    assert ops(changed) == []
    assert changed.constants["Y"].tolist() == [-1.5, -2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a = Exp(c) Y = Add(X, a)", "Exp may round differently where it runs"),
        ("a = RandomUniform<shape = [2]>() Y = Add(X, a)", "RandomUniform draws anew"),
        ("a = Cast<to = 8>(c) Y = Cast<to = 1>(X)", "text and numbers"),
        ("a = Cast<to = 7>(big) Y = Abs(X)", "outside the type"),
        ("a = Div(s, zero) Y = Abs(X)", "integer by zero"),
        ("a = ConstantOfShape(many) Y = Abs(X)", "more than 1048576 elements"),
        ("a = Expand(c, many) Y = Abs(X)", "more than 1048576 elements"),
        ("a = Reshape(c, many) Y = Abs(X)", "it cannot be evaluated: Reshape -> a"),
    ],
)
def test_keeps_still(body, words):
    assert words in keeps(RULE, graph(body))


def test_without_an_evaluator_nothing_is_folded():
    same, refusals = RULE.run(graph("a = Neg(c) Y = Add(X, a)"))
    assert ops(same) == ["Neg", "Add"]
    assert refusals[0].reason == "nothing here can evaluate it"


def test_exact_operators_are_operators():
    import onnx

    for name in fold_constants.EXACT:
        onnx.defs.get_schema(name, 17)
