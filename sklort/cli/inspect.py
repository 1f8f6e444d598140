"""`sklort inspect`: what is in a model, and who runs it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sklort.cli.options import AsJson, OnnxFile
from sklort.cli.output import emit, show, size, table

if TYPE_CHECKING:
    from sklort.graph.ir import Graph


def inspect(onnx: OnnxFile, json: AsJson = False) -> None:
    """Show a model's inputs, outputs and operators, and which provider and engine runs each node, and why."""
    from sklort.graph.load import load
    from sklort.session.inference_session import InferenceSession

    session = InferenceSession(onnx)
    model = load(onnx, ())
    explained = session.explain()
    operators = Counter(operators_of(model.graph))
    found: dict[str, Any] = {
        "model": str(onnx),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opsets": {domain or "ai.onnx": version for domain, version in model.opsets.items()},
        "inputs": [{"name": one.name, "type": one.type, "shape": one.shape} for one in session.get_inputs()],
        "outputs": [{"name": one.name, "type": one.type, "shape": one.shape} for one in session.get_outputs()],
        "operators": dict(operators.most_common()),
        "nodes": [
            {"node": one.node, "provider": one.provider, "how": one.detail, "refusals": dict(one.refusals)}
            for one in explained.nodes
        ],
        "kept": list(explained.kept),
        "file_bytes": onnx.stat().st_size,
    }
    if json:
        emit(found)
        return
    ports = [
        (kind[:-1], one["name"], one["type"], one["shape"]) for kind in ("inputs", "outputs") for one in found[kind]
    ]
    show(f"{onnx}: {size(found['file_bytes'])}, by {found['producer'] or 'an unnamed producer'}", "")
    show(table(("", "name", "type", "shape"), ports), "")
    show(table(("operator", "nodes"), operators.most_common(), right=[1]), "")
    show(str(explained))


def operators_of(graph: Graph) -> list[str]:
    """The operator of each node, those of inner graphs included, as ``domain:name``."""
    found = []
    for node in graph.nodes:
        found.append(f"{node.domain}:{node.op_type}" if node.domain else node.op_type)
        for inner in node.subgraphs:
            found += operators_of(inner)
    return found
