"""StringSplit against str.split, and the one of ai.onnx.contrib."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import SklortError
from tests.ops.one_node import run, texts

OP: dict[str, Any] = {"domain": "", "version": 20, "outputs": 2}
SPARSE: dict[str, Any] = {"domain": "ai.onnx.contrib", "version": 1, "outputs": 3}


@pytest.mark.parametrize("delimiter", [None, "", ",", ", ", "é", "aa", "\0"])
@pytest.mark.parametrize("most", [None, 0, 1, 2, 100])
def test_pieces_are_those_of_str_split(delimiter: str | None, most: int | None) -> None:
    rng = random.Random(0)
    documents = ["".join(rng.choice("aaé,, \t\n\u00a0\u3000x\0") for _ in range(rng.randint(0, 9))) for _ in range(300)]
    attributes: dict[str, Any] = {} if delimiter is None else {"delimiter": delimiter}
    if most is not None:
        attributes["maxsplit"] = most
    pieces, counts = run("StringSplit", [texts(*documents)], **attributes, **OP)
    expected = [document.split(delimiter or None, -1 if most is None else most) for document in documents]
    assert counts.dtype == np.int64
    assert counts.tolist() == [len(row) for row in expected]
    width = max(map(len, expected))
    assert pieces.tolist() == [row + [""] * (width - len(row)) for row in expected]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (), (2, 3)])
def test_shapes(shape: tuple[int, ...]) -> None:
    pieces, counts = run("StringSplit", [np.full(shape, "a b", object)], **OP)
    assert pieces.shape == (*shape, 2 if counts.size else 0)
    assert counts.shape == shape


@pytest.mark.parametrize("skip", [False, True])
def test_sparse(skip: bool) -> None:
    documents = ["a,b", "", ",é,,", "x"]
    places, pieces, shape = run("StringSplit", [texts(*documents), np.array(",", object), np.array(skip)], **SPARSE)
    rows = [[piece for piece in text.split(",") if piece or not skip] if text else [] for text in documents]
    assert pieces.tolist() == [piece for row in rows for piece in row]
    assert places.tolist() == [[i, j] for i, row in enumerate(rows) for j in range(len(row))]
    assert shape.tolist() == [4, max(map(len, rows))]


def test_sparse_characters() -> None:
    places, pieces, shape = run("StringSplit", [texts("aé", ""), np.array("", object), np.array(False)], **SPARSE)
    assert pieces.tolist() == ["a", "é"]
    assert places.tolist() == [[0, 0], [0, 1]]
    assert shape.tolist() == [2, 2]
    _, pieces, _ = run("StringSplit", [texts("aébàc"), np.array("éb", object), np.array(True)], **SPARSE)
    assert pieces.tolist() == ["a", "àc"]


def test_wrong_inputs() -> None:
    with pytest.raises(SklortError, match=r"must be tensor\(string\)"):
        run("StringSplit", [np.zeros(2)], **OP)
    with pytest.raises(SklortError, match="one dimension, got 2"):
        run("StringSplit", [np.full((1, 1), "a", object), np.array(",", object), np.array(True)], **SPARSE)
    with pytest.raises(SklortError, match="must be one text, got 2"):
        run("StringSplit", [texts("a"), texts(",", ";"), np.array(True)], **SPARSE)
    with pytest.raises(SklortError, match="must be one bool"):
        run("StringSplit", [texts("a"), texts(","), np.array(1)], **SPARSE)
