"""The models that are measured: what each is, what it learns from, and which of its answers is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from benchmarks import data, flights

SMALL = 300
"""Rows that the models of a quick run learn from."""


@dataclass(frozen=True)
class Family:
    """A model to fit, and the question it is asked.

    Attributes
    ----------
    key : str
        For the command line.
    title, group : str
        `group` is a row of the summary; families of one group have one geometric mean.
    model : estimator
        Not fitted.
    source : callable
        Gives the `data.Table`.
    learnt : int
        Rows to learn from.
    method, output : str
        What is asked of the model, and the name of the answer in the graph.
    tolerance : float
        Of numbers, relative to the largest of the truth or to 1; 0 for labels.
    library : str
        Whose model it is: the truth, and the first to be timed.
    most_rows : int
        Larger batches take minutes somewhere.
    """

    key: str
    title: str
    group: str
    model: Any
    source: data.Source
    learnt: int
    method: str = "predict_proba"
    output: str = "probabilities"
    tolerance: float = 1e-5
    library: str = "scikit-learn"
    most_rows: int = data.ASKED

    @property
    def classifies(self) -> bool:
        return self.method == "predict_proba" or self.tolerance == 0

    def small(self) -> Family:
        """The same with a tenth of the trees and a few hundred rows: to see it run, not to believe its figures."""
        model = clone(self.model)
        few = {"n_estimators": 5, "max_iter": 5 if isinstance(model, HistGradientBoostingClassifier) else None}
        changed = {name: few[name] for name in model.get_params() if few.get(name) is not None}
        return replace(self, model=model.set_params(**changed), learnt=SMALL)


def forest(depth: int | None) -> Any:
    return RandomForestClassifier(100, max_depth=depth, random_state=0)


def matrix_pipeline() -> Any:
    """The last three of 25 columns are codes."""
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list(range(22))),
            ("codes", OneHotEncoder(handle_unknown="ignore"), [22, 23, 24]),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=300))


def frame_pipeline() -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, flights.KNOWN + flights.AT_TAKE_OFF),
            ("codes", OneHotEncoder(handle_unknown="ignore"), flights.CODES),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=300))


SHALLOW = "boosted trees of at most 32 leaves"
DEEPER = "boosted trees of depth 6"
BOUNDED = "random forests of depth 8 and 10"
DEEP = "random forest without depth limit"
MANY = "forest of 16 classes"
LINEAR = "linear, 64 features, 10 classes"
ARRAYS = "pipeline into a linear model, arrays"
FRAMES = "pipeline into a linear model, data frame"
TEXTS = "texts into a linear model"
OTHERS = "neighbours, SVM, isolation forest, network"


@cache
def families() -> dict[str, Family]:
    """All that can be fitted here, by key; LightGBM's and XGBoost's where they are installed."""
    found = [
        Family(
            "gb3",
            "GradientBoostingClassifier, 100 trees of depth 3",
            SHALLOW,
            GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=0),
            data.late,
            20_000,
        ),
        Family(
            "hgb",
            "HistGradientBoostingClassifier, 500 trees of 31 leaves",
            SHALLOW,
            HistGradientBoostingClassifier(max_iter=500, max_leaf_nodes=31, early_stopping=False, random_state=0),
            data.late_with_gaps,
            200_000,
        ),
        Family(
            "reg6",
            "GradientBoostingRegressor, 1,000 trees of depth 6",
            DEEPER,
            GradientBoostingRegressor(n_estimators=1000, max_depth=6, subsample=0.1, random_state=0),
            data.delay,
            100_000,
            "predict",
            "variable",
        ),
        Family("rf8", "RandomForestClassifier, 100 trees of depth 8", BOUNDED, forest(8), data.late, 100_000),
        Family("rf10", "RandomForestClassifier, 100 trees of depth 10", BOUNDED, forest(10), data.late, 100_000),
        Family("rfdeep", "RandomForestClassifier, 100 trees", DEEP, forest(None), data.late, 100_000),
        Family(
            "rf16",
            "RandomForestClassifier of 16 classes, 100 trees of depth 10",
            MANY,
            forest(10),
            data.carrier,
            100_000,
        ),
        Family(
            "linear",
            "LogisticRegression, 64 features, 10 classes",
            LINEAR,
            LogisticRegression(max_iter=1000),
            data.small_digits,
            1797,
        ),
        Family(
            "pipe",
            "StandardScaler and OneHotEncoder into LogisticRegression, one matrix",
            ARRAYS,
            matrix_pipeline(),
            data.coded,
            50_000,
            tolerance=1e-4,
        ),
        Family(
            "frame",
            "imputation, StandardScaler and OneHotEncoder into LogisticRegression, data frame",
            FRAMES,
            frame_pipeline(),
            data.frame,
            50_000,
            tolerance=1e-4,
        ),
        Family(
            "text",
            "TfidfVectorizer, some 30,000 words, into LogisticRegression, 10 classes",
            TEXTS,
            make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=50)),
            data.texts,
            8000,
            most_rows=data.LONGEST,
        ),
        Family(
            "knn",
            "KNeighborsClassifier, 1,797 digits",
            OTHERS,
            KNeighborsClassifier(),
            data.digits,
            1797,
            "predict",
            "label",
            0,
            most_rows=10_000,
        ),
        Family("svc", "SVC, digits", OTHERS, SVC(), data.digits, 1797, "predict", "output_label", 0, most_rows=10_000),
        Family(
            "iforest",
            "IsolationForest, 100 trees, digits",
            OTHERS,
            IsolationForest(random_state=0),
            data.digits,
            1797,
            "decision_function",
            "scores",
        ),
        Family(
            "mlp",
            "MLPClassifier, one layer of 100, digits",
            OTHERS,
            MLPClassifier(random_state=0),
            data.digits,
            1797,
            tolerance=2e-4,
        ),
        Family(
            "ovr",
            "OneVsRestClassifier of LogisticRegression, digits",
            OTHERS,
            OneVsRestClassifier(LogisticRegression(max_iter=1000)),
            data.small_digits,
            1797,
            tolerance=2e-4,
        ),
        *_of_boosting_libraries(),
    ]
    return {family.key: family for family in found}


def _of_boosting_libraries() -> list[Family]:
    found = []
    if find_spec("lightgbm") is not None:
        from lightgbm import LGBMClassifier

        found.append(
            Family(
                "lgb",
                "LightGBM's LGBMClassifier, 500 trees of 31 leaves",
                SHALLOW,
                LGBMClassifier(n_estimators=500, num_leaves=31, random_state=0, verbose=-1),
                data.late_with_gaps,
                200_000,
                library="LightGBM",
            )
        )
    if find_spec("xgboost") is not None:
        from xgboost import XGBClassifier

        found.append(
            Family(
                "xgb",
                "XGBoost's XGBClassifier, 500 trees of depth 6",
                DEEPER,
                XGBClassifier(n_estimators=500, max_depth=6, random_state=0),
                data.late_with_gaps,
                200_000,
                library="XGBoost",
            )
        )
    return found
