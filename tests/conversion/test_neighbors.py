"""Neighbours: all metrics and weights, radii without neighbours, several outputs, local outliers, centroids."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError, SklortError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = RNG.integers(0, 3, 60)
WORDS = np.array(["low", "mid", "top"])[Y]
NUMBER = X @ [1.0, -2, 0, 5] + 3
NEW = np.vstack([RNG.normal(size=(30, 4)) * 2, X[:5], np.zeros((1, 4))])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}
METRICS = [
    {},
    {"p": 1},
    {"p": 3},
    {"metric": "chebyshev"},
    {"metric": "manhattan"},
    {"metric": "canberra"},
    {"metric": "braycurtis"},
    {"metric": "cosine"},
    {"metric": "correlation"},
    {"metric": "sqeuclidean"},
    {"metric": "hamming"},
    {"metric": "seuclidean", "metric_params": {"V": np.array([1.0, 2, 3, 0.5])}},
    {"metric": "mahalanobis", "metric_params": {"VI": np.diag([1.0, 2, 3, 0.5]) + 0.1}},
    {"metric": "minkowski", "p": 3, "metric_params": {"w": np.array([1.0, 2, 3, 0.5])}},
]
metrics = pytest.mark.parametrize("metric", METRICS, ids=lambda m: "-".join(str(v) for v in m.values())[:24])


@metrics
@pytest.mark.filterwarnings("ignore:Parameter p is found")
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_classes(check, metric, weights):
    if metric.get("metric") == "hamming":
        rows, new = np.round(X), np.round(NEW)
        rows = rows[np.argsort(RNG.random(60))]
        check(KNeighborsClassifier(60, weights=weights, **metric).fit(rows, WORDS), new, **TIGHT)
        return
    # A row of zeros has no direction, and is equally far from everything.
    new = NEW[:-1] if metric.get("metric") in ("correlation", "braycurtis", "canberra") else NEW
    # No metric in the sense of the triangle: scikit-learn's ball tree can miss neighbours.
    way = "brute" if metric.get("metric") in ("braycurtis", "correlation") else "auto"
    check(KNeighborsClassifier(weights=weights, algorithm=way, **metric).fit(X, WORDS), new, **TIGHT)


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_numbers(check, algorithm, weights):
    tolerance = {"rtol": 1e-6, "atol": 1e-6} if algorithm == "brute" else TIGHT
    check(KNeighborsRegressor(4, algorithm=algorithm, weights=weights).fit(X, NUMBER), NEW, **tolerance)
    both = np.column_stack([NUMBER, -NUMBER])
    check(KNeighborsRegressor(4, algorithm=algorithm, weights=weights).fit(X, both), NEW, **tolerance)
    check(KNeighborsRegressor(1, algorithm=algorithm).fit(X, np.round(NUMBER).astype(int)), NEW, **tolerance)


def test_rows_on_two_points_at_once(check):
    rows = np.array([[0.0], [0.0], [1.0], [5.0]])
    model = KNeighborsClassifier(4, weights="distance").fit(rows, ["b", "a", "a", "c"])
    check(model, np.array([[0.0], [1.0], [0.25], [3.5]]), rtol=1e-15)


def test_several_labels(check):
    labels = np.column_stack([Y, Y > 0])
    check(KNeighborsClassifier(weights="distance").fit(X, labels), NEW, **TIGHT)
    check(RadiusNeighborsClassifier(9.0).fit(X, labels), NEW, **TIGHT)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_dtypes(check, dtype):
    rows = (X * 100).astype(dtype)
    check(KNeighborsClassifier(weights="distance").fit(rows, Y), (NEW * 99).astype(dtype), rtol=1e-6, atol=1e-6)


def test_in_a_pipeline_with_many_columns(check):
    wide = RNG.normal(size=(50, 20))
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(3))
    check(model.fit(wide, Y[:50]), wide[::3] + 0.01, **TIGHT)


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_graphs(check, mode):
    check(KNeighborsTransformer(mode=mode, n_neighbors=3).fit(X), NEW, rtol=1e-11, atol=1e-7)
    check(RadiusNeighborsTransformer(mode=mode, radius=1.5).fit(X), NEW, rtol=1e-11, atol=1e-7)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", [{}, {"p": 1}, {"metric": "chebyshev"}], ids=str)
@pytest.mark.filterwarnings("ignore:One or more samples", "ignore:Outlier label")
def test_radii(check, weights, metric):
    for label in ("most_frequent", "low", "none"):
        if label == "none" and weights == "uniform":
            continue
        model = RadiusNeighborsClassifier(1.3, weights=weights, outlier_label=label, **metric)
        check(model.fit(X, WORDS.astype("<U6")), NEW, **TIGHT)
    check(RadiusNeighborsRegressor(1.3, weights=weights, **metric).fit(X, NUMBER), NEW, **TIGHT)


def test_a_radius_without_a_neighbour_is_an_error(check):
    model = RadiusNeighborsClassifier(1.0).fit(X, Y)
    check(model, X, **TIGHT)
    with pytest.raises(ValueError, match="No neighbors"):
        model.predict(NEW)
    conversion = convert_model(model, X)
    with pytest.raises(SklortError):
        InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {"X": NEW})


@pytest.mark.parametrize("metric", [{}, {"p": 1}], ids=str)
def test_local_outliers(check, metric):
    check(LocalOutlierFactor(5, novelty=True, **metric).fit(X), NEW, **TIGHT)
    check(
        LocalOutlierFactor(8, novelty=True, contamination=0.2).fit(X.astype(np.float32)),
        NEW.astype(np.float32),
        rtol=1e-4,
    )
    check(LocalOutlierFactor(8, novelty=True).fit(X * 9), (NEW * 500).astype(int), **TIGHT)


@pytest.mark.parametrize("y", [Y, Y > 0, WORDS], ids=["three", "two", "words"])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"metric": "manhattan"}, {"shrink_threshold": 0.2}, {"priors": "empirical"}],
    ids=str,
)
def test_centroids(check, arguments, y):
    check(NearestCentroid(**arguments).fit(X, y), NEW, **TIGHT)


@pytest.mark.parametrize("kind", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("kernel", ["rbf", "knn"])
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:max_iter")
def test_labels_spread(check, kind, kernel):
    partly = np.where(np.arange(60) % 3, -1, Y)
    check(kind(kernel=kernel, gamma=0.5, n_neighbors=9).fit(X, partly), NEW, **TIGHT)


def test_what_only_python_measures():
    model = KNeighborsClassifier(weights=lambda d: 1 / (1 + d)).fit(X, Y)
    with pytest.raises(ConversionError, match="Python function"):
        convert_model(model, X)
    model = KNeighborsClassifier(metric=lambda a, b: abs(a - b).max()).fit(X, Y)
    with pytest.raises(ConversionError, match="no ONNX form"):
        convert_model(model, X)
