"""Nearest neighbours, neighbours within a radius, local outliers. Source of the rules: ``sklearn/neighbors``.

Everything is measured in double, as scikit-learn's trees do. Of points at equal distances the one that came first in
training counts as the nearer; scikit-learn's search structures have no such rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import neighbors
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from sklort.conversion.converters.multioutput import labels_beside
from sklort.conversion.distances import distances, kernel_values, nearest, squared_distances
from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _points(model: Any) -> np.ndarray:
    fitted = model._fit_X
    return np.asarray(fitted.toarray() if hasattr(fitted, "toarray") else fitted, np.float64)


def _distances(writer: Writer, model: Any) -> Tensor:
    rows = writer.matrix()
    if model.effective_metric_ == "precomputed":
        return rows.astype(DOUBLE)
    return distances(rows, _points(model), model.effective_metric_, model.effective_metric_params_)


def kneighbors(writer: Writer, model: Any, count: int) -> tuple[Tensor, Tensor]:
    """``model.kneighbors(X, count)``."""
    return nearest(writer, _distances(writer, model), count)


def _weights(writer: Writer, measured: Tensor) -> Tensor | None:
    """Of neighbours at these distances; None where all count alike."""
    kind = writer.model.weights
    if kind in (None, "uniform"):
        return None
    if kind != "distance":
        raise ConversionError(f"{writer.where} weighs its neighbours with a Python function")
    inverse = 1.0 / measured
    infinite = inverse.is_inf()
    marks = infinite.astype(DOUBLE)
    return (marks.max() > 0.0).where(marks, inverse)


def _per_output(model: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output its classes and the number of the class of every training row."""
    numbers = np.asarray(model._y)
    if not model.outputs_2d_:
        return [(np.asarray(model.classes_), numbers.ravel())]
    return [(np.asarray(c), numbers[:, i]) for i, c in enumerate(model.classes_)]


def _classified(writer: Writer, probabilities: list[Tensor], classes: list[np.ndarray]) -> Answers:
    labels = [chosen(writer, p.argmax(), c) for p, c in zip(probabilities, classes, strict=True)]
    if writer.model.outputs_2d_:
        return {"predict": labels_beside(writer, labels), "predict_proba": probabilities}
    return {"predict": labels[0], "predict_proba": probabilities[0]}


def _shares(votes: Tensor) -> Tensor:
    """Votes divided by their sum, but by 1 where there are none."""
    total = votes.sum()
    return votes / total.equals(0.0).where(np.array(1.0), total)


def _write_kneighbors_classifier(writer: Writer) -> Answers:
    model = writer.model
    near, places = kneighbors(writer, model, model.n_neighbors)
    weights = _weights(writer, near)
    probabilities = []
    for classes, numbers in _per_output(model):
        votes = writer.tensor(np.eye(len(classes))[numbers]).take(places, axis=0)  # (n, k, classes)
        if weights is not None:
            votes = votes * weights.reshape(0, -1, 1)
        probabilities.append(_shares(votes.sum(keep=False)))
    return _classified(writer, probabilities, [c for c, _ in _per_output(model)])


def _targets(model: Any) -> np.ndarray:
    y = np.asarray(model._y)
    return y.reshape(len(y), -1)


def _write_kneighbors_regressor(writer: Writer) -> Answers:
    model = writer.model
    near, places = kneighbors(writer, model, model.n_neighbors)
    weights = _weights(writer, near)
    y = _targets(model)
    if weights is None:
        given = writer.tensor(y if y.dtype == np.float32 else y.astype(np.float64)).take(places, axis=0)
        return {"predict": given.sum(keep=False) / float(model.n_neighbors)}
    given = writer.tensor(y.astype(np.float64)).take(places, axis=0)
    return {"predict": (given * weights.reshape(0, -1, 1)).sum(keep=False) / weights.sum()}


def _write_kneighbors_transformer(writer: Writer) -> Answers:
    model = writer.model
    apart = model.mode == "distance"
    near, places = kneighbors(writer, model, model.n_neighbors + apart)
    empty = writer.for_each_row(np.zeros(model.n_samples_fit_))
    found = near if apart else near * 0.0 + 1.0
    name = writer.node("ScatterElements", [empty.name, places.name, found.name], axis=1)
    return {"transform": Tensor(writer, name, DOUBLE)}


def _inside(writer: Writer) -> tuple[Tensor, Tensor]:
    """Distances, and which of them are within the radius; squares are compared where squares are measured."""
    model = writer.model
    if model.effective_metric_ == "euclidean":
        squares = squared_distances(writer.matrix(), _points(model))
        return squares.apply("Sqrt"), squares <= float(model.radius) ** 2
    measured = _distances(writer, model)
    return measured, measured <= float(model.radius)


def _write_radius_transformer(writer: Writer) -> Answers:
    measured, inside = _inside(writer)
    found = measured if writer.model.mode == "distance" else np.array(1.0)
    return {"transform": inside.where(found, np.array(0.0))}


def _radius_weights(writer: Writer) -> tuple[Tensor, Tensor]:
    """Weights (n, m) of all training rows, and which rows (n, 1) have no neighbour."""
    measured, inside = _inside(writer)
    marks = inside.astype(DOUBLE)
    none = marks.max().equals(0.0)
    if writer.model.weights == "distance":
        same = (inside & measured.equals(0.0)).astype(DOUBLE)
        inverse = inside.where(1.0 / measured, np.array(0.0))
        return (same.max() > 0.0).where(same, inverse), none
    if writer.model.weights not in (None, "uniform"):
        raise ConversionError(f"{writer.where} weighs its neighbours with a Python function")
    return marks, none


