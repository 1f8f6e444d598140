"""A linear model of columns that are put together for it alone reads them where they come from.

``link(M W + b)`` where each column of M is a number of a graph input after scaling and imputing, or tells whether a
value is a certain category (OneHotEncoder), becomes one ``ai.sklort.LinearModel`` of the graph's inputs:

- numbers are gathered and scaled a block of rows at a time, by the operations of the graph in their order and dtypes;
- a column of categories chooses a row of W, which is added: ``sum_c [x = c] W_c = W_x``. The dense matrix with its
  zeros is never made. Categories that are dropped, and values that are none, choose zeros; encoders that raise still
  do.

Not bitwise: the numbers are added up first, then the bias, then the categories, one column after the other. That order
is the kernel's own, as in every matrix product. Where all columns are numbers in their order, it is the one of before.
Nothing below which a tree stands is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Attribute, AttributeKind, Node
from sklort.graph.types import DType
from sklort.passes.cells import FLOATS, Cell, Cells, Encoder, Hot, Number
from sklort.passes.columns import ML, Unknown
from sklort.passes.linear import Linear
from sklort.passes.read_linear import read_linear
from sklort.passes.rule import Edit, Facts, Found, Rule

_ROOTS = {(ML, "LinearClassifier"), (ML, "LinearRegressor"), ("", "MatMul"), ("", "Gemm"), (OWN_DOMAIN, "LinearModel")}
_MOST = 1 << 16
"""Columns of a matrix that is followed."""


@dataclass(frozen=True, eq=False)
class _Plan:
    linear: Linear
    cells: tuple[Cell, ...]
    trace: Cells


def _match(node: Node, facts: Facts) -> Found | None:
    if (node.domain, node.op_type) not in _ROOTS or not node.inputs or node.inputs[0] not in facts.maker:
        return None
    if "number_sources" in node.attributes:
        return None
    trace = Cells(facts)
    try:
        cells = trace.matrix(node.inputs[0])
    except Unknown:
        return None
    dtypes = {cell.dtype for cell in cells}
    linear = read_linear(node, facts, dtypes.pop()) if len(dtypes) == 1 else None
    if linear is None or len(cells) != linear.weights.shape[0] or len(cells) > _MOST:
        return None
    facts.memo[id(node)] = _Plan(linear, cells, trace)
    return (node, *trace.cone.values(), *linear.consumed)


def _unless(found: Found, facts: Facts) -> str | None:
    node = found[0]
    plan: _Plan = facts.memo[id(node)]
    inside = {id(each) for each in found}
    for each in plan.trace.cone.values():
        for name in each.outputs:
            if name in facts.outputs or name in facts.captured:
                return f"{name!r} is needed besides"
            if any(id(reader) not in inside for reader in facts.readers.get(name, [])):
                return f"{name!r} is needed besides"
    dtype = plan.linear.weights.dtype
    used = {id(cell.encoder) for cell in plan.cells if isinstance(cell, Hot)}
    if any(id(encoder) not in used for encoder in plan.trace.strict):
        return "an encoder that may raise is not among the columns"
    seen: set[tuple[int, int]] = set()
    for cell, row in zip(plan.cells, plan.linear.weights, strict=True):
        if isinstance(cell, Hot):
            if not np.isfinite(row).all():
                return "a weight of a category is not finite"
            if (id(cell.encoder), cell.at) in seen:
                return "a category is there twice"
            seen.add((id(cell.encoder), cell.at))
        elif not isinstance(cell, Number) or cell.dtype not in FLOATS:
            return "a column is no number"
        elif _steps(cell, dtype) is None:
            return f"{cell.source!r} is scaled in a dtype that {dtype} does not hold"
    tree = facts.tree_below(node)
    return f"{tree.label} compares what is computed from it" if tree else None


def _steps(cell: Number, dtype: np.dtype[np.generic]) -> list[tuple[str, tuple[float, ...]]] | None:
    """The stages as a kernel that computes in `dtype` runs them, None when it would round otherwise.

    A sum, difference, product or quotient of floats taken in double and then rounded is that of the operation in
    float: double has more than twice its digits.
    """
    stages = list(cell.stages)
    if dtype == np.float32:
        # Reading the source rounds it, once and at first.
        if stages and stages[0].kind == "round":
            stages.pop(0)
        elif cell.came is not DType.FLOAT:
            return None
        if any(stage.dtype is not DType.FLOAT or stage.kind == "round" for stage in stages):
            return None
        return [(stage.kind, stage.numbers) for stage in stages]
    steps: list[tuple[str, tuple[float, ...]]] = []
    for at, stage in enumerate(stages):
        if stage.kind == "round":
            if cell.came is DType.INT64 and at == 0:
                return None  # int64 to float rounds once, not twice
            if stage.dtype is DType.FLOAT:
                steps.append(("round", ()))
            continue
        steps.append((stage.kind, stage.numbers))
        if stage.dtype is DType.FLOAT and stage.kind in ("subtract", "add", "multiply", "divide"):
            steps.append(("round", ()))
    return steps


def _make(found: Found, facts: Facts) -> Edit:
    node, *consumed = found
    plan: _Plan = facts.memo[id(node)]
    weights = plan.linear.weights
    sources = list(dict.fromkeys(_source(cell) for cell in plan.cells))
    numbers, order = _numbers(plan.cells, sources, weights.dtype)
    categories, tables = _categories(plan.cells, sources, weights)
    linear = replace(plan.linear, weights=np.concatenate([weights[order], *tables]).astype(weights.dtype))
    widths = {"source_widths": _ints([len(plan.trace.matrix(name)) for name in sources])}
    fused, constants = linear.as_node(sources, facts, {**widths, **numbers, **categories})
    return Edit(drop=tuple(consumed), swap={id(node): fused}, constants=constants)


def _source(cell: Cell) -> str:
    return cell.source if isinstance(cell, Number) else cell.encoder.source


def _ints(values: Sequence[int]) -> Attribute:
    return Attribute(AttributeKind.INTS, np.array(values, np.int64))


def _numbers(
    cells: Sequence[Cell], sources: list[str], dtype: np.dtype[np.generic]
) -> tuple[dict[str, Attribute], list[int]]:
    """The attributes of the numbers, and their columns in the order of the kernel: those of like stages together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    steps: dict[int, list[tuple[str, tuple[float, ...]]]] = {}
    for at, cell in enumerate(cells):
        if isinstance(cell, Number):
            steps[at] = _steps(cell, dtype) or []
            groups.setdefault(tuple(kind for kind, _ in steps[at]), []).append(at)
    order = [at for group in groups.values() for at in group]
    chosen = [cell for at in order if isinstance(cell := cells[at], Number)]
    constants: list[float] = []
    for kinds, group in groups.items():
        for stage, kind in enumerate(kinds):
            for number in range(2 if kind == "fill_equal" else 0 if kind == "round" else 1):
                constants.extend(steps[at][stage][1][number] for at in group)
    return {
        "group_widths": _ints([len(group) for group in groups.values()]),
        "group_stages": Attribute(AttributeKind.STRINGS, tuple(" ".join(kinds) for kinds in groups)),
        "number_sources": _ints([sources.index(cell.source) for cell in chosen]),
        "number_columns": _ints([cell.column for cell in chosen]),
        "stage_numbers": Attribute(AttributeKind.TENSOR, np.array(constants, np.float64)),
    }, order


