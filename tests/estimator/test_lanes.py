"""The fast lane is no Python frame and never changes the meaning of a call."""

from __future__ import annotations

import pickle
import threading
import warnings

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.datasets import make_regression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import sklort
from sklort import OnnxEstimator
from tests.estimator.reading import frames_of

X, y = make_regression(200, 5, random_state=0)
LABELS = (y > 0).astype(np.int64)


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (LinearRegression(), "predict"),
        (LogisticRegression(), "predict"),
        (LogisticRegression(), "predict_proba"),
        (LogisticRegression(), "predict_log_proba"),
        (LogisticRegression(), "decision_function"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "predict"),
        (DecisionTreeRegressor(random_state=0), "predict"),
    ],
    ids=str,
)
def test_one_frame(model, method) -> None:
    estimator = OnnxEstimator(model).fit(X, LABELS if is_classifier(model) else y)
    row = X[:1]
    entered = frames_of(lambda: getattr(estimator, method)(row))
    assert len(entered) <= 1, entered
    unpickled = pickle.loads(pickle.dumps(estimator))
    getattr(unpickled, method)(row)
    assert len(frames_of(lambda: getattr(unpickled, method)(row))) <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_fast_lane_refuses_what_the_model_refuses(bad) -> None:
    model = LinearRegression().fit(X, y)
    estimator = sklort.convert(model, X)
    Z = X.copy()
    Z[7, 3] = bad
    with pytest.raises(ValueError, match="Input X contains") as ours:
        estimator.predict(Z)
    with pytest.raises(ValueError, match="Input X contains") as theirs:
        model.predict(Z)
    assert str(ours.value) == str(theirs.value)
    assert np.array_equal(estimator.predict(X[:3]), estimator.predict(X)[:3])


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_too_large_for_float32_is_refused_before_a_tree() -> None:
    model = DecisionTreeRegressor(random_state=0).fit(X, y)
    estimator = sklort.convert(model, X)
    Z = X[:2].copy()
    Z[0, 0] = 1e39
    with pytest.raises(ValueError, match="too large for dtype") as ours:
        estimator.predict(Z)
    with pytest.raises(ValueError, match="too large for dtype") as theirs:
        model.predict(Z)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_an_overflow_between_the_steps_is_refused() -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X * 0.01, y)
    estimator = sklort.convert(model, X * 0.01)
    Z = X[:2].copy()
    Z[0, 0] = 1.7e308  # finite, and infinite once scaled
    with pytest.raises(ValueError, match="contains infinity"):
        model.predict(Z)
    with pytest.raises(ValueError, match="contains infinity"):
        estimator.predict(Z)


def test_a_model_that_takes_nan_gets_it_in_the_fast_lane() -> None:
    Z = X.copy()
    Z[::7, 2] = np.nan
    model = DecisionTreeRegressor(random_state=0).fit(Z, y)
    estimator = sklort.convert(model, Z)
    assert estimator.parity_report_.origins["NaN"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(estimator.predict(Z), model.predict(Z))


def test_float32_and_float64_have_a_graph_each() -> None:
    model = LinearRegression().fit(X.astype(np.float32), y.astype(np.float32))
    estimator = sklort.convert(model, X)
    for dtype in (np.float64, np.float32):
        expected = model.predict(X.astype(dtype))
        got = estimator.predict(X.astype(dtype))
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-12 if expected.dtype == np.float64 else 1e-4, atol=1e-5)
    assert set(estimator._compiled.graphs) == {("float64",), ("float32",)}
    again = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(again.predict(X.astype(np.float32)), estimator.predict(X.astype(np.float32)))


def test_layouts_of_an_array_give_one_answer() -> None:
    estimator = OnnxEstimator(LinearRegression()).fit(X, y)
    expected = estimator.predict(X)
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X[::-1][::-1], X.astype(">f8"), X.tolist()):
        assert np.array_equal(estimator.predict(other), expected)


def test_concurrent_calls() -> None:
    estimator = pickle.loads(pickle.dumps(OnnxEstimator(LinearRegression()).fit(X, y)))
    expected = LinearRegression().fit(X, y).predict(X)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for i in range(50):
            part = slice(seed + i, seed + i + 20)
            if not np.allclose(estimator.predict(X[part]), expected[part], rtol=1e-12):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
