"""Manifolds: Isomap by shortest ways, locally linear embedding by what a row is made of.

Source: ``sklearn/manifold``.
"""

from __future__ import annotations

import numpy as np
from sklearn.manifold import Isomap, LocallyLinearEmbedding

from sklort.conversion.converters.kernels import centred
from sklort.conversion.converters.neighbors import kneighbors
from sklort.conversion.distances import distances, nearest
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import Answers, Write, Writer
from sklort.exceptions import ConversionError


def _write_isomap(writer: Writer) -> Answers:
    model = writer.model
    if model.n_neighbors is None or model.metric == "precomputed":
        raise ConversionError("Isomap is converted with n_neighbors and a metric on features")
    found = model.nbrs_
    rows = writer.floats()
    apart = distances(rows, np.asarray(found._fit_X), found.effective_metric_, found.effective_metric_params_)
    near, places = nearest(writer, apart, int(model.n_neighbors))
    through = writer.tensor(np.asarray(model.dist_matrix_, np.float64)).take(places, axis=0) + near.reshape(0, -1, 1)
    shortest = through.min(keep=False)
    kernel = centred(shortest * shortest * -0.5, model.kernel_pca_._centerer)
    values, vectors = np.asarray(model.kernel_pca_.eigenvalues_), np.asarray(model.kernel_pca_.eigenvectors_)
    used = values != 0
    return {"transform": kernel @ np.where(used, vectors / np.sqrt(np.where(used, values, 1)), 0.0)}


def _solved(systems: Tensor, size: int) -> Tensor:
    """The solution of each of n positive definite systems, given as (n, size, size + 1), right-hand side last.

    Elimination without pivoting, which is stable for these (Higham, Accuracy and Stability of Numerical Algorithms,
    section 10.1), one column of all systems at a time.
    """
    for at in range(size):
        row, column = systems.take([at], axis=1), systems.take([at], axis=2)
        others = (np.arange(size) != at).astype(np.float64).reshape(-1, 1)
        systems = systems - column / row.take([at], axis=2) * others * row
    diagonal = (systems.take(np.arange(size), axis=2) * np.eye(size)).sum(2, keep=False)
    return systems.take(np.array(size), axis=2) / diagonal


def _write_locally_linear(writer: Writer) -> Answers:
    model = writer.model
    size = int(model.n_neighbors)
    points = np.asarray(model.nbrs_._fit_X)
    rows = writer.floats()
    _, places = kneighbors(writer, model.nbrs_, size)
    apart = writer.tensor(points).take(places, axis=0) - rows.reshape(0, 1, -1)
    products = (apart @ apart.transpose(0, 2, 1)).astype(np.float64)
    trace = (products * np.eye(size)).sum(2).sum(1)
    added = (trace > 0.0).where(trace * float(model.reg), np.array(float(model.reg)))
    ones = (trace * 0.0 + 1.0) * np.ones((size, 1))
    weights = _solved((products + added * np.eye(size)).concat(ones, axis=2), size)
    shares = (weights / weights.sum()).astype(rows.dtype)
    embedded = writer.tensor(np.asarray(model.embedding_)).take(places, axis=0)
    return {"transform": (embedded * shares.reshape(0, -1, 1)).sum(keep=False)}


CONVERTERS: dict[type, Write] = {Isomap: _write_isomap, LocallyLinearEmbedding: _write_locally_linear}
