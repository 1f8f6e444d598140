"""Every family, small: it is fitted, converted and kept, and everybody gives the original's answers."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from benchmarks import data, engines, store
from benchmarks.families import SMALL, families

KEYS = [
    "gb3",
    "hgb",
    "reg6",
    "rf8",
    "rf10",
    "rfdeep",
    "rf16",
    "linear",
    "pipe",
    "frame",
    "text",
    "knn",
    "svc",
    "iforest",
    "mlp",
    "ovr",
]
UNCONVERTED = {"hgb", "lgb", "xgb", "text"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def test_all_are_here() -> None:
    assert set(KEYS) <= set(families())
    assert set(families()) - set(KEYS) <= {"lgb", "xgb"}
    for key, family in families().items():
        assert family.key == key


@pytest.mark.parametrize("key", families())
def test_everybody_agrees(key: str, cache: Path) -> None:
    family = families()[key].small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the program does not mind those of libraries
        fitted = store.fitted(family, cache)
        with engines.one_thread():
            found, refused = engines.engines(fitted, others=False)
            rows = fitted.table.rows[:200]
            differ = engines.disagreement(family.tolerance)
            assert engines.remarks(fitted, found) == {}
            names = list(found)
            truth = found[names[0]](rows)()
            assert names[0] == family.library
            for name in names[1:]:
                assert differ(truth, found[name](rows)()) is None, name
    assert engines.SESSION in found
    assert set(refused) <= ({engines.ESTIMATOR} if key in UNCONVERTED else set())


def test_what_was_made_is_kept(cache: Path) -> None:
    said: list[str] = []
    family = families()["linear"].small()
    first = store.fitted(family, cache, said.append)
    before = len(said)
    again = store.fitted(family, cache, said.append)
    assert len(said) == before
    assert again.graph == first.graph
    assert str(again.size) == "2 nodes"


def test_nobody_is_asked_about_what_it_learnt() -> None:
    table = data.coded(SMALL)
    assert len(table.rows) == data.ASKED
    assert table.training.dtype == table.rows.dtype == np.float32
    assert table.rows.shape[1] == 25
    learnt = {row.tobytes() for row in table.training}
    assert sum(row.tobytes() in learnt for row in table.rows[:10_000]) < 10  # two flights may be alike


def test_an_engine_that_differs_is_seen() -> None:
    labels = np.array([1, 2, 3])
    assert engines.disagreement(0)(labels, [labels]) is None
    assert engines.disagreement(0)(labels, np.array([1, 2, 4])) == "1 of 3 labels differ"
    ones = np.ones((2, 1))
    assert engines.disagreement(1e-3)(ones, np.array([[1], [1.1]])) == "1 of 2 rows differ, by up to 1.0e-01"
    assert engines.disagreement(1e-3)(ones * 1000, ones * 1000.1) is None
    assert engines.disagreement(1e-3)(ones, ones[:1]) == "shape (1, 1) instead of (2, 1)"
