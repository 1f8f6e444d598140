"""Kinds of values are checked where the model makes them certain, and nowhere else."""

from __future__ import annotations

import pytest

from sklort.exceptions import InvalidGraph
from sklort.graph.text import parse


def model_of(body: str, inputs: str, opset: int = 17):
    return parse(
        f'<ir_version: 10, opset_import: ["": {opset}, "ai.onnx.ml": 3]> g ({inputs}) => (float Y) {{ {body} }}'
    )


@pytest.mark.parametrize(
    ("body", "inputs", "words"),
    [
        ("Y = Abs(X)", "string[N] X", r"Abs -> Y: its input 'X' is a tensor\(string\); the parameter 'X' takes .*float"),
        ("Y = Add(X, s) s = Constant<value_strings = ['a']>()".replace("'", '"'), "float[N] X", r"'s' is a tensor\(string\)"),
        ("Y = Concat<axis = 0>(X, S)", "float[N] X, seq(float[N]) S", r"'S' is a seq\(tensor\(float\)\)"),
        ('Y = ai.onnx.ml.DictVectorizer<string_vocabulary = ["a"]>(X)', "float[N] X", "takes map"),
        ("Y = If<then_branch = a () => (float Z) { Z = Abs(T) }, else_branch = b () => (float Z) { Z = Identity(T) }>(C)",
         "bool C, string T", r"Abs -> Z: its input 'T' is a tensor\(string\)"),
    ],
    ids=["declared", "constant", "variadic", "map", "captured"],
)  # fmt: skip
def test_refused(body, inputs, words):
    with pytest.raises(InvalidGraph, match=words):
        model_of(body, inputs)


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        ("Y = Add(X, B)", "float[N] X, double[N] B"),
        ("Y = Add(X, B)", "float[N] X, bool[N] B"),
        ("Y = Not(X)", "float[N] X"),
        ("E = Equal(X, B) Y = Cast<to = 1>(E)", "string[N] X, string[N] B"),  # text since version 19
        ("a = Identity(X) Y = Abs(a)", "string[N] X"),  # what comes out of a node is the kernel's to judge
        ('Y = ai.onnx.ml.DictVectorizer<string_vocabulary = ["a"]>(X)', "seq(map(string, float)) X"),
    ],
    ids=["float with double", "bool as a number", "float as a bool", "later versions", "not certain", "maps in a list"],
)
def test_accepted(body, inputs):
    model_of(body, inputs)
