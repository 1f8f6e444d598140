"""scikit-learn's own checks of an estimator, on `OnnxEstimator` around one of every kind.

No check is expected to fail: what the wrapped estimator passes, the wrapper passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDOneClassSVM,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from sklort import OnnxEstimator

CLASSIFIERS = [
    LogisticRegression(),
    RidgeClassifier(),
    SGDClassifier(random_state=0),
    LinearSVC(),
    GaussianNB(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(2, random_state=0),
    GradientBoostingClassifier(n_estimators=2, random_state=0),
    HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5),
    LinearDiscriminantAnalysis(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(alpha=0.05),
    HuberRegressor(),
    PoissonRegressor(),
    DecisionTreeRegressor(random_state=0),
    ExtraTreesRegressor(2, random_state=0),
    HistGradientBoostingRegressor(max_iter=5, learning_rate=0.5, min_samples_leaf=5),
]
TRANSFORMERS = [
    StandardScaler(),
    MinMaxScaler(),
    Normalizer(),
    PolynomialFeatures(),
    SimpleImputer(),
    PCA(),
    TruncatedSVD(1, random_state=0),
    SelectKBest(k=1),
]
OTHERS = [
    KMeans(2, n_init=1, random_state=0),
    MiniBatchKMeans(2, n_init=1, random_state=0),
    GaussianMixture(random_state=0),
    IsolationForest(n_estimators=2, random_state=0),
    SGDOneClassSVM(random_state=0),
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of several test processes that spin for each other take longer than the work."""
    with threadpool_limits(1):
        yield


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([OnnxEstimator(model) for model in CLASSIFIERS + REGRESSORS + TRANSFORMERS + OTHERS])
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)
