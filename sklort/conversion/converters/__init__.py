"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from sklort.conversion.converters import (
    adaboost,
    bagging,
    boosting,
    calibration,
    catboost_trees,
    clusters,
    composition,
    discriminants,
    dummies,
    encoders,
    ensembles,
    expansions,
    functions,
    gaussian_processes,
    histograms,
    imputers,
    isolation_forest,
    kernels,
    lightgbm_trees,
    linear,
    manifolds,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    networks,
    powers,
    projections,
    quantiles,
    scalers,
    texts,
    topics,
    trees,
    wrappers,
    xgboost_trees,
)
from sklort.conversion.writer import Write

_FAMILIES = (
    adaboost,
    bagging,
    boosting,
    calibration,
    clusters,
    composition,
    discriminants,
    dummies,
    encoders,
    ensembles,
    expansions,
    functions,
    gaussian_processes,
    histograms,
    imputers,
    isolation_forest,
    kernels,
    linear,
    manifolds,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    networks,
    powers,
    projections,
    quantiles,
    scalers,
    texts,
    topics,
    trees,
    wrappers,
)
CONVERTERS: dict[type, Write] = {kind: write for family in _FAMILIES for kind, write in family.CONVERTERS.items()}

_BY_NAME: dict[str, Write] = {**lightgbm_trees.BY_NAME, **xgboost_trees.BY_NAME, **catboost_trees.BY_NAME}
"""Estimators of other packages, by package and name: a package that no model is of is not imported."""


_READERS = {"lightgbm": lightgbm_trees, "xgboost": xgboost_trees, "catboost": catboost_trees}


def foreign_thresholds(model: Any) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The (columns, thresholds) of each tree of a model of LightGBM, XGBoost or CatBoost; nothing for other models."""
    package = type(model).__module__.partition(".")[0]
    if f"{package}.{type(model).__name__}" not in _BY_NAME:
        return
    for tree in _READERS[package].trees_of(model):
        compares = tree.left >= 0
        compares[list(tree.set_nodes)] = False
        yield tree.features[compares], tree.splits[compares]


def converter_of(kind: type) -> Write | None:
    """Our converter for estimators of this type, if there is one."""
    return CONVERTERS.get(kind) or _BY_NAME.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
