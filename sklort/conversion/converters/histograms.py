"""Histogram gradient boosting: comparisons, leaves and sums in double.

scikit-learn sends a category that was not seen in training where missing values go. So the set of a node holds the
categories of the *other* side, and whatever is not among them, NaN included, goes where missing values go.

Categories are numbered by an OrdinalEncoder inside the model. Where they are integers, sets hold the integers
themselves; others are numbered in front of the trees. Sources: ``_hist_gradient_boosting/gradient_boosting.py``,
``_predictor.pyx``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sklort.conversion.converters.boosting import two_classes
from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.columns import numbered
from sklort.conversion.trees.forest import Doubles, Nodes, build
from sklort.conversion.trees.writing import write_forest
from sklort.conversion.writer import DOUBLE, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError
from sklort.graph.missing import is_missing


def _codes(bits: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The members of bit sets of 256 bits, shape (k, 8): (k, 256) booleans."""
    shifts = np.arange(32, dtype=np.uint32)
    return ((bits[:, :, None] >> shifts) & 1).reshape(len(bits), -1)


class _Categories:
    """The categories of each column of X: what the encoder numbers, None for a column of numbers."""

    def __init__(self, model: Any) -> None:
        mask = getattr(model, "is_categorical_", None)
        count = int(model.n_features_in_)
        self.order = np.arange(count)
        self.of: list[NDArray[Any] | None] = [None] * count
        if mask is None or not np.any(mask):
            return
        # The model puts categorical columns first.
        self.order = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~np.asarray(mask))])
        encoder = model._preprocessor.named_transformers_["encoder"]
        for column, found in zip(np.flatnonzero(mask), encoder.categories_, strict=True):
            known = np.asarray([v for v in found if not is_missing(v)], dtype=found.dtype)
            self.of[column] = known

    def raw(self, column: int, codes: NDArray[np.int64], *, coded: bool) -> Doubles:
        """The values that stand in the matrix for some codes of a column."""
        found = self.of[column]
        if coded or found is None:
            return codes.astype(np.float64)
        return found[codes].astype(np.float64)


def _tree(predictor: Any, categories: _Categories, coded: list[bool]) -> Nodes:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = np.where(leaf, 0, categories.order[nodes["feature_idx"]])
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    missing_left = nodes["missing_go_to_left"].astype(bool)
    tests = np.flatnonzero((nodes["is_categorical"] != 0) & ~leaf)
    sets: list[Doubles] = []
    if len(tests):
        members = _codes(predictor.raw_left_cat_bitsets)[nodes["bitset_idx"][tests]]
        for node, codes in zip(tests, members, strict=True):
            column = int(feature[node])
            known = categories.of[column]
            assert known is not None
            inside = codes[: len(known)] != 0
            # The side that is not where missing values go.
            chosen = np.flatnonzero(inside != missing_left[node])
            sets.append(categories.raw(column, chosen, coded=coded[column]))
        swap = tests[missing_left[tests]]
        left[swap], right[swap] = right[swap], left[swap]
        missing_left[tests] = False
    return Nodes(
        feature, nodes["num_threshold"], left, right, missing_left, nodes["value"].reshape(-1, 1), tests.tolist(), sets
    )


def _matrix(writer: Writer, categories: _Categories) -> tuple[Tensor, list[bool]]:
    """X in floats, some columns as the numbers of their categories; and which ones."""
    count = len(categories.of)
    if all(v.dtype != STRING for v in writer.inputs) and not any(map(_needs_numbers, categories.of)):
        return writer.floats(), [False] * count
    parts, coded = [], []
    for i, (column, known) in enumerate(zip(writer.columns(count), categories.of, strict=True)):
        coded.append(column.dtype == STRING or _needs_numbers(known))
        if not coded[-1]:
            parts.append(column.astype(DOUBLE))
        elif known is None:
            raise ConversionError(f"column {i} of {writer.where} holds strings but is not one of its categories")
        else:
            parts.append(numbered(column, known))
    return writer.beside(parts), coded


def _needs_numbers(known: NDArray[Any] | None) -> bool:
    """Whether these categories cannot be members of a set as they are: onnxruntime takes 32-bit integers only."""
    if known is None or not len(known):
        return False
    if known.dtype.kind not in "biuf":
        return True
    values = known.astype(np.float64)
    return bool((np.abs(values) >= 2**31).any() or (values != np.floor(values)).any())


def _raw(writer: Writer) -> Tensor:
    """Raw predictions (n, trees per iteration)."""
    model = writer.model
    categories = _Categories(model)
    rows, coded = _matrix(writer, categories)
    targets = int(model.n_trees_per_iteration_)
    nodes = (_tree(one, categories, coded) for stage in model._predictors for one in stage)
    columns = np.tile(np.arange(targets), len(model._predictors))
    first = np.asarray(model._baseline_prediction, np.float64).ravel()
    return write_forest(writer, build(nodes, targets, columns=columns, first=first), rows)


def _write_regressor(writer: Writer) -> Answers:
    raw = _raw(writer)
    link = type(writer.model._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise ConversionError(f"{writer.where} ends in the link {link}, which has no converter")
    return {"predict": raw.apply("Exp") if link == "LogLink" else raw}


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    classes = writer.tensor(label_values(model.classes_, writer.where), "classes")
    raw = _raw(writer)
    if raw.width != 1:
        return {
            "predict": classes.take(raw.argmax(), axis=0),
            "predict_proba": raw.softmax(),
            "decision_function": raw,
        }
    scores = raw.flat()
    return {
        "predict": classes.take((scores > 0.0).astype(np.int64), axis=0),
        "predict_proba": two_classes(raw.apply("Sigmoid")),
        "decision_function": scores,
    }


CONVERTERS: dict[type, Write] = {
    HistGradientBoostingClassifier: _write_classifier,
    HistGradientBoostingRegressor: _write_regressor,
}
