"""`sklort inspect`: what is in a model, who runs it, and what it weighs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sklort.cli.options import AsJson, OnnxFile, Provider
from sklort.cli.output import emit, show, size, table

if TYPE_CHECKING:
    from sklort.graph.ir import Array, Graph, Node
    from sklort.session.explain import Explanation


def inspect(
    onnx: OnnxFile,
    graph: Annotated[bool, typer.Option("--graph", help="Print the graph as text, and nothing else.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the graph.", show_default=False)] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print or draw the graph that runs, after the passes, not the file's.")
    ] = False,
    provider: Provider = None,
    json: AsJson = False,
) -> None:
    """Show a model's inputs, outputs and operators, and which provider and engine runs each node, and why."""
    from sklort.cli.racing import check_here
    from sklort.graph.load import load
    from sklort.graph.text import show as text_of
    from sklort.providers.cpu import CpuProvider
    from sklort.session.inference_session import InferenceSession

    check_here(provider or ())
    session = InferenceSession(onnx, providers=provider)
    model = load(onnx, CpuProvider().operators)
    explained = session.explain()
    chosen = explained.graph if plan else model.graph
    if svg is not None:
        svg.write_text(_picture(chosen, explained), encoding="utf-8")
    if graph and not json:
        show(text_of(chosen))
        return
    found: dict[str, Any] = {
        "model": str(onnx),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opsets": {domain or "ai.onnx": version for domain, version in model.opsets.items()},
        "inputs": [{"name": one.name, "type": one.type, "shape": one.shape} for one in session.get_inputs()],
        "outputs": [{"name": one.name, "type": one.type, "shape": one.shape} for one in session.get_outputs()],
        "operators": dict(Counter(operators_of(model.graph)).most_common()),
        "nodes": [
            {"node": one.node, "provider": one.provider, "how": one.detail, "refusals": dict(one.refusals)}
            for one in explained.nodes
        ],
        "kept": list(explained.kept),
        "file_bytes": onnx.stat().st_size,
        "weights_bytes": sum(weights_of(model.graph).values()),
        "weights_bytes_by_node": weights_of(model.graph),
    }
    if json:
        emit({**found, **({"graph": text_of(chosen)} if graph else {})})
        return
    _print(onnx, found, explained)
    if svg is not None:
        show("", f"{svg} is drawn")


def _print(onnx: Path, found: dict[str, Any], explained: Explanation) -> None:
    versions = ", ".join(f"{domain} {version}" for domain, version in found["opsets"].items())
    by = f", by {found['producer']}" if found["producer"] else ""
    weights = f"{size(found['weights_bytes'])} of weights"
    show(f"{onnx}: {size(found['file_bytes'])}, {weights}{by}; {versions}", "")
    ports = [
        (kind[:-1], one["name"], one["type"], one["shape"]) for kind in ("inputs", "outputs") for one in found[kind]
    ]
    show(table(("", "name", "type", "shape"), ports), "")
    show(table(("operator", "nodes"), found["operators"].items(), right=[1]), "")
    heavy = sorted(found["weights_bytes_by_node"].items(), key=lambda pair: -pair[1])[:8]
    show(table(("weights of", "bytes"), [(name, size(count)) for name, count in heavy], right=[1]))
    more = len(found["weights_bytes_by_node"]) - len(heavy)
    show(*([f"and of {more:,} smaller ones (--json has all)"] if more else []), "")
    nodes = [(one["node"], one["provider"].removesuffix("ExecutionProvider"), _why(one)) for one in found["nodes"]]
    show(table(("what runs, after the passes", "on", "how, and why not elsewhere"), nodes))
    if explained.kept:
        show("", "kept as they are:", *(f"  {sentence}" for sentence in explained.kept))


def _why(node: dict[str, Any]) -> str:
    refusals = [
        f"not on {provider.removesuffix('ExecutionProvider')}: {why}" for provider, why in node["refusals"].items()
    ]
    return "; ".join(filter(None, [node["how"], *refusals]))


def operators_of(graph: Graph) -> list[str]:
    """The operator of each node, those of inner graphs included, as ``domain:name``."""
    found = []
    for node in graph.nodes:
        found.append(f"{node.domain}:{node.op_type}" if node.domain else node.op_type)
        for inner in node.subgraphs:
            found += operators_of(inner)
    return found


def weights_of(graph: Graph) -> dict[str, int]:
    """Bytes of the numbers and texts that each node has: its attributes, its inner graphs, the constants it reads.

    A constant counts for the node that reads it first.
    """
    left = {name: _bytes(array) for name, array in graph.constants.items()}
    found: dict[str, int] = {}
    for node in graph.nodes:
        count = sum(left.pop(name, 0) for name in node.reads) + sum(map(_bytes, _arrays(node)))
        count += sum(sum(weights_of(inner).values()) for inner in node.subgraphs)
        if count:
            found[node.label] = found.get(node.label, 0) + count
    if sum(left.values()):
        found["constants that no node reads"] = sum(left.values())
    return found


def _arrays(node: Node) -> Iterator[Array | tuple[str, ...]]:
    from sklort.graph.ir import AttributeKind

    for attribute in node.attributes.values():
        if attribute.kind in (AttributeKind.INTS, AttributeKind.FLOATS, AttributeKind.TENSOR, AttributeKind.STRINGS):
            yield attribute.value
        elif attribute.kind is AttributeKind.TENSORS:
            yield from attribute.value


def _bytes(array: Array | tuple[str, ...]) -> int:
    if isinstance(array, tuple) or array.dtype == object:
        texts = array if isinstance(array, tuple) else array.ravel()
        return sum(len(str(text).encode()) for text in texts)
    return int(array.nbytes)


def _clauses(detail: str) -> list[str]:
    return detail.replace("; ", ": ").split(": ")


def _picture(graph: Graph, explained: Explanation) -> str:
    from sklort.cli.drawing import Note, draw

    weights = weights_of(graph)
    notes = {
        one.node: Note(
            one.provider,
            tuple(filter(None, [size(weights[one.node]) if one.node in weights else "", *_clauses(one.detail)[:2]])),
            "\n".join([one.detail, *(f"{provider}: {reason}" for provider, reason in one.refusals)]),
        )
        for one in explained.nodes
    }
    return draw(graph, notes)
