"""CatBoost, read from its own JSON: float32 rows and borders, leaves and sums in double. Numeric features only."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.forest import Nodes, build, stump
from sklort.conversion.trees.writing import write_forest
from sklort.conversion.writer import FLOAT, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError


def _content(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        found: dict[str, Any] = json.loads(path.read_text())
    return found


def _split(content: dict[str, Any], where: str) -> tuple[int, float]:
    kind = content.get("split_type", "FloatFeature")
    if kind != "FloatFeature":
        raise ConversionError(
            f"{where} splits on categorical, text or embedding features ({kind}), which are counted while it predicts: "
            "only numeric features are converted; encode the others before"
        )
    return int(content["float_feature_index"]), float(content["border"])


class _Reader:
    """Trees of one model; a NaN goes with the low values, or the high ones, as each feature says."""

    def __init__(self, content: dict[str, Any], where: str) -> None:
        found = content["features_info"].get("float_features", [])
        self.where = where
        self.flat = {f["feature_index"]: f["flat_feature_index"] for f in found}
        self.high = {f["feature_index"] for f in found if f.get("nan_value_treatment") == "AsTrue"}

    def _node(self, split: dict[str, Any]) -> tuple[int, float, bool]:
        number, border = _split(split, self.where)
        return self.flat[number], border, number not in self.high

    def symmetric(self, tree: dict[str, Any], outputs: int) -> Nodes:
        """All nodes of a level ask the same; the last split is the highest bit of a leaf's number."""
        values = np.array(tree["leaf_values"], np.float64).reshape(-1, outputs)
        splits = [self._node(split) for split in (tree.get("splits") or [])[::-1]]
        if not splits:
            return stump(values[0])
        level = np.repeat(np.arange(len(splits)), 2 ** np.arange(len(splits)))
        inner, leaves = len(level), len(values)
        feature, border, low = (np.array(column)[level] for column in zip(*splits, strict=True))
        left = 2 * np.arange(inner) + 1
        ends, none = np.full(leaves, -1), np.zeros(leaves)
        return Nodes(
            np.concatenate([feature, none.astype(np.int64)]),
            np.concatenate([border, none]),
            np.concatenate([left, ends]),
            np.concatenate([left + 1, ends]),
            np.concatenate([low, none.astype(bool)]),
            np.concatenate([np.zeros((inner, outputs)), values]),
        )

    def grown(self, root: dict[str, Any], outputs: int) -> Nodes:
        """A tree that need not be symmetric."""
        features: list[int] = []
        borders: list[float] = []
        low: list[bool] = []
        values: list[NDArray[np.float64]] = []
        children: list[list[int]] = []
        waiting: list[tuple[dict[str, Any], int, int]] = [(root, -1, 0)]
        while waiting:
            content, parent, side = waiting.pop()
            place = len(features)
            if parent >= 0:
                children[parent][side] = place
            split = content.get("split")
            feature, border, goes_low = self._node(split) if split else (0, 0.0, False)
            features.append(feature)
            borders.append(border)
            low.append(goes_low)
            children.append([-1, -1])
            value = np.zeros(outputs) if split else np.asarray(content["value"], np.float64).reshape(outputs)
            values.append(value)
            if split:
                waiting += [(content["left"], place, 0), (content["right"], place, 1)]
        left, right = np.array(children, np.int64).T
        return Nodes(np.array(features), np.array(borders), left, right, np.array(low), np.stack(values))


def _trees(content: dict[str, Any], outputs: int, where: str) -> list[Nodes]:
    reader = _Reader(content, where)
    if "oblivious_trees" in content:
        return [reader.symmetric(tree, outputs) for tree in content["oblivious_trees"]]
    return [reader.grown(tree, outputs) for tree in content.get("trees", [])]


def trees_of(model: Any) -> list[Nodes]:
    """The trees of a model, on the columns of its X."""
    content = _content(model)
    return _trees(content, np.size(content["scale_and_bias"][1]), type(model).__name__)


def _raw(writer: Writer) -> Tensor:
    """Raw predictions (n, outputs)."""
    content = _content(writer.model)
    scale, bias = content["scale_and_bias"]
    start = np.atleast_1d(np.asarray(bias, np.float64))
    outputs = len(start)
    nodes = _trees(content, outputs, writer.where)
    total = write_forest(writer, build(nodes, outputs), writer.matrix(FLOAT))
    if scale != 1:
        total = total * float(scale)
    return total + start if start.any() else total


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    raw = _raw(writer)
    loss = str(model.get_all_params().get("loss_function", ""))
    labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
    if raw.width == 1:
        threshold = model.get_probability_threshold()
        cut = 0.0 if threshold in (None, 0.5) else -math.log(1 / threshold - 1)
        share = raw.apply("Sigmoid")
        return {
            "predict": labels.take((raw.flat() > cut).astype(INT64), axis=0),
            "predict_proba": (1.0 - share).concat(share),
        }
    if loss.startswith("Multi") and loss not in ("MultiClass", "MultiClassOneVsAll"):
        raise ConversionError(f"{writer.where} predicts several labels per row ({loss}): fit one classifier per label")
    shares = raw.apply("Sigmoid") if loss == "MultiClassOneVsAll" else raw.softmax()
    return {"predict": labels.take(raw.argmax(), axis=0).column(), "predict_proba": shares}


def _write_regressor(writer: Writer) -> Answers:
    raw = _raw(writer)
    kind = writer.model._get_default_prediction_type()
    if kind not in ("RawFormulaVal", "Exponent"):
        raise ConversionError(f"{writer.where} predicts {kind}: only values and their exponentials are converted")
    return {"predict": raw.apply("Exp") if kind == "Exponent" else raw}


BY_NAME: dict[str, Write] = {
    "catboost.CatBoostClassifier": _write_classifier,
    "catboost.CatBoostRegressor": _write_regressor,
    "catboost.CatBoostRanker": _write_regressor,
}
