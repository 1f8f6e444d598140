"""One row in, no Python frame, one native call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort

MODELS = {
    "logistic regression": (LogisticRegression(max_iter=500), ("predict", "predict_proba")),
    "forest": (RandomForestClassifier(10, random_state=0), ("predict", "predict_proba")),
    "boosting": (GradientBoostingClassifier(n_estimators=10), ("predict", "predict_proba")),
    "linear regression": (LinearRegression(), ("predict",)),
    "forest regressor": (RandomForestRegressor(10, random_state=0), ("predict",)),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), ("predict", "predict_proba")),
}


def frames_entered(call: Callable[[], Any]) -> list[str]:
    """The functions written in Python that run inside `call`."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            entered.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize(
    ("name", "method"), [(name, method) for name, (_, methods) in MODELS.items() for method in methods]
)
def test_no_python_frame(name: str, method: str) -> None:
    X, y = load_iris(return_X_y=True)
    X = np.ascontiguousarray(X, dtype=np.float64)
    model = MODELS[name][0].fit(X, y)
    predict = getattr(sklort.convert(model, X), method)
    row = X[70:71]
    expected = getattr(model, method)(row)
    np.testing.assert_allclose(predict(row), expected, rtol=1e-12)
    frames = frames_entered(lambda: predict(row))[1:]  # the first is the lambda
    assert frames == []


def test_the_frames_of_the_slow_lane_are_seen() -> None:
    """The counter above can tell: what is not an array of the model's dtype takes more frames."""
    X, y = load_iris(return_X_y=True)
    estimator = sklort.convert(LogisticRegression(max_iter=500).fit(X, y), X)
    assert len(frames_entered(lambda: estimator.predict(X[:1].tolist()))) > 3
