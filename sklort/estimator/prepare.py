"""A fitted model and rows of its X -> graphs ready to run, checked against the model."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from sklort.estimator import frames
from sklort.estimator.acceptance import Acceptance, attempt, probe, reads_whole
from sklort.estimator.adversarial import adversarial_rows
from sklort.estimator.containers import answers_frames
from sklort.estimator.devices import Where, no_gpu
from sklort.estimator.inputs import GraphInput, Intake, Signature
from sklort.estimator.lanes import Lanes, cheapest
from sklort.estimator.methods import METHODS, ON_DEMAND
from sklort.estimator.outputs import Form
from sklort.estimator.parity import TOLERANCE, compare, plain_sample, spread
from sklort.estimator.persistence import metadata, sealed
from sklort.estimator.programs import Graph, Program
from sklort.estimator.report import ParityReport
from sklort.estimator.values import Unsure
from sklort.exceptions import ConversionError, FallbackWarning, ParityError

Policy = Literal["warn"] | bool
Methods = tuple[str, ...] | None


def rows_to_compare(X: Any) -> Any:
    """The rows of X that a conversion looks at: at most 2,000, evenly spread, in the form it reads."""
    sample = plain_sample(spread(X))
    if not frames.height(sample):
        raise ConversionError("at least one row of X is needed to convert a model")
    return sample


def prepare(
    model: Any,
    sample: Any,
    *,
    parity: Policy = True,
    tolerance: float | None = None,
    target_opset: Any = None,
    forward: bool = False,
    device: Where = "cpu",
    methods: Methods = None,
) -> tuple[Lanes, ParityReport | None]:
    """Convert `model`, compile it, and compare it with its original.

    Parameters
    ----------
    model : fitted estimator
    sample : array or data frame of shape (n_samples, n_features)
        From `rows_to_compare`.
    parity : bool or "warn"
    tolerance : float, optional
    target_opset : optional
        As skl2onnx takes it.
    forward, device
        As for `Lanes`. The rows are compared on every device that may compute them later.
    methods : tuple of str, optional
        As for `sklort.conversion.convert_model`.

    Returns
    -------
    lanes : Lanes
    report : ParityReport or None

    Raises
    ------
    ConversionError
        When the model cannot be written as ONNX.
    ParityError
        When the two differ and `parity` is True.
    """
    graph, intake, proto = _convert(model, sample, target_opset, None, methods)
    first = _used(device)[0]
    program = Program(graph, intake, proto, gpu=first)
    graphs: dict[Signature, Graph] = {}
    report = None
    if parity:
        groups = _groups(model, graph, intake, sample)
        report = _check(model, graph, intake, program, groups, tolerance)
        narrowed = _narrowed(intake, report)
        if narrowed is not None:  # the rows the graph gets wrong are the model's to answer from now on
            intake, program = narrowed, Program(graph, narrowed, proto, gpu=first)
            report = _check(model, graph, intake, program, groups, tolerance)
        for gpu in _used(device)[1:]:
            program_there = Program(graph, intake, proto, gpu=gpu)
            report = report.with_other(_check(model, graph, intake, program_there, groups, tolerance))
        act_on(report, parity)
    graphs[graph.signature] = program.graph = _sealed(graph, intake, proto, model, report)
    later = later_conversion(model, intake, parity, tolerance, target_opset, device, methods)
    return Lanes(graphs, intake, model, later, program, forward=forward, device=device), report


def later_conversion(
    model: Any,
    intake: Intake,
    parity: Policy,
    tolerance: float | None,
    target_opset: Any,
    device: Where,
    methods: Methods = None,
) -> Any:
    """The conversion of the same model for another dtype of X, made and checked with the X that wants it."""

    def convert(X: Any) -> Graph | None:
        sample = plain_sample(spread(X))
        try:
            graph, _, proto = _convert(model, sample, target_opset, intake, methods)
            groups = _groups(model, graph, intake, sample) if parity else []
            report = None
            for gpu in _used(device) if parity else ():
                program = Program(graph, intake, proto, gpu=gpu)
                found = _check(model, graph, intake, program, groups, tolerance)
                report = found if report is None else report.with_other(found)
        except ConversionError:
            return None
        if report is not None and not report.ok:
            warnings.warn(
                f"X of another dtype is left to scikit-learn, for the conversion differs\n{report}",
                FallbackWarning,
                stacklevel=2,
            )
            return None
        return _sealed(graph, intake, proto, model, report)

    return convert


def _used(device: Where) -> tuple[bool, ...]:
    """The devices that may compute, the first one first: whether each is a GPU."""
    if device == "cuda":
        return (True,)
    return (False, True) if device == "auto" and no_gpu() is None else (False,)


def _convert(
    model: Any, sample: Any, target_opset: Any, intake: Intake | None, methods: Methods = None
) -> tuple[Graph, Intake, Any]:
    from sklort.conversion import convert_model
    from sklort.conversion.logarithm import append_logarithm

    if frames.kind_of(sample) == "sparse":
        raise ConversionError(
            f"X is sparse, with {sample.shape[1]:,} columns of which a row fills {sample.nnz / sample.shape[0]:,.0f}: "
            "tensors of ONNX are dense, and scikit-learn, which computes only with what is there, is faster"
        )
    conversion = convert_model(model, sample, target_opset=target_opset, methods=methods)
    if _as_read(sample, conversion.layout) is not sample:
        sample = _as_read(sample, conversion.layout)
        conversion = convert_model(model, sample, target_opset=target_opset, methods=methods)
    names = getattr(model, "feature_names_in_", None)
    fitted = tuple(str(name) for name in names) if names is not None else None
    texts = len(sample.shape) == 1
    n_features = 1 if texts else int(getattr(model, "n_features_in_", frames.width(sample)))
    inputs = _graph_inputs(conversion, fitted or frames.column_names(sample), n_features)
    forms = {}
    for method in sorted(conversion.outputs, key=(*METHODS, *ON_DEMAND).index):
        answered = attempt(model, method, frames.take_rows(sample, np.arange(min(2, frames.height(sample)))))
        if answered is None:
            raise ConversionError(f"{type(model).__name__}.{method} does not accept the rows given for conversion")
        forms[method] = Form.of(answered[0])
    outputs = {method: conversion.outputs[method] for method in forms}
    if "predict_proba" in forms and "predict_log_proba" not in forms and _is_plain_logarithm(model, sample):
        forms["predict_log_proba"] = forms["predict_proba"]
        outputs["predict_log_proba"] = append_logarithm(conversion.onnx_model, outputs["predict_proba"])
    if not forms:
        raise ConversionError(f"the conversion of {type(model).__name__} offers none of {', '.join(METHODS)}")
    if intake is None:
        acceptance = Acceptance((False,))
        if not texts:
            absent = [i for one, to in zip(conversion.inputs, inputs, strict=True) if one.missing for i in to.columns]
            few = frames.take_rows(sample, np.arange(min(8, frames.height(sample))))
            acceptance = replace(
                probe(model, cheapest(forms), sample, absent),
                whole=reads_whole(model, forms, few),
                framing="transform" in forms and answers_frames(model, few),
            )
        intake = Intake("texts" if texts else conversion.layout, inputs, n_features, fitted, acceptance)
    graph = Graph(
        _signature(sample, conversion, intake),
        b"",
        inputs,
        outputs,
        forms,
        tuple(conversion.notes),
    )
    return graph, intake, conversion.onnx_model


def _as_read(sample: Any, layout: str) -> Any:
    """`sample`, in double where a graph that reads one matrix is given a frame of nothing but whole numbers.

    As whole numbers in an array are: what the model answers to them may be whole too, and no graph gives both.
    """
    if layout != "matrix" or frames.kind_of(sample) not in ("pandas", "polars", "arrow"):
        return sample
    return sample if frames.float_columns(sample) or frames.string_columns(sample) else frames.doubles(sample)


def _is_plain_logarithm(model: Any, sample: Any) -> bool:
    """Whether the model's log-probabilities are, to the last bit, ``numpy.log`` of its probabilities.

    Models that compute them another way have more digits of those near zero, or put a number for the logarithm of 0:
    rows far away are asked for too.
    """
    if not (hasattr(model, "predict_proba") and hasattr(model, "predict_log_proba")):
        return False
    rows = frames.take_rows(sample, np.arange(min(100, frames.height(sample))))
    if len(sample.shape) == 2 and frames.kind_of(rows) == "array" and rows.dtype.kind == "f":
        rows = np.concatenate([rows, rows[:10] * rows.dtype.type(1e3)])
    plain, logarithm = attempt(model, "predict_proba", rows), attempt(model, "predict_log_proba", rows)
    if plain is None or logarithm is None:
        return False
    one, other = ([*out] if isinstance(out, list) else [out] for out in (plain[0], logarithm[0]))
    with np.errstate(divide="ignore"):
        return all(np.array_equal(np.log(a), b, equal_nan=True) for a, b in zip(one, other, strict=True))


def _graph_inputs(conversion: Any, names: tuple[str, ...] | None, n_features: int) -> tuple[GraphInput, ...]:
    if conversion.layout == "matrix":
        only = conversion.inputs[0]
        return (GraphInput(only.name, tuple(range(n_features)), np.dtype(only.dtype)),)
    where = {name: i for i, name in enumerate(names or ())}
    inputs = []
    for i, one in enumerate(conversion.inputs):
        named = one.columns is not None and all(column in where for column in one.columns)
        columns = tuple(where[column] for column in one.columns) if named else (i,)
        inputs.append(GraphInput(one.name, columns, np.dtype(one.dtype)))
    return tuple(inputs)


def _signature(sample: Any, conversion: Any, intake: Intake) -> Signature:
    """The signature under which later X of the sample's dtypes will look for this graph."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return intake.admit(frames.take_rows(sample, [0]))[0]
    except Unsure:
        return tuple(np.dtype(one.dtype).name for one in conversion.inputs)


