from __future__ import annotations

import numpy as np
import pytest

from sklort.passes.drop_noop_casts import RULE
from tests.passes.rewriting import fires, graph_of, keeps, ops

LINEAR = "coefficients = [1.0, 2.0, 3.0, 4.0], intercepts = [0.0, 1.0]"
X = np.array([[1.0, -2.0]], np.float32)


@pytest.mark.parametrize(
    ("before", "to"),
    [
        ("a = Abs(X)", 1),
        ("a = Reshape(X, s)", 1),
        ("a = ArgMax(X)", 7),
        ("a = Greater(X, X)", 9),
        ("a = Cast<to = 11>(X)", 11),
        ("a = Concat<axis = 0>(X, X)", 1),
        ("b = Not(n) a = Where(b, X, X)", 1),
        ("a = ai.onnx.ml.ArrayFeatureExtractor(X, s)", 1),
        (f"a, b = ai.onnx.ml.LinearClassifier<{LINEAR}, classlabels_ints = [4, 5]>(X)", 7),
        (f'a, b = ai.onnx.ml.LinearClassifier<{LINEAR}, classlabels_strings = ["a", "b"]>(X)', 8),
        ("a = ai.onnx.ml.LabelEncoder<keys_floats = [1.0], values_int64s = [7]>(X)", 7),
        ('a = ai.onnx.ml.LabelEncoder<keys_floats = [1.0], values_strings = ["b"]>(X)', 8),
    ],
)
def test_fires_where_the_type_is_certain(before, to):
    graph = graph_of(
        "float[N, 2] X", "float Y", f"{before} Y = Cast<to = {to}>(a)", "int64[1] s = {-1}, bool[1] n = {0}"
    )
    assert ops(fires(RULE, graph, {"X": X}))[-1] == "Identity"


def test_a_cast_that_does_something_is_no_match():
    graph = graph_of("float[N, 2] X", "double Y", "Y = Cast<to = 11>(X)")
    same, refusals = RULE.run(graph)
    assert same is graph
    assert refusals == ()


@pytest.mark.parametrize(
    "before",
    [
        "a = ai.onnx.ml.Normalizer(X)",  # may answer in double
        f"b, a = ai.onnx.ml.LinearClassifier<{LINEAR}, classlabels_ints = [4, 5]>(X)",  # so may the scores
        "b = Cast<to = 11>(X) a = Add(X, b)",  # mixed: promoted as the kernel does
        "b = SequenceConstruct(X) i = Constant<value_int = 0>() a = SequenceAt(b, i)",
    ],
)
def test_keeps_still_where_the_type_is_not_certain(before):
    graph = graph_of("float[N, 2] X", "float Y", f"{before} Y = Cast<to = 1>(a)")
    assert keeps(RULE, graph) == "the element type of 'a' is not certain"
