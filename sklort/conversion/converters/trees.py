"""Decision trees, forests and gradient boosting: TreeEnsemble of ai.onnx.ml 5, in double.

scikit-learn casts X to float32 and compares it with float64 thresholds; leaves and sums are float64
(``sklearn/tree/_tree.pyx``). The graph does the same: Cast to float, Cast to double, TreeEnsemble in double.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from sklort.conversion.converters.forest_arrays import ForestArrays, forest_arrays, tree_values
from sklort.conversion.labels import label_values, write_argmax, write_labels, write_where_positive
from sklort.conversion.writer import Answers, Write, Writer
from sklort.exceptions import ConversionError

FLOAT = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)


def _write_forest(writer: Writer, forest: ForestArrays) -> str:
    rows = writer.matrix(FLOAT)
    name = writer.node("TreeEnsemble", [writer.cast(rows.name, FLOAT, DOUBLE)], domain="ai.onnx.ml")
    writer.add_attributes(forest.attributes())
    return name


def _trees(model: Any) -> list[Any]:
    return [t.tree_ for t in model.estimators_] if hasattr(model, "estimators_") else [model.tree_]


def _mean(writer: Writer, total: str, count: int) -> str:
    """The mean over trees as scikit-learn takes it: the sum in tree order, then one division."""
    if count == 1:
        return total
    return writer.node("Div", [total, writer.constant(np.array(count, DOUBLE))])


def _write_averaged(writer: Writer, targets: int) -> str:
    trees = _trees(writer.model)
    columns = np.arange(targets)
    forest = forest_arrays(((t, tree_values(t), columns) for t in trees), targets)
    return _mean(writer, _write_forest(writer, forest), len(trees))


def _write_tree_classifier(writer: Writer) -> Answers:
    model = writer.model
    label_values(model.classes_, writer.where)  # refuses several outputs before any work
    probabilities = _write_averaged(writer, len(model.classes_))
    return {
        "predict": write_labels(writer, write_argmax(writer, probabilities)),
        "predict_proba": (probabilities, DOUBLE),
    }


def _write_tree_regressor(writer: Writer) -> Answers:
    return {"predict": (_write_averaged(writer, writer.model.n_outputs_), DOUBLE)}


def _initial(model: Any) -> np.ndarray:
    """What gradient boosting adds before its first tree: (trees per stage,), the same for every row."""
    init = model.init_
    constant = (isinstance(init, str) and init == "zero") or type(init) is DummyRegressor
    if type(init) is DummyClassifier:
        constant = init.strategy != "stratified"
    if not constant:
        raise ConversionError(
            f"{type(model).__name__} starts from another estimator (init={init!r}): "
            "only init=None, 'zero' and dummy estimators with constant answers are converted"
        )
    return np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_), FLOAT))[0], DOUBLE)


def _write_boosted(writer: Writer) -> str:
    """Raw predictions (n, k): the initial value, then learning rate times leaf value, stage by stage."""
    model = writer.model
    stages, targets = model.estimators_.shape
    rate = np.float64(model.learning_rate)
    trees = (
        (
            model.estimators_[i, k].tree_,
            rate * tree_values(model.estimators_[i, k].tree_),
            np.array([k]),
        )
        for i in range(stages)
        for k in range(targets)
    )
    return _write_forest(writer, forest_arrays(trees, targets, first=_initial(model)))


def _write_boosted_regressor(writer: Writer) -> Answers:
    return {"predict": (_write_boosted(writer), DOUBLE)}


def _write_boosted_classifier(writer: Writer) -> Answers:
    raw = _write_boosted(writer)
    if len(writer.model.classes_) > 2:
        return {
            "predict": write_labels(writer, write_argmax(writer, raw)),
            "predict_proba": (writer.node("Softmax", [raw], axis=1), DOUBLE),
            "decision_function": (raw, DOUBLE),
        }
    scores = writer.node("Reshape", [raw, writer.constant(np.array([-1], np.int64))])
    # The exponential loss links by half the logit.
    logit = writer.node("Add", [raw, raw]) if writer.model.loss == "exponential" else raw
    one = writer.node("Sigmoid", [logit])
    zero = writer.node("Sub", [writer.constant(np.array(1.0)), one])
    return {
        "predict": write_labels(writer, write_where_positive(writer, scores, DOUBLE, zero=1)),
        "predict_proba": (writer.node("Concat", [zero, one], axis=1), DOUBLE),
        "decision_function": (scores, DOUBLE),
    }


CONVERTERS: dict[type, Write] = {
    **dict.fromkeys(
        (DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier),
        _write_tree_classifier,
    ),
    **dict.fromkeys(
        (DecisionTreeRegressor, ExtraTreeRegressor, RandomForestRegressor, ExtraTreesRegressor), _write_tree_regressor
    ),
    GradientBoostingClassifier: _write_boosted_classifier,
    GradientBoostingRegressor: _write_boosted_regressor,
}
