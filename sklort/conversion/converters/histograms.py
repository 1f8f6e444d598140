"""Histogram gradient boosting: comparisons, leaves and sums in double.

scikit-learn sends a category that was not seen in training where missing values go. So the set of a node holds the
categories of the *other* side, and whatever is not among them, NaN included, goes where missing values go.

Categories are numbered by an OrdinalEncoder inside the model. Where they are numbers, sets hold the numbers
themselves; strings are numbered in front of the trees. Sources: ``_hist_gradient_boosting/gradient_boosting.py``,
``_predictor.pyx``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sklort.conversion.converters.boosting import two_classes
from sklort.conversion.labels import label_values
from sklort.conversion.missing import is_missing
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.forest import Doubles, Nodes, build
from sklort.conversion.trees.writing import write_forest
from sklort.conversion.writer import DOUBLE, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError


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

    def raw(self, column: int, codes: NDArray[np.int64], *, strings: bool) -> Doubles:
        """The values that stand in the matrix for some codes of a column."""
        found = self.of[column]
        if strings or found is None:
            return codes.astype(np.float64)
        return found[codes].astype(np.float64)


def _tree(predictor: Any, categories: _Categories, strings: list[bool]) -> Nodes:
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
            sets.append(categories.raw(column, chosen, strings=strings[column]))
        swap = tests[missing_left[tests]]
        left[swap], right[swap] = right[swap], left[swap]
        missing_left[tests] = False
    return Nodes(feature, nodes["num_threshold"], left, right, missing_left, nodes["value"].reshape(-1, 1), tests, sets)


def _matrix(writer: Writer, categories: _Categories) -> tuple[Tensor, list[bool]]:
    """X in double, strings as the numbers of their categories; and which columns held strings."""
    count = len(categories.of)
    if all(v.dtype != STRING for v in writer.inputs) and not _mixed(categories):
        return writer.matrix(DOUBLE), [False] * count
    parts, strings = [], []
    for i, (column, known) in enumerate(zip(writer.columns(count), categories.of, strict=True)):
        strings.append(column.dtype == STRING)
        if column.dtype != STRING:
            parts.append(column.astype(DOUBLE))
            continue
        if known is None:
            raise ConversionError(f"column {i} of {writer.where} holds strings but is not one of its categories")
        if not all(isinstance(v, str) for v in known):
            raise ConversionError(f"column {i} of {writer.where} holds strings where it was fitted on other categories")
        parts.append(numbered(writer, column, [str(v) for v in known]))
    return writer.beside(parts), strings


def _mixed(categories: _Categories) -> bool:
    return any(known is not None and known.dtype.kind in "OUST" for known in categories.of)


def numbered(writer: Writer, column: Tensor, words: list[str]) -> Tensor:
    """The number of each string in `words`, as a double; NaN for others."""
    name = writer.node(
        "LabelEncoder",
        [column.name],
        domain="ai.onnx.ml",
        keys_strings=words or [""],
        values_floats=[float(i) for i in range(len(words))] or [float("nan")],
        default_float=float("nan"),
    )
    return Tensor(writer, name, np.dtype(np.float32), 1).astype(DOUBLE)


def _raw(writer: Writer) -> Tensor:
    """Raw predictions (n, trees per iteration)."""
    model = writer.model
    categories = _Categories(model)
    rows, strings = _matrix(writer, categories)
    targets = int(model.n_trees_per_iteration_)
    nodes = (_tree(one, categories, strings) for stage in model._predictors for one in stage)
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
