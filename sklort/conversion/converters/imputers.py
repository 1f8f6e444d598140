"""SimpleImputer, MissingIndicator, KNNImputer, IterativeImputer. Source of the rules: ``sklearn/impute``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.impute._iterative import IterativeImputer

from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, INT64, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError
from sklort.graph.missing import is_missing, word_of


def _statistics_kept(model: SimpleImputer) -> np.ndarray:
    """Columns that had a value in fit (all of them with ``keep_empty_features``)."""
    statistics = np.asarray(model.statistics_)
    if model.keep_empty_features:
        return np.arange(len(statistics))
    if statistics.dtype.kind == "O":
        empty = np.array([is_missing(v) for v in statistics], bool)
    else:
        empty = np.isnan(statistics) if statistics.dtype.kind == "f" else np.zeros(len(statistics), bool)
    return np.flatnonzero(~empty)


def missing_mask(rows: Tensor, missing_values: Any) -> Tensor | None:
    """Where `rows` hold what counts as missing; None where their dtype cannot hold it."""
    if not is_missing(missing_values):
        if (rows.dtype == STRING) != isinstance(missing_values, str):
            return None
        if rows.dtype.kind in "bi" and missing_values != int(missing_values):
            return None
        return rows.equals(np.array(missing_values, rows.dtype))
    if rows.dtype == STRING and (word := word_of(missing_values)) is not None:
        return rows.equals(np.array(word, object))
    return rows.is_nan() if rows.dtype.kind == "f" else None


def _columns(rows: Tensor, columns: np.ndarray, width: int) -> Tensor:
    return rows if len(columns) == width else rows.take(columns)


def with_indicator(writer: Writer, out: Tensor, missing: Tensor | None) -> Tensor:
    """`out`, and beside it the marks that ``add_indicator`` asks for."""
    model = writer.model
    if not model.add_indicator or not len(model.indicator_.features_):
        return out
    if missing is None or out.dtype == STRING:
        raise ConversionError(
            f"{writer.where}(add_indicator=True) is converted for numbers only: strings beside marks are no matrix"
        )
    return out.concat(missing.take(model.indicator_.features_).astype(out.dtype))


def _write_simple(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.matrix()
    if rows.dtype != STRING and model.strategy not in ("most_frequent", "constant"):
        rows = writer.floats()  # means and medians; the others leave the dtype of X
    width = len(model.statistics_)
    missing = missing_mask(rows, model.missing_values)
    kept = _statistics_kept(model)
    out = _columns(rows, kept, width)
    if missing is not None:
        values = np.asarray(model.statistics_)[kept]
        if rows.dtype != STRING:
            values = values.astype(getattr(model, "_fill_dtype", np.float64)).astype(rows.dtype)
        out = _columns(missing, kept, width).where(writer.tensor(values), out)
    return {"transform": with_indicator(writer, out, missing)}


def _write_indicator(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.matrix()
    missing = missing_mask(rows, model.missing_values)
    count = int(model._n_features)
    if missing is None:
        missing = writer.for_each_row(np.zeros(count, bool))
    if model.features == "all":
        return {"transform": missing}
    known = np.asarray(model.features_, np.int64)
    others = np.setdiff1d(np.arange(count), known)
    marks = missing.take(known)
    if model.error_on_new and len(others):
        new = missing.take(others).astype(INT64).max() > np.array(0)
        marks = marks | (writer.refuse_where(new) > 0.0)
    return {"transform": marks}


def _write_neighbours(writer: Writer) -> Answers:
    """Every missing cell: the mean over the nearest rows of the training data that have it."""
    model = writer.model
    rows = writer.floats()
    missing = missing_mask(rows, model.missing_values)
    if callable(model.weights) or callable(model.metric):
        raise ConversionError("KNNImputer with a Python function for its weights or metric")
    fitted = np.asarray(model._fit_X, np.float64)
    absent = np.asarray(model._mask_fit_X)
    valid = np.asarray(model._valid_mask)
    if missing is None:
        missing = rows.is_nan()
    x = missing.where(np.array(0.0), rows.astype(DOUBLE))
    there = (~missing).astype(DOUBLE)
    y, known = np.where(absent, 0.0, fitted), (~absent).astype(np.float64)
    # Squared distances over the features that both rows have, scaled up to all features.
    square = (x * x) @ known.T + there @ (y * y).T - (x @ y.T) * 2.0
    common = there @ known.T
    nothing = common.equals(0.0)
    size = clip(square, 0.0, None) / nothing.where(np.array(1.0), common) * float(fitted.shape[1])
    distances = nothing.where(np.array(np.inf), size.apply("Sqrt"))
    columns = []
    for i in range(fitted.shape[1]):
        if valid[i]:
            filled = _donated(writer, distances, fitted[:, i], np.flatnonzero(~absent[:, i]))
            columns.append(missing.take([i]).where(filled.astype(rows.dtype), rows.take([i])))
        elif model.keep_empty_features:
            columns.append(writer.for_each_row(np.zeros(1, rows.dtype)))
    if not columns:
        raise ConversionError("KNNImputer was fitted on columns without any value")
    return {"transform": with_indicator(writer, writer.beside(columns), missing)}


def _donated(writer: Writer, distances: Tensor, values: np.ndarray, donors: np.ndarray) -> Tensor:
    """(n, 1): the (weighted) mean of the nearest of `donors`, of all where no distance is defined."""
    model = writer.model
    count = min(int(model.n_neighbors), len(donors))
    from_donors = distances if len(donors) == len(values) else distances.take(donors)
    k = writer.constant(np.array([count], np.int64))
    near, at = writer.nodes("TopK", [from_donors.name, k], 2, axis=1, largest=0)
    nearest = Tensor(writer, near, DOUBLE)
    given = writer.tensor(values[donors]).take(Tensor(writer, at, INT64), axis=0)
    undefined = nearest.is_inf()
    if model.weights == "distance":
        null = nearest.equals(0.0).astype(DOUBLE)
        exact = null.max() > 0.0
        weights = exact.where(null, 1.0 / nearest)
    else:
        weights = (~undefined).astype(DOUBLE)
    total = weights.sum()
    empty = total.equals(0.0)
    mean = (weights * given).sum() / empty.where(np.array(1.0), total)
    return empty.where(np.array(float(values[donors].mean())), mean)


def _write_iterative(writer: Writer) -> Answers:
    model = writer.model
    if model.sample_posterior:
        raise ConversionError("IterativeImputer(sample_posterior=True) draws its values at random")
    rows = writer.floats()
    complete = missing_mask(rows, model.missing_values)
    initial = writer.answer(model.initial_imputer_, "transform", [rows])
    empty = np.asarray(model._is_empty_feature)
    kept = np.arange(len(empty)) if model.keep_empty_features else np.flatnonzero(~empty)
    if complete is None:
        complete = rows.is_nan()
    missing, known = complete.take(kept), rows.take(kept)
    if model.keep_empty_features and empty.any():
        missing = missing & writer.tensor(~empty)
        known = writer.tensor(empty).where(initial, known)
    out = initial
    if model.n_iter_:
        columns = [initial.take([i]) for i in range(len(kept))]
        marks = [missing.take([i]) for i in range(len(kept))]
        for triplet in model.imputation_sequence_:
            at = int(triplet.feat_idx)
            seen = writer.beside([columns[int(i)] for i in triplet.neighbor_feat_idx])
            value = writer.answer(triplet.estimator, "predict", [seen]).column()
            value = clip(value, model._min_value[at], model._max_value[at]).astype(rows.dtype)
            columns[at] = marks[at].where(value, columns[at])
        filled = missing.where(writer.beside(columns), known)
        # scikit-learn leaves the first guess where nothing is known of any row.
        cells = missing.astype(INT64)
        all_missing = Tensor(writer, writer.node("ReduceMin", [cells.name], keepdims=1), INT64) > np.array(0)
        out = all_missing.where(initial, filled)
    return {"transform": with_indicator(writer, out, complete)}


CONVERTERS: dict[type, Write] = {
    SimpleImputer: _write_simple,
    MissingIndicator: _write_indicator,
    KNNImputer: _write_neighbours,
    IterativeImputer: _write_iterative,
}
