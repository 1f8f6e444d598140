"""An estimator that no converter of ours writes: skl2onnx writes it alone, and its nodes are taken over.

skl2onnx sees one matrix and one estimator. Where it refuses float64, the estimator alone is computed in float32. Its
answers are brought to scikit-learn's shapes, and to the dtypes it declares for them, which its operators do not always
give.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, NodeProto
from skl2onnx import convert_sklearn, get_model_alias
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from sklort.conversion.reasons import NOT_CONVERTED
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import DOUBLE, ELEMENTS, FLOAT, STRING, Answers, Writer
from sklort.exceptions import ConversionError

_HIGHEST_ML = 3  # skl2onnx writes no later version of ai.onnx.ml
_TYPES = {FLOAT: FloatTensorType, DOUBLE: DoubleTensorType, STRING: StringTensorType}
_DTYPES = {element: dtype for dtype, element in ELEMENTS.items()}


def write_foreign(writer: Writer) -> Answers:
    """The answers of `writer.model`, written by skl2onnx.

    Raises
    ------
    ConversionError
        skl2onnx does not know the estimator, or refuses it.
    """
    model = writer.model
    _refuse_unknown(model)
    if isinstance(getattr(model, "classes_", None), list):
        raise ConversionError(f"{writer.where} predicts several outputs of classes: fit one classifier per output")
    rows = writer.matrix()
    if rows.dtype not in _TYPES:
        rows = rows.astype(DOUBLE)
    attempts = [rows.dtype, FLOAT] if rows.dtype == DOUBLE else [rows.dtype]
    first: Exception | None = None
    for dtype in attempts:
        try:
            proto = _run_skl2onnx(model, dtype, rows.width, writer.graph.opsets)
        except ConversionError:
            raise
        except Exception as error:  # noqa: BLE001 - skl2onnx raises anything, AssertionError included
            first = first or error
            continue
        writer.graph.theirs.add(writer.where)
        if dtype != rows.dtype:
            writer.graph.narrowed.add(writer.where)
        return _answers(writer, _splice(writer, proto, rows.astype(dtype)), rows.dtype)
    reason = str(first).strip().splitlines()[0][:300] if str(first).strip() else type(first).__name__
    raise ConversionError(
        f"skl2onnx cannot convert {writer.where} ({type(first).__name__}: {reason}): "
        "convert the model without this step, and apply it before"
    ) from first


def _refuse_unknown(model: Any) -> None:
    if isinstance(model, str):
        raise ConversionError(f"step {model!r} is not an estimator")
    name = type(model).__name__
    if type(model).__module__.startswith("sklearn.") and name in NOT_CONVERTED:
        raise ConversionError(f"{name} has no ONNX form: {NOT_CONVERTED[name]}")
    try:
        get_model_alias(type(model))
    except RuntimeError:
        if not hasattr(model, "onnx_converter"):
            raise ConversionError(
                f"{name} has no converter to ONNX, here or in skl2onnx: "
                "replace this step, or apply it before the model that is converted"
            ) from None


def _run_skl2onnx(model: Any, dtype: np.dtype, width: int | None, opsets: dict[str, int]) -> onnx.ModelProto:
    width = width if width is not None else getattr(model, "n_features_in_", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto: onnx.ModelProto = convert_sklearn(
            model,
            initial_types=[("X", _TYPES[dtype]([None, width]))],
            target_opset={**opsets, "ai.onnx.ml": min(opsets["ai.onnx.ml"], _HIGHEST_ML)},
            options=_options(model),
        )
    return proto


def _options(model: Any) -> dict[Any, Any] | None:
    """Arrays rather than maps, and sample scores."""
    from skl2onnx.common._registration import _converter_pool

    try:
        allowed = set(_converter_pool[get_model_alias(type(model))].get_allowed_options() or ())
    except (RuntimeError, KeyError, ValueError):
        return None
    options: dict[str, Any] = {}
    if is_classifier(model) and "zipmap" in allowed:
        options["zipmap"] = False
    if is_outlier_detector(model) and "score_samples" in allowed:
        options["score_samples"] = True
    return {id(model): options} if options else None


def _methods(model: Any) -> tuple[str, ...]:
    """Which method each output of skl2onnx's graph answers."""
    if is_classifier(model):
        return ("predict", "predict_proba" if hasattr(model, "predict_proba") else "decision_function")
    if is_regressor(model):
        return ("predict",)
    if is_outlier_detector(model):
        return ("predict", "decision_function", "score_samples")
    if is_clusterer(model):
        return ("predict", "transform")
    if hasattr(model, "predict_proba"):  # mixtures
        return ("predict", "predict_proba")
    return ("predict",) if hasattr(model, "predict") and not hasattr(model, "transform") else ("transform",)


def _answers(writer: Writer, outputs: list[Tensor], came: np.dtype) -> Answers:
    model = writer.model
    answers: dict[str, Tensor] = {}
    for method, output in zip(_methods(model), outputs, strict=False):
        tensor = output
        if tensor.dtype == FLOAT and came == DOUBLE:
            tensor = tensor.astype(DOUBLE)
        flat = method in ("predict", "score_samples") and not is_regressor(model)
        if method == "decision_function" and len(getattr(model, "classes_", (0, 1))) <= 2:
            if is_classifier(model):  # one column, or -d and d
                tensor = tensor.take([-1])
            flat = True
        answers[method] = tensor.flat() if flat else tensor
    return answers


def _splice(writer: Writer, model: onnx.ModelProto, rows: Tensor) -> list[Tensor]:
    """The nodes of `model` fed with `rows`, under names of their own; its outputs."""
    if len(model.functions) or len(model.graph.input) != 1:
        raise ConversionError(f"{writer.where}: skl2onnx writes functions, or several inputs, for this estimator")
    graph = writer.graph
    prefix = graph.fresh(writer.where)
    names = {model.graph.input[0].name: rows.name, "": ""}

    def renamed(name: str) -> str:
        return names.setdefault(name, f"{prefix}.{name}")

    for tensor in model.graph.initializer:
        graph.proto.initializer.add().CopyFrom(tensor)
        graph.proto.initializer[-1].name = renamed(tensor.name)
    for node in model.graph.node:
        if node.op_type == "Identity" and not node.domain:
            names[node.output[0]] = renamed(node.input[0])
            continue
        added = graph.proto.node.add()
        added.CopyFrom(node)
        _rename_node(added, renamed)
        added.name = graph.fresh(f"n_{node.op_type}")
        graph.domains.add("" if node.domain == "ai.onnx" else node.domain)
    outputs = []
    for value in model.graph.output:
        dtype = _DTYPES.get(value.type.tensor_type.elem_type)
        if dtype is None:
            raise ConversionError(f"{writer.where}: skl2onnx gives {value.name!r} a type that no method answers with")
        name = renamed(value.name)
        if dtype.kind == "f":  # declared, which does not mean that the operator gives it
            name = writer.node("Cast", [name], to=ELEMENTS[dtype])
        outputs.append(Tensor(writer, name, dtype))
    return outputs


def _rename_node(node: NodeProto, renamed: Any) -> None:
    for names in (node.input, node.output):
        names[:] = [renamed(name) for name in names]
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
        for graph in graphs:
            _rename_graph(graph, renamed)


def _rename_graph(graph: GraphProto, renamed: Any) -> None:
    for values in (graph.input, graph.output, graph.value_info, graph.initializer):
        for value in values:
            value.name = renamed(value.name)
    for node in graph.node:
        _rename_node(node, renamed)
