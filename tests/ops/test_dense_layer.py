"""DenseLayer: a product, a bias, an activation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import instruction_set, program

RANDOM = np.random.default_rng(3)
FUNCTIONS = {"Relu": lambda x: np.maximum(x, 0), "Tanh": np.tanh}


def layer(x: np.ndarray, weights: Any, bias: Any, activation: str, **options: Any) -> _core.Program:
    inputs = [x, weights, bias]
    return program("DenseLayer", inputs, constants=(1, 2), domain="ai.sklort", activation=activation, **options)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "m"), [(1, 1), (20, 3), (64, 100), (300, 17), (3, 500)])
def test_the_formula_and_the_same_bits_in_every_batch(k: int, m: int, dtype: Any, activation: str, isa: str) -> None:
    x, weights = RANDOM.normal(size=(333, k)).astype(dtype), RANDOM.normal(size=(k, m)).astype(dtype)
    bias = RANDOM.normal(size=m).astype(dtype)
    with instruction_set(isa):
        compiled = layer(x, weights, bias, activation)
        (y,) = compiled.run([x])
        (alone,) = layer(x, weights, bias, activation, threads=1).run([x])
    np.testing.assert_array_equal(y, alone)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    wanted = FUNCTIONS[activation](x.astype(float) @ weights.astype(float) + bias)
    np.testing.assert_allclose(y, wanted, rtol=tolerance, atol=tolerance)
    for size in (0, 1, 2, 8, 17, 128):
        np.testing.assert_array_equal(compiled.run([x[5 : 5 + size].copy()])[0], y[5 : 5 + size])


def test_nan_and_infinity() -> None:
    x = np.array([[np.nan], [np.inf], [-np.inf], [-0.0]])
    one, zero = np.ones((1, 1)), np.zeros(1)
    np.testing.assert_array_equal(layer(x, one, zero, "Relu").run([x])[0], [[np.nan], [np.inf], [0], [0]])
    np.testing.assert_array_equal(layer(x, one, zero, "Tanh").run([x])[0], [[np.nan], [1], [-1], [0]])


def test_what_does_not_fit() -> None:
    x, weights, bias = np.ones((3, 2)), np.ones((2, 1)), np.zeros(1)
    with pytest.raises(InvalidGraph, match="'activation' is 'Elu'"):
        layer(x, weights, bias, "Elu")
    with pytest.raises(InvalidGraph, match="the bias does not fit the weights"):
        layer(x, weights, np.zeros(2), "Relu")
    with pytest.raises(InvalidGraph, match="weights and bias must be constants"):
        program("DenseLayer", [x, weights, bias], domain="ai.sklort", activation="Relu")
    with pytest.raises(Fail, match="expected rows of 2 numbers, got shape"):
        layer(x, weights, bias, "Relu").run([np.ones((3, 3))])
