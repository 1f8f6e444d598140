"""Running skl2onnx with our converters, and making one `Conversion` of what comes out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from skl2onnx import convert_sklearn, get_model_alias
from skl2onnx._parse import _parse_sklearn
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from sklort.conversion import composition
from sklort.conversion.adapter import conversion_function, parser, shape_calculator
from sklort.conversion.composition import PARSERS, STEPS, last_step
from sklort.conversion.converters import CONVERTERS
from sklort.conversion.finish import TREE_OPSET, cast_inputs, finish_model, rename_inputs
from sklort.conversion.inputs import describe_inputs
from sklort.conversion.known_faults import refuse_known_faults
from sklort.conversion.result import Conversion, ModelInput
from sklort.conversion.writer import tensor_type
from sklort.exceptions import ConversionError

DEFAULT_OPSET = {"": 21, "ai.onnx.ml": 5}
_SKL2ONNX_ML = 3  # the highest skl2onnx writes
_LOWEST_OPSET = 19  # ReduceMax with axes as an input, Equal on strings
_METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "score_samples",
    "transform",
)
_FLOAT = np.dtype(np.float32)
_DOUBLE = np.dtype(np.float64)


def assemble(model: Any, X: Any, target_opset: int | dict[str, int] | None) -> Conversion:
    """What `sklort.conversion.convert_model` does."""
    X = X if hasattr(X, "shape") else np.asarray(X)
    final = last_step(model)
    samples = _sample_answers(model, X)
    layout, inputs = describe_inputs(model, X)
    refuse_known_faults(model, frozenset(CONVERTERS))
    opsets = _opsets(target_opset)
    graph, narrowed = _convert(model, final, inputs, X.shape[1], opsets)

    answers = {m: t for m, t in graph.answers.items() if m in samples}
    if not answers:
        raise ConversionError(
            f"{type(final).__name__}: none of the outputs of its ONNX graph answers a method of the model"
        )
    if opsets["ai.onnx.ml"] < TREE_OPSET and any(n.op_type == "TreeEnsemble" for n in graph.onnx_model.graph.node):
        raise ConversionError(
            f"trees are written as TreeEnsemble of ai.onnx.ml {TREE_OPSET}, above target_opset {opsets['ai.onnx.ml']}"
        )
    names = rename_inputs(graph.onnx_model, {_safe(k): i.name for k, i in enumerate(inputs)})
    outputs = finish_model(
        graph.onnx_model, answers, samples, exact=type(final) in CONVERTERS, score_column=_score_column(final)
    )
    fed = {v.name for v in graph.onnx_model.graph.input}
    kept = tuple(replace(i, name=names[_safe(k)]) for k, i in enumerate(inputs) if names[_safe(k)] in fed)
    missing = [m for m in samples if m not in outputs]
    return Conversion(graph.onnx_model, kept, outputs, layout, _notes(graph, narrowed, final, missing))


def _safe(number: int) -> str:
    """The name of an input while skl2onnx works: it would rewrite the characters of a column's own name."""
    return f"sklort_input_{number}"


def _opsets(target: int | dict[str, int] | None) -> dict[str, int]:
    if target is None:
        return dict(DEFAULT_OPSET)
    opsets = {**DEFAULT_OPSET, **(target if isinstance(target, dict) else {"": int(target)})}
    if opsets[""] < _LOWEST_OPSET:
        raise ConversionError(f"target_opset {opsets['']} is too old: {_LOWEST_OPSET} or later is written")
    return opsets


def _sample_answers(model: Any, X: Any) -> dict[str, np.ndarray]:
    """What scikit-learn answers for the first rows of X, by method: the shapes and dtypes the graph shall have."""
    if X.shape[0] == 0:
        raise ConversionError("the sample X has no rows: one row at least is needed to learn the model's dtypes")
    rows = X.iloc[:2] if hasattr(X, "iloc") else X[:2]
    samples: dict[str, np.ndarray] = {}
    final = last_step(model)
    predicts = hasattr(model, "predict")
    for method in _METHODS:
        if not hasattr(model, method) or (method == "transform" and predicts and not is_clusterer(final)):
            continue
        if method == "score_samples" and not is_outlier_detector(final):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = getattr(model, method)(rows)
        if isinstance(answer, list):
            raise ConversionError(
                f"{type(final).__name__} predicts several outputs of classes: fit one classifier per output"
            )
        answer = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
        samples[method] = answer
    if not samples:
        raise ConversionError(f"{type(final).__name__} can neither predict nor transform new rows")
    return samples


@dataclass
class _Graph:
    onnx_model: onnx.ModelProto
    answers: dict[str, str]
    ours: set[str] = field(default_factory=set)
    theirs: set[str] = field(default_factory=set)


