"""Where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.standard import NUMBERS, adversarial, run, same


@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_, np.complex64, np.complex128])
def test_types(dtype: Any) -> None:
    a = adversarial(np.float32 if np.dtype(dtype).kind == "c" else dtype, (6, 5)).astype(dtype)
    b = a[::-1].copy()
    condition = np.arange(30).reshape(6, 5) % 3 == 0
    same(run("Where", condition, a, b), np.where(condition, a, b))


@pytest.mark.parametrize(
    "shapes",
    [
        ((), (3,), (2, 1)),
        ((4, 3), (3,), (4, 1)),
        ((4, 1), (), (1, 3)),
        ((0, 3), (3,), ()),
        ((2, 1, 3), (4, 1), (1,)),
    ],
)
def test_broadcasting(shapes: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(0)
    condition = rng.random(shapes[0]) < 0.5
    a, b = rng.normal(size=shapes[1]), rng.normal(size=shapes[2])
    same(
        run("Where", np.asarray(condition), np.asarray(a), np.asarray(b)),
        np.where(condition, a, b),
    )


def test_texts_and_mixed_types() -> None:
    condition = np.array([True, False, True])
    texts = np.array(["a", "bé", ""], object)
    assert run("Where", condition, texts, np.array("z", object)).tolist() == [
        "a",
        "z",
        "",
    ]
    a, b = np.array([0.1, 0.2, 0.3], np.float32), np.array([1.1])
    same(run("Where", condition, a, b), np.where(condition, a, b))
    with pytest.raises(Fail, match="expected numbers, got string"):
        run("Where", condition, a, texts)
    with pytest.raises(Fail, match="expected bool"):
        run("Where", a, a, a)
