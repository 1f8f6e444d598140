"""A linear model of columns that are put together for it alone reads them where they come from.

``link(M W + b)`` where each column of M is a number of a graph input after scaling and imputing, or tells whether a
value is a certain category (OneHotEncoder), becomes one ``ai.sklort.LinearModel`` of the graph's inputs:

- numbers are gathered and scaled a block of rows at a time, by the operations of the graph in their order and dtypes;
- a column of categories chooses a row of W, which is added: ``sum_c [x = c] W_c = W_x``. The dense matrix with its
  zeros is never made. Categories that are dropped, and values that are none, choose zeros; encoders that raise still
  do;
- a column of texts, cut into tokens, counted, weighed and normalised (CountVectorizer, TfidfVectorizer), becomes a list
  of the terms that are in the text; each chooses a row of W, which is multiplied with its value and added. What a text
  does not contain costs nothing. Values are rounded where the graph rounds them, but for norms, whose terms are added
  up in the order in which the text has them.

Not bitwise: the numbers are added up first, then the bias, then the categories, one column after the other, then the
terms of one text after the other. That order
is the kernel's own, as in every matrix product. Where all columns are numbers in their order, it is the one of before.
Nothing below which a tree stands is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sklort.graph.ir import OWN_DOMAIN, Array, Attribute, AttributeKind, Node
from sklort.graph.types import DType
from sklort.passes.cells import FLAT, FLOATS, Bag, Cell, Encoder, Hot, Number, Rank, Term
from sklort.passes.columns import ML, Unknown
from sklort.passes.linear import Linear
from sklort.passes.read_linear import read_linear
from sklort.passes.rule import Edit, Facts, Found, Rule
from sklort.passes.terms import text_attributes
from sklort.passes.trace_cells import Cells

_ROOTS = {(ML, "LinearClassifier"), (ML, "LinearRegressor"), ("", "MatMul"), ("", "Gemm"), (OWN_DOMAIN, "LinearModel")}
_MOST = 1 << 20
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
        cells = tuple(trace.matrix(node.inputs[0]))
    except Unknown as unknown:
        if not unknown.args:
            return None
        facts.memo[id(node)] = str(unknown)
        return (node,)
    dtypes = {cell.dtype for cell in cells}
    linear = read_linear(node, facts, dtypes.pop()) if len(dtypes) == 1 else None
    if linear is None or len(cells) != linear.weights.shape[0] or len(cells) > _MOST:
        return None
    facts.memo[id(node)] = _Plan(linear, cells, trace)
    return (node, *trace.cone.values(), *linear.consumed)


def _unless(found: Found, facts: Facts) -> str | None:
    node = found[0]
    plan: _Plan | str = facts.memo[id(node)]
    if isinstance(plan, str):
        return plan
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
    finite = np.asarray(np.isfinite(plan.linear.weights).all(axis=1))
    for bag in plan.trace.bags:
        if facts.refuses is not None and (reason := facts.refuses(bag.tokenizer)) is not None:
            return f"{bag.tokenizer.label} runs elsewhere: {reason}"
    for cell, is_finite in zip(plan.cells, finite, strict=True):
        if isinstance(cell, Hot | Term):
            what, of = ("category", cell.encoder) if isinstance(cell, Hot) else ("term", cell.bag)
            if not is_finite:
                return f"a weight of a {what} is not finite"
            if (id(of), cell.at) in seen:
                return f"a {what} is there twice"
            seen.add((id(of), cell.at))
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
    texts, terms = _texts(plan.cells, sources)
    rows = np.concatenate([weights[order], *tables, weights[terms]]).astype(weights.dtype)
    linear = replace(plan.linear, weights=rows)
    widths = {"source_widths": _ints([_width(plan.trace, name) for name in sources])}
    fused, constants = linear.as_node(sources, facts, {**widths, **numbers, **categories, **texts})
    return Edit(drop=tuple(consumed), swap={id(node): fused}, constants=constants)


def _source(cell: Cell) -> str:
    if isinstance(cell, Hot | Rank):
        return cell.encoder.source
    return cell.bag.source if isinstance(cell, Term) else cell.source


def _width(trace: Cells, name: str) -> int:
    """The columns of a source, -1 where it has one dimension."""
    table = trace.table(name)
    return FLAT if table.inner == FLAT else len(table.cells)


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


def _texts(cells: Sequence[Cell], sources: list[str]) -> tuple[dict[str, Attribute], list[int]]:
    """The attributes of the texts, if there are any, and their columns in the order of the kernel: bag after bag."""
    bags: dict[int, Bag] = {}
    columns: dict[int, list[int]] = {}
    for at, cell in enumerate(cells):
        if isinstance(cell, Term):
            bags[id(cell.bag)] = cell.bag
            columns.setdefault(id(cell.bag), []).append(at)
    those = list(bags.values())
    if not those:
        return {}, []
    attributes = text_attributes(those)
    attributes["text_sources"] = _ints([sources.index(bag.source) for bag in those])
    attributes["text_row_counts"] = _ints([len(each) for each in columns.values()])
    rows = [_rows(bag, [cells[at] for at in columns[id(bag)]]) for bag in those]
    attributes["text_rows"] = _ints([row for each in rows for row in each])
    return attributes, [at for each in columns.values() for at in each]


def _rows(bag: Bag, chosen: Sequence[Cell]) -> list[int]:
    """For each column of the bag where it stands among those chosen, -1 for the others."""
    rows = [-1] * bag.columns
    for row, cell in enumerate(chosen):
        if isinstance(cell, Term):
            rows[cell.at] = row
    return rows


RULE = Rule(
    "fuse_columns_into_linear",
    _match,
    _unless,
    _make,
    bitwise=False,
    closer=True,
    makes=frozenset({(OWN_DOMAIN, "LinearModel")}),
)
