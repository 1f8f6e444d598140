from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.estimators import disagreement, lines, predictors, tasks
from benchmarks.timing import Spread

COUNT = 6
fitted = cache(tasks)


@pytest.mark.parametrize("number", range(COUNT))
def test_all_predictors_agree(number):
    assert len(fitted()) == COUNT
    task = fitted()[number]
    rows = task.rows()[:60]
    found = predictors(task, rows)
    truth = found.pop("scikit-learn")(rows)
    assert {"estimator", "session"} <= set(found)
    for predict in found.values():
        assert disagreement(task.tolerance)(truth, predict(rows)) is None


def test_wrong_answers_are_seen():
    labels = np.array([1, 2, 3])
    assert disagreement(0)(labels, labels) is None
    assert disagreement(0)(labels, np.array([1, 2, 4])) == "1 of 3 labels differ"
    assert disagreement(1e-3)(np.ones((2, 1)), np.array([1, 1.1])) == "values differ by 1.0e-01"


def test_the_table():
    times = {100: {"scikit-learn": Spread(1, 2, 3, 5, 1), "session": Spread(0.5, 1, 2, 5, 1)}}
    assert lines(fitted()[0], times)[1] == (
        "| k-nearest neighbours, `predict`, float32 | 100 | session | 1.00 s (500 ms to 2.00 s) | 2 × |"
    )
