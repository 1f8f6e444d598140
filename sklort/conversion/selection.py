"""What models look at: the estimator that answers, the steps that see X itself, the columns they take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

DELEGATES: dict[str, str] = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "FrozenEstimator": "estimator",
}
"""Estimators that only pass calls on, by name, for some are experimental or new; and where the one that answers is."""


def delegate(model: Any) -> Any:
    """The estimator that `model` passes its calls on to, or None."""
    name = DELEGATES.get(type(model).__name__)
    return getattr(model, name) if name is not None and type(model).__module__.startswith("sklearn.") else None


def is_idle(step: Any) -> bool:
    """Nothing happens in this step. A fitted ColumnTransformer holds an idle FunctionTransformer for "passthrough"."""
    if isinstance(step, str):
        return step == "passthrough"
    return step is None or (type(step) is FunctionTransformer and step.func is None)


def column_numbers(model: ColumnTransformer, columns: Any) -> list[int]:
    """The columns one transformer of a fitted ColumnTransformer takes, as numbers in its input."""
    names = list(getattr(model, "feature_names_in_", ()))
    if isinstance(columns, slice) and not (isinstance(columns.start, str) or isinstance(columns.stop, str)):
        return list(range(model.n_features_in_))[columns]
    if isinstance(columns, slice):
        start = 0 if columns.start is None else names.index(columns.start)
        stop = len(names) if columns.stop is None else names.index(columns.stop) + 1
        return list(range(start, stop, columns.step or 1))
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, int | np.integer):
        return [int(columns) % model.n_features_in_]
    chosen = np.asarray(columns)
    if chosen.dtype == bool:
        return np.flatnonzero(chosen).tolist()
    return [names.index(c) if isinstance(c, str) else int(c) % model.n_features_in_ for c in columns]


def first_steps(model: Any) -> Iterator[Any]:
    """The estimators that see X itself."""
    inner = delegate(model)
    if inner is not None:
        yield from first_steps(inner)
    elif isinstance(model, Pipeline):
        steps = [s for _, s in model.steps if not is_idle(s)]
        if steps:
            yield from first_steps(steps[0])
    elif isinstance(model, FeatureUnion):
        for _, step in model.transformer_list:
            if not isinstance(step, str):
                yield from first_steps(step)
    else:
        held = fitted_parts(model)
        if not held:
            yield model
        for part in held:
            yield from first_steps(part)


def fitted_parts(model: Any) -> list[Any]:
    """The fitted estimators to which a meta-estimator hands X as it is; none where the model looks at X itself."""
    if isinstance(model, ColumnTransformer):
        return []
    if hasattr(model, "calibrated_classifiers_"):
        return [c.estimator for c in model.calibrated_classifiers_]
    for name in ("estimators_", "estimator_", "regressor_"):
        held = getattr(model, name, None)
        parts = list(np.ravel(np.asarray(held, dtype=object))) if isinstance(held, list | np.ndarray) else [held]
        parts = [p for p in parts if hasattr(p, "fit")]
        if parts:
            return parts
    return []


def selects_by_name(model: Any) -> bool:
    return any(isinstance(step, ColumnTransformer) for step in first_steps(model))


def used_columns(model: Any, count: int) -> set[int]:
    """Numbers of the columns of X the model looks at; what a ColumnTransformer drops is not looked at."""
    used: set[int] = set()
    for step in first_steps(model):
        if not isinstance(step, ColumnTransformer):
            return set(range(count))
        for _, transformer, columns in step.transformers_:
            if not (isinstance(transformer, str) and transformer == "drop"):
                used.update(column_numbers(step, columns))
    return used
