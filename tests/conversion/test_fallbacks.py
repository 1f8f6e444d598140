"""Models that skl2onnx writes, with our converters inside where they are; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from skl2onnx.sklapi import CastTransformer
from sklearn.datasets import make_classification
from sklearn.decomposition import NMF
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklort.conversion import convert_model, foreign
from sklort.exceptions import ConversionError

X, Y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
BINARY = (Y > 0).astype(int)
LOOSE = {"rtol": 1e-5, "atol": 1e-5}
TIGHT = {"rtol": 1e-12, "atol": 1e-12}


def test_an_estimator_of_skl2onnx_inside_ours(check):
    """One that skl2onnx's registry knows and our table does not: its nodes are taken over, twice in this case."""
    rows = X.astype(np.float32)
    pair = [("a", StandardScaler()), ("b", CastTransformer())]
    model = make_pipeline(FeatureUnion([*pair, ("c", CastTransformer())]), LogisticRegression(max_iter=500))
    conversion = check(model.fit(rows, Y), rows, rtol=1e-4, atol=1e-4)
    assert conversion.notes[0].startswith("written by sklort")
    assert conversion.notes[1] == "written by skl2onnx: CastTransformer"


def test_outlier_detector_answers_all_three(check):
    single = X.astype(np.float32)
    check(
        IsolationForest(n_estimators=4, random_state=0).fit(single),
        single,
        methods={"predict", "decision_function", "score_samples"},
        **LOOSE,
    )


def test_float32_where_skl2onnx_has_no_double(check, monkeypatch):
    original = foreign._run_skl2onnx

    def only_float(model, dtype, width, opsets):
        if dtype == np.float64:
            raise RuntimeError("no double")
        return original(model, dtype, width, opsets)

    monkeypatch.setattr(foreign, "_run_skl2onnx", only_float)
    model = make_pipeline(StandardScaler(), CastTransformer(dtype=np.float32)).fit(X)
    conversion = check(model, X, rtol=1e-3, atol=1e-3)
    assert conversion.inputs[0].dtype == np.float64
    assert "computed in float32: skl2onnx has no float64 form of CastTransformer" in conversion.notes


def test_steps_of_skl2onnx_in_a_pipeline_of_ours(check):
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression(max_iter=2000))
    single = X.astype(np.float32)
    check(model.fit(single, Y), single, rtol=1e-4, atol=1e-4)


def test_estimators_without_a_form_say_why():
    model = make_pipeline(MaxAbsScaler(), NMF(2, init="random", random_state=0, max_iter=500)).fit(np.abs(X))
    with pytest.raises(ConversionError, match="NMF has no ONNX form: "):
        convert_model(model, np.abs(X))


def test_an_unknown_step_is_named():
    class Own(StandardScaler):
        pass

    model = make_pipeline(Own(), LogisticRegression(max_iter=500)).fit(X, Y)
    with pytest.raises(ConversionError, match="Own has no converter"):
        convert_model(model, X)


def _wordy(*arguments):
    raise AssertionError("no idea\n" + 999 * "a long story\n")


def test_failures_of_skl2onnx_are_one_sentence(monkeypatch):
    class Odd(LogisticRegression):
        pass

    with pytest.raises(ConversionError, match="Odd"):
        convert_model(Odd().fit(X, Y), X)
    monkeypatch.setattr(foreign, "_run_skl2onnx", _wordy)
    with pytest.raises(ConversionError) as caught:
        convert_model(make_pipeline(CastTransformer(), StandardScaler()).fit(X, Y), X)
    assert "CastTransformer" in str(caught.value) and "no idea" in str(caught.value) and len(str(caught.value)) < 700


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
