"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from sklort.conversion.converters import (
    adaboost,
    bagging,
    boosting,
    calibration,
    catboost_trees,
    composition,
    dummies,
    encoders,
    ensembles,
    expansions,
    functions,
    histograms,
    imputers,
    isolation_forest,
    lightgbm_trees,
    linear,
    multiclass,
    multioutput,
    powers,
    quantiles,
    scalers,
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
    composition,
    dummies,
    encoders,
    ensembles,
    expansions,
    functions,
    histograms,
    imputers,
    isolation_forest,
    linear,
    multiclass,
    multioutput,
    powers,
    quantiles,
    scalers,
    trees,
    wrappers,
)
CONVERTERS: dict[type, Write] = {kind: write for family in _FAMILIES for kind, write in family.CONVERTERS.items()}

_BY_NAME: dict[str, Write] = {**lightgbm_trees.BY_NAME, **xgboost_trees.BY_NAME, **catboost_trees.BY_NAME}
"""Estimators of other packages, by package and name: a package that no model is of is not imported."""


def converter_of(kind: type) -> Write | None:
    """Our converter for estimators of this type, if there is one."""
    return CONVERTERS.get(kind) or _BY_NAME.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
