"""Graphs written here send every row where the original sends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

import sklort
from benchmarks.graphs import graph_of, size_of


def gappy(rows: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    X = random.integers(-4, 5, (rows, 5)).astype(np.float32) / np.float32(3)
    X[random.random(X.shape) < 0.2] = np.nan
    return X, (np.nansum(X, axis=1) + random.normal(scale=0.2, size=rows) > 0).astype(np.int64)


def histograms() -> Any:
    return HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=31)


def lightgbm() -> Any:
    return pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)


def xgboost() -> Any:
    return pytest.importorskip("xgboost").XGBClassifier(n_estimators=20, max_depth=6, n_jobs=1)


@pytest.mark.parametrize("make", [histograms, lightgbm, xgboost])
@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_boosted_trees(make: Any, complete: bool) -> None:
    model = make()
    X, y = gappy(3000)
    known = np.nan_to_num(X) if complete else X
    model.fit(known, y)
    graph = graph_of(model, X)
    (answer,) = sklort.InferenceSession(graph).run(["probabilities"], {"X": X})
    np.testing.assert_allclose(answer, model.predict_proba(X), atol=2e-6)


def test_the_size_of_a_forest() -> None:
    X, y = np.array([[0.0], [1.0], [2.0]], np.float32), [0, 1, 0]
    forest = RandomForestClassifier(3, bootstrap=False, random_state=0).fit(X, y)
    size = size_of(graph_of(forest, X))
    assert (size.trees, size.leaves, size.thresholds) == (3, 9, 2)
    assert str(size) == "3 trees, 9 leaves, up to 2 thresholds a feature"
