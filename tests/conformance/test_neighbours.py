"""Estimators whose graphs hold loops - neighbours, Gaussian processes, KNNImputer - run whole on the native provider."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, RationalQuadratic, WhiteKernel
from sklearn.impute import KNNImputer
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    RadiusNeighborsRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklort import InferenceSession

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 4))
NEW = RANDOM.normal(size=(25, 4))
NUMBER = X[:, 0] * 2 - X[:, 1]
CLASS = np.where(X[:, 0] > 0.4, "high", np.where(X[:, 0] < -0.4, "low", "middle"))
ROUGH = {np.float32: 1e-4, np.float64: 1e-9}


def native(model: Any, rows: np.ndarray, **options: Any) -> list[Any]:
    """What the model's graph gives, no node of which runs elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(model, rows[:1], **options)
    session = InferenceSession(proto)
    nodes = session.explain().nodes
    assert {node.provider for node in nodes} == {"CPUExecutionProvider"}, session.explain()
    return session.run(None, {session.get_inputs()[0].name: rows})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("opset", [None, 11])
@pytest.mark.parametrize(
    "options", [{}, {"metric": "manhattan"}, {"p": 3}, {"metric": "cosine"}, {"n_neighbors": 1}], ids=str
)
def test_neighbours(options, dtype, opset):
    x, new = X.astype(dtype), NEW.astype(dtype)
    classifier = KNeighborsClassifier(**options).fit(x, CLASS)
    label, scores = native(classifier, new, options={"zipmap": False}, target_opset=opset)
    np.testing.assert_array_equal(label, classifier.predict(new))
    np.testing.assert_allclose(scores, classifier.predict_proba(new), atol=1e-6)
    regressor = KNeighborsRegressor(**options).fit(x, NUMBER)
    (value,) = native(regressor, new, target_opset=opset)
    np.testing.assert_allclose(value.ravel(), regressor.predict(new), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_neighbours(dtype):
    x, new = X.astype(dtype), NEW.astype(dtype)
    radius = RadiusNeighborsRegressor(3.0).fit(x, NUMBER)
    np.testing.assert_allclose(native(radius, new)[0].ravel(), radius.predict(new), atol=1e-6)
    outliers = LocalOutlierFactor(novelty=True).fit(x)
    label, score = native(outliers, new)
    np.testing.assert_array_equal(label.ravel(), outliers.predict(new))
    np.testing.assert_allclose(score.ravel(), outliers.decision_function(new), atol=ROUGH[dtype])
    piped = make_pipeline(StandardScaler(), KNeighborsRegressor()).fit(x, NUMBER)
    np.testing.assert_allclose(native(piped, new)[0].ravel(), piped.predict(new), atol=1e-6)


@pytest.mark.parametrize("kernel", [RBF(1.3), Matern(nu=1.5), RationalQuadratic(), ConstantKernel(2) * RBF()], ids=str)
def test_gaussian_processes_and_their_deviations(kernel):
    model = GaussianProcessRegressor(kernel + WhiteKernel(), optimizer=None).fit(X, NUMBER)
    mean, deviation = native(model, NEW, options={GaussianProcessRegressor: {"return_std": True}})
    expected, spread = model.predict(NEW, return_std=True)
    np.testing.assert_allclose(mean.ravel(), expected, atol=1e-9)
    np.testing.assert_allclose(deviation.ravel(), spread, atol=1e-6)


def test_the_nine_nested_functions_of_knn_imputer():
    holes = X.astype(np.float32)
    holes[::4, 1] = np.nan
    holes[1::6, 0] = np.nan
    model = KNNImputer(n_neighbors=3).fit(holes)
    np.testing.assert_allclose(native(model, holes)[0], model.transform(holes), rtol=1e-5)
    one = holes[:1]
    np.testing.assert_allclose(native(model, one)[0], model.transform(one), rtol=1e-5)
    full = NEW.astype(np.float32)
    np.testing.assert_array_equal(native(model, full)[0], full)


def test_the_graph_of_neighbours():
    model = KNeighborsTransformer(n_neighbors=3).fit(X)
    found = native(model, NEW)[0]
    np.testing.assert_allclose(found, model.transform(NEW).toarray(), atol=1e-9)
