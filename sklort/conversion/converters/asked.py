"""Answers that are written only when they are asked for, in a graph of their own: leaves reached, neighbours found."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble, neighbors, tree

from sklort.conversion.converters.neighbors import kneighbors
from sklort.conversion.converters.trees import nodes_of, write_trees
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.forest import build
from sklort.conversion.writer import INT64, Write, Writer


def _leaves(writer: Writer, trees: list[Any]) -> Tensor:
    """The number of the node at which each tree ends, (n, trees) float64."""
    nodes = (nodes_of(one, np.arange(one.node_count, dtype=np.float64).reshape(-1, 1)) for one in trees)
    return write_trees(writer, build(nodes, len(trees), columns=np.arange(len(trees))))


def _apply_tree(writer: Writer) -> dict[str, Tensor]:
    return {"apply": _leaves(writer, [writer.model.tree_]).astype(INT64).flat()}


def _apply_forest(writer: Writer) -> dict[str, Tensor]:
    return {"apply": _leaves(writer, [one.tree_ for one in writer.model.estimators_]).astype(INT64)}


def _apply_stages(writer: Writer) -> dict[str, Tensor]:
    stages = writer.model.estimators_
    leaves = _leaves(writer, [one.tree_ for one in stages.ravel()])
    regressor = isinstance(writer.model, ensemble.GradientBoostingRegressor)
    return {"apply": leaves if regressor else leaves.reshape(-1, *stages.shape)}


def _write_kneighbors(writer: Writer) -> dict[str, list[Tensor]]:
    return {"kneighbors": list(kneighbors(writer, writer.model, writer.model.n_neighbors))}


ASKED: dict[str, dict[type, Write]] = {
    "apply": {
        **dict.fromkeys(
            (
                tree.DecisionTreeClassifier,
                tree.DecisionTreeRegressor,
                tree.ExtraTreeClassifier,
                tree.ExtraTreeRegressor,
            ),
            _apply_tree,
        ),
        **dict.fromkeys(
            (
                ensemble.RandomForestClassifier,
                ensemble.RandomForestRegressor,
                ensemble.ExtraTreesClassifier,
                ensemble.ExtraTreesRegressor,
                ensemble.RandomTreesEmbedding,
            ),
            _apply_forest,
        ),
        **dict.fromkeys((ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor), _apply_stages),
    },
    "kneighbors": dict.fromkeys(
        (
            neighbors.NearestNeighbors,
            neighbors.KNeighborsClassifier,
            neighbors.KNeighborsRegressor,
            neighbors.KNeighborsTransformer,
            neighbors.LocalOutlierFactor,
        ),
        _write_kneighbors,
    ),
}
"""Method -> type of estimator -> who writes that one answer."""
