"""scikit-learn's own checks of an estimator, on `OnnxEstimator` around one of every kind.

No check is expected to fail: what the wrapped estimator passes, the wrapper passes.
"""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDOneClassSVM,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklort import OnnxEstimator

CLASSIFIERS = [
    LogisticRegression(),
    RidgeClassifier(),
    Perceptron(),
    SGDClassifier(random_state=0),
    LinearSVC(),
    GaussianNB(),
    MultinomialNB(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(2, random_state=0),
    GradientBoostingClassifier(n_estimators=2, random_state=0),
    HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5),
    LinearDiscriminantAnalysis(),
    DummyClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    HuberRegressor(),
    PoissonRegressor(),
    LinearSVR(),
    DecisionTreeRegressor(random_state=0),
    RandomForestRegressor(2, random_state=0),
    ExtraTreesRegressor(2, random_state=0),
    GradientBoostingRegressor(n_estimators=2, random_state=0),
    HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5),
    DummyRegressor(),
]
TRANSFORMERS = [
    StandardScaler(),
    MinMaxScaler(),
    MaxAbsScaler(),
    RobustScaler(),
    Normalizer(),
    PolynomialFeatures(),
    SimpleImputer(),
    PCA(),
    TruncatedSVD(1, random_state=0),
    VarianceThreshold(),
    SelectKBest(k=1),
]
OTHERS = [
    KMeans(2, n_init=1, random_state=0),
    MiniBatchKMeans(2, n_init=1, random_state=0),
    GaussianMixture(random_state=0),
    IsolationForest(n_estimators=2, random_state=0),
    SGDOneClassSVM(random_state=0),
]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([OnnxEstimator(model) for model in CLASSIFIERS + REGRESSORS + TRANSFORMERS + OTHERS])
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)
