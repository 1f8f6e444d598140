"""The end of a conversion: scikit-learn's shapes and dtypes at the outputs, and no node that no answer needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import (
    AttributeProto,
    GraphProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

from sklort.exceptions import ConversionError

TREE_OPSET = 5
_MAIN_OPSET = 13  # what the nodes added here are written for
_FLOATS = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float64): TensorProto.DOUBLE,
}
_OUTPUT_NAMES = {
    "predict": "label",
    "predict_proba": "probabilities",
    "decision_function": "scores",
    "transform": "transformed",
}


def output_name(method: str, *, labels: bool) -> str:
    """Name of the graph output that answers `method`."""
    if method == "predict" and not labels:
        return "prediction"
    return _OUTPUT_NAMES.get(method, method)


def finish_model(
    model: onnx.ModelProto,
    answers: Mapping[str, str],
    samples: Mapping[str, np.ndarray],
    *,
    exact: bool,
    score_column: int = -1,
) -> dict[str, str]:
    """Give the graph one output per answer, in place.

    Parameters
    ----------
    model : ModelProto
    answers : method -> graph output that holds its answer, as the converters left it
    samples : method -> what scikit-learn answers for some rows: its dtype and number of dimensions are taken over
    exact : bool
        The declared types can be trusted; otherwise answers are cast to their dtype even where the graph claims they
        have it.
    score_column : int
        Which column of a two-column score is scikit-learn's one score for two classes.

    Returns
    -------
    dict of str to str
        Method -> name of the graph output.
    """
    graph = model.graph
    graph.name = "sklort"
    origin = _drop_identities(graph)
    declared = {o.name: o.type.tensor_type for o in graph.output}
    builder = _Builder(graph)
    del graph.output[:]
    outputs: dict[str, str] = {}
    for method, tensor in answers.items():
        sample = samples[method]
        elem, name = declared[tensor].elem_type, origin(tensor)
        rank = len(declared[tensor].shape.dim)
        wanted = _FLOATS.get(sample.dtype)
        if method == "transform" and sample.dtype.kind in "iu":  # an integer X that the model leaves as it is
            wanted = TensorProto.INT64
        if sample.ndim == 1 and (rank != 1 or not exact):
            if method == "decision_function" and rank == 2:  # one column, or -d and d
                name = builder.add("Gather", [name, builder.constant(np.array([score_column], np.int64))], axis=1)
            name = builder.add("Reshape", [name, builder.constant(np.array([-1], np.int64))])
        elif sample.ndim == 2 and rank == 1:
            name = builder.add(
                "Reshape",
                [name, builder.constant(np.array([-1, sample.shape[1]], np.int64))],
            )
        if wanted is not None and elem in _FLOATS.values() and (elem != wanted or not exact):
            name, elem = builder.add("Cast", [name], to=wanted), wanted
        title = output_name(method, labels=elem in (TensorProto.INT64, TensorProto.STRING))
        outputs[method] = builder.rename(name, title)
        shape = [None] if sample.ndim == 1 else [None, sample.shape[1]]
        graph.output.append(helper.make_tensor_value_info(outputs[method], elem, shape))
    _drop_unused(graph)
    _import_versions(model)
    model.ir_version = min(model.ir_version, 10)
    return outputs


def rename_inputs(model: onnx.ModelProto, names: Mapping[str, str]) -> dict[str, str]:
    """Rename inputs of the graph in place, each to the name wished or, if that is taken, one like it.

    Returns
    -------
    dict of str to str
        Old name -> new name.
    """
    graph = model.graph
    builder = _Builder(graph)
    given = {}
    for value in graph.input:
        given[value.name] = value.name = builder.fresh(names[value.name])
    _replace(graph, lambda n: given.get(n, n))
    return given


def cast_inputs(model: onnx.ModelProto, names: Collection[str]) -> None:
    """Let float32 inputs of the graph take float64, in place: a Cast behind each of `names`."""
    graph = model.graph
    for value in graph.input:
        if value.name not in names:
            continue
        inner = _Builder(graph).fresh(f"{value.name}_float32")
        old = value.name
        _replace(graph, lambda n, old=old, inner=inner: inner if n == old else n)  # type: ignore[misc]
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
        graph.node.insert(0, helper.make_node("Cast", [old], [inner], name=f"{inner}_cast", to=TensorProto.FLOAT))


def _import_versions(model: onnx.ModelProto) -> None:
    """One import per domain; of ai.onnx.ml, the version that has TreeEnsemble where it is used."""
    used = {n.op_type for n in _each_node(model.graph) if n.domain == "ai.onnx.ml"}
    versions: dict[str, int] = {}
    for opset in model.opset_import:
        versions[opset.domain] = max(opset.version, versions.get(opset.domain, 1))
    if "TreeEnsemble" in used:
        if used & {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}:
            raise ConversionError(
                "the model has trees written by sklort (ai.onnx.ml 5) beside trees written by skl2onnx (ai.onnx.ml 3), "
                "which no version of ai.onnx.ml allows together: convert the two parts on their own"
            )
        versions["ai.onnx.ml"] = TREE_OPSET
    versions[""] = max(versions.get("", 1), _MAIN_OPSET)
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in versions.items())


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


def _replace(graph: GraphProto, new_name: Callable[[str], str]) -> None:
    """Rename the tensors nodes read, in subgraphs too."""
    for node in _each_node(graph):
        for i, name in enumerate(node.input):
            if (renamed := new_name(name)) != name:
                node.input[i] = renamed


def _drop_identities(graph: GraphProto) -> Callable[[str], str]:
    """Remove Identity nodes, and return which tensor stands for one that is gone."""
    ends = {v.name for node in graph.node for inner in _subgraphs(node) for v in inner.output}
    source: dict[str, str] = {}
    for i in range(len(graph.node) - 1, -1, -1):
        node = graph.node[i]
        if node.op_type == "Identity" and node.domain == "" and node.output[0] not in ends:
            source[node.output[0]] = node.input[0]
            del graph.node[i]

    def origin(name: str) -> str:
        while name in source:
            name = source[name]
        return name

    _replace(graph, origin)
    return origin


class _Builder:
    """Appends nodes to a finished graph under fresh names."""

    def __init__(self, graph: GraphProto) -> None:
        self.graph = graph
        self.taken = {v.name for v in graph.input} | {t.name for t in graph.initializer}
        for node in _each_node(graph):
            self.taken.update(node.output)

    def fresh(self, seed: str) -> str:
        name, n = seed, 0
        while name in self.taken:
            n += 1
            name = f"{seed}_{n}"
        self.taken.add(name)
        return name

    def constant(self, array: np.ndarray) -> str:
        name = self.fresh("shape")
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op_type: str, inputs: list[str], **attributes: Any) -> str:
        output = self.fresh(op_type.lower())
        self.graph.node.append(helper.make_node(op_type, inputs, [output], name=f"{output}_node", **attributes))
        return output

    def rename(self, name: str, title: str) -> str:
        """Call the tensor `name` `title`, as an output of the graph."""
        if name == title:
            return title
        made = {output for node in self.graph.node for output in node.output}
        if title in made and title not in {o.name for o in self.graph.output}:
            moved = self.fresh(title)
            _replace(self.graph, lambda n: moved if n == title else n)
            self._rename_output(title, moved)
        elif title in self.taken:
            title = self.fresh(title)
        self.taken.add(title)
        if name not in made or any(o.name == name for o in self.graph.output):
            self.graph.node.append(helper.make_node("Identity", [name], [title], name=f"{title}_node"))
            return title
        _replace(self.graph, lambda n: title if n == name else n)
        self._rename_output(name, title)
        return title

    def _rename_output(self, name: str, title: str) -> None:
        for node in self.graph.node:
            for i, output in enumerate(node.output):
                if output == name:
                    node.output[i] = title


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
