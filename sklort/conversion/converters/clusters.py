"""Clusterers that can place new rows, densities, robust covariance.

Sources of the rules: ``sklearn/cluster``, ``neighbors/_kde.py``, ``covariance``, ``manifold/_isomap.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln
from sklearn import cluster, covariance
from sklearn.neighbors import KernelDensity

from sklort.conversion.distances import squared_distances
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _ranking(rows: Tensor, centers: np.ndarray) -> Tensor:
    """Squared distances from centres without the square of the row, as scikit-learn ranks centres."""
    centers = np.asarray(centers, np.float64)
    result: Tensor = rows.astype(DOUBLE) @ (-2.0 * centers.T) + (centers * centers).sum(axis=1)
    return result


def _apart(rows: Tensor, centers: np.ndarray) -> Tensor:
    """scikit-learn's ``euclidean_distances``: of squares and products, rounded as such."""
    x = rows.astype(DOUBLE)
    squares = (_ranking(rows, centers)) + (x * x).sum()
    return clip(squares, 0.0, None).apply("Sqrt")


def _write_k_means(writer: Writer) -> Answers:
    rows = writer.floats()
    centers = writer.model.cluster_centers_
    return {"predict": _ranking(rows, centers).argmin(), "transform": _apart(rows, centers)}


def _write_centers(writer: Writer) -> Answers:
    """MeanShift, AffinityPropagation."""
    centers = np.asarray(writer.model.cluster_centers_)
    if hasattr(centers, "shape") and not len(centers):
        return {"predict": writer.for_each_row(np.array([-1])).flat()}
    return {"predict": _ranking(writer.floats(), centers).argmin()}


def _write_affinity(writer: Writer) -> Answers:
    if writer.model.affinity == "precomputed":
        raise ConversionError("AffinityPropagation(affinity='precomputed') does not predict")
    return _write_centers(writer)


def _write_birch(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    centers = np.asarray(model.subcluster_centers_)
    labels = np.asarray(model.subcluster_labels_, np.int64)
    at = _ranking(rows, centers).argmin()
    return {"predict": writer.tensor(labels).take(at, axis=0), "transform": _apart(rows, centers)}


def _write_bisecting(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    shift = getattr(model, "_X_mean", 0.0)

    def label(node: Any) -> Tensor | np.ndarray:
        if node.left is None:
            return np.array(int(node.label))
        pair = np.vstack((node.left.center, node.right.center)) + shift
        return _ranking(rows, pair).argmin().equals(np.array(0)).where(label(node.left), label(node.right))

    found = label(model._bisecting_tree)
    placed = found if isinstance(found, Tensor) else writer.for_each_row(found.reshape(1)).flat()
    return {"predict": placed, "transform": _apart(rows, model.cluster_centers_)}


def _write_elliptic_envelope(writer: Writer) -> Answers:
    model = writer.model
    centred_rows = writer.floats().astype(DOUBLE) - np.asarray(model.location_, np.float64)
    samples = -((centred_rows @ np.asarray(model.get_precision())) * centred_rows).sum(keep=False)
    scores = samples - float(model.offset_)
    return {
        "predict": (scores >= 0.0).where(np.array(1), np.array(-1)),
        "decision_function": scores,
        "score_samples": samples,
    }


def _ball_volume(dimensions: int) -> float:
    """Logarithm of the volume of the unit ball."""
    return float(0.5 * dimensions * np.log(np.pi) - gammaln(0.5 * dimensions + 1))


def _log_norm(kernel: str, h: float, d: int) -> float:
    """Logarithm of what a kernel is multiplied by to integrate to one."""
    surface = np.log(2 * np.pi) + _ball_volume(d - 2) if d > 1 else np.log(2.0)
    if kernel == "gaussian":
        factor = 0.5 * d * np.log(2 * np.pi)
    elif kernel == "tophat":
        factor = _ball_volume(d)
    elif kernel == "epanechnikov":
        factor = _ball_volume(d) + np.log(2.0 / (d + 2.0))
    elif kernel == "exponential":
        factor = surface + gammaln(d)
    elif kernel == "linear":
        factor = _ball_volume(d) - np.log(d + 1.0)
    else:
        factor, term = 0.0, 2.0 / np.pi
        for k in range(1, d + 1, 2):
            factor += term
            term *= -(d - k) * (d - k - 1) * (2.0 / np.pi) ** 2
        factor = np.log(factor) + surface
    return float(-factor - d * np.log(h))


def _log_kernel(model: KernelDensity, apart: Tensor, squares: Tensor) -> Tensor:
    h = float(model.bandwidth_)
    outside = apart >= h
    nothing = np.array(-np.inf)
    if model.kernel == "gaussian":
        return squares * (-0.5 / (h * h))
    if model.kernel == "exponential":
        return -apart / h
    if model.kernel == "tophat":
        return outside.where(nothing, apart * 0.0)
    if model.kernel == "epanechnikov":
        inside = 1.0 - squares / (h * h)
    elif model.kernel == "linear":
        inside = 1.0 - apart / h
    else:
        inside = (apart * (0.5 * np.pi / h)).apply("Cos")
    return outside.where(nothing, outside.where(np.array(1.0), inside).apply("Log"))


def _write_density(writer: Writer) -> Answers:
    model = writer.model
    points = np.asarray(model.tree_.data, np.float64)
    if model.metric not in ("euclidean", "minkowski"):
        raise ConversionError(f"KernelDensity(metric={model.metric!r}): the Euclidean distance is converted")
    rows = writer.matrix(DOUBLE)
    squares = squared_distances(rows, points)
    logarithms = _log_kernel(model, squares.apply("Sqrt"), squares)
    weights = model.tree_.sample_weight
    count = float(len(points))
    if weights is not None:
        logarithms, count = logarithms + np.log(np.asarray(weights, np.float64)).reshape(1, -1), float(np.sum(weights))
    top = logarithms.max()
    top = top.is_inf().where(np.array(0.0), top)
    summed = (logarithms - top).apply("Exp").sum().apply("Log") + top
    constant = _log_norm(model.kernel, float(model.bandwidth_), points.shape[1]) - float(np.log(count))
    return {"score_samples": (summed + constant).flat()}


CONVERTERS: dict[type, Write] = {
    cluster.KMeans: _write_k_means,
    cluster.MiniBatchKMeans: _write_k_means,
    cluster.BisectingKMeans: _write_bisecting,
    cluster.MeanShift: _write_centers,
    cluster.AffinityPropagation: _write_affinity,
    cluster.Birch: _write_birch,
    covariance.EllipticEnvelope: _write_elliptic_envelope,
    KernelDensity: _write_density,
}