def _convert(
    model: Any, final: Any, inputs: tuple[ModelInput, ...], width: int, opsets: dict[str, int]
) -> tuple[_Graph, bool]:
    """Convert in the dtypes of `inputs`; where skl2onnx refuses float64, in float32.

    Returns
    -------
    graph, narrowed : whether float64 inputs are cast to float32 in front of the model
    """
    theirs = {**opsets, "ai.onnx.ml": min(opsets["ai.onnx.ml"], _SKL2ONNX_ML)}
    attempts = [(inputs, theirs)]
    narrow = tuple(ModelInput(i.name, i.columns, _FLOAT if i.dtype == _DOUBLE else i.dtype) for i in inputs)
    if narrow != inputs:
        attempts.append((narrow, theirs))
    first: Exception | None = None
    for given, versions in attempts:
        try:
            graph = _run_skl2onnx(model, final, given, width, versions)
        except ConversionError:
            if first is None:
                raise
            continue
        except Exception as error:  # noqa: BLE001 - skl2onnx raises anything, AssertionError included
            first = first or error
            continue
        if given is narrow:
            cast_inputs(graph.onnx_model, [_safe(k) for k, i in enumerate(inputs) if i.dtype == _DOUBLE])
        return graph, given is narrow
    assert first is not None
    reason = str(first).strip().splitlines()[0][:300] if str(first).strip() else type(first).__name__
    raise ConversionError(
        f"skl2onnx cannot convert {_described(model, final)} ({type(first).__name__}: {reason}): "
        "convert the model without the step it names, and apply that step before"
    ) from first


def _described(model: Any, final: Any) -> str:
    return type(model).__name__ if model is final else f"{type(model).__name__} ending in {type(final).__name__}"


def _run_skl2onnx(model: Any, final: Any, inputs: tuple[ModelInput, ...], width: int, opsets: dict[str, int]) -> _Graph:
    found: dict[str, Any] = {}
    parsers: dict[type, Any] = {
        **PARSERS,
        **{t: parser(c, final) for t, c in CONVERTERS.items()},
    }
    inner = parsers.get(type(model))

    def parse_top(scope: Any, part: Any, variables: Any, custom_parsers: Any = None) -> Any:
        others = (
            {**parsers, type(model): inner}
            if inner is not None
            else {k: v for k, v in parsers.items() if k is not type(model)}
        )
        if part is not model:
            return _parse_sklearn(scope, part, variables, custom_parsers=others)
        results = composition.parse_step(scope, part, variables, others)
        found.update(zip(_methods(final, results), results, strict=False))
        return results

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx_model, topology = convert_sklearn(
            model,
            name="sklort",
            initial_types=[
                (_safe(k), tensor_type(i.dtype, [None, width if i.columns is None else 1]))
                for k, i in enumerate(inputs)
            ],
            target_opset=opsets,
            custom_conversion_functions={t: conversion_function(c) for t, c in {**STEPS, **CONVERTERS}.items()},
            custom_shape_calculators={t: shape_calculator(c) for t, c in {**STEPS, **CONVERTERS}.items()},
            custom_parsers={**parsers, type(model): parse_top},
            options=_options(final),
            intermediate=True,
        )
    graph = _Graph(onnx_model, {method: variable.onnx_name for method, variable in found.items()})
    for operator in topology.unordered_operator_iterator():
        part = type(operator.raw_operator)
        if part in CONVERTERS:
            graph.ours.add(part.__name__)
        elif part not in STEPS and operator.raw_operator is not None:
            graph.theirs.add(part.__name__)
    return graph


def _options(final: Any) -> dict[Any, Any] | None:
    """Options for the last estimator where skl2onnx writes it: arrays rather than maps, and sample scores."""
    if type(final) in CONVERTERS:
        return None
    options: dict[str, Any] = {}
    allowed = _allowed_options(type(final))
    if is_classifier(final) and "zipmap" in allowed:
        options["zipmap"] = False
    if is_outlier_detector(final) and "score_samples" in allowed:
        options["score_samples"] = True
    return {id(final): options} if options else None


def _allowed_options(kind: type) -> set[str]:
    from skl2onnx.common._registration import _converter_pool

    try:
        return set(_converter_pool[get_model_alias(kind)].get_allowed_options() or ())
    except (RuntimeError, KeyError, ValueError):
        return set()


def _methods(final: Any, results: list[Any]) -> tuple[str, ...]:
    """Which method each result of the last estimator answers."""
    if type(final) in CONVERTERS:
        operator = results[0].operators_outputs_[0]
        return tuple(operator.answers)
    if is_classifier(final):
        return (
            "predict",
            "predict_proba" if hasattr(final, "predict_proba") else "decision_function",
        )
    if is_regressor(final):
        return ("predict",)
    if is_outlier_detector(final):
        return ("predict", "decision_function", "score_samples")
    if is_clusterer(final):
        return ("predict", "transform")
    if hasattr(final, "predict_proba"):  # mixtures
        return ("predict", "predict_proba")
    return ("predict",) if hasattr(final, "predict") and not hasattr(final, "transform") else ("transform",)


def _score_column(final: Any) -> int:
    """Of the two columns skl2onnx writes for two classes, scikit-learn's one score: libsvm counts the other way."""
    return 0 if type(final).__name__ in ("SVC", "NuSVC") else -1


def _notes(graph: _Graph, narrowed: bool, final: Any, missing: list[str]) -> tuple[str, ...]:
    notes = []
    if graph.ours:
        notes.append(f"written by sklort: {', '.join(sorted(graph.ours))}")
    if graph.theirs:
        notes.append(f"written by skl2onnx: {', '.join(sorted(graph.theirs))}")
    if narrowed:
        notes.append("computed in float32: skl2onnx has no float64 form of this model")
    if missing:
        notes.append(f"not in the graph: {', '.join(missing)} of {type(final).__name__}")
    return tuple(notes)
