"""Linear models, in the dtype scikit-learn computes in: the promotion of X and ``coef_``.

Formulas: ``sklearn/linear_model/_base.py`` (``LinearClassifierMixin``, ``_decision_function``), ``_logistic.py``,
``_stochastic_gradient.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import linear_model, svm

from sklort.conversion.labels import write_argmax, write_labels, write_where_positive
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import INT64, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError

DOUBLE = np.dtype(np.float64)


def _dtype(model: Any, came: np.dtype) -> np.dtype:
    """NumPy's promotion of X with ``coef_``; integers and booleans never stay."""
    if came == STRING:
        raise ConversionError(f"{type(model).__name__} computes on numbers but receives strings: encode them first")
    parts = [came, model.coef_.dtype]
    if isinstance(model.intercept_, np.ndarray | np.generic):  # a Python float (no intercept fitted) promotes nothing
        parts.append(model.intercept_.dtype)
    promoted = np.result_type(*parts)
    return np.dtype(promoted) if promoted.kind == "f" and promoted.itemsize >= 4 else DOUBLE


def _dense_coef(model: Any) -> np.ndarray:
    """``coef_`` of shape (rows, n_features), also after ``sparsify()``."""
    return np.atleast_2d(model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_)


def linear_scores(writer: Writer) -> tuple[str, np.dtype]:
    """``X @ coef_.T + intercept_``, shape (n, rows of coef_)."""
    return _scores(writer, [writer.model])


def _scores(writer: Writer, models: Sequence[Any]) -> tuple[str, np.dtype]:
    """The scores of some models side by side, in the dtype of the first one's."""
    rows = writer.matrix()
    dtype = _dtype(models[0], rows.dtype)
    coefs = [_dense_coef(model) for model in models]
    product = writer.node(
        "MatMul",
        [
            writer.cast(rows.name, rows.dtype, dtype),
            writer.constant(np.vstack(coefs).T.astype(dtype), "coefficients"),
        ],
    )
    intercept = np.concatenate(
        [np.broadcast_to(np.asarray(model.intercept_, dtype), (len(coef),)) for model, coef in zip(models, coefs)]
    )
    if not intercept.any():
        return product, dtype
    return writer.node("Add", [product, writer.constant(intercept, "intercepts")]), dtype


def scores_together(writer: Writer, models: Sequence[Any]) -> tuple[Tensor, str | None] | None:
    """One matrix product for binary classifiers of one kind, and the link to their probabilities.

    Returns
    -------
    tuple or None
        Their scores (n, models) and "expit", or None where they have no probabilities of that kind; None altogether
        when they are no linear classifiers of one kind.
    """
    kind = type(models[0])
    if CONVERTERS.get(kind) is not _write_classifier or any(type(model) is not kind for model in models):
        return None
    if any(len(model.classes_) != 2 or len(_dense_coef(model)) != 1 for model in models):
        return None
    if len({_dtype(model, np.dtype(np.float32)) for model in models}) > 1:
        return None
    links = {_link(model) for model in models}
    if not links <= {"expit", None} or len(links) > 1:
        return None
    name, dtype = _scores(writer, models)
    return writer.as_tensor((name, dtype)), links.pop()


def _write_regressor(writer: Writer) -> Answers:
    return {"predict": linear_scores(writer)}


def _normalised(writer: Writer, positive: str, dtype: np.dtype) -> str:
    """Rows divided by their sum; where the sum is zero, uniform."""
    count = len(writer.model.classes_)
    axis = writer.constant(np.array([1], np.int64))
    total = writer.node("ReduceSum", [positive, axis], keepdims=1)
    empty = writer.node("Equal", [total, writer.constant(np.array(0, dtype))])
    numerator = writer.node("Where", [empty, writer.constant(np.array(1, dtype)), positive])
    return writer.node(
        "Div",
        [
            numerator,
            writer.node("Where", [empty, writer.constant(np.array(count, dtype)), total]),
        ],
    )


def _binary_pair(writer: Writer, one: str, dtype: np.dtype) -> str:
    zero = writer.node("Sub", [writer.constant(np.array(1, dtype)), one])
    return writer.node("Concat", [zero, one], axis=1)


