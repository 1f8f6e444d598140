"""Estimators made of estimators: voting, stacking, calibration, thresholds, one-vs-rest, chains, searches."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the two importable
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor, Ridge, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError

X, Y = make_classification(60, 6, n_informative=4, n_classes=3, random_state=0)
BINARY = (Y > 0).astype(int)
WORDS = np.array(["low", "mid", "top"])[Y]
NUMBER = X @ np.arange(1.0, 7.0) + X[:, 0] ** 2
# Rows as in training, far away, exactly alike, and null.
ROWS = np.vstack([X[:30], X[:9] * 1e3, X[:3], np.zeros((2, 6)), X[:9] * 1e-9])
TIGHT = {"rtol": 1e-12, "atol": 1e-12}
PAIR = [("a", LogisticRegression()), ("b", RandomForestClassifier(3, random_state=0))]
SCORED = [("a", LinearSVC()), ("b", RidgeClassifier()), ("c", LogisticRegression())]
LABELS = {"three": Y, "two": BINARY, "words": WORDS, "far": Y * 7 - 3, "flags": Y > 0, "reals": Y.astype(float)}


def labels(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("y", [LABELS[n] for n in names], ids=names)


@labels("three", "two", "words", "flags", "reals")
@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier(PAIR),
        VotingClassifier(PAIR, weights=[0.3, 0.7]),
        VotingClassifier(PAIR, voting="soft"),
        VotingClassifier([*PAIR, ("c", GaussianNB())], voting="soft", weights=[1, 2, 0.5]),
        VotingClassifier([("x", "drop"), *PAIR], voting="soft", flatten_transform=True),
        VotingClassifier([("p", make_pipeline(StandardScaler(), LogisticRegression())), *PAIR], voting="soft"),
    ],
    ids=lambda m: f"{m.voting}-{len(m.estimators)}-{m.weights}",
)
def test_voting(check, model, y):
    check(model.fit(X, y), ROWS, **TIGHT)


@pytest.mark.parametrize("weights", [None, [0.25, 3]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_voting_of_numbers(check, weights, dtype):
    base = [("a", DecisionTreeRegressor(max_depth=4)), ("b", RandomForestRegressor(3, random_state=0))]
    model = VotingRegressor(base, weights=weights)
    check(model.fit(X.astype(dtype), NUMBER), ROWS.astype(dtype), methods={"predict", "transform"}, **TIGHT)


def test_votes_that_are_equal(check):
    """Two against two, on every row: the first label wins, as in numpy.argmax."""
    base = [(f"{i}", DummyClassifier(strategy="constant", constant=c)) for i, c in enumerate([2, 1, 1, 2])]
    y = np.resize(list("lmt"), len(X))
    check(VotingClassifier(base).fit(X, y), ROWS)


@labels("two", "words")
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize(
    "base",
    [
        LinearSVC(),
        DecisionTreeClassifier(max_depth=3, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_calibration(check, base, ensemble, method, y):
    model = CalibratedClassifierCV(base, method=method, cv=2, ensemble=ensemble)
    check(model.fit(X, y), ROWS, methods={"predict", "predict_proba"}, **TIGHT)


@labels("three", "two")
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration_of_a_frozen_estimator(check, method, y):
    frozen = FrozenEstimator(make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:30], y[:30]))
    check(CalibratedClassifierCV(frozen, method=method).fit(X[30:], y[30:]), ROWS, **TIGHT)


def test_isotonic_calibration_of_many_knots(check):
    """More than a search by comparison would take: the knots are searched by a tree."""
    many, y = make_classification(3000, 6, flip_y=0.3, random_state=1)
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(many, y)
    knots = [len(c.X_thresholds_) for part in model.calibrated_classifiers_ for c in part.calibrators]
    assert max(knots) > 16
    check(model, many[:300], **TIGHT)


@pytest.mark.parametrize("y", [BINARY, np.where(BINARY, "yes", "no"), BINARY * 5 - 2], ids=["01", "words", "far"])
@pytest.mark.parametrize("response", ["auto", "predict_proba", "decision_function"])
def test_thresholds(check, y, response):
    base = LogisticRegression()
    positive = np.unique(y)[0]
    rows = ROWS
    check(TunedThresholdClassifierCV(base, response_method=response, cv=3).fit(X, y), rows, **TIGHT)
    check(FixedThresholdClassifier(base, response_method=response).fit(X, y), rows, **TIGHT)
    far = FixedThresholdClassifier(base, threshold=0.3, response_method=response, pos_label=positive)
    check(far.fit(X, y), rows, **TIGHT)


def test_a_threshold_that_is_met_exactly(check):
    rows = np.arange(20.0).reshape(-1, 1) // 2
    tree = DecisionTreeClassifier(max_depth=2).fit(rows, [0, 1] * 10)
    values = np.unique(tree.predict_proba(rows)[:, 1])
    for value in values:
        check(FixedThresholdClassifier(FrozenEstimator(tree), threshold=value).fit(rows, [0, 1] * 10), rows)


@labels("three", "two", "words")
@pytest.mark.parametrize(
    "model",
    [
        StackingClassifier(PAIR, cv=2),
        StackingClassifier(PAIR, LogisticRegression(), cv=2, passthrough=True),
        StackingClassifier(SCORED, cv=2),
        StackingClassifier(SCORED[:2], RandomForestClassifier(4, random_state=0), cv=2),
        StackingClassifier(PAIR, cv=2, stack_method="predict"),
        StackingClassifier([("x", "drop"), *PAIR], LinearSVC(), cv=2),
    ],
    ids=lambda m: f"{len(m.estimators)}-{m.stack_method}-{m.passthrough}-{type(m.final_estimator).__name__}",
)
def test_stacking(check, model, y):
    if model.stack_method == "predict" and y.dtype.kind == "U":
        y = Y
    check(model.fit(X, y), X, **TIGHT)


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stacking_of_numbers(check, passthrough, dtype):
    base = [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))]
    model = StackingRegressor(base, cv=2, passthrough=passthrough).fit(X.astype(dtype), NUMBER)
    tolerance = TIGHT if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-4}
    check(model, X.astype(dtype), methods={"predict", "transform"}, **tolerance)


@labels("three", "two", "words", "far")
@pytest.mark.parametrize(
    "base",
    [
        LinearSVC(),
        LogisticRegression(),
        DecisionTreeClassifier(max_depth=2, random_state=0),
        GaussianNB(),
        GradientBoostingClassifier(n_estimators=2, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_one_against_others(check, base, y):
    check(OneVsRestClassifier(base).fit(X, y), X, **TIGHT)
    check(OneVsOneClassifier(base).fit(X, y), X, **TIGHT)
    check(OutputCodeClassifier(base, random_state=0, code_size=3).fit(X, y), X, methods={"predict"}, **TIGHT)


def test_one_against_others_with_five_classes_and_ties(check):
    y = np.arange(len(X)) % 5
    rows = np.repeat(X[:9], 3, axis=0)
    for kind in (OneVsRestClassifier, OneVsOneClassifier):
        check(kind(DecisionTreeClassifier(max_depth=1)).fit(X, y), rows, **TIGHT)


def test_a_class_that_all_rows_have(check):
    model = OneVsRestClassifier(LogisticRegression())
    with pytest.warns(UserWarning, match="present in all"):
        model.fit(X, np.zeros(len(X)))
    check(model, X[:5])


SEVERAL = np.column_stack([Y, BINARY, (Y == 1) * 4])


@pytest.mark.parametrize("base", [LogisticRegression(), DecisionTreeClassifier(max_depth=3), LinearSVC()], ids=str)
def test_several_labels(check, base):
    check(MultiOutputClassifier(base).fit(X, SEVERAL), ROWS, **TIGHT)
    words = np.column_stack([WORDS, np.where(BINARY, "yes", "no")])
    check(MultiOutputClassifier(base).fit(X, words), ROWS, **TIGHT)


@pytest.mark.parametrize("base", [LogisticRegression(), DecisionTreeClassifier(max_depth=3)], ids=str)
@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_chains_of_labels(check, base, method):
    marks = np.column_stack([BINARY, Y == 1, X[:, 0] > 0]).astype(int)
    model = ClassifierChain(base, order=[2, 0, 1], chain_method=method)
    check(model.fit(X, marks), ROWS, **TIGHT)


def test_several_numbers(check):
    targets = np.column_stack([NUMBER, X[:, 1] * 3, X[:, 0] ** 2])
    for base in (Ridge(), DecisionTreeRegressor(max_depth=4, random_state=0)):
        check(MultiOutputRegressor(base).fit(X, targets), X, **TIGHT)
        check(RegressorChain(base, order=[1, 2, 0]).fit(X, targets), X, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    "arguments",
    [
        {"transformer": StandardScaler()},
        {"transformer": MinMaxScaler((1, 2))},
        {"transformer": RobustScaler()},
        {"transformer": MaxAbsScaler()},
        {"transformer": PowerTransformer()},
        {"transformer": PowerTransformer(standardize=False)},
        {"transformer": QuantileTransformer(n_quantiles=20)},
        {"transformer": make_pipeline(MinMaxScaler(), FunctionTransformer(np.log1p, np.expm1))},
        {"func": np.log1p, "inverse_func": np.expm1},
        {"func": np.log, "inverse_func": np.exp},
        {"func": np.sqrt, "inverse_func": np.square},
    ],
    ids=str,
)
def test_transformed_targets(check, arguments):
    y = np.exp(NUMBER / 5)
    model = TransformedTargetRegressor(DecisionTreeRegressor(max_depth=5, random_state=0), **arguments)
    check(model.fit(X, y), ROWS, methods={"predict"}, rtol=1e-12)


def test_transformed_targets_of_two_columns(check):
    y = np.column_stack([NUMBER, NUMBER**2])
    check(TransformedTargetRegressor(Ridge(), transformer=StandardScaler()).fit(X, y), X, **TIGHT)


def test_searches(check):
    grid = {"logisticregression__C": [0.5, 2]}
    base = make_pipeline(StandardScaler(), LogisticRegression())
    for search in (
        GridSearchCV(base, grid, cv=2),
        RandomizedSearchCV(base, grid, n_iter=2, cv=2, random_state=0),
        HalvingGridSearchCV(base, grid, cv=2, random_state=0),
        HalvingRandomSearchCV(base, grid, n_candidates=2, cv=2, random_state=0),
    ):
        check(search.fit(X, WORDS), X, **TIGHT)
        check(FrozenEstimator(search), X, **TIGHT)


def test_self_training(check):
    y = np.where(np.arange(len(X)) % 3 == 0, -1, Y)
    check(SelfTrainingClassifier(LogisticRegression()).fit(X, y), X, **TIGHT)


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_regressor_found_among_outliers(check):
    y = NUMBER.copy()
    y[::9] += 1000
    check(RANSACRegressor(LinearRegression(), min_samples=20, random_state=0).fit(X, y), X, **TIGHT)


@labels("three", "two", "words", "flags")
@pytest.mark.parametrize("strategy", ["most_frequent", "prior"])
def test_dummy_classifiers(check, strategy, y):
    check(DummyClassifier(strategy=strategy).fit(X, y), X[:4], methods={"predict", "predict_proba"})


def test_other_dummies(check):
    check(DummyClassifier(strategy="constant", constant="mid").fit(X, WORDS), X[:3])
    check(DummyClassifier().fit(X, SEVERAL), X[:3])
    for arguments in ({}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.3}):
        check(DummyRegressor(**arguments).fit(X, NUMBER), X[:3])
    check(DummyRegressor().fit(X, np.column_stack([NUMBER, -NUMBER])), X[:3])
    with pytest.raises(ConversionError, match="at random"):
        convert_model(DummyClassifier(strategy="stratified", random_state=0).fit(X, Y), X)


def test_deeper_than_one(check):
    """A calibrated vote of pipelines, stacked, behind a scaler, in a search."""
    vote = VotingClassifier([("a", make_pipeline(StandardScaler(), LogisticRegression())), *PAIR[1:]], voting="soft")
    stack = StackingClassifier([("v", CalibratedClassifierCV(vote, cv=2)), ("s", LinearSVC())], cv=2)
    search = GridSearchCV(Pipeline([("z", StandardScaler()), ("s", stack)]), {"s__passthrough": [True]}, cv=2)
    check(search.fit(X, WORDS), X, **TIGHT)


@labels("three", "two")
def test_float32_rows(check, y):
    rows = X.astype(np.float32)
    loose = {"rtol": 1e-5, "atol": 1e-5}
    check(VotingClassifier(PAIR, voting="soft").fit(rows, y), rows, **loose)
    check(CalibratedClassifierCV(LinearSVC(), cv=2).fit(rows, y), rows, **loose)
    check(OneVsOneClassifier(LogisticRegression()).fit(rows, y), rows, rtol=1e-5, atol=1e-4)
