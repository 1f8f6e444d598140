"""A rule is shown to fire, to keep still for each of its reasons, to keep results, and to come to rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklort.graph.check import check_graph
from sklort.graph.ir import Graph, ValueInfo
from sklort.graph.text import parse
from sklort.passes.rule import Pass
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.reference import ReferenceProvider, evaluate
from sklort.session.inference_session import InferenceSession
from sklort.session.options import GraphOptimizationLevel, SessionOptions

HEADER = '<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 5]>'


def graph_of(inputs: str, outputs: str, body: str, constants: str = "") -> Graph:
    """The graph of a model in ONNX text; `constants` are initialisers, for example ``float[2] c = {1, 2}``."""
    initializers = f"<{constants}>" if constants else ""
    return parse(f"{HEADER} g ({inputs}) => ({outputs}) {initializers} {{ {body} }}").graph


def run(graph: Graph, feed: dict[str, Any]) -> list[Any]:
    """The graph's outputs by the reference provider alone, as computed."""
    bare = replace(graph, outputs=tuple(ValueInfo(value.name, None) for value in graph.outputs))
    providers = [ReferenceProvider()]
    runner = compile_plan(make_plan(bare, providers, passes=()), providers)
    return runner.run([feed[value.name] for value in graph.inputs])


def fires_once(rule: Pass, graph: Graph) -> Graph:
    """The graph after `rule`, checked: legal, with the same outputs, unchanged by a second run."""
    changed, _ = rule.run(graph, evaluate)
    assert changed is not graph
    check_graph(changed)
    assert [value.name for value in changed.outputs] == [value.name for value in graph.outputs]
    again, _ = rule.run(changed, evaluate)
    assert again is changed
    return changed


def fires(rule: Pass, graph: Graph, feed: dict[str, Any]) -> Graph:
    """The graph after `rule`, checked: legal, same outputs to the bit, unchanged by a second run."""
    changed = fires_once(rule, graph)
    for old, new in zip(run(graph, feed), run(changed, feed)):
        assert np.asarray(new).dtype == np.asarray(old).dtype
        np.testing.assert_array_equal(new, old)
    return changed


def keeps(rule: Pass, graph: Graph) -> str:
    """The reason why `rule` leaves `graph` as it is."""
    same, refusals = rule.run(graph, evaluate)
    assert same is graph
    assert len(refusals) == 1, refusals
    return refusals[0].reason


def ops(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


__all__ = ["fires", "fires_once", "graph_of", "keeps", "ops", "run"]


def plain(proto: Any) -> InferenceSession:
    """A session that runs the model as it is written."""
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    return InferenceSession(proto, options)


def kinds(session: InferenceSession) -> list[str]:
    """The operators of its plan."""
    return [node.node.split(" ")[0] for node in session.explain().nodes]
