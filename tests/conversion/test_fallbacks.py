"""Models that skl2onnx writes, with our converters inside where they are; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, PowerTransformer, SplineTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError

X, Y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
BINARY = (Y > 0).astype(int)
PAIR = [("a", LogisticRegression()), ("b", RandomForestClassifier(3, random_state=0))]
LOOSE = {"rtol": 1e-5, "atol": 1e-5}
TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("y", [Y, BINARY], ids=["3", "2"])
@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (SVC(), LOOSE),
        (KNeighborsClassifier(), TIGHT),
        (GaussianNB(), TIGHT),
        (MLPClassifier(max_iter=5, random_state=0), TIGHT),
        (OneVsOneClassifier(LogisticRegression()), TIGHT),
        (KMeans(3, n_init=1, random_state=0), TIGHT),
    ],
    ids=lambda v: type(v).__name__,
)
def test_written_by_skl2onnx(check, model, tolerance, y):
    conversion = check(model.fit(X, y), X, **tolerance)
    assert any("written by skl2onnx" in note for note in conversion.notes)


@pytest.mark.parametrize("y", [Y, BINARY], ids=["3", "2"])
@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier(PAIR, voting="soft", flatten_transform=False),
        StackingClassifier(PAIR, cv=2),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        BaggingClassifier(DecisionTreeClassifier(random_state=0), 3, random_state=0),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_our_converters_inside_those_of_skl2onnx(check, model, y):
    dtype = np.float64 if y is Y else np.float32
    conversion = check(model.fit(X.astype(dtype), y), X.astype(dtype), **(TIGHT if y is Y else LOOSE))
    assert conversion.notes[0].startswith("written by sklort")


def test_regressors_inside_those_of_skl2onnx(check):
    pair = [("a", Ridge()), ("b", RandomForestRegressor(3, random_state=0))]
    check(VotingRegressor(pair).fit(X, Y), X, **TIGHT)
    check(AdaBoostRegressor(n_estimators=3, random_state=0).fit(X, Y), X, **TIGHT)


def test_outlier_detector_answers_all_three(check):
    single = X.astype(np.float32)
    check(
        IsolationForest(n_estimators=4, random_state=0).fit(single),
        single,
        methods={"predict", "decision_function", "score_samples"},
        **LOOSE,
    )


def test_mixture(check):
    single = X.astype(np.float32)
    check(GaussianMixture(2, random_state=0).fit(single), single, methods={"predict", "predict_proba"}, **LOOSE)


def test_float32_where_skl2onnx_has_no_double(check):
    conversion = check(PowerTransformer().fit(X), X, **LOOSE)
    assert conversion.inputs[0].dtype == np.float64
    assert any("float32" in note for note in conversion.notes)


def test_steps_of_skl2onnx_in_a_pipeline_of_ours(check):
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression(max_iter=2000))
    single = X.astype(np.float32)
    check(model.fit(single, Y), single, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "y", "sentence"),
    [
        (KNeighborsClassifier(weights="distance"), Y, "weights"),
        (LinearDiscriminantAnalysis(), BINARY, "twice the score"),
        (CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2), Y, "isotonic"),
        (CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), cv=2), Y, "Pipeline"),
        (OneVsOneClassifier(LogisticRegression()), Y + 5, "number of the class"),
        (StackingClassifier([("a", LinearSVC())], cv=2), BINARY, "binary scores"),
        (OneVsRestClassifier(LinearSVC()), Y, "sum to one"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_known_faults(model, y, sentence):
    model.fit(X, y)
    with pytest.raises(ConversionError, match=sentence):
        convert_model(model, X)
    nested = make_pipeline(StandardScaler(), model).fit(X, y)
    with pytest.raises(ConversionError, match=sentence):
        convert_model(nested, X)


def test_an_unknown_step_is_named():
    model = make_pipeline(SplineTransformer(), LogisticRegression(max_iter=500)).fit(X, Y)
    with pytest.raises(ConversionError, match="SplineTransformer has no converter"):
        convert_model(model, X)


def test_failures_of_skl2onnx_are_one_sentence():
    class Odd(LogisticRegression):
        pass

    with pytest.raises(ConversionError, match="Odd"):
        convert_model(Odd().fit(X, Y), X)
    with pytest.raises(ConversionError) as caught:
        convert_model(HistGradientBoostingClassifier(max_iter=2).fit(X, Y), X)
    assert "HistGradientBoostingClassifier" in str(caught.value) and len(str(caught.value)) < 700


def test_samples_that_say_nothing():
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ConversionError, match="no rows"):
        convert_model(model, X[:0])
    with pytest.raises(ValueError, match="features"):
        convert_model(model, X[:, :3])
    with pytest.raises(NotFittedError):
        convert_model(LogisticRegression(), X)


def test_the_registry_of_skl2onnx_is_left_alone():
    from skl2onnx import to_onnx
    from skl2onnx.common._registration import _converter_pool

    before = dict(_converter_pool)
    model = DecisionTreeClassifier(max_depth=2).fit(X, Y)
    convert_model(model, X)
    assert dict(_converter_pool) == before
    assert {n.op_type for n in to_onnx(model, X[:1].astype(np.float32)).graph.node} >= {"TreeEnsembleClassifier"}


def test_conversions_in_threads():
    from concurrent.futures import ThreadPoolExecutor

    models = [RandomForestClassifier(2, random_state=i).fit(X, Y) for i in range(6)]
    alone = [convert_model(m, X).onnx_model.SerializeToString() for m in models]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda m: convert_model(m, X).onnx_model.SerializeToString(), models))
    assert together == alone
