"""Writing a model from its top, and making one `Conversion` of what comes out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper
from sklearn.utils.validation import check_is_fitted

from sklort.conversion.converters import converter_of
from sklort.conversion.converters.asked import ASKED
from sklort.conversion.finish import TREE_OPSET, finish_model
from sklort.conversion.foreign import write_foreign
from sklort.conversion.inputs import describe_inputs, with_missing
from sklort.conversion.result import Conversion
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import ELEMENTS, Answers, Graph, Writer
from sklort.exceptions import ConversionError

DEFAULT_OPSET = {"": 21, "ai.onnx.ml": 5}
_LOWEST_OPSET = 19  # ReduceMax with axes as an input, Equal on strings
_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")


def assemble(
    model: Any, X: Any, target_opset: int | dict[str, int] | None, asked: Sequence[str] | None = None
) -> Conversion:
    """What `sklort.conversion.convert_model` does."""
    X = X if hasattr(X, "shape") else np.asarray(X)
    if X.shape[0] == 0:
        raise ConversionError("the sample X has no rows: one row at least is needed to learn the model's dtypes")
    check_is_fitted(model)
    usual = [m for m in _METHODS if hasattr(model, m)]
    methods = list(asked or usual) or [m for m, known in ASKED.items() if type(model) in known]
    if not methods:
        raise ConversionError(f"{type(model).__name__} can neither predict nor transform new rows")
    answered = _samples(model, methods, X)
    layout, inputs = describe_inputs(model, X)
    graph = Graph(_opsets(target_opset), write_estimator)
    writer = Writer(graph, model, [])
    for one in inputs:
        width = X.shape[1] if layout == "matrix" and len(X.shape) == 2 else 1
        graph.reserve(one.name)
        graph.proto.input.append(helper.make_tensor_value_info(one.name, ELEMENTS[one.dtype], [None, width]))
        writer.inputs.append(Tensor(writer, one.name, one.dtype, width))

    answers = _write_asked(writer, methods) if asked or not usual else writer.answers(model)
    samples = {m: sample for m, sample in answered.items() if m in answers}
    if not samples:
        raise ConversionError(
            f"{type(model).__name__}: none of the outputs of its ONNX graph answers a method of the model"
        )
    onnx_model, outputs = finish_model(graph, answers, samples)
    if graph.opsets["ai.onnx.ml"] < TREE_OPSET and any(n.op_type == "TreeEnsemble" for n in onnx_model.graph.node):
        raise ConversionError(
            f"trees are written as TreeEnsemble of ai.onnx.ml {TREE_OPSET}, "
            f"above target_opset {graph.opsets['ai.onnx.ml']}"
        )
    fed = {v.name for v in onnx_model.graph.input}
    kept = with_missing(X, tuple(one for one in inputs if one.name in fed), onnx_model.graph)
    missing = [m for m in methods if m not in outputs and m != "predict_log_proba"]  # mostly a logarithm, added later
    return Conversion(onnx_model, kept, outputs, layout, _notes(graph, model, missing))


def write_estimator(writer: Writer) -> Answers:
    """The answers of any fitted estimator: by a converter of ours, else by skl2onnx's."""
    write = converter_of(type(writer.model))
    if write is None:
        return write_foreign(writer)
    writer.graph.ours.add(writer.where)
    return write(writer)


def _write_asked(writer: Writer, methods: list[str]) -> dict[str, Any]:
    model = writer.model
    answers: dict[str, Any] = {}
    for method in methods:
        write = ASKED.get(method, {}).get(type(model))
        if write is None:
            raise ConversionError(f"{method} of {type(model).__name__} has no ONNX form")
        answers.update(write(writer))
    writer.graph.ours.add(writer.where)
    return answers


def _opsets(target: int | dict[str, int] | None) -> dict[str, int]:
    if target is None:
        return dict(DEFAULT_OPSET)
    opsets = {**DEFAULT_OPSET, **(target if isinstance(target, dict) else {"": int(target)})}
    if opsets[""] < _LOWEST_OPSET:
        raise ConversionError(f"target_opset {opsets['']} is too old: {_LOWEST_OPSET} or later is written")
    return opsets


def _samples(model: Any, methods: list[str], X: Any) -> dict[str, Any]:
    """What scikit-learn answers, by method. One that it cannot answer, as with a single class, is left out."""
    answered: dict[str, Any] = {}
    refused: list[Exception] = []
    for method in methods:
        try:
            answered[method] = _sample(model, method, X)
        except Exception as error:  # noqa: BLE001 - whatever the model says, it is said when the method is called
            refused.append(error)
    if not answered:
        raise refused[0]
    return answered


def _sample(model: Any, method: str, X: Any) -> Any:
    """What scikit-learn answers for the first rows of X: the shapes and dtypes the graph shall have."""
    rows = X.iloc[:2] if hasattr(X, "iloc") else X[:2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = getattr(model, method)(rows)
    if isinstance(answer, list | tuple):
        return [np.asarray(part) for part in answer]
    return answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)


def _notes(graph: Graph, model: Any, missing: list[str]) -> tuple[str, ...]:
    notes = []
    if graph.ours:
        notes.append(f"written by sklort: {', '.join(sorted(graph.ours))}")
    if graph.theirs:
        notes.append(f"written by skl2onnx: {', '.join(sorted(graph.theirs))}")
    if graph.narrowed:
        notes.append(f"computed in float32: skl2onnx has no float64 form of {', '.join(sorted(graph.narrowed))}")
    if missing:
        notes.append(f"not in the graph: {', '.join(missing)} of {type(model).__name__}")
    return tuple(notes)
