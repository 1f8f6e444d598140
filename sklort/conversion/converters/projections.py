"""Linear maps, and maps that are linear before or after a simple function.

Decompositions, random projections, partial least squares, approximations of kernels. Sources of the rules:
``sklearn/decomposition``, ``cross_decomposition``, ``random_projection.py``, ``kernel_approximation.py``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from sklearn import cluster, cross_decomposition, decomposition, kernel_approximation, neural_network, random_projection
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.utils.extmath import fast_logdet

from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _log_likelihood(rows: Tensor, mean: Any, precision: Any) -> Tensor:
    """Of each row, (n,), under a normal distribution."""
    centred = rows - np.asarray(mean)
    precision = np.asarray(precision)
    constant = 0.5 * (len(precision) * np.log(2.0 * np.pi) - fast_logdet(precision))
    density: Tensor = (centred * (centred @ precision)).sum() * -0.5 - float(constant)
    return density.flat()


def _write_pca(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    components = np.asarray(model.components_)
    out = rows @ components.T - np.asarray(model.mean_).reshape(1, -1) @ components.T
    if model.whiten:
        scale = np.sqrt(model.explained_variance_)
        out = out / np.maximum(scale, np.finfo(scale.dtype).eps)
    answers = {"transform": out.astype(np.result_type(rows.dtype, components.dtype))}
    if isinstance(model, decomposition.PCA):
        with suppress(np.linalg.LinAlgError):  # a covariance without inverse: scikit-learn has no density either
            answers["score_samples"] = _log_likelihood(rows, model.mean_, model.get_precision())
    return answers


def _write_components(writer: Writer) -> Answers:
    """``X @ components_.T``."""
    return {"transform": writer.floats() @ _dense(writer.model.components_).T}


def _write_centred_components(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    if model.whiten:
        rows = (rows - np.asarray(model.mean_)).astype(rows.dtype)
    return {"transform": rows @ np.asarray(model.components_).T}


def _write_factor_analysis(writer: Writer) -> Answers:
    model = writer.model
    weights = model.components_ / model.noise_variance_
    spread = np.linalg.inv(np.eye(len(model.components_)) + weights @ model.components_.T)
    rows = writer.floats()
    return {
        "transform": (rows - np.asarray(model.mean_)) @ weights.T @ spread,
        "score_samples": _log_likelihood(rows, model.mean_, model.get_precision()),
    }


def _write_sparse_pca(writer: Writer) -> Answers:
    """The ridge regression of each row on the components, whose matrix does not depend on the row."""
    model = writer.model
    components = np.asarray(model.components_, np.float64)
    gram = components @ components.T + model.ridge_alpha * np.eye(len(components))
    rows = writer.floats()
    out = (rows.astype(DOUBLE) - np.asarray(model.mean_, np.float64)) @ np.linalg.solve(gram, components).T
    return {"transform": out}


def _scaled(writer: Writer, rows: Tensor) -> Tensor:
    model = writer.model
    centred = (rows - np.asarray(model._x_mean)).astype(rows.dtype)
    return (centred / np.asarray(model._x_std)).astype(rows.dtype)


def _write_partial_least_squares(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    centred = (rows - np.asarray(model._x_mean)).astype(rows.dtype)
    return {
        "predict": centred @ np.asarray(model.coef_).T + np.asarray(model.intercept_),
        "transform": _scaled(writer, rows) @ np.asarray(model.x_rotations_),
    }


def _write_pls_svd(writer: Writer) -> Answers:
    rows = writer.matrix(DOUBLE)
    return {"transform": _scaled(writer, rows) @ np.asarray(writer.model.x_weights_)}


def _write_rbf_sampler(writer: Writer) -> Answers:
    model = writer.model
    angles = writer.floats() @ np.asarray(model.random_weights_) + np.asarray(model.random_offset_)
    return {"transform": angles.apply("Cos") * (2.0 / model.n_components) ** 0.5}


def _write_skewed_chi2(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    # scikit-learn raises for entries at or below minus the skewedness
    refused = writer.refuse_where((rows <= -model.skewedness).astype(DOUBLE).max() > 0.0)
    logarithms = (rows + model.skewedness).apply("Log")
    angles = logarithms @ np.asarray(model.random_weights_) + np.asarray(model.random_offset_)
    return {"transform": angles.apply("Cos") * float(np.sqrt(2.0) / np.sqrt(model.n_components)) + refused}


def _write_additive_chi2(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    steps = model.sample_steps
    interval = model.sample_interval
    if interval is None:  # what Vedaldi and Zisserman recommend for so many steps
        interval = {1: 0.8, 2: 0.5, 3: 0.4}[steps]
    refused = writer.refuse_where((rows < 0.0).astype(DOUBLE).max() > 0.0)
    zero = rows.equals(0.0)
    null = np.array(0.0, rows.dtype)
    positive = zero.where(np.array(1.0, rows.dtype), rows)
    parts = [zero.where(null, (positive * interval).apply("Sqrt"))]
    logarithms = positive.apply("Log") * interval
    for j in range(1, steps):
        factor = (positive * 2.0 * interval / float(np.cosh(np.pi * j * interval))).apply("Sqrt")
        parts += [zero.where(null, factor * (logarithms * float(j)).apply(wave)) for wave in ("Cos", "Sin")]
    return {"transform": writer.beside(parts) + refused.astype(rows.dtype)}


def _write_polynomial_sketch(writer: Writer) -> Answers:
    """Count sketches multiplied as polynomials: their Fourier transforms are matrix products."""
    model = writer.model
    rows = writer.floats().astype(DOUBLE)
    scale = np.full(int(model.n_features_in_), np.sqrt(model.gamma))
    if model.coef0 != 0:
        rows = rows.concat(writer.for_each_row(np.ones(1)))
        scale = np.append(scale, np.sqrt(model.coef0))
    count = int(model.n_components)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(count), np.arange(count)) / count)
    real: Tensor | None = None
    imaginary: Tensor | None = None
    for places, signs in zip(model.indexHash_, model.bitHash_, strict=True):
        sketch = np.zeros((len(places), count))
        sketch[np.arange(len(places)), places] = signs * scale
        spectrum = sketch @ waves
        re, im = rows @ spectrum.real, rows @ spectrum.imag
        if real is None or imaginary is None:
            real, imaginary = re, im
        else:
            real, imaginary = real * re - imaginary * im, real * im + imaginary * re
    if real is None or imaginary is None:
        raise ConversionError("PolynomialCountSketch of degree 0")
    # the real part of the inverse transform
    return {"transform": (real @ waves.real + imaginary @ waves.imag) / float(count)}


def _write_boltzmann(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    raw = rows @ np.asarray(model.components_).T + np.asarray(model.intercept_hidden_)
    return {"transform": raw.apply("Sigmoid")}


def _write_agglomeration(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    labels = np.asarray(model.labels_)
    names = {np.mean: "ReduceMean", np.max: "ReduceMax", np.min: "ReduceMin", np.sum: "ReduceSum"}
    names |= {np.amax: "ReduceMax", np.amin: "ReduceMin"}
    if model.pooling_func not in names:
        named = getattr(model.pooling_func, "__name__", model.pooling_func)
        raise ConversionError(f"FeatureAgglomeration pools with {named}: mean, max, min and sum are converted")
    if model.pooling_func is np.mean:
        rows = rows.astype(DOUBLE)
    parts = [rows.take(np.flatnonzero(labels == k)).reduce(names[model.pooling_func]) for k in np.unique(labels)]
    return {"transform": writer.beside(parts)}


def _write_sparse_code(writer: Writer) -> Answers:
    model = writer.model
    if model.transform_algorithm != "threshold":
        raise ConversionError(
            f"{writer.where}(transform_algorithm={model.transform_algorithm!r}) solves an optimisation of its own for "
            "every row, whose steps depend on the row; 'threshold' has a closed form and is converted"
        )
    rows = writer.floats()
    dictionary = np.asarray(model.dictionary if hasattr(model, "dictionary") else model.components_)
    alpha = model.transform_alpha if model.transform_alpha is not None else getattr(model, "alpha", None)
    correlation = rows @ dictionary.T
    size = clip(correlation.apply("Abs") - float(1.0 if alpha is None else alpha), 0.0, None)
    code = correlation.apply("Sign") * size
    if model.positive_code:
        code = clip(code, 0.0, None)
    if model.split_sign:
        code = clip(code, 0.0, None).concat(clip(-code, 0.0, None))
    return {"transform": code}


CONVERTERS: dict[type, Write] = {
    decomposition.PCA: _write_pca,
    decomposition.IncrementalPCA: _write_pca,
    decomposition.TruncatedSVD: _write_components,
    decomposition.FastICA: _write_centred_components,
    decomposition.FactorAnalysis: _write_factor_analysis,
    decomposition.SparsePCA: _write_sparse_pca,
    decomposition.MiniBatchSparsePCA: _write_sparse_pca,
    decomposition.SparseCoder: _write_sparse_code,
    decomposition.DictionaryLearning: _write_sparse_code,
    decomposition.MiniBatchDictionaryLearning: _write_sparse_code,
    cross_decomposition.PLSRegression: _write_partial_least_squares,
    cross_decomposition.PLSCanonical: _write_partial_least_squares,
    cross_decomposition.CCA: _write_partial_least_squares,
    cross_decomposition.PLSSVD: _write_pls_svd,
    NeighborhoodComponentsAnalysis: _write_components,
    random_projection.GaussianRandomProjection: _write_components,
    random_projection.SparseRandomProjection: _write_components,
    kernel_approximation.RBFSampler: _write_rbf_sampler,
    kernel_approximation.SkewedChi2Sampler: _write_skewed_chi2,
    kernel_approximation.AdditiveChi2Sampler: _write_additive_chi2,
    kernel_approximation.PolynomialCountSketch: _write_polynomial_sketch,
    neural_network.BernoulliRBM: _write_boltzmann,
    cluster.FeatureAgglomeration: _write_agglomeration,
}
