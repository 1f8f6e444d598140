"""And, Or, Xor, Not, IsNaN, IsInf."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import FLOATS, adversarial, run, same

NUMPY = {"And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor}


@pytest.mark.parametrize("op_type", NUMPY)
def test_truth_tables(op_type: str) -> None:
    values = np.array([False, True])
    same(
        run(op_type, values[:, None].copy(), values),
        NUMPY[op_type](values[:, None], values),
    )
    same(run(op_type, values, np.array(True)), NUMPY[op_type](values, True))
    long = np.arange(1000) % 3 == 0
    same(run(op_type, long, ~long), NUMPY[op_type](long, ~long))
    same(run(op_type, np.zeros((0, 2), bool), values), np.zeros((0, 2), bool))
    same(
        run(op_type, np.tile(values, (2, 2)), values, version=1, broadcast=1, axis=0),
        NUMPY[op_type](np.tile(values, (2, 2)), values[:, None]),
    )
    with pytest.raises(Fail, match="expected bool, got int64"):
        run(op_type, values, np.array([1, 0]))


def test_not() -> None:
    same(run("Not", np.array([[True, False]]), version=1), np.array([[False, True]]))
    with pytest.raises(Fail, match="expected bool"):
        run("Not", np.zeros(1))


@pytest.mark.parametrize("dtype", FLOATS)
def test_special_numbers(dtype: Any) -> None:
    values = adversarial(dtype)
    same(run("IsNaN", values), np.isnan(values))
    same(run("IsInf", values), np.isinf(values))
    same(run("IsInf", values, detect_negative=0), values == np.inf)
    same(run("IsInf", values, detect_positive=0), values == -np.inf)
    same(
        run("IsInf", values, detect_positive=0, detect_negative=0),
        np.zeros(values.shape, bool),
    )
    same(run("IsNaN", np.array(np.nan, dtype)), np.array(True))
