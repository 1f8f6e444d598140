"""Naive Bayes and Gaussian mixtures. Source of the rules: ``sklearn/naive_bayes.py``, ``sklearn/mixture``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import digamma
from sklearn import mixture, naive_bayes

from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, INT64, Answers, Write, Writer


def _by_likelihood(writer: Writer, scores: Tensor) -> Answers:
    """The answers of a classifier from its joint log likelihoods (n, classes)."""
    logarithms = scores - scores.log_sum_exp()
    return {
        "predict": chosen(writer, scores.argmax()),
        "predict_proba": logarithms.apply("Exp"),
        "predict_log_proba": logarithms,
    }


def _write_multinomial(writer: Writer) -> Answers:
    model = writer.model
    return _by_likelihood(writer, writer.floats() @ model.feature_log_prob_.T + model.class_log_prior_.reshape(1, -1))


def _write_complement(writer: Writer) -> Answers:
    model = writer.model
    scores = writer.floats() @ model.feature_log_prob_.T
    if len(model.classes_) == 1:
        scores = scores + model.class_log_prior_.reshape(1, -1)
    return _by_likelihood(writer, scores)


def _write_bernoulli(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    if model.binarize is not None:
        rows = (rows > float(model.binarize)).astype(rows.dtype)
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    scores = rows @ (model.feature_log_prob_ - absent).T
    return _by_likelihood(writer, scores + (model.class_log_prior_ + absent.sum(axis=1)).reshape(1, -1))


def _write_gaussian(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    columns = []
    for mean, variance, prior in zip(model.theta_, model.var_, model.class_prior_, strict=True):
        apart = rows - mean
        constant = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        columns.append((apart * apart / variance).sum() * -0.5 + constant)
    return _by_likelihood(writer, writer.beside(columns))


def _write_categorical(writer: Writer) -> Answers:
    """Every feature's category chooses a row of logarithms; to look up one that is not there is an error."""
    model = writer.model
    rows = writer.matrix()
    scores: Any = np.asarray(model.class_log_prior_, np.float64).reshape(1, -1)
    for i, table in enumerate(model.feature_log_prob_):
        category = rows.take([i]).astype(INT64).flat()
        scores = writer.tensor(np.ascontiguousarray(np.asarray(table, np.float64).T)).take(category, axis=0) + scores
    return _by_likelihood(writer, scores)


def _log_gaussians(writer: Writer, rows: Tensor) -> Tensor:
    """Log density (n, components) of each component of a mixture."""
    model = writer.model
    means, roots = np.asarray(model.means_, np.float64), np.asarray(model.precisions_cholesky_, np.float64)
    kind, width = model.covariance_type, means.shape[1]
    if kind in ("full", "tied"):
        columns = []
        for i, mean in enumerate(means):
            root = roots[i] if kind == "full" else roots
            turned = rows @ root - mean.reshape(1, -1) @ root
            columns.append((turned * turned).sum())
        squares = writer.beside(columns)
        diagonals = np.diagonal(roots, axis1=-2, axis2=-1)
        determinants = np.broadcast_to(np.log(diagonals).sum(axis=-1), len(means))
    else:
        scales = roots if kind == "diag" else np.repeat(roots.reshape(-1, 1), width, axis=1)
        precisions = scales**2
        squares = (rows * rows) @ precisions.T - rows @ (2.0 * (means * precisions).T)
        squares = squares + (means**2 * precisions).sum(axis=1).reshape(1, -1)
        determinants = np.log(scales).sum(axis=1)
    result: Tensor = squares * -0.5 + (determinants - 0.5 * width * np.log(2 * np.pi)).reshape(1, -1)
    return result


def _write_mixture(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats().astype(DOUBLE)
    constants = np.asarray(model._estimate_log_weights(), np.float64)
    if isinstance(model, mixture.BayesianGaussianMixture):
        width = rows.width or model.means_.shape[1]
        freedom = model.degrees_of_freedom_
        spread = width * np.log(2.0) + np.sum(digamma(0.5 * (freedom - np.arange(width)[:, np.newaxis])), 0)
        constants = constants + 0.5 * (spread - width / model.mean_precision_) - 0.5 * width * np.log(freedom)
    scores = _log_gaussians(writer, rows) + constants.reshape(1, -1)
    total = scores.log_sum_exp()
    return {
        "predict": scores.argmax(),
        "predict_proba": (scores - total).apply("Exp"),
        "score_samples": total.flat(),
    }


CONVERTERS: dict[type, Write] = {
    naive_bayes.BernoulliNB: _write_bernoulli,
    naive_bayes.CategoricalNB: _write_categorical,
    naive_bayes.ComplementNB: _write_complement,
    naive_bayes.GaussianNB: _write_gaussian,
    naive_bayes.MultinomialNB: _write_multinomial,
    mixture.BayesianGaussianMixture: _write_mixture,
    mixture.GaussianMixture: _write_mixture,
}
