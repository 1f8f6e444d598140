"""The end of a conversion: scikit-learn's shapes and dtypes at the outputs, and no node that no answer needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, NodeProto, helper

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import ELEMENTS, INT64, STRING, Graph, Writer
from sklort.exceptions import ConversionError

TREE_OPSET = 5
_HIGHEST_IR = 10
_OUTPUT_NAMES = {
    "predict": "label",
    "predict_proba": "probabilities",
    "predict_log_proba": "log_probabilities",
    "decision_function": "scores",
    "transform": "transformed",
}


def output_name(method: str, *, labels: bool) -> str:
    """Name of the graph output that answers `method`."""
    if method == "predict" and not labels:
        return "prediction"
    return _OUTPUT_NAMES.get(method, method)


def finish_model(
    graph: Graph, answers: Mapping[str, Any], samples: Mapping[str, Any]
) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The model of `graph`, with one output per answer.

    Parameters
    ----------
    graph : Graph
    answers : method -> Tensor, or list of them
    samples : method -> what scikit-learn answers for some rows: its dtype and number of dimensions are taken over

    Returns
    -------
    model : ModelProto
    outputs : method -> name of the graph output
    """
    writer = Writer(graph, None, [])
    proto = graph.proto
    proto.name = "sklort"
    shaped = {method: _as_sample(writer, method, answers[method], sample) for method, sample in samples.items()}
    outputs: dict[str, str] = {}
    titles: dict[str, str] = {}
    made = {name for node in proto.node for name in node.output}
    for method, tensor in shaped.items():
        title = graph.free(output_name(method, labels=tensor.dtype in (INT64, STRING)))
        if tensor.name in made and tensor.name not in titles:
            titles[tensor.name] = title
        else:
            proto.node.append(helper.make_node("Identity", [tensor.name], [title], name=graph.fresh("n_Identity")))
        outputs[method] = title
        proto.output.append(helper.make_tensor_value_info(title, ELEMENTS[tensor.dtype], _shape(samples[method])))
    for node in _each_node(proto):
        node.input[:] = [titles.get(n, n) for n in node.input]
        node.output[:] = [titles.get(n, n) for n in node.output]
    _drop_unused(proto)
    model = graph.model
    model.ir_version = min(onnx.IR_VERSION, _HIGHEST_IR)
    model.producer_name = "sklort"
    model.opset_import.extend(_imports(graph))
    return model, outputs


def _as_sample(writer: Writer, method: str, answer: Any, sample: Any) -> Tensor:
    if isinstance(sample, list):
        return _stacked(writer, answer, sample)
    tensor: Tensor = answer
    if tensor.dtype != STRING and (method != "predict" or tensor.dtype.kind == "f"):
        wanted = INT64 if sample.dtype.kind in "iu" else sample.dtype
        tensor = tensor.astype(wanted) if wanted in ELEMENTS and wanted != STRING else tensor
    if method == "predict" and sample.ndim == 1 and tensor.dtype.kind == "f":
        tensor = tensor.flat()
    return tensor


def _stacked(writer: Writer, answer: list[Tensor], sample: list[np.ndarray]) -> Tensor:
    """A list of (n, k) as one (outputs, n, largest k), of their common dtype, filled up with zeros on the right."""
    common = np.result_type(*sample)
    widest = max(part.shape[1] for part in sample)
    layers = []
    for tensor, part in zip(answer, sample, strict=True):
        tensor = tensor.astype(common)
        if part.shape[1] < widest:
            place = np.arange(widest)
            filled = tensor.take(np.minimum(place, part.shape[1] - 1))
            tensor = writer.tensor(place < part.shape[1]).where(filled, np.zeros((), common))
        layers.append(tensor.reshape(1, -1, widest))
    return layers[0].concat(*layers[1:], axis=0) if len(layers) > 1 else layers[0]


def _shape(sample: Any) -> list[int | None]:
    if isinstance(sample, list):
        return [len(sample), None, max(part.shape[1] for part in sample)]
    return [None, *sample.shape[1:]]


def _imports(graph: Graph) -> list[onnx.OperatorSetIdProto]:
    """One import per domain; of ai.onnx.ml, the version that has the trees that are used."""
    used = {n.op_type for n in _each_node(graph.proto) if n.domain == "ai.onnx.ml"}
    versions = {domain: graph.opsets.get(domain, 1) for domain in sorted(graph.domains)}
    if used & {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}:
        if "TreeEnsemble" in used:
            raise ConversionError(
                "the model has trees written by sklort (ai.onnx.ml 5) beside trees written by skl2onnx (ai.onnx.ml 3), "
                "which no version of ai.onnx.ml allows together: convert the two parts on their own"
            )
        versions["ai.onnx.ml"] = min(versions["ai.onnx.ml"], 3)
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def _subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from attribute.graphs


def _each_node(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for inner in _subgraphs(node):
            yield from _each_node(inner)


def _drop_unused(graph: GraphProto) -> None:
    """Remove nodes, initializers and inputs that no output needs."""
    needed = {o.name for o in graph.output}
    for i in range(len(graph.node) - 1, -1, -1):
        node = graph.node[i]
        if not needed.intersection(node.output):
            del graph.node[i]
            continue
        needed.update(node.input)
        for inner in _subgraphs(node):
            needed.update(name for n in _each_node(inner) for name in n.input)
            needed.update(o.name for o in inner.output)
    for field in (graph.initializer, graph.input):
        for i in range(len(field) - 1, -1, -1):
            if field[i].name not in needed:
                del field[i]
