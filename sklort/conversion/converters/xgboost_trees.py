"""XGBoost, read from its own JSON: float32 thresholds, leaves and rows; sums in double, rounded last.

XGBoost adds in float32, so its own answers differ from these in their last digits. Left is ``x < split``, for float32
rows the same as ``x <=`` the float32 below.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.columns import Views, floored, numbered, without
from sklort.conversion.trees.forest import Nodes, build
from sklort.conversion.trees.writing import write_forest
from sklort.conversion.writer import DOUBLE, FLOAT, INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError

_LOGISTIC = ("binary:logistic", "reg:logistic")
_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_PLAIN = (
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:expectileerror",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "binary:logitraw",
)


def _tree(content: dict[str, Any], weight: float, category: dict[int, int]) -> Nodes:
    left = np.array(content["left_children"], np.int64)
    right = np.array(content["right_children"], np.int64)
    condition = np.array(content["split_conditions"], np.float32)
    feature = np.array(content["split_indices"], np.int64)
    default_left = np.array(content["default_left"], bool)
    leaf = left < 0
    width = int(content["tree_param"]["size_leaf_vector"])
    if width > 1:
        values = np.zeros((len(left), width))
        # A leaf's right child is its number among the vectors.
        values[leaf] = np.array(content["leaf_weights"], np.float32).reshape(-1, width)[right[leaf]]
    else:
        values = np.where(leaf, condition, 0.0).astype(np.float64).reshape(-1, 1)
    tests = np.array(content.get("categories_nodes", []), np.int64)
    members = np.array(content.get("categories", []), np.float64)
    sets = [
        members[start : start + size]
        for start, size in zip(content.get("categories_segments", []), content.get("categories_sizes", []), strict=True)
    ]
    # Members of the set of a node go right.
    left[tests], right[tests] = right[tests], left[tests]
    default_left[tests] = ~default_left[tests]
    for node in tests.tolist():
        feature[node] = category.get(int(feature[node]), int(feature[node]))
    splits = np.nextafter(condition, np.float32(-np.inf)).astype(np.float64)
    return Nodes(feature, splits, left, right, default_left, values * weight, tests.tolist(), sets)


def _first(scores: list[float], objective: str) -> np.ndarray:
    """The sum before the first tree, of what the model keeps as a prediction."""
    if objective in _LOGISTIC:
        return np.array([-math.log(1 / s - 1) for s in scores])
    if objective in _LOG:
        return np.array([math.log(s) for s in scores])
    return np.array(scores)


def _link(objective: str, where: str) -> Callable[[Tensor], Tensor]:
    if objective in _LOGISTIC:
        return lambda raw: raw.apply("Sigmoid")
    if objective in _LOG:
        return lambda raw: raw.apply("Exp")
    if objective.startswith("multi:"):
        return lambda raw: raw.softmax()
    if objective == "binary:hinge":
        return lambda raw: (raw > 0.0).astype(DOUBLE)
    if objective in _PLAIN:
        return lambda raw: raw
    raise ConversionError(f"{where} has the objective {objective!r}, whose link has no converter")


def _booster(model: Any) -> Any:
    """The trees that predict: those up to the best iteration, after early stopping."""
    booster = model.get_booster()
    try:
        last = model.best_iteration + 1
    except AttributeError:
        return booster
    return booster if model.booster == "gblinear" or last >= booster.num_boosted_rounds() else booster[:last]


def trees_of(model: Any) -> list[Nodes]:
    """The trees of a model, on the columns of its X."""
    content = json.loads(_booster(model).save_raw("json"))["learner"]["gradient_booster"]
    content = content.get("gbtree", content)
    return [_tree(tree, 1.0, {}) for tree in content["model"].get("trees", [])]


def _marked(rows: Tensor, missing: Any) -> Tensor:
    if missing is None or (isinstance(missing, float | np.floating) and np.isnan(missing)):
        return rows
    return without(float(np.float32(missing)))(rows).with_width(rows.width or 0)


def _words(content: dict[str, Any]) -> NDArray[Any] | None:
    """The categories of one column of the DataFrame a model was fitted on; None for a column of numbers."""
    values, offsets = content["values"], content.get("offsets")
    if offsets is None:
        return np.array(values, np.float64) if values else None
    if any(not 0 <= v < 128 for v in values):
        raise ConversionError(
            "XGBoost does not keep categories beyond ASCII whole: name them in ASCII, or encode them as numbers first"
        )
    words = [bytes(values[start:end]).decode() for start, end in itertools.pairwise(offsets)]
    return np.array(words, dtype=object) if words else None


def _rows(writer: Writer, categories: list[dict[str, Any]]) -> Tensor:
    """X in float32, categories as their numbers, and what counts as missing as NaN."""
    missing = writer.model.missing
    if not categories:
        return _marked(writer.matrix(FLOAT), missing)
    if missing is not None and not np.isnan(missing):
        raise ConversionError(f"{writer.where} has categorical columns and missing={missing!r}: only NaN is converted")
    known = [_words(one) for one in categories]
    columns = writer.columns(len(known))
    parts = [
        c.astype(FLOAT) if k is None else numbered(c, k).astype(FLOAT) for c, k in zip(columns, known, strict=True)
    ]
    return writer.beside(parts)


def _linear(writer: Writer, content: dict[str, Any], rows: Tensor, features: int) -> Tensor:
    weights = np.array(content["model"]["weights"], np.float32).reshape(features + 1, -1).astype(np.float64)
    present = rows.is_nan().where(0.0, rows.astype(DOUBLE))
    product = (present @ weights[:-1]).with_width(weights.shape[1])
    total: Tensor = product + weights[-1]
    return total


def _answered(writer: Writer) -> Tensor:
    """What ``Booster.predict`` gives, (n, outputs), before it is rounded to float32."""
    model = writer.model
    learner = json.loads(_booster(model).save_raw("json"))["learner"]
    facts = learner["learner_model_param"]
    objective = learner["objective"]["name"]
    outputs = max(int(facts["num_class"]), int(facts.get("num_target", 1)), 1)
    start = json.loads(facts["base_score"])
    first = _first(start if isinstance(start, list) else [start], objective)
    first = np.broadcast_to(first, (outputs,)).astype(np.float32).astype(np.float64)
    content = learner["gradient_booster"]
    link = _link(objective, writer.where)
    if content["name"] == "gblinear":
        rows = _marked(writer.matrix(FLOAT), model.missing)
        # The first class's start, for all of them.
        return link(_linear(writer, content, rows, int(facts["num_feature"])) + first[:1])
    dropped = content.get("weight_drop")
    forest = (content["gbtree"] if dropped is not None else content)["model"]
    rows = _rows(writer, forest.get("cats", {}).get("enc") or [])
    trees = forest["trees"]
    weights = dropped if dropped is not None else [1.0] * len(trees)
    views = Views(int(facts["num_feature"]))
    tested = {t["split_indices"][n] for t in trees for n in t.get("categories_nodes", [])}
    category = views.view(floored, sorted(tested))
    nodes = [_tree(t, float(np.float32(w)), category) for t, w in zip(trees, weights, strict=True)]
    vectors = bool(nodes) and nodes[0].values.shape[1] > 1
    columns = None if vectors else np.array(forest["tree_info"], np.int64)
    return link(write_forest(writer, build(nodes, outputs, columns=columns, first=first), views.matrix(rows)))


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    answer = _answered(writer).astype(FLOAT)
    count = int(model.n_classes_)
    if answer.width == 1:
        labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
        index = (answer > 0.5).astype(INT64).flat()
        return {"predict": labels.take(index, axis=0), "predict_proba": (1.0 - answer).concat(answer)}
    if answer.width == count and count != 2:
        labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
        return {"predict": labels.take(answer.argmax(), axis=0), "predict_proba": answer}
    return {"predict": (answer > 0.5).astype(DOUBLE), "predict_proba": answer}


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": _answered(writer)}


BY_NAME: dict[str, Write] = {
    **dict.fromkeys(("xgboost.XGBClassifier", "xgboost.XGBRFClassifier"), _write_classifier),
    **dict.fromkeys(("xgboost.XGBRegressor", "xgboost.XGBRFRegressor", "xgboost.XGBRanker"), _write_regressor),
}
