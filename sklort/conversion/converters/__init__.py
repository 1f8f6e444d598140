"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from sklort.conversion.converters import (
    adaboost,
    bagging,
    boosting,
    calibration,
    composition,
    dummies,
    encoders,
    ensembles,
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