def _categories(cells: Sequence[Cell], sources: list[str], weights: Array) -> tuple[dict[str, Attribute], list[Array]]:
    """The attributes of the categories, and for each encoder a row of weights for each of its categories."""
    encoders: dict[int, Encoder] = {}
    tables: dict[int, Array] = {}
    for at, cell in enumerate(cells):
        if isinstance(cell, Hot):
            encoder = encoders.setdefault(id(cell.encoder), cell.encoder)
            empty = np.zeros((len(encoder.categories), weights.shape[1]), weights.dtype)
            tables.setdefault(id(encoder), empty)[cell.at] = weights[at]
    those = list(encoders.values())

    def values(*kinds: str) -> list[object]:
        return [value for each in those if each.kind in kinds for value in each.categories]

    return {
        "category_sources": _ints([sources.index(each.source) for each in those]),
        "category_columns": _ints([each.column for each in those]),
        "category_counts": _ints([len(each.categories) for each in those]),
        "category_strict": _ints([int(each.strict) for each in those]),
        "category_kinds": Attribute(AttributeKind.STRINGS, tuple(each.kind for each in those)),
        "category_names": Attribute(AttributeKind.STRINGS, tuple(each.name for each in those)),
        "category_integers": Attribute(AttributeKind.INTS, np.array(values("integer", "whole"), np.int64)),
        "category_numbers": Attribute(AttributeKind.TENSOR, np.array(values("number"), np.float64)),
        "category_texts": Attribute(AttributeKind.STRINGS, tuple(map(str, values("text")))),
    }, list(tables.values())


RULE = Rule(
    "fuse_columns_into_linear",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "LinearModel")}),
)
