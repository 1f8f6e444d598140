"""Several outputs, each with an estimator of its own. Source of the rules: ``sklearn/multioutput.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain

from sklort.conversion.tensor import Tensor, stack
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer
from sklort.exceptions import ConversionError


def labels_beside(writer: Writer, labels: list[Tensor]) -> Tensor:
    """(n,) labels of several outputs as (n, outputs)."""
    if len({label.dtype for label in labels}) > 1:
        raise ConversionError(f"{writer.where} predicts strings beside numbers, which no tensor holds together")
    return stack(labels)


def _write_multi_output_classifier(writer: Writer) -> Answers:
    each = [writer.answers(e) for e in writer.model.estimators_]
    answers: dict[str, Any] = {"predict": labels_beside(writer, [a["predict"] for a in each])}
    if all("predict_proba" in a for a in each):
        answers["predict_proba"] = [a["predict_proba"] for a in each]
    return answers


def _write_multi_output_regressor(writer: Writer) -> Answers:
    values = [writer.answer(e, "predict").column().astype(DOUBLE) for e in writer.model.estimators_]
    return {"predict": writer.beside(values)}


def _write_chain(writer: Writer) -> Answers:
    """Every estimator sees X and what those before it answered, in float64."""
    model = writer.model
    rows = writer.matrix()
    chain_method = getattr(model, "chain_method_", "predict")
    chain_method = chain_method if isinstance(chain_method, str) else chain_method[0]
    methods = [m for m in ("predict", "predict_proba", "decision_function") if hasattr(model, m)]
    outputs: dict[str, list[Tensor]] = {m: [] for m in methods}
    previous: list[Tensor] = []
    for estimator in model.estimators_:
        seen = writer.beside([rows.astype(DOUBLE), *previous]) if previous else rows
        given = writer.answers(estimator, [seen])
        for method in [*methods, chain_method]:
            if method not in given:
                raise ConversionError(f"{method} of {type(estimator).__name__} in {writer.where} has no ONNX form")
        for method in methods:
            outputs[method].append(_column(given[method], method).astype(DOUBLE))
        previous.append(_column(given[chain_method], chain_method).astype(DOUBLE))
    back = np.argsort(model.order_)
    return {m: writer.beside([found[i] for i in back]) for m, found in outputs.items()}


def _column(answer: Tensor, method: str) -> Tensor:
    return answer.take([1]) if method == "predict_proba" else answer.column()


CONVERTERS: dict[type, Write] = {
    MultiOutputClassifier: _write_multi_output_classifier,
    MultiOutputRegressor: _write_multi_output_regressor,
    ClassifierChain: _write_chain,
    RegressorChain: _write_chain,
}
