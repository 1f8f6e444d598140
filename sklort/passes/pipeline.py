"""The passes, in the order in which they run."""

from __future__ import annotations

from sklort.graph.ir import Graph
from sklort.passes import (
    drop_identities,
    drop_noop_casts,
    drop_unused,
    fold_constants,
    fuse_cast_into_trees,
    merge_duplicates,
)
from sklort.passes.rule import Evaluate, Pass, Refusal

PIPELINE: tuple[Pass, ...] = (
    drop_unused.PASS,
    drop_noop_casts.RULE,
    drop_identities.RULE,
    merge_duplicates.RULE,
    fold_constants.RULE,
    fuse_cast_into_trees.RULE,
    drop_unused.PASS,
)
REQUIRED: tuple[Pass, ...] = (drop_unused.PASS,)
"""What runs when optimisation is switched off: an output that nobody asked for is never computed."""


def optimise(
    graph: Graph, evaluate: Evaluate | None = None, passes: tuple[Pass, ...] = PIPELINE, approximate: bool = False
) -> tuple[Graph, tuple[Refusal, ...]]:
    """Run `passes` over `graph`.

    Parameters
    ----------
    graph : Graph
        Its outputs keep their names and order.
    evaluate : callable, optional
        Runs one node on constant inputs; without it nothing is folded.
    passes : tuple of Pass
    approximate : bool
        Run passes that are not bitwise, too.

    Returns
    -------
    Graph, tuple of Refusal
        The graph, and where passes matched and did not fire.
    """
    refusals: list[Refusal] = []
    for step in passes:
        if step.bitwise or approximate:
            graph, refused = step.run(graph, evaluate)
            refusals.extend(refused)
    return graph, tuple(refusals)
