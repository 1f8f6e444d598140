"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from sklort.conversion.converters import (
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
    imputers,
    kernels,
    linear,
    multiclass,
    multioutput,
    neighbors,
    networks,
    powers,
    projections,
    quantiles,
    scalers,
    trees,
    wrappers,
)
from sklort.conversion.writer import Write

_FAMILIES = (
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
    imputers,
    kernels,
    linear,
    multiclass,
    multioutput,
    neighbors,
    networks,
    powers,
    projections,
    quantiles,
    scalers,
    trees,
    wrappers,
)
CONVERTERS: dict[type, Write] = {kind: write for family in _FAMILIES for kind, write in family.CONVERTERS.items()}
