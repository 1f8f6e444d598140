"""StringConcat against NumPy's addition of objects."""

from __future__ import annotations

import numpy as np
import pytest

from sklort.exceptions import SklortError
from tests.ops.one_node import run

SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((4, 1, 3), (2, 1)), ((0, 3), (1, 3)), ((), ())]


def words(shape: tuple[int, ...], letter: str) -> np.ndarray:
    count = int(np.prod(shape))
    return np.array([f"{letter}{i}é" * (i % 3) for i in range(count)], object).reshape(shape)


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_broadcasts(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    for one, other in ((left, right), (right, left)):
        x, y = words(one, "a"), words(other, "日")
        expected = np.asarray(x + y, object)
        out = run("StringConcat", [x, y], domain="", version=20)
        assert out.shape == expected.shape
        assert out.tolist() == expected.tolist()


def test_wrong_inputs() -> None:
    with pytest.raises(SklortError, match="cannot be broadcast"):
        run("StringConcat", [words((2,), "a"), words((3,), "b")], domain="", version=20)
    with pytest.raises(SklortError, match=r"input 1 must be tensor\(string\), got tensor\(int64\)"):
        run("StringConcat", [words((2,), "a"), np.zeros(2, np.int64)], domain="", version=20)