def _groups(model: Any, graph: Graph, intake: Intake, sample: Any) -> list[tuple[str, Any]]:
    """The rows to compare: those given, and those made to break the graph."""
    sample = _as_read(sample, intake.layout)
    return [("given", sample), *adversarial_rows(model, cheapest(graph.forms), sample, intake.acceptance)]


def _check(
    model: Any,
    graph: Graph,
    intake: Intake,
    program: Program,
    groups: list[tuple[str, Any]],
    tolerance: float | None,
) -> ParityReport:
    from sklearn.base import is_classifier

    if tolerance is None:
        short = (
            any(one.dtype == np.float32 for one in graph.inputs)
            or any(form.dtype == "<f4" for form in graph.forms.values())
            or any("computed in float32" in note for note in graph.notes)
        )
        tolerance = TOLERANCE["float32" if short else "float64"]

    def converted(method: str, X: Any) -> Any:
        out = program.fast[method](X) if method in program.fast else None
        if out is not None:
            return graph.finish(method, out)
        signature, values = intake.admit(X)
        if signature != graph.signature:
            raise Unsure(f"rows of dtypes {signature}, where {graph.signature} are compared")
        return program.run(method, values)

    return compare(
        type(model).__name__,
        graph.outputs,
        lambda method, X: getattr(model, method)(X),
        converted,
        groups,
        tolerance=tolerance,
        exact=frozenset(["predict"] if is_classifier(model) else []),
    )


