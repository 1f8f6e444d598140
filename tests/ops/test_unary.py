"""Abs, Neg, Sign, Sqrt, Reciprocal, Floor, Ceil, Round, Relu, LeakyRelu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.standard import FLOATS, INTEGERS, NUMBERS, SIGNED, adversarial, run, same

FLOAT_ONLY = {
    "Sqrt": np.sqrt,
    "Reciprocal": lambda x: np.asarray(1, x.dtype) / x,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.rint,
}
ANY_NUMBER = {"Abs": np.abs, "Neg": np.negative, "Sign": np.sign}


@pytest.mark.parametrize(("op_type", "function"), [*FLOAT_ONLY.items(), *ANY_NUMBER.items()])
@pytest.mark.parametrize("dtype", FLOATS)
def test_floats(op_type: str, function: Callable[[Any], Any], dtype: Any) -> None:
    for values in (
        adversarial(dtype),
        adversarial(dtype, (3, 5)),
        np.zeros((0, 2), dtype),
        np.array(-2.5, dtype),
    ):
        with np.errstate(all="ignore"):
            same(run(op_type, values), function(values))


@pytest.mark.parametrize(("op_type", "function"), ANY_NUMBER.items())
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(op_type: str, function: Callable[[Any], Any], dtype: Any) -> None:
    with np.errstate(all="ignore"):
        same(run(op_type, adversarial(dtype)), function(adversarial(dtype)))


@pytest.mark.parametrize("op_type", FLOAT_ONLY)
def test_integers_are_refused_where_onnx_has_none(op_type: str) -> None:
    with pytest.raises(Fail, match="expected floating-point numbers, got int64"):
        run(op_type, np.zeros(2, np.int64))


@pytest.mark.parametrize("dtype", [*FLOATS, *SIGNED])
def test_relu(dtype: Any) -> None:
    values = adversarial(dtype)
    np.testing.assert_array_equal(run("Relu", values), np.maximum(values, np.array(0, dtype)))


@pytest.mark.parametrize("version", [1, 6, 16])
def test_leaky_relu(version: int) -> None:
    values = adversarial(np.float64)
    same(
        run("LeakyRelu", values, version=version, alpha=0.25),
        np.where(values < 0, values * 0.25, values),
    )
    default = run("LeakyRelu", np.array([-1.0]), version=version)
    assert default[0] == -float(np.float32(0.01))


def test_instruction_sets_agree_to_the_bit() -> None:
    values = {dtype: adversarial(dtype, (1003,)) for dtype in NUMBERS}
    results = []
    for isa in _core.isas():
        _core.choose_isa(isa)
        results.append([run(name, values[np.float64]).tobytes() for name in [*FLOAT_ONLY, *ANY_NUMBER, "Relu"]])
        results[-1] += [run(name, values[np.float32]).tobytes() for name in [*FLOAT_ONLY, *ANY_NUMBER, "Relu"]]
    _core.choose_isa("")
    assert all(result == results[0] for result in results)
