"""Rank-coded forests: what fits, that codes and nodes say what keys say, and when they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sklort.providers.cuda import forest_form
from sklort.providers.cuda.device import Limits
from sklort.providers.cuda.forest_form import Form, launch_for, worth_coding
from sklort.providers.cuda.forest_ranks import Ranks
from tests.cuda import programs
from tests.ops import test_forest_engines as engines
from tests.ops import test_tree_ensemble as cases
from tests.ops.forests import attributes_v3, judged_sums

H200 = Limits(132, 232448, 233472)


def form_of(trees: Any, dtype: str = "float32", targets: int = 2) -> Form:
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": targets}
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, dtype)
    (forest,) = compiled._runner.forests
    form: Form = forest._form(dtype == "float64").form
    return form


def walked(form: Form, ranks: Ranks, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entry that each row of keys [column][row] comes to in each tree, by keys and by ranks."""
    column, child, key = form.parts()
    codes = [np.zeros(keys.shape[1], np.int64)]
    for i in range(form.columns):
        thresholds = ranks.thresholds[ranks.begin[i] : ranks.begin[i + 1]]
        codes.append(np.searchsorted(thresholds, keys[1 + i], side="left"))
    by_keys, by_ranks = [], []
    for tree in range(form.trees):
        first, coded_first = form.tree_node[tree], ranks.tree_node[tree]
        for row in range(keys.shape[1]):
            at = first
            while column[at]:
                at = first + child[at] + (keys[column[at], row] > key[at])
            by_keys.append(int(key[at]) & 0xFFFFFFFF)
            at = coded_first
            while ranks.nodes[at] >> 22:
                node = int(ranks.nodes[at])
                at += (node >> 22) + (codes[node >> 12 & 0x3FF][row] > (node & 0xFFF))
            by_ranks.append(int(ranks.entries[at]))
    return np.array(by_keys), np.array(by_ranks)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_key_comes_to_the_same_leaf(dtype: str, cupy: Any) -> None:
    """Keys of the thresholds, their neighbours, and of NaN on either side."""
    trees, _ = engines.forest(depth=5, trees=6)
    form = form_of(trees, dtype)
    ranks = form.ranks
    assert ranks is not None
    rng = np.random.default_rng(0)
    top = np.iinfo(ranks.thresholds.dtype).max
    some = rng.choice(ranks.thresholds, 40)
    values = np.concatenate([some, some - 1, some + 1, np.array([0, 1, top], some.dtype)])
    keys = np.concatenate([np.zeros((1, 60), values.dtype), rng.choice(values, (form.columns, 60))])
    by_keys, by_ranks = walked(form, ranks, keys)
    np.testing.assert_array_equal(by_ranks, by_keys)


def test_what_does_not_fit(cupy: Any) -> None:
    trees, _ = engines.forest(depth=5, trees=6)
    form = form_of(trees)
    assert form.ranks is not None
    deep, _ = engines.forest(depth=13, trees=1)
    assert form_of(deep).ranks is None, "children too far away"
    wide = replace(form, features=np.zeros(1 << 10, np.int32))
    assert wide.ranks is None, "too many columns"
    many, _ = engines.forest(depth=8, trees=130, features=1, distinct=100_000)
    assert form_of(many).ranks is None, "too many thresholds"


def test_when_rows_are_coded(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is in one place; the numbers are guesses."""
    trees, _ = engines.forest(depth=6, trees=200)
    narrow, wide = form_of(trees), form_of(trees, "float64")
    assert worth_coding(wide)
    assert narrow.levels > forest_form.CODING_PAYS * narrow.ranks.coding_steps
    assert worth_coding(narrow)
    few = form_of(trees[:3])
    assert not worth_coding(few)
    assert launch_for(wide, 1_000_000, H200).kernel == "ranks"
    assert launch_for(wide, 100, H200).kernel == "rows"
    assert launch_for(wide, 1000, H200).kernel == "leaves", "few tiles: their trees are shared out"
    assert launch_for(few, 1_000_000, H200).kernel == "tile"
    assert launch_for(few, 1_000_000, H200, "ranks").kernel == "ranks"
    assert "coded by ranks" in str(launch_for(wide, 1_000_000, H200))
    many = launch_for(wide, 1_000_000, H200)
    assert many.tile == 1024
    assert many.shared_bytes <= H200.shared_bytes


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
def test_denormals_infinities_nan_and_ties(seed: int, kind: Any, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    thresholds = cases.thresholds_of(rng, special=True, float32=False)
    modes = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")
    trees = [
        cases.random_tree(rng, features=5, targets=3, depth=6, modes=modes, thresholds=thresholds) for _ in range(12)
    ]
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 3}
    monkeypatch.setattr(programs, "options", {"forest_kernel": "ranks"})
    rows = cases.edge_rows(rng, thresholds, 5, kind, 300)
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, np.dtype(kind).name)
    np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums(trees, rows, 3).astype(np.float32))


def test_large_batches_are_coded_in_pieces(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trees, rows = engines.forest(depth=5, trees=20)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    monkeypatch.setattr(programs, "options", {"forest_kernel": "ranks"})
    monkeypatch.setattr("sklort.providers.cuda.forest_form._LEAST_PIECE", 300)
    monkeypatch.setattr("sklort.providers.cuda.forest_form._LEAVES_BYTES", 1)
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums(trees, rows, 2).astype(np.float32))
    assert cupy.launches.count("forest_codes") == -(-len(rows) // 300)
