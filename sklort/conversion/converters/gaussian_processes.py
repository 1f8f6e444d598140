"""Gaussian processes, in double. Source of the rules: ``sklearn/gaussian_process``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor, kernels
from sklearn.gaussian_process._gpc import COEFS, LAMBDAS, _BinaryGaussianProcessClassifierLaplace

from sklort.conversion.distances import distances, kernel_values, squared_distances
from sklort.conversion.labels import chosen
from sklort.conversion.special import erf
from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _covariance(kernel: Any, x: Tensor, points: np.ndarray) -> Tensor:
    """``kernel(X, points)`` (n, m)."""
    if isinstance(kernel, kernels.Sum):
        return _covariance(kernel.k1, x, points) + _covariance(kernel.k2, x, points)
    if isinstance(kernel, kernels.Product):
        return _covariance(kernel.k1, x, points) * _covariance(kernel.k2, x, points)
    if isinstance(kernel, kernels.Exponentiation):
        return _covariance(kernel.kernel, x, points) ** np.float64(kernel.exponent)
    if isinstance(kernel, kernels.ConstantKernel):
        return x.writer.for_each_row(np.full(len(points), float(kernel.constant_value)))
    if isinstance(kernel, kernels.WhiteKernel):  # noise is no part of what new rows share with old ones
        return x.writer.for_each_row(np.zeros(len(points)))
    if isinstance(kernel, kernels.Matern):
        return _matern(kernel, x, points)
    if isinstance(kernel, kernels.RBF):
        scale = np.asarray(kernel.length_scale, np.float64)
        return (squared_distances(x / scale, points / scale) * -0.5).apply("Exp")
    if isinstance(kernel, kernels.RationalQuadratic):
        factor = 1 / (2 * kernel.alpha * kernel.length_scale**2)
        result: Tensor = (squared_distances(x, points) * factor + 1.0) ** np.float64(-kernel.alpha)
        return result
    if isinstance(kernel, kernels.ExpSineSquared):
        waves = (distances(x, points, "euclidean") * float(np.pi / kernel.periodicity)).apply(
            "Sin"
        ) / kernel.length_scale
        decayed: Tensor = (waves * waves * -2.0).apply("Exp")
        return decayed
    if isinstance(kernel, kernels.DotProduct):
        return x @ points.T + float(kernel.sigma_0**2)
    if isinstance(kernel, kernels.PairwiseKernel):
        given = {"gamma": kernel.gamma, **(kernel.pairwise_kernels_kwargs or {})}
        return kernel_values(x, points, kernel.metric, given)
    raise ConversionError(f"{x.writer.where} uses the kernel {type(kernel).__name__}, which has no ONNX form")


def _matern(kernel: kernels.Matern, x: Tensor, points: np.ndarray) -> Tensor:
    scale = np.asarray(kernel.length_scale, np.float64)
    x, points = x / scale, points / scale
    if kernel.nu == np.inf:
        return (squared_distances(x, points) * -0.5).apply("Exp")
    apart = distances(x, points, "euclidean")
    if kernel.nu == 0.5:
        return (-apart).apply("Exp")
    if kernel.nu == 1.5:
        size = apart * float(np.sqrt(3))
        return (size + 1.0) * (-size).apply("Exp")
    if kernel.nu == 2.5:
        size = apart * float(np.sqrt(5))
        return (size + 1.0 + size * size / 3.0) * (-size).apply("Exp")
    raise ConversionError(
        f"{x.writer.where} uses Matern(nu={kernel.nu}), a Bessel function; 0.5, 1.5, 2.5 and infinity are converted"
    )


def _variances(kernel: Any, x: Tensor) -> Tensor:
    """``kernel.diag(X)`` (n, 1)."""
    if isinstance(kernel, kernels.Sum):
        return _variances(kernel.k1, x) + _variances(kernel.k2, x)
    if isinstance(kernel, kernels.Product):
        return _variances(kernel.k1, x) * _variances(kernel.k2, x)
    if isinstance(kernel, kernels.Exponentiation):
        return _variances(kernel.kernel, x) ** np.float64(kernel.exponent)
    if isinstance(kernel, kernels.ConstantKernel):
        return x.writer.for_each_row(np.array([float(kernel.constant_value)]))
    if isinstance(kernel, kernels.WhiteKernel):
        return x.writer.for_each_row(np.array([float(kernel.noise_level)]))
    if isinstance(kernel, kernels.DotProduct):
        return (x * x).sum() + float(kernel.sigma_0**2)
    if isinstance(kernel, kernels.PairwiseKernel):
        if kernel.metric in ("rbf", "laplacian", "cosine", "chi2"):
            return x.writer.for_each_row(np.ones(1))
        if kernel.metric == "linear":
            return (x * x).sum()
        raise ConversionError(f"{x.writer.where}: the variance of PairwiseKernel({kernel.metric!r}) is not converted")
    return x.writer.for_each_row(np.ones(1))


def _fitted_rows(writer: Writer, model: Any) -> tuple[Tensor, np.ndarray]:
    points = np.asarray(model.X_train_)
    if points.ndim != 2 or points.dtype.kind not in "fiub":
        raise ConversionError(f"{writer.where} was fitted on structured data, not on a matrix of numbers")
    return writer.matrix(DOUBLE), points.astype(np.float64)


def _write_regressor(writer: Writer) -> Answers:
    model = writer.model
    rows, points = _fitted_rows(writer, model)
    weights = np.asarray(model.alpha_, np.float64).reshape(len(points), -1)
    mean = _covariance(model.kernel_, rows, points) @ (weights * np.ravel(model._y_train_std))
    return {"predict": mean + np.ravel(model._y_train_mean)}


def _write_binary(writer: Writer) -> Answers:
    model = writer.model
    rows, points = _fitted_rows(writer, model)
    shared = _covariance(model.kernel_, rows, points)
    latent = (shared @ np.asarray(model.y_train_ - model.pi_, np.float64).reshape(-1, 1)).flat()
    # v = L^-1 (W^1/2 k): one matrix for all rows.
    inverse = solve_triangular(model.L_, np.diag(np.asarray(model.W_sr_, np.float64)), lower=True)
    turned = shared @ inverse.T
    variance = _variances(model.kernel_, rows) - (turned * turned).sum()
    alpha = 0.5 / variance
    lambdas = np.ravel(LAMBDAS).reshape(1, -1)
    gamma = latent.column() * lambdas
    inner = erf(gamma * (alpha / (alpha + lambdas**2)).apply("Sqrt"))
    integrals = (float(np.pi) / alpha).apply("Sqrt") * inner / ((variance * float(2 * np.pi)).apply("Sqrt") * 2.0)
    coefficients = np.ravel(COEFS)
    second = ((integrals * coefficients.reshape(1, -1)).sum() + 0.5 * float(coefficients.sum())).flat()
    return {
        "predict": chosen(writer, (latent > 0.0).astype(INT64)),
        "predict_proba": stack([1.0 - second, second]),
    }


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    answers = writer.answers(model.base_estimator_)
    return {m: answers[m] for m in ("predict", "predict_proba") if m in answers and hasattr(model, m)}


CONVERTERS: dict[type, Write] = {
    GaussianProcessRegressor: _write_regressor,
    GaussianProcessClassifier: _write_classifier,
    _BinaryGaussianProcessClassifierLaplace: _write_binary,
}