def _narrowed(intake: Intake, report: ParityReport | None) -> Intake | None:
    """An intake without NaN or infinities, where they are all that the graph gets wrong; else None."""
    if report is None or report.ok:
        return None
    wrong = {origin for one in report.methods for origin in one.wrong_origins}
    if not wrong <= {"NaN", "infinity", "minus infinity"}:
        return None
    taken = intake.acceptance
    if "NaN" in wrong:
        taken = replace(taken, nan=(False,) * len(taken.nan))
    if wrong - {"NaN"}:
        taken = replace(
            taken,
            limit=float(np.finfo(intake.inputs[0].dtype if intake.inputs[0].dtype.kind == "f" else np.float64).max),
        )
    return replace(intake, acceptance=taken)


def compare_hybrid(model: Any, hybrid: Any, sample: Any, tolerance: float) -> ParityReport:
    """Compare a model with one that is compiled in parts.

    Parameters
    ----------
    model : fitted estimator
    hybrid : Hybrid
    sample : rows that the model accepts
    tolerance : float
    """
    from sklearn.base import is_classifier

    method = cheapest(hybrid.methods)
    groups = [("given", sample)]
    if len(sample.shape) == 2:
        groups += adversarial_rows(model, method, sample, probe(model, method, sample))
    return compare(
        type(model).__name__,
        hybrid.methods,
        lambda method, X: getattr(model, method)(X),
        lambda method, X: hybrid.methods[method](X),
        groups,
        tolerance=tolerance,
        exact=frozenset(["predict"] if is_classifier(model) else []),
    )


def act_on(report: ParityReport | None, parity: Policy) -> None:
    if report is None or report.ok:
        return
    if parity == "warn":
        warnings.warn(f"the converted model differs from scikit-learn's\n{report}", stacklevel=6)
        return
    raise ParityError(
        f"the converted model differs from scikit-learn's (parity='warn' keeps it all the same)\n{report}", report
    )


def _sealed(graph: Graph, intake: Intake, proto: Any, model: Any, report: ParityReport | None) -> Graph:
    """The graph with its model serialised, and in the model all that is needed to be an estimator again."""
    for key, value in metadata(graph, intake, model, report).items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    return replace(graph, model=sealed(proto.SerializeToString()))
