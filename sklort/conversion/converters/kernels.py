"""Support vector machines, kernel ridge regression, kernel maps. Source of the rules: ``sklearn/svm`` and libsvm.

libsvm computes in double whatever the rows are, so this does too.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import svm
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import KernelCenterer

from sklort.conversion.converters.coupling import coupled
from sklort.conversion.converters.multiclass import pairwise_votes
from sklort.conversion.distances import kernel_values
from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float64)


def _kernel(writer: Writer) -> Tensor:
    """Kernel values (n, support vectors)."""
    model = writer.model
    rows = writer.matrix(DOUBLE)
    if callable(model.kernel):
        raise ConversionError(f"{writer.where} uses a Python function as its kernel")
    if model.kernel == "precomputed":
        return rows.take(model.support_)
    given = {"gamma": model._gamma, "coef0": model.coef0, "degree": model.degree}
    return kernel_values(rows, _dense(model.support_vectors_), model.kernel, given)


def _values(writer: Writer) -> Tensor:
    """libsvm's one value per row, (n,)."""
    model = writer.model
    return (_kernel(writer) @ _dense(model._dual_coef_).T + np.asarray(model._intercept_)).flat()


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": _values(writer).column()}


def _write_one_class(writer: Writer) -> Answers:
    scores = _values(writer)
    return {
        "predict": (scores > 0.0).where(np.array(1), np.array(-1)),
        "decision_function": scores,
        "score_samples": scores + float(np.ravel(writer.model.offset_)[0]),
    }


def _pair_coefficients(model: Any) -> np.ndarray:
    """(support vectors, pairs): libsvm's coefficients of every pair of classes, in its order."""
    starts = np.concatenate([[0], np.cumsum(model._n_support)])
    coefficients = _dense(model._dual_coef_)
    count = len(model._n_support)
    columns = []
    for i in range(count):
        for j in range(i + 1, count):
            column = np.zeros(coefficients.shape[1])
            column[starts[i] : starts[i + 1]] = coefficients[j - 1, starts[i] : starts[i + 1]]
            column[starts[j] : starts[j + 1]] = coefficients[i, starts[j] : starts[j + 1]]
            columns.append(column)
    return np.column_stack(columns)


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    count = len(model.classes_)
    pairs = _kernel(writer) @ _pair_coefficients(model) + np.asarray(model._intercept_)
    answers: dict[str, Any] = {}
    if count == 2:
        first = pairs.flat()
        answers["predict"] = chosen(writer, (first > 0.0).where(np.array(0), np.array(1)))
        answers["decision_function"] = -first
    else:
        votes = pairwise_votes((pairs < 0.0).astype(INT64), -pairs, count)
        one_vs_rest = model.decision_function_shape == "ovr"
        answers["decision_function"] = votes if one_vs_rest else pairs
        best = votes.argmax() if model.break_ties and one_vs_rest else _most_votes(pairs, count)
        answers["predict"] = chosen(writer, best)
    if hasattr(model, "predict_proba"):
        answers["predict_proba"] = coupled(writer, pairs, np.asarray(model._probA), np.asarray(model._probB), count)
    return answers


def _most_votes(pairs: Tensor, count: int) -> Tensor:
    """libsvm's label: a score above zero votes for the first of the two; the first class with most votes."""
    won, lost = (np.zeros((count * (count - 1) // 2, count)) for _ in range(2))
    for k, pair in enumerate(combinations(range(count), 2)):
        won[k, pair[0]], lost[k, pair[1]] = 1, 1
    first = (pairs > 0.0).astype(DOUBLE)
    return (first @ won + (1.0 - first) @ lost).argmax()


def _write_kernel_ridge(writer: Writer) -> Answers:
    model = writer.model
    coefficients = np.asarray(model.dual_coef_, np.float64)
    values = _pairwise(writer, model, np.asarray(model.X_fit_)) @ coefficients.reshape(len(coefficients), -1)
    return {"predict": values}


def _pairwise(writer: Writer, model: Any, points: np.ndarray) -> Tensor:
    """What scikit-learn's ``_get_kernel`` of these estimators gives for the rows."""
    rows = writer.floats()
    if callable(model.kernel):
        raise ConversionError(f"{writer.where} uses a Python function as its kernel")
    if model.kernel == "precomputed":
        return rows.astype(DOUBLE)
    given = {
        "gamma": getattr(model, "gamma_", model.gamma),
        "coef0": 1 if model.coef0 is None else model.coef0,
        "degree": 3 if model.degree is None else model.degree,
    }
    return kernel_values(rows, points, model.kernel, {**given, **(model.kernel_params or {})})


def _write_nystroem(writer: Writer) -> Answers:
    model = writer.model
    embedded = _pairwise(writer, model, np.asarray(model.components_))
    dtype = writer.floats().dtype
    return {"transform": (embedded @ np.asarray(model.normalization_, np.float64).T).astype(dtype)}


def centred(kernel: Tensor, model: KernelCenterer) -> Tensor:
    fitted = np.asarray(model.K_fit_rows_, np.float64)
    return (kernel - fitted.reshape(1, -1)) - kernel.sum() / float(len(fitted)) + float(model.K_fit_all_)


def _write_kernel_centerer(writer: Writer) -> Answers:
    rows = writer.floats()
    return {"transform": centred(rows.astype(DOUBLE), writer.model).astype(rows.dtype)}


def _write_kernel_pca(writer: Writer) -> Answers:
    model = writer.model
    kernel = centred(_pairwise(writer, model, np.asarray(model.X_fit_)), model._centerer)
    values, vectors = np.asarray(model.eigenvalues_), np.asarray(model.eigenvectors_)
    scaled = np.zeros(vectors.shape)
    used = np.flatnonzero(values)
    scaled[:, used] = vectors[:, used] / np.sqrt(values[used])
    return {"transform": kernel @ scaled}


CONVERTERS: dict[type, Write] = {
    svm.SVC: _write_classifier,
    svm.NuSVC: _write_classifier,
    svm.SVR: _write_regressor,
    svm.NuSVR: _write_regressor,
    svm.OneClassSVM: _write_one_class,
    KernelRidge: _write_kernel_ridge,
    KernelCenterer: _write_kernel_centerer,
    KernelPCA: _write_kernel_pca,
    Nystroem: _write_nystroem,
}
