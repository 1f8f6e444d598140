"""The road of one row, in instructions: a regression there cannot hide in the noise of a machine.

The bounds are about a quarter above what CPython 3.11 and GCC 12 gave. When the road becomes shorter, lower them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import sklort
from benchmarks.counting import NotCounted, instructions
from sklort._native import _core

MODELS = {
    "logistic regression": LogisticRegression(max_iter=500),
    "boosting": GradientBoostingClassifier(n_estimators=10, random_state=0),
}
MOST = {
    ("logistic regression", "predict"): 4_500,
    ("logistic regression", "predict_proba"): 4_500,
    ("logistic regression", "run"): 7_500,
    ("boosting", "predict_proba"): 9_500,
    ("boosting", "run"): 13_000,
}


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = _core.thread_limit()
    _core.set_thread_limit(1)
    yield
    _core.set_thread_limit(before)


@pytest.mark.parametrize(("name", "method"), MOST)
def test_one_row(name: str, method: str, one_thread: None) -> None:
    X, y = load_iris(return_X_y=True)
    estimator = sklort.convert(MODELS[name].fit(X, y), X)
    row: Any = np.ascontiguousarray(X[70:71])
    if method == "run":
        session = sklort.InferenceSession(estimator.onnx_model_)
        call = partial(session.run, ["label", "probabilities"], {session.get_inputs()[0].name: row})
    else:
        call = partial(getattr(estimator, method), row)
    try:
        count = instructions(call)
    except NotCounted as reason:
        pytest.skip(str(reason))
    assert count <= MOST[name, method]
