"""Where fitted models change their mind: thresholds, bin edges, knots, categories; each with the column it belongs to.

Columns are counted in the X of the estimator asked. Estimators made of others are taken apart by `anatomy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Marks = tuple[Array, Array]
"""Columns, and for each the value at which something happens."""

MOST_THRESHOLDS = 100_000
OTHER_PACKAGES = ("lightgbm", "xgboost", "catboost")


def marks(model: Any) -> list[tuple[str, Marks]]:
    """Every kind of mark that one estimator has, with a word for it."""
    found = {"thresholds": thresholds(model), "edges": _joined(_edges(model)), "categories": _joined(_numbers(model))}
    return [(word, pair) for word, pair in found.items() if len(pair[0])]


def string_categories(model: Any) -> list[tuple[int, list[str]]]:
    """The categories that an encoder has learnt, for each of its columns of strings."""
    return [
        (column, words)
        for column, values in _categories(model)
        if (words := [value for value in values.tolist() if isinstance(value, str)])
    ]


# -- trees -----------------------------------------------------------------------------------------------------------


def thresholds(model: Any) -> Marks:
    """The (feature, threshold) pairs of the trees in `model`, in the column numbers of its own X; without repeats.

    Reads `tree_` of scikit-learn's trees, `estimators_` of ensembles, the predictors of histogram gradient boosting,
    and the trees of LightGBM, XGBoost and CatBoost. Of a forest of more than `MOST_THRESHOLDS` branches, that many,
    evenly spread.
    """
    pairs = list(_trees(model))
    if not pairs:
        return np.empty(0, dtype=np.intp), np.empty(0)
    features = np.concatenate([f for f, _ in pairs])
    cuts = np.concatenate([t for _, t in pairs])
    if not len(cuts):
        return np.empty(0, dtype=np.intp), np.empty(0)
    every = -(-len(cuts) // MOST_THRESHOLDS)
    both = np.unique(np.stack([features[::every], cuts[::every]]), axis=1)
    return both[0].astype(np.intp), both[1]


def has_trees(model: Any) -> bool:
    """Whether `model` itself is made of trees."""
    return any(True for _ in _trees(model))


def _trees(model: Any) -> Iterator[tuple[Array, Array]]:
    tree = getattr(model, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        inner = tree.feature >= 0
        yield tree.feature[inner].astype(np.float64), tree.threshold[inner]
        return
    predictors = getattr(model, "_predictors", None)
    if predictors is not None:
        order = _histogram_columns(model)
        for predictor in (p for stage in predictors for p in stage):
            nodes = predictor.nodes
            inner = (nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)
            yield order[nodes["feature_idx"][inner]].astype(np.float64), nodes["num_threshold"][inner]
        return
    members = getattr(model, "estimators_", None)
    if members is None:
        if type(model).__module__.partition(".")[0] in OTHER_PACKAGES:
            from sklort.conversion.converters import foreign_thresholds

            for feature, threshold in foreign_thresholds(model):
                yield feature.astype(np.float64), threshold
        return
    subsets = getattr(model, "estimators_features_", None)
    for i, member in enumerate(np.ravel(np.asarray(members, dtype=object))):
        for feature, threshold in _trees(member):
            yield (feature if subsets is None else subsets[i][feature.astype(np.intp)].astype(np.float64)), threshold


def _histogram_columns(model: Any) -> Array:
    """Histogram gradient boosting counts its categorical columns first."""
    chosen = getattr(model, "is_categorical_", None)
    if chosen is None:
        return np.arange(model.n_features_in_)
    return np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~np.asarray(chosen))])


# -- preprocessing ---------------------------------------------------------------------------------------------------


def _edges(model: Any) -> Iterator[tuple[int, Array]]:
    """Bins, quantiles, knots, limits, a threshold for all columns."""
    for name in ("bin_edges_", "quantiles_", "data_min_", "data_max_"):
        if name.startswith("data_") and not getattr(model, "clip", False):
            continue
        values = getattr(model, name, None)
        if values is None:
            continue
        by_column = values.T if name == "quantiles_" else values
        yield from ((i, np.atleast_1d(one)) for i, one in enumerate(by_column))
    yield from ((i, spline.t) for i, spline in enumerate(getattr(model, "bsplines_", ())))
    if hasattr(model, "X_thresholds_"):
        yield 0, model.X_thresholds_
    same = getattr(model, "threshold" if type(model).__name__ == "Binarizer" else "binarize", None)
    if isinstance(same, int | float):
        yield from ((i, np.array([same], dtype=np.float64)) for i in range(model.n_features_in_))


def _numbers(model: Any) -> Iterator[tuple[int, Array]]:
    """Categories that are numbers, and one beyond each end."""
    for column, values in _categories(model):
        if values.dtype.kind in "iuf" and values.size:
            known = values[np.isfinite(values)].astype(np.float64)
            if known.size:
                yield column, np.concatenate([known, [known.min() - 1, known.max() + 1]])


def _categories(model: Any) -> Iterator[tuple[int, Array]]:
    inner = getattr(model, "_preprocessor", None)
    if inner is not None:  # histogram gradient boosting encodes what it takes for categories
        encoder = getattr(inner, "named_transformers_", {}).get("encoder")
        columns: Iterable[int] = np.flatnonzero(model.is_categorical_)
    else:
        encoder, columns = model, range(len(getattr(model, "categories_", ())))
    yield from zip(columns, map(np.asarray, getattr(encoder, "categories_", ())), strict=False)


def _joined(pairs: Iterable[tuple[int, Array]]) -> Marks:
    found = [(np.full(len(values), column), np.asarray(values, dtype=np.float64)) for column, values in pairs]
    if not found:
        return np.empty(0, dtype=np.intp), np.empty(0)
    columns, values = (np.concatenate(one) for one in zip(*found, strict=True))
    return columns.astype(np.intp), values
