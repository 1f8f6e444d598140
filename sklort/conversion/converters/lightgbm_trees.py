"""LightGBM, read from its own text format: thresholds, leaves and sums in double.

``Tree::NumericalDecision`` and ``Tree::CategoricalDecision`` say how a node decides, ``ObjectiveFunction::
ConvertOutput`` how a sum becomes an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklort.conversion.labels import label_values
from sklort.conversion.tensor import Tensor
from sklort.conversion.trees.columns import Views, numbered, truncated, without_zeros
from sklort.conversion.trees.forest import Nodes, build, stump
from sklort.conversion.trees.writing import write_forest
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_ZERO, _NAN = 1, 2  # types of missing values, in bits 2 and 3 of a decision type
_TINY = float(np.float32(1e-35))


class _Text:
    """One section of a model's text: ``key=value`` lines."""

    def __init__(self, text: str) -> None:
        self.lines = dict(line.partition("=")[::2] for line in text.splitlines())

    def __contains__(self, key: str) -> bool:
        return key in self.lines

    def word(self, key: str, default: str = "") -> str:
        return self.lines.get(key, default)

    def array(self, key: str, dtype: type) -> NDArray[Any]:
        return np.array(self.lines.get(key, "").split(), dtype=dtype)


def _past_zero(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """LightGBM reads what is within `_TINY` of 0 as 0: thresholds there move to where that decides the same."""
    threshold = np.where((threshold >= 0) & (threshold < _TINY), _TINY, threshold)
    return np.where((threshold < 0) & (threshold >= -_TINY), np.nextafter(-_TINY, -np.inf), threshold)


def _tree(text: _Text, zero: dict[int, int], category: dict[int, int], used: dict[str, set[int]]) -> Nodes:
    if text.word("is_linear", "0") != "0":
        raise ConversionError("LightGBM has linear trees (linear_tree=true): only trees of constants are converted")
    leaves = text.array("leaf_value", np.float64)
    if int(text.word("num_leaves")) <= 1:
        return stump(leaves[:1])
    feature = text.array("split_feature", np.int64)
    numbers = text.array("threshold", np.float64)  # of thresholds, or of sets
    threshold = _past_zero(numbers)
    decision = text.array("decision_type", np.int64)
    inner = len(feature)
    children = [text.array(f"{side}_child", np.int64) for side in ("left", "right")]
    left, right = (np.where(c < 0, inner + ~c, c) for c in children)
    categorical = (decision & _CATEGORICAL) != 0
    missing = (decision >> 2) & 3
    default_left = (decision & _DEFAULT_LEFT) != 0
    # A NaN counts as zero, unless the column had missing values in training.
    missing_left = np.where((missing == _ZERO) | (missing == _NAN), default_left, threshold >= 0) & ~categorical

    used["zero"].update(feature[(missing == _ZERO) & ~categorical].tolist())
    used["category"].update(feature[categorical].tolist())
    column = feature.copy()
    for which, views in (((missing == _ZERO) & ~categorical, zero), (categorical, category)):
        if views:
            column[which] = [views[f] for f in feature[which].tolist()]
    tests = np.flatnonzero(categorical)
    sets = []
    if len(tests):
        bounds, words = text.array("cat_boundaries", np.int64), text.array("cat_threshold", np.uint32)
        for number in numbers[tests].astype(np.int64):
            bits = words[bounds[number] : bounds[number + 1]]
            members = ((bits[:, None] >> np.arange(32, dtype=np.uint32)) & 1).ravel()
            sets.append(np.flatnonzero(members).astype(np.float64))
    ends = np.full(len(leaves), -1)
    none = np.zeros(len(leaves))
    return Nodes(
        features=np.concatenate([column, none.astype(np.int64)]),
        splits=np.concatenate([np.where(categorical, 0.0, threshold), none]),
        left=np.concatenate([left, ends]),
        right=np.concatenate([right, ends]),
        missing_left=np.concatenate([missing_left, none.astype(bool)]),
        values=np.concatenate([np.zeros(inner), leaves]).reshape(-1, 1),
        set_nodes=tests.tolist(),
        sets=sets,
    )


def _rows(writer: Writer, booster: Any, head: _Text) -> Tensor:
    categories = booster.pandas_categorical or []
    if not categories:
        return writer.floats()
    infos = head.word("feature_infos").split()
    columns = [i for i, info in enumerate(infos) if not info.startswith("[")]
    if len(columns) != len(categories):
        raise ConversionError(
            f"{writer.where} was fitted on a DataFrame with {len(categories)} categorical columns, and takes "
            f"{len(columns)} columns as categories: which is which is not written in the model"
        )
    known = dict(zip(columns, categories, strict=True))
    parts = [
        numbered(column, np.array(known[i], dtype=object)) if i in known else column.astype(DOUBLE)
        for i, column in enumerate(writer.columns(len(infos)))
    ]
    return writer.beside(parts)


def _link(head: _Text, where: str) -> Callable[[Tensor], Tensor]:
    words = head.word("objective").split()
    name = words[0] if words else "none"
    settings = dict(word.partition(":")[::2] for word in words[1:])
    if name in ("binary", "multiclassova"):
        slope = float(settings.get("sigmoid", "1"))
        return lambda raw: (raw if slope == 1 else raw * slope).apply("Sigmoid")
    if name == "multiclass":
        return lambda raw: raw.softmax()
    if name in ("poisson", "gamma", "tweedie"):
        return lambda raw: raw.apply("Exp")
    if name in ("cross_entropy", "xentropy"):
        return lambda raw: raw.apply("Sigmoid")
    if name in ("cross_entropy_lambda", "xentlambda"):
        return lambda raw: (raw.apply("Exp") + 1.0).apply("Log")
    if name in ("regression", "regression_l2") and "sqrt" in words[1:]:
        return lambda raw: raw.apply("Sign") * raw * raw
    if name.startswith(("regression", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "none")):
        return lambda raw: raw
    raise ConversionError(f"{where} has the objective {name!r}, whose link has no converter")


def _sections(booster: Any) -> tuple[_Text, list[_Text]]:
    """The head of a model, and its trees: those up to the best iteration, after early stopping."""
    head, *trees = booster.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    return _Text(head), [_Text(text) for text in trees]


def trees_of(model: Any) -> list[Nodes]:
    """The trees of a model, on the columns of its X."""
    return [_tree(section, {}, {}, {"zero": set(), "category": set()}) for section in _sections(model.booster_)[1]]


def _answered(writer: Writer) -> tuple[Tensor, Tensor]:
    """What ``Booster.predict`` gives, (n, outputs): sums of leaves, and the answers made of them."""
    booster = writer.model.booster_
    head, sections = _sections(booster)
    used: dict[str, set[int]] = {"zero": set(), "category": set()}
    for section in sections:
        _tree(section, {}, {}, used)
    rows = _rows(writer, booster, head)
    views = Views(int(head.word("max_feature_idx")) + 1)
    zero = views.view(without_zeros(_TINY), sorted(used["zero"]))
    category = views.view(truncated, sorted(used["category"]))
    nodes = [_tree(section, zero, category, used) for section in sections]
    outputs = int(head.word("num_tree_per_iteration", "1"))
    columns = np.arange(len(nodes)) % outputs
    raw = write_forest(writer, build(nodes, outputs, columns=columns), views.matrix(rows))
    mean = raw / float(len(nodes) // outputs) if "average_output" in head else raw
    return raw, _link(head, writer.where)(mean)


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    raw, answer = _answered(writer)
    if callable(model.objective_):
        raise ConversionError(f"{writer.where} has an objective of its own: it predicts scores, not classes")
    shares = (1.0 - answer).concat(answer) if answer.width == 1 else answer
    labels = writer.tensor(label_values(model.classes_, writer.where), "classes")
    return {
        "predict": labels.take(shares.argmax(), axis=0),
        "predict_proba": shares,
        "decision_function": raw.flat() if raw.width == 1 else raw,
    }


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": _answered(writer)[1]}


BY_NAME: dict[str, Write] = {
    "lightgbm.LGBMClassifier": _write_classifier,
    "lightgbm.LGBMRegressor": _write_regressor,
    "lightgbm.LGBMRanker": _write_regressor,
}
