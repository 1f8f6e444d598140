"""Dummy estimators whose answer is the same for every row. Source of the rules: ``sklearn/dummy.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from sklort.conversion.converters.multioutput import labels_beside
from sklort.conversion.labels import chosen
from sklort.conversion.writer import Answers, Write, Writer
from sklort.exceptions import ConversionError


def _write_dummy_classifier(writer: Writer) -> Answers:
    model = writer.model
    if model._strategy in ("stratified", "uniform"):
        raise ConversionError(f"DummyClassifier(strategy={model._strategy!r}) draws its answers at random")
    several = model.n_outputs_ > 1
    classes = model.classes_ if several else [model.classes_]
    priors = model.class_prior_ if several else [model.class_prior_]
    constants = np.ravel(model.constant) if model.constant is not None else [None] * len(classes)
    labels, probabilities = [], []
    for known, prior, constant in zip(classes, priors, constants, strict=True):
        at = int(np.argmax(prior))
        if model._strategy == "constant":
            at = int(np.flatnonzero(np.asarray(known) == constant)[0])
        one = np.asarray(prior, np.float64) if model._strategy == "prior" else np.eye(len(known))[at]
        labels.append(chosen(writer, writer.for_each_row(np.array([at])).flat(), known))
        probabilities.append(writer.for_each_row(one))
    answers: dict[str, Any] = {"predict": labels_beside(writer, labels) if several else labels[0]}
    return {**answers, "predict_proba": probabilities if several else probabilities[0]}


def _write_dummy_regressor(writer: Writer) -> Answers:
    return {"predict": writer.for_each_row(np.ravel(writer.model.constant_))}


CONVERTERS: dict[type, Write] = {DummyClassifier: _write_dummy_classifier, DummyRegressor: _write_dummy_regressor}
