"""Equal, Less, Greater, LessOrEqual, GreaterOrEqual."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, adversarial, run, same

NUMPY = {
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal,
}


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_])
def test_every_pair_of_extremes(op_type: str, dtype: Any) -> None:
    values = adversarial(dtype)
    same(
        run(op_type, values, np.ascontiguousarray(values[:, None])),
        NUMPY[op_type](values, values[:, None]),
    )
    same(run(op_type, values, values.copy()), NUMPY[op_type](values, values))
    same(run(op_type, values[0], values), NUMPY[op_type](values[0], values))


@pytest.mark.parametrize("op_type", NUMPY)
@pytest.mark.parametrize("pair", [("i8", "u8"), ("u8", "i8")])
def test_integers_of_both_signs_are_compared_exactly(op_type: str, pair: tuple[str, str]) -> None:
    a, b = adversarial(pair[0]), adversarial(pair[1])
    expected = NUMPY[op_type](a[:, None].astype(object), b.astype(object)).astype(bool)
    same(run(op_type, np.ascontiguousarray(a[:, None]), b), expected)


@pytest.mark.parametrize("op_type", NUMPY)
def test_mixed_types(op_type: str) -> None:
    a, b = np.array([0.1, 0.5, np.nan], np.float32), np.array([0.1, 0.5, 1])
    same(run(op_type, a, b), NUMPY[op_type](a, b))
    whole = np.array([0, 1, 2**53 + 1])
    same(run(op_type, whole, b), NUMPY[op_type](whole, b))


def test_texts() -> None:
    a = np.array([["a", "bc"], ["", "é"]], object)
    same(
        run("Equal", a, np.array(["a", "é"], object)),
        np.array([[True, False], [False, True]]),
    )
    same(run("Equal", a, np.array("bc", object)), a == "bc")
    with pytest.raises(Fail, match="cannot compare string with string"):
        run("Less", a, a)
    with pytest.raises(Fail, match="cannot compare string with int64"):
        run("Equal", a, np.zeros(2, np.int64))


@pytest.mark.parametrize("version", [1, 7, 9, 11, 13, 19])
def test_versions(version: int) -> None:
    a = np.arange(6.0).reshape(2, 3)
    options = {"broadcast": 1, "axis": 0} if version < 7 else {}
    b = np.array([1.0, 4.0]) if version < 7 else np.array([[1.0], [4.0]])
    same(run("Greater", a, b, version=version, **options), a > np.array([[1.0], [4.0]]))
    same(run("Less", a, b, version=version, **options), a < np.array([[1.0], [4.0]]))
