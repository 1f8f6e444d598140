"""Support vectors, kernels, Gaussian processes, discriminants: in double, as libsvm and NumPy compute them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import KernelPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Exponentiation,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import KernelCenterer
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError

X, Y = make_classification(60, 5, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
TWO = (Y > 0).astype(int)
WORDS = np.array(["low", "mid", "top"])[Y]
NUMBER = X @ np.arange(5.0) + np.sin(X[:, 0])
NEW = np.vstack([X[::4] + 0.1, X[:3], X[:4] * 9, np.zeros((1, 5))])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}
targets = pytest.mark.parametrize("y", [Y, TWO, WORDS, Y > 1], ids=["three", "two", "words", "flags"])
KERNELS = [{"kernel": k} for k in ("rbf", "linear", "poly", "sigmoid")] + [
    {"kernel": "poly", "degree": 2, "coef0": 1.5, "gamma": 0.3}
]
kernels = pytest.mark.parametrize("kernel", KERNELS, ids=str)


@targets
@kernels
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_classifiers(check, kind, kernel, y):
    extra = {"nu": 0.3} if kind is NuSVC else {}
    check(kind(**extra, **kernel).fit(X, y), NEW, methods={"predict", "decision_function"}, **TIGHT)


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("ties", [False, True])
def test_shapes_and_ties(check, shape, ties):
    if ties and shape == "ovo":
        return
    y = np.arange(60) % 5
    model = SVC(decision_function_shape=shape, break_ties=ties, gamma=5).fit(X, y)
    check(model, np.vstack([NEW, np.full((2, 5), 50.0)]), **TIGHT)


def test_precomputed_kernels(check):
    check(SVC(kernel="precomputed").fit(X @ X.T, Y), NEW @ X.T, **TIGHT)
    check(KernelRidge(kernel="precomputed").fit(X @ X.T, NUMBER), NEW @ X.T, **TIGHT)


@pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning")
def test_probabilities(check):
    """Coupled by libsvm's iteration, in double, row by row as long as libsvm goes on."""
    check(SVC(probability=True, random_state=0).fit(X, TWO), NEW, **TIGHT)
    check(NuSVC(probability=True, nu=0.3, random_state=0).fit(X, WORDS), NEW, **TIGHT)
    check(SVC(probability=True, random_state=0).fit(X, np.arange(60) % 5), NEW, **TIGHT)


def test_sparse_support_vectors(check):
    from scipy.sparse import csr_matrix

    check(SVC().fit(csr_matrix(X), Y), NEW, **TIGHT)


@kernels
def test_regressors_and_outliers(check, kernel):
    check(SVR(**kernel).fit(X, NUMBER), NEW, **TIGHT)
    check(NuSVR(**kernel).fit(X, NUMBER), NEW, **TIGHT)
    methods = {"predict", "decision_function", "score_samples"}
    check(OneClassSVM(**kernel).fit(X), NEW, methods=methods, **TIGHT)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_rows_of_other_dtypes(check, dtype):
    rows = (X * 7).astype(dtype)
    check(SVC().fit(rows, Y), rows, **TIGHT)
    check(KernelRidge(kernel="rbf").fit(rows, NUMBER), rows, rtol=1e-4, atol=1e-4)
    check(LinearDiscriminantAnalysis().fit(rows, TWO), rows, rtol=1e-4, atol=1e-4)


def test_kernels_of_python_are_refused():
    with pytest.raises(ConversionError, match="Python function"):
        convert_model(SVC(kernel=lambda a, b: a @ b.T).fit(X, Y), X)


PAIRWISE = [
    {"kernel": "rbf"}, {"kernel": "rbf", "gamma": 0.7}, {"kernel": "poly"}, {"kernel": "sigmoid", "gamma": 0.01},
    {"kernel": "laplacian"}, {"kernel": "cosine"}, {"kernel": "linear"}, {"kernel": "poly", "degree": 2.5, "gamma": 0.1},
]  # fmt: skip
pairwise = pytest.mark.parametrize("kernel", PAIRWISE, ids=str)


