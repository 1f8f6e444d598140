"""Exp, Log, Sigmoid, Tanh, Erf, Softplus, Elu, Sin, Cos: against extended precision and SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from sklort._native import _core
from sklort.exceptions import Fail
from tests.ops.standard import adversarial, run, ulps


def elu(x: Any) -> Any:
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "Exp": (np.exp, 1.0),
    "Log": (np.log, 1.0),
    "Tanh": (np.tanh, 2.0),
    "Softplus": (softplus, 2.0),
    "Elu": (elu, 2.0),
    "Sin": (np.sin, 1.0),
    "Cos": (np.cos, 1.0),
}


def arguments(dtype: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    reach = 760 if dtype is np.float64 else 110
    drawn = [
        rng.uniform(-reach, reach, 20000),
        rng.uniform(-2, 2, 20000),
        rng.normal(size=2000) * 1e-5,
    ]
    return np.concatenate([*drawn, adversarial(np.float64, (200,))]).astype(dtype)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op_type", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_within_a_unit_or_two(op_type: str, dtype: Any) -> None:
    function, allowed = FUNCTIONS[op_type]
    x = arguments(dtype)
    exact = function(x.astype(np.longdouble))
    exact = np.where(np.abs(exact) > np.finfo(dtype).max, np.copysign(np.inf, exact), exact)
    assert ulps(run(op_type, x), exact) <= allowed


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, -87.33654475), (np.float64, -708.39641853226410622)])
def test_results_below_the_normal_numbers(dtype: Any, bound: float, isa: str) -> None:
    at = np.full(64, bound, dtype)
    for i in range(1, 64):
        at[i] = np.nextafter(at[i - 1], dtype(0 if i < 32 else -1e9))
    reach = 18 if dtype is np.float32 else 40
    x = np.concatenate([at, np.linspace(bound - reach, bound + 1, 20001, dtype=dtype), [-np.inf, np.nan]]).astype(dtype)
    wide = x.astype(np.longdouble)
    _core.choose_isa(isa)
    try:
        assert ulps(run("Exp", x), np.exp(wide)) <= 1
        assert ulps(run("Sigmoid", x), np.exp(wide) / (1 + np.exp(wide))) <= 2
    finally:
        _core.choose_isa("")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_erf_are_scipys(dtype: Any) -> None:
    x = arguments(dtype)
    tolerance = 1e-15 if dtype is np.float64 else 3e-7
    smallest = float(np.finfo(dtype).tiny)
    for op_type, function in (("Sigmoid", special.expit), ("Erf", special.erf)):
        got = run(op_type, x)
        assert got.dtype == dtype
        # SciPy gives 0 where a result is below the normal numbers.
        np.testing.assert_allclose(got, function(x.astype(np.float64)), rtol=tolerance, atol=smallest)


def test_sigmoid_far_out() -> None:
    x = np.array([-np.inf, -800, -745, -709.5, -40, -0.0, 0, 40, 709, 800, np.inf, np.nan])
    got = run("Sigmoid", x)
    np.testing.assert_allclose(got, special.expit(x), rtol=1e-15, atol=np.finfo(float).tiny)
    assert got[0] == 0
    assert got[5] == 0.5
    assert got[10] == 1


def test_half_precision() -> None:
    x = adversarial(np.float16)
    for op_type in FUNCTIONS:
        with np.errstate(all="ignore"):
            expected = FUNCTIONS[op_type][0](x.astype(np.float64)).astype(np.float16)
        np.testing.assert_allclose(run(op_type, x), expected, rtol=2e-3)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_depend_on_neither_instruction_set_nor_position(dtype: Any) -> None:
    x = arguments(dtype)[-2011:]
    results = []
    for isa in _core.isas():
        _core.choose_isa(isa)
        whole = {op_type: run(op_type, x) for op_type in ("Exp", "Sigmoid")}
        for op_type, values in whole.items():
            shifted = run(op_type, x[3:].copy())
            np.testing.assert_array_equal(shifted, values[3:])
            np.testing.assert_array_equal(run(op_type, x[:1].copy()), values[:1])
        results.append([values.tobytes() for values in whole.values()])
    _core.choose_isa("")
    assert all(result == results[0] for result in results)


def test_elu_alpha_and_refusals() -> None:
    np.testing.assert_allclose(run("Elu", np.array([-1.0, 2.0]), alpha=2.0), [2 * np.expm1(-1), 2])
    with pytest.raises(Fail, match="expected floating-point numbers, got int32"):
        run("Exp", np.zeros(2, np.int32))
    assert run("Exp", np.zeros((0, 3))).shape == (0, 3)
    assert run("Exp", np.array(0.0)) == 1