def _write_radius_classifier(writer: Writer) -> Answers:
    model = writer.model
    weights, none = _radius_weights(writer)
    refused = writer.refuse_where(none) if model.outlier_label_ is None else None
    probabilities, labels = [], []
    for i, (classes, numbers) in enumerate(_per_output(model)):
        shares = _shares(weights @ np.eye(len(classes))[numbers])
        known = classes
        if refused is not None:
            shares = shares + refused
        else:
            outlier = model.outlier_label_[i]
            at = np.flatnonzero(classes == outlier)
            if len(at) == 1:
                shares = none.where(np.eye(len(classes))[at], shares)
            known = np.append(classes, np.asarray(outlier, classes.dtype))
        best = shares.argmax()
        if refused is None:
            best = shares.max().equals(0.0).flat().where(np.array(len(classes)), best)
        probabilities.append(shares)
        labels.append(chosen(writer, best, known))
    if model.outputs_2d_:
        return {"predict": labels_beside(writer, labels), "predict_proba": probabilities}
    return {"predict": labels[0], "predict_proba": probabilities[0]}


def _write_radius_regressor(writer: Writer) -> Answers:
    weights, none = _radius_weights(writer)
    y = _targets(writer.model).astype(np.float64)
    total = none.where(np.array(1.0), weights.sum())
    return {"predict": none.where(np.array(np.nan), (weights @ y) / total)}


def _write_local_outlier_factor(writer: Writer) -> Answers:
    model = writer.model
    if not model.novelty:
        raise ConversionError("LocalOutlierFactor(novelty=False) judges the rows it was fitted on, and no others")
    near, places = kneighbors(writer, model, model.n_neighbors_)
    reach = np.asarray(model._distances_fit_X_[:, model.n_neighbors_ - 1], np.float64)
    reached = near.maximum(writer.tensor(reach).take(places, axis=0))
    density = 1.0 / (reached.sum() / float(model.n_neighbors_) + 1e-10)
    ratios = writer.tensor(np.asarray(model._lrd, np.float64)).take(places, axis=0) / density
    samples = -(ratios.sum(keep=False) / float(model.n_neighbors_))
    scores = samples - float(model.offset_)
    return {
        "predict": (scores < 0.0).where(np.array(-1), np.array(1)),
        "decision_function": scores,
        "score_samples": samples,
    }


def _write_nearest_centroid(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    centroids = np.asarray(model.centroids_, np.float64)
    priors = np.asarray(model.class_prior_)
    spread = np.asarray(model.within_class_std_dev_, np.float64)
    scale = np.where(spread != 0, spread, 1.0)
    apart = distances(rows.astype(DOUBLE) / scale.reshape(1, -1), centroids / scale, model.metric)
    scores = apart * apart * -1.0 + (2.0 * np.log(priors)).reshape(1, -1)
    answers: dict[str, Any] = {}
    if np.isclose(priors, 1 / len(model.classes_)).all():
        answers["predict"] = chosen(writer, distances(rows, centroids, model.metric).argmin())
    else:
        answers["predict"] = chosen(writer, scores.argmax())
    if model.metric == "euclidean":
        answers["predict_proba"] = (scores - scores.log_sum_exp()).apply("Exp")
        binary = len(model.classes_) == 2
        answers["decision_function"] = (scores.take([1]) - scores.take([0])).flat() if binary else scores
    return answers


def _write_label_propagation(writer: Writer) -> Answers:
    model = writer.model
    known = np.asarray(model.label_distributions_, np.float64)
    if model.kernel == "knn":
        apart = distances(writer.floats(), np.asarray(model.X_), "euclidean")
        _, places = nearest(writer, apart, model.n_neighbors)
        votes = writer.tensor(known).take(places, axis=0).sum(keep=False)
    elif model.kernel == "rbf":
        points = model.X_.toarray() if hasattr(model.X_, "toarray") else model.X_
        votes = kernel_values(writer.floats(), points, "rbf", {"gamma": model.gamma}) @ known
    else:
        raise ConversionError(f"{writer.where} uses a Python function as its kernel")
    probabilities = votes / votes.sum()
    # scikit-learn counts the rows without any weight as of the first class, and gives them NaN.
    best = probabilities.is_nan().where(np.array(np.inf), probabilities).argmax()
    return {"predict": chosen(writer, best), "predict_proba": probabilities}


CONVERTERS: dict[type, Write] = {
    neighbors.KNeighborsClassifier: _write_kneighbors_classifier,
    neighbors.KNeighborsRegressor: _write_kneighbors_regressor,
    neighbors.KNeighborsTransformer: _write_kneighbors_transformer,
    neighbors.RadiusNeighborsClassifier: _write_radius_classifier,
    neighbors.RadiusNeighborsRegressor: _write_radius_regressor,
    neighbors.RadiusNeighborsTransformer: _write_radius_transformer,
    neighbors.LocalOutlierFactor: _write_local_outlier_factor,
    neighbors.NearestCentroid: _write_nearest_centroid,
    LabelPropagation: _write_label_propagation,
    LabelSpreading: _write_label_propagation,
}