@pairwise
def test_kernel_maps(check, kernel):
    rows, new = (np.abs(X), np.abs(NEW)) if "degree" in kernel else (X, NEW)
    check(KernelRidge(**kernel).fit(rows, NUMBER), new, rtol=1e-9, atol=1e-9)
    check(KernelRidge(**kernel).fit(rows, np.column_stack([NUMBER, -NUMBER])), new, rtol=1e-9, atol=1e-9)
    check(Nystroem(n_components=10, random_state=0, **kernel).fit(rows), new, rtol=1e-8, atol=1e-8)
    if kernel["kernel"] != "laplacian":
        check(KernelPCA(3, **kernel).fit(rows), new, rtol=1e-8, atol=1e-8)


def test_kernels_of_counts(check):
    counts, new = np.abs(np.round(X * 3)), np.abs(np.round(NEW * 2))
    check(KernelRidge(kernel="chi2", gamma=0.5).fit(counts, NUMBER), new, **TIGHT)


def test_kernel_centerer(check):
    check(KernelCenterer().fit(X @ X.T), NEW @ X.T, **TIGHT)


PROCESSES = [
    RBF(1.3),
    ConstantKernel(2.0) * RBF([1.0, 2, 0.5, 3, 1]) + WhiteKernel(0.1),
    Matern(nu=0.5),
    Matern(1.7, nu=1.5),
    Matern(nu=2.5),
    Matern(nu=np.inf),
    RationalQuadratic(0.8, 1.5),
    DotProduct(0.5) + WhiteKernel(),
    Exponentiation(RBF(2.0), 3),
    PairwiseKernel(metric="cosine") + WhiteKernel(),
    PairwiseKernel(metric="laplacian", gamma=0.4) + WhiteKernel(0.5),
]


@pytest.mark.parametrize("kernel", PROCESSES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_processes(check, kernel, dtype):
    rows, new = X.astype(dtype), NEW.astype(dtype)
    loose = {"rtol": 1e-7, "atol": 1e-7} if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-3}
    for normalize in (False, True):
        model = GaussianProcessRegressor(kernel, alpha=1e-2, optimizer=None, normalize_y=normalize)
        check(model.fit(rows, NUMBER), new, methods={"predict"}, **loose)
    check(model.fit(rows, np.column_stack([NUMBER, -NUMBER])), new, **loose)


@pytest.mark.parametrize("kernel", PROCESSES[:10], ids=str)
@pytest.mark.parametrize("y", [TWO, WORDS], ids=["two", "words"])
def test_processes_of_classes(check, kernel, y):
    model = GaussianProcessClassifier(kernel, optimizer=None)
    check(model.fit(X, y), NEW, rtol=1e-8, atol=1e-9)


def test_processes_of_pairs_of_classes(check):
    model = GaussianProcessClassifier(RBF(1.3), optimizer=None, multi_class="one_vs_one")
    check(model.fit(X, Y), NEW, methods={"predict"})


def test_periodic_processes(check):
    kernel = ExpSineSquared(1.5, 4.0) + WhiteKernel(0.1)  # on more columns it is no kernel
    check(GaussianProcessRegressor(kernel, optimizer=None).fit(X[:, :1], NUMBER), NEW[:, :1], rtol=1e-8, atol=1e-8)


def test_kernels_that_no_operator_has():
    model = GaussianProcessRegressor(Matern(nu=0.7), optimizer=None).fit(X, NUMBER)
    with pytest.raises(ConversionError, match="Bessel"):
        convert_model(model, X)


@targets
@pytest.mark.parametrize(
    "arguments",
    [{}, {"solver": "lsqr", "shrinkage": "auto"}, {"solver": "eigen"}, {"n_components": 1}, {"priors": "one"}],
    ids=str,
)
def test_linear_discriminants(check, arguments, y):
    given = dict(arguments)
    if "priors" in given:
        count = len(np.unique(y))
        given["priors"] = np.arange(1, count + 1) / np.arange(1, count + 1).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(LinearDiscriminantAnalysis(**given).fit(X, y), NEW, **TIGHT)


@targets
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_quadratic_discriminants(check, y, dtype):
    rows = (X * 9).astype(dtype)
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if dtype != np.float32 else {"rtol": 2e-3, "atol": 2e-3}
    check(QuadraticDiscriminantAnalysis().fit(rows, y), (NEW * 9).astype(dtype), **tolerance)
