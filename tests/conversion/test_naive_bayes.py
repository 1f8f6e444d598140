"""Naive Bayes, mixtures and one-class lines."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import SGDOneClassSVM
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import SklortError

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 5, (80, 4))
WORDS = np.array(["u", "v", "w"])[COUNTS[:, 0] % 3]
X, GROUPS = make_blobs(90, 4, centers=3, cluster_std=2.0, random_state=0)
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("y", [WORDS, WORDS == "u"], ids=["words", "flags"])
@pytest.mark.parametrize(
    "model",
    [
        MultinomialNB(),
        ComplementNB(norm=True),
        BernoulliNB(),
        BernoulliNB(binarize=1.5),
        BernoulliNB(binarize=None),
        GaussianNB(),
        CategoricalNB(),
    ],
    ids=str,
)
def test_counts(check, model, y, dtype):
    rows = (COUNTS > 1).astype(dtype) if getattr(model, "binarize", 0) is None else COUNTS.astype(dtype)
    check(model.fit(rows, y), rows, **(TIGHT if dtype != np.float32 else {"rtol": 1e-4, "atol": 1e-4}))


def test_a_category_that_is_not_there_is_an_error():
    model = CategoricalNB().fit(COUNTS, WORDS)
    with pytest.raises(IndexError):
        model.predict([[9, 0, 0, 0]])
    conversion = convert_model(model, COUNTS)
    with pytest.raises(SklortError):
        InferenceSession(conversion.onnx_model.SerializeToString()).run(None, {"X": np.array([[9.0, 0, 0, 0]])})


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("mixture", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_mixtures(check, mixture, kind):
    model = mixture(n_components=3, covariance_type=kind, random_state=0, max_iter=20).fit(X)
    check(model, X * 1.2, methods={"predict", "predict_proba", "score_samples"}, **TIGHT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_class_lines(check, dtype):
    model = SGDOneClassSVM(random_state=0).fit(X.astype(dtype))
    methods = {"predict", "decision_function", "score_samples"}
    check(model, X.astype(dtype), methods=methods, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-5)
