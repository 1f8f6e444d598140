"""scikit-learn's own checks of an estimator, on `OnnxEstimator` around some."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklort import OnnxEstimator


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [OnnxEstimator(LogisticRegression()), OnnxEstimator(LinearRegression()), OnnxEstimator(StandardScaler())]
)
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)
