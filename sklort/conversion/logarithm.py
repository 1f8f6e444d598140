"""One more output: the logarithm of the probabilities, for models whose log-probabilities are just that."""

from __future__ import annotations

import onnx
from onnx import helper

NAME = "log_probabilities"


def append_logarithm(model: onnx.ModelProto, source: str) -> str:
    """Give the graph an output with the logarithms of its output `source`, in place; returns its name."""
    graph = model.graph
    taken = {value.name for value in (*graph.input, *graph.output)} | {one for n in graph.node for one in n.output}
    name = NAME
    while name in taken:
        name += "_"
    (given,) = (value for value in graph.output if value.name == source)
    graph.node.append(helper.make_node("Log", [source], [name], name=name))
    added = graph.output.add()
    added.CopyFrom(given)
    added.name = name
    return name
