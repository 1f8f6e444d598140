"""The passes, in the order in which they run."""

from __future__ import annotations

from dataclasses import replace

from sklort.graph.ir import Graph, ValueInfo
from sklort.graph.types import DType, TensorType
from sklort.passes import (
    drop_identities,
    drop_noop_casts,
    drop_unused,
    fold_constants,
    fuse_cast_into_trees,
    fuse_columns_into_linear,
    fuse_dense_layers,
    fuse_isolation_forest,
    fuse_linear_model,
    fuse_nearest_neighbors,
    fuse_one_vs_rest,
    fuse_pairwise_distances,
    fuse_radial_kernels,
    merge_duplicates,
)
from sklort.passes.rule import Evaluate, Pass, Refusal, Refuses

PIPELINE: tuple[Pass, ...] = (
    drop_unused.PASS,
    fuse_isolation_forest.RULE,
    drop_noop_casts.RULE,
    drop_identities.RULE,
    merge_duplicates.RULE,
    fold_constants.RULE,
    fuse_cast_into_trees.RULE,
    fuse_pairwise_distances.RULE,
    fuse_nearest_neighbors.RULE,
    fuse_radial_kernels.RULE,
    fuse_one_vs_rest.RULE,
    fuse_linear_model.RULE,
    fuse_dense_layers.RULE,
    fuse_columns_into_linear.RULE,
    drop_unused.PASS,
)
BASIC: tuple[Pass, ...] = (
    drop_unused.PASS,
    drop_noop_casts.RULE,
    drop_identities.RULE,
    merge_duplicates.RULE,
    fold_constants.RULE,
    drop_unused.PASS,
)
"""What fuses nothing: the operators are the model's own, so that others can run what comes out."""
REQUIRED: tuple[Pass, ...] = (drop_unused.PASS,)
"""What runs when optimisation is switched off: an output that nobody asked for is never computed."""


def optimise(
    graph: Graph,
    evaluate: Evaluate | None = None,
    passes: tuple[Pass, ...] = PIPELINE,
    approximate: bool = False,
    refuses: Refuses | None = None,
) -> tuple[Graph, tuple[Refusal, ...]]:
    """Run `passes` over `graph`, then over the graphs inside its nodes.

    Parameters
    ----------
    graph : Graph
        Its outputs keep their names and order.
    evaluate : callable, optional
        Runs one node on constant inputs; without it nothing is folded.
    passes : tuple of Pass
    approximate : bool
        Run passes that are neither bitwise nor closer, too.
    refuses : callable, optional
        Why a node would run on no provider but the reference.

    Returns
    -------
    Graph, tuple of Refusal
        The graph, and where passes matched and did not fire.
    """
    refusals: list[Refusal] = []
    for step in passes:
        if step.bitwise or step.closer or approximate:
            graph, refused = step.run(graph, evaluate, refuses)
            refusals.extend(refused)
    if not any(node.subgraphs for node in graph.nodes):
        return graph, tuple(refusals)

    def inside(inner: Graph) -> Graph:
        optimised, refused = optimise(_informed(inner, graph), evaluate, passes, approximate, refuses)
        refusals.extend(refused)
        return optimised

    nodes = (node.with_subgraphs(inside) if node.subgraphs else node for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes)), tuple(refusals)


def _informed(inner: Graph, outer: Graph) -> Graph:
    """A subgraph with the constants that it captures as its own, and without the element types of its inputs: a model
    promises what callers feed, nobody holds a loop to what it declares for its body."""
    constants = {name: outer.constants[name] for name in inner.captured if name in outer.constants}

    def vague(value: ValueInfo) -> ValueInfo:
        kind = value.type
        return replace(value, type=replace(kind, dtype=DType.UNDEFINED)) if isinstance(kind, TensorType) else value

    inputs = tuple(vague(value) for value in inner.inputs)
    return replace(inner, inputs=inputs, constants={**constants, **inner.constants})