def _link(model: Any) -> str | None:
    """How scores become probabilities: "softmax", "expit", "clip" (modified Huber), or None."""
    if isinstance(model, linear_model.LogisticRegression):
        if len(model.classes_) == 2 and getattr(model, "multi_class", None) == "multinomial":
            raise ConversionError(
                'LogisticRegression(multi_class="multinomial") on two classes: fit it without this deprecated option'
            )
        return "softmax" if len(model.classes_) > 2 and not _one_vs_rest(model) else "expit"
    if isinstance(model, linear_model.SGDClassifier):
        return {"log_loss": "expit", "modified_huber": "clip"}.get(model.loss)
    return None


def _one_vs_rest(model: Any) -> bool:
    """Releases before 1.8 fit one model per class with ``multi_class="ovr"`` or solver liblinear."""
    way = getattr(model, "multi_class", "deprecated")
    if way in ("auto", "deprecated", "warn", None):
        return bool(model.solver == "liblinear")
    return bool(way == "ovr")


def _write_probabilities(writer: Writer, raw: str, dtype: np.dtype, link: str) -> str:
    binary = len(writer.model.classes_) == 2
    if link == "softmax":
        return writer.node("Softmax", [raw], axis=1)
    if link == "expit":
        positive = writer.node("Sigmoid", [raw])
    else:
        low, high = (
            writer.constant(np.array(-1, dtype)),
            writer.constant(np.array(1, dtype)),
        )
        clipped = writer.node("Clip", [raw, low, high])
        positive = writer.node(
            "Div",
            [writer.node("Add", [clipped, high]), writer.constant(np.array(2, dtype))],
        )
    return _binary_pair(writer, positive, dtype) if binary else _normalised(writer, positive, dtype)


def _write_classifier(writer: Writer) -> Answers:
    model = writer.model
    binary = len(model.classes_) == 2
    raw, dtype = linear_scores(writer)
    if getattr(getattr(model, "_label_binarizer", None), "y_type_", "").startswith("multilabel"):
        scores = writer.as_tensor((raw, dtype))
        return {"predict": (scores > 0.0).astype(INT64), "decision_function": scores}
    if _dense_coef(model).shape[0] != (1 if binary else len(model.classes_)):
        raise ConversionError(f"{writer.where} has {_dense_coef(model).shape[0]} rows of coefficients for its classes")
    answers: dict[str, Any] = {}
    link = _link(model)
    if link is not None:
        answers["predict_proba"] = (
            _write_probabilities(writer, raw, dtype, link),
            dtype,
        )
    if binary:
        raw = writer.node("Reshape", [raw, writer.constant(np.array([-1], np.int64))])
        index = write_where_positive(writer, raw, dtype, zero=0)
    else:
        index = write_argmax(writer, raw)
    answers["predict"] = write_labels(writer, index)
    answers["decision_function"] = (raw, dtype)
    return answers


def _write_one_class(writer: Writer) -> Answers:
    model = writer.model
    product = writer.floats() @ _dense_coef(model).T
    scores = (product - np.asarray(model.offset_)).flat()
    return {
        "predict": (scores >= 0.0).where(np.array(1), np.array(-1)),
        "decision_function": scores,
        "score_samples": scores + np.asarray(model.offset_),
    }


_REGRESSORS = (
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.MultiTaskElasticNet,
    linear_model.MultiTaskElasticNetCV,
    linear_model.MultiTaskLasso,
    linear_model.MultiTaskLassoCV,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    svm.LinearSVR,
)
_CLASSIFIERS = (
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    linear_model.SGDClassifier,
    svm.LinearSVC,
)
# Deprecated or moved in some releases.
_BY_NAME = {
    "PassiveAggressiveClassifier": _write_classifier,
    "PassiveAggressiveRegressor": _write_regressor,
}

CONVERTERS: dict[type, Write] = {
    linear_model.SGDOneClassSVM: _write_one_class,
    **dict.fromkeys(_REGRESSORS, _write_regressor),
    **dict.fromkeys(_CLASSIFIERS, _write_classifier),
    **{getattr(linear_model, n): c for n, c in _BY_NAME.items() if hasattr(linear_model, n)},
}
