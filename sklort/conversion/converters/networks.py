"""Multi-layer perceptrons and generalised linear models. Sources: ``sklearn/neural_network``, ``linear_model/_glm``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn import linear_model
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklort.conversion.converters.linear import linear_scores
from sklort.conversion.labels import chosen
from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.writer import INT64, Answers, Write, Writer
from sklort.exceptions import ConversionError

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "logistic": lambda x: x.apply("Sigmoid"),
    "tanh": lambda x: x.apply("Tanh"),
    "relu": lambda x: x.apply("Relu"),
    "softmax": lambda x: x.softmax(),
    "exp": lambda x: x.apply("Exp"),
}


def _forward(writer: Writer) -> Tensor:
    model = writer.model
    value = writer.floats()
    last = len(model.coefs_) - 1
    for i, (weights, biases) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        kind = model.activation if i < last else model.out_activation_
        value = _ACTIVATIONS[kind](value @ np.asarray(weights) + np.asarray(biases))
    return value


def _write_network_classifier(writer: Writer) -> Answers:
    model = writer.model
    out = _forward(writer)
    kind = model._label_binarizer.y_type_
    if kind == "multilabel-indicator":
        return {"predict": (out > 0.5).astype(INT64), "predict_proba": out}
    if kind == "multiclass":
        return {"predict": chosen(writer, out.argmax()), "predict_proba": out}
    second = out.flat()
    return {
        "predict": chosen(writer, (second > 0.5).astype(INT64)),
        "predict_proba": stack([1 - second, second]),
    }


def _write_network_regressor(writer: Writer) -> Answers:
    return {"predict": _forward(writer)}


def _write_generalised_linear(writer: Writer) -> Answers:
    model = writer.model
    raw = writer.as_tensor(linear_scores(writer))
    link = type(model._base_loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise ConversionError(f"{writer.where} with a {link}")
    return {"predict": raw.apply("Exp") if link == "LogLink" else raw}


CONVERTERS: dict[type, Write] = {
    MLPClassifier: _write_network_classifier,
    MLPRegressor: _write_network_regressor,
    linear_model.PoissonRegressor: _write_generalised_linear,
    linear_model.GammaRegressor: _write_generalised_linear,
    linear_model.TweedieRegressor: _write_generalised_linear,
}
