"""Estimators around one estimator, whose answers they hand on, and selectors of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import feature_selection
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import RANSACRegressor
from sklearn.semi_supervised import SelfTrainingClassifier

from sklort.conversion.converters.inverses import inverse
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import Answers, Write, Writer
from sklort.exceptions import ConversionError


def _write_transformed_target(writer: Writer) -> Answers:
    model = writer.model
    values = writer.answer(model.regressor_, "predict")
    width = int(getattr(model.transformer_, "n_features_in_", 1))
    return {"predict": inverse(writer, model.transformer_, values.reshape(-1, width))}


def _write_self_training(writer: Writer) -> Answers:
    return writer.answers(writer.model.estimator_)


def _write_ransac(writer: Writer) -> Answers:
    return {"predict": writer.answer(writer.model.estimator_, "predict")}


def selected(writer: Writer) -> Tensor:
    """The columns that a selector keeps."""
    rows = writer.matrix()
    kept = np.flatnonzero(writer.model.get_support())
    if not len(kept):
        raise ConversionError(f"{writer.where} selects no column: there is nothing to compute")
    return rows.take(kept)


def _write_selector(writer: Writer) -> Answers:
    return {"transform": selected(writer)}


def _write_elimination(writer: Writer) -> Answers:
    """RFE and RFECV: the columns, and the answers of the estimator fitted on them."""
    columns = selected(writer)
    answers: dict[str, Any] = {"transform": columns}
    inner = writer.model.estimator_
    try:
        given = writer.answers(inner, [columns])
    except ConversionError:  # a selector is used for its columns first
        return answers
    return {**{m: a for m, a in given.items() if m != "transform"}, **answers}


_SELECTORS = (
    feature_selection.GenericUnivariateSelect,
    feature_selection.SelectFdr,
    feature_selection.SelectFpr,
    feature_selection.SelectFromModel,
    feature_selection.SelectFwe,
    feature_selection.SelectKBest,
    feature_selection.SelectPercentile,
    feature_selection.SequentialFeatureSelector,
    feature_selection.VarianceThreshold,
)

CONVERTERS: dict[type, Write] = {
    TransformedTargetRegressor: _write_transformed_target,
    SelfTrainingClassifier: _write_self_training,
    RANSACRegressor: _write_ransac,
    **dict.fromkeys(_SELECTORS, _write_selector),
    feature_selection.RFE: _write_elimination,
    feature_selection.RFECV: _write_elimination,
}
