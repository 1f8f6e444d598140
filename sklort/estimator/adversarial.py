"""Rows made from a model to find where its conversion could go wrong.

A tree errs at its thresholds, so rows are laid exactly on them and one unit in the last place to either side, in
float32 (what scikit-learn's trees compare) and in float64. The other rows are what real data holds and test data
lacks: missing values, infinities, signed zeros, denormals, categories never seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.acceptance import Acceptance, attempt

Array = npt.NDArray[Any]

MOST_THRESHOLD_ROWS = 1500
MOST_THRESHOLDS = 100_000
MOST_COLUMNS = 64
UNSEEN = "a category never seen"


def adversarial_rows(model: Any, method: str, rows: Any, acceptance: Acceptance) -> list[tuple[str, Any]]:
    """Rows made from `model` and from real `rows`, each group with a word on where it comes from.

    Parameters
    ----------
    model : fitted estimator
    method : str
        Called to learn whether the model takes a group at all; a group it refuses is left out.
    rows : array or frame of shape (n_samples, n_features)
    acceptance : Acceptance

    Returns
    -------
    list of (str, rows)
        Each group in the container of `rows`. The same model and rows give the same groups.
    """
    groups: list[tuple[str, Any]] = []
    if frames.kind_of(rows) == "array" and rows.dtype.kind == "f":
        groups += [("thresholds", near) for near in _threshold_rows(model, rows)]
    groups += _number_rows(rows, acceptance)
    groups += _large_rows(model, rows, acceptance)
    groups += _category_rows(rows)
    return [(origin, group) for origin, group in groups if attempt(model, method, group) is not None]


# -- thresholds --------------------------------------------------------------------------------------------------


def thresholds(model: Any) -> tuple[Array, Array]:
    """The (feature, threshold) pairs of the trees in `model`, in the column numbers of its own X; without repeats.

    Reads `tree_` of scikit-learn's trees, `estimators_` of ensembles, the predictors of histogram gradient boosting.
    Of a forest of more than `MOST_THRESHOLDS` branches, that many, evenly spread.
    """
    pairs = list(_trees(model))
    if not pairs:
        return np.empty(0, dtype=np.intp), np.empty(0)
    features = np.concatenate([f for f, _ in pairs])
    cuts = np.concatenate([t for _, t in pairs])
    every = -(-len(cuts) // MOST_THRESHOLDS)
    both = np.unique(np.stack([features[::every], cuts[::every]]), axis=1)
    return both[0].astype(np.intp), both[1]


def _trees(model: Any) -> Iterator[tuple[Array, Array]]:
    tree = getattr(model, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        inner = tree.feature >= 0
        yield tree.feature[inner].astype(np.float64), tree.threshold[inner]
        return
    predictors = getattr(model, "_predictors", None)
    if predictors is not None:
        for predictor in (p for stage in predictors for p in stage):
            nodes = predictor.nodes
            inner = (nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)
            yield nodes["feature_idx"][inner].astype(np.float64), nodes["num_threshold"][inner]
        return
    members = getattr(model, "estimators_", None)
    if members is None:
        return
    subsets = getattr(model, "estimators_features_", None)
    for i, member in enumerate(np.ravel(np.asarray(members, dtype=object))):
        for feature, threshold in _trees(member):
            yield (feature if subsets is None else subsets[i][feature.astype(np.intp)].astype(np.float64)), threshold


def _threshold_rows(model: Any, rows: Array) -> list[Array]:
    steps = [step for _, step in getattr(model, "steps", [])]
    before = [step for step in steps[:-1] if step is not None and step != "passthrough"]
    features, cuts = thresholds(steps[-1] if steps else model)
    if not len(cuts) or not all(hasattr(step, "inverse_transform") for step in before):
        return []
    points = rows
    try:
        for step in before:
            points = np.asarray(step.transform(points))
        points = _on_thresholds(points, features, cuts)
        for step in reversed(before):
            points = np.asarray(step.inverse_transform(points))
    except Exception:  # noqa: BLE001 - a step that cannot be walked back only costs these rows
        return []
    if points.shape[1] != rows.shape[1]:
        return []
    return [_with_neighbours(points.astype(np.float64), rows.dtype)]


def _on_thresholds(rows: Array, features: Array, cuts: Array) -> Array:
    """Rows with values replaced by thresholds: first one value a row, then every column at once."""
    most = MOST_THRESHOLD_ROWS // 5
    chosen = np.unique(np.linspace(0, len(cuts) - 1, min(most // 2, len(cuts))).astype(np.intp))
    single = np.array(rows[np.arange(len(chosen)) % len(rows)], dtype=np.float64)
    single[np.arange(len(chosen)), features[chosen]] = cuts[chosen]
    every = np.array(rows[np.arange(most - len(chosen)) % len(rows)], dtype=np.float64)
    random = np.random.default_rng(0)
    for feature in np.unique(features):
        own = cuts[features == feature]
        every[:, feature] = own[random.integers(len(own), size=len(every))]
    return np.concatenate([single, every])


def _with_neighbours(points: Array, dtype: Any) -> Array:
    """The points, and each of them one unit in the last place below and above, in float32 and in float64."""
    with np.errstate(over="ignore"):
        short = points.astype(np.float32)
        near = [short, np.nextafter(short, np.float32(-np.inf)), np.nextafter(short, np.float32(np.inf))]
        if dtype == np.float64:
            near += [points, np.nextafter(points, -np.inf), np.nextafter(points, np.inf)]
    out = np.concatenate([one.astype(dtype) for one in near])
    return np.asarray(out[np.isfinite(out).all(axis=1)])


# -- values ------------------------------------------------------------------------------------------------------


def _number_rows(rows: Any, acceptance: Acceptance) -> list[tuple[str, Any]]:
    columns = frames.float_columns(rows)
    if not columns or frames.kind_of(rows) in ("sparse", "other"):
        return []
    short = frames.float_kind(rows) == np.float32
    base = frames.take_rows(rows, np.arange(min(4, frames.height(rows))))
    special: list[tuple[str, float]] = [
        ("zero", 0.0),
        ("minus zero", -0.0),
        ("denormal", 1e-45 if short else 5e-324),
        ("denormal", -1e-45 if short else -5e-324),
    ]
    kinds = [(word, value, columns) for word, value in special]
    missing = [i for i in columns if acceptance.nan[i]]
    kinds += [("NaN", np.nan, missing)] if missing else []
    if acceptance.limit == np.inf:
        kinds += [("infinity", np.inf, columns), ("minus infinity", -np.inf, columns)]
    groups: list[tuple[str, Any]] = []
    for word, value, where in kinds:
        parts = [frames.with_numbers(base, where, value)]
        parts += [frames.with_numbers(base, [i], value) for i in where[:MOST_COLUMNS]]
        groups.append((word, frames.stack(parts)))
    return groups


def _large_rows(model: Any, rows: Any, acceptance: Acceptance) -> list[tuple[str, Any]]:
    """Values of the largest magnitude a model of trees takes: for a sum they would only test rounding."""
    columns = frames.float_columns(rows)
    limit = min(acceptance.limit, float(np.finfo(frames.float_kind(rows)).max))
    if not columns or not any(True for _ in _trees(model)):
        return []
    base = frames.take_rows(rows, np.arange(min(2, frames.height(rows))))
    parts = [frames.with_numbers(base, [i], sign * limit) for i in columns[:MOST_COLUMNS] for sign in (1, -1)]
    return [("largest", frames.stack(parts))]


def _category_rows(rows: Any) -> list[tuple[str, Any]]:
    """One row for each column of strings with a category never seen, and one with a missing value."""
    base = frames.take_rows(rows, [0])
    groups: list[tuple[str, Any]] = []
    for column in frames.string_columns(rows)[:MOST_COLUMNS]:
        groups.append(("unseen category", frames.with_value(base, column, UNSEEN)))
        groups.append(("missing category", frames.with_value(base, column, None)))
    return groups
