"""Tables of terms: what may be done to all columns of a bag of words, so that nothing stays nothing.

A column of the matrix is 0 for most texts. Every stage here keeps a 0, and a NaN or an infinity is never made of one:
what is absent from a text needs no computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Attribute, AttributeKind, Node
from sklort.graph.types import DType
from sklort.passes.cells import FLOATS, Bag, Table, Term, Terms
from sklort.passes.columns import Unknown

_CASES = ("LOWER", "UPPER")
_NORMS = {"L1": "l1", "L2": "l2", "MAX": "max"}
_OPERATORS = {"multiply": np.multiply, "divide": np.divide}


def read_bag(source: str, column: int, cases: Sequence[str], tokenizer: Node, vectorizer: Node) -> Bag:
    """What a Tokenizer and a TfIdfVectorizer count; the texts have gone through those changes of case."""
    if len(cases) > 1 or any(each not in _CASES for each in cases):
        raise Unknown
    given = {name: each.value for name, each in vectorizer.attributes.items()}
    pool, indexes = given.get("pool_strings"), given.get("ngram_indexes")
    needed = ("mode", "min_gram_length", "max_gram_length", "max_skip_count", "ngram_counts")
    if pool is None or "pool_int64s" in given or indexes is None or not len(indexes):
        raise Unknown
    if any(name not in given for name in needed):
        raise Unknown
    mark, padding = tokenizer.attributes.get("mark"), tokenizer.attributes.get("pad_value")
    if padding is None:
        raise Unknown
    if mark is not None and mark.value:
        raise Unknown(f"{tokenizer.label} marks where a text begins and ends")
    if padding.value in pool:
        raise Unknown(f"{padding.value!r}, which fills short rows of {tokenizer.label}, is one of the terms")
    columns = int(max(indexes)) + 1
    case = cases[0] if cases else "NONE"
    bag = Bag(source, column, case, tokenizer, vectorizer, columns, DType.FLOAT)
    return _with_mode(bag, given["mode"], np.asarray(given.get("weights", ()), np.float32))


def _with_mode(bag: Bag, mode: str, weights: Array) -> Bag:
    stages: tuple[tuple[str, Array | None], ...] = ()
    if mode not in ("TF", "IDF", "TFIDF"):
        raise Unknown
    if mode == "IDF":
        stages = (("binary", None),)
    if mode != "TF" and weights.size:
        if weights.size < bag.columns:
            raise Unknown
        weights = weights[: bag.columns]  # by column: so do onnx's own evaluator and onnxruntime
        if not np.isfinite(weights).all():
            raise Unknown(f"a weight of {bag.vectorizer.label} is not finite")
        stages = (*stages, ("multiply", weights))
    return replace(bag, stages=stages)


def table_of(bag: Bag) -> Table:
    return Table(Terms(bag))


def whole_bag(table: Table) -> Bag | None:
    """The bag whose columns are those of the table, all of them in their order."""
    return table.cells.bag if isinstance(table.cells, Terms) and not table.inner else None


def staged(table: Table, kind: str, dtype: np.dtype[Any] | None = None, numbers: Array | None = None) -> Table:
    """With one more stage, whose constants are of `dtype`."""
    bag = whole_bag(table)
    if bag is None or bag.dtype not in FLOATS or (dtype is not None and bag.dtype.numpy != dtype):
        raise Unknown
    return table_of(replace(bag, stages=(*bag.stages, (kind, numbers))))


def weighed(table: Table, kind: str, numbers: Array) -> Table:
    """Times a number for each column, or over it."""
    if kind not in _OPERATORS:
        raise Unknown
    with np.errstate(all="ignore"):
        zeros = _OPERATORS[kind](np.zeros_like(numbers), numbers)
    if (zeros != 0).any():  # NaN among them
        raise Unknown("a factor of a term makes something of nothing")
    return staged(table, kind, numbers.dtype, numbers)


def normalized(table: Table, norm: str) -> Table:
    if norm not in _NORMS:
        raise Unknown
    return staged(table, _NORMS[norm])


def cast_bag(bag: Bag, to: DType) -> Table:
    """All its columns after a Cast; to bool and on to float: 1 for what is not 0."""
    if bag.dtype in FLOATS and to is DType.BOOL:
        bag = replace(bag, dtype=to, stages=(*bag.stages, ("binary", None)))
    elif bag.dtype is DType.FLOAT and to is DType.DOUBLE:
        bag = replace(bag, dtype=to, stages=(*bag.stages, ("widen", None)))
    elif bag.dtype is DType.FLOAT and to is DType.INT64 and all(kind == "binary" for kind, _ in bag.stages):
        bag = replace(bag, dtype=to)  # counts
    elif bag.dtype is DType.INT64 and to in FLOATS:
        stages = (*bag.stages, ("widen", None)) if to is DType.DOUBLE else bag.stages
        bag = replace(bag, dtype=to, stages=stages)
    elif bag.dtype is DType.BOOL and to is DType.FLOAT and all(kind != "widen" for kind, _ in bag.stages):
        bag = replace(bag, dtype=to)
    elif bag.dtype is not to:
        raise Unknown
    return table_of(bag)


def cast_term(cell: Term, to: DType) -> Term:
    """A Cast of one column among others: the value stays, which every float is in double."""
    if to is cell.dtype:
        return cell
    if to is not DType.DOUBLE or cell.dtype is not DType.FLOAT:
        raise Unknown
    return cell._replace(dtype=to)


def text_attributes(bags: Sequence[Bag]) -> dict[str, Attribute]:
    """How the kernel is told what to cut, count and weigh."""

    def of(node: Node, name: str, otherwise: Any) -> Any:
        found = node.attributes.get(name)
        return otherwise if found is None else found.value

    def ints(values: Sequence[Any]) -> Attribute:
        return Attribute(AttributeKind.INTS, np.array(values, np.int64))

    def strings(values: Sequence[Any]) -> Attribute:
        return Attribute(AttributeKind.STRINGS, tuple(map(str, values)))

    def lists(name: str, owner: str) -> list[list[Any]]:
        return [list(of(getattr(bag, owner), name, ())) for bag in bags]

    def joined(values: list[list[Any]]) -> list[Any]:
        return [value for each in values for value in each]

    separators, pools = lists("separators", "tokenizer"), lists("pool_strings", "vectorizer")
    starts, columns = lists("ngram_counts", "vectorizer"), lists("ngram_indexes", "vectorizer")
    limits = ("min_gram_length", "max_gram_length", "max_skip_count")
    numbers = [each for bag in bags for _, each in bag.stages if each is not None]
    return {
        "text_columns": ints([bag.column for bag in bags]),
        "text_cases": strings([bag.case for bag in bags]),
        "text_expressions": strings([of(bag.tokenizer, "tokenexp", "") for bag in bags]),
        "text_separator_counts": ints([len(each) for each in separators]),
        "text_separators": strings(joined(separators)),
        "text_least_characters": ints([of(bag.tokenizer, "mincharnum", 1) for bag in bags]),
        "text_pool_counts": ints([len(each) for each in pools]),
        "text_pools": strings(joined(pools)),
        "text_gram_start_counts": ints([len(each) for each in starts]),
        "text_gram_starts": ints(joined(starts)),
        "text_gram_counts": ints([len(each) for each in columns]),
        "text_gram_columns": ints(joined(columns)),
        "text_limits": ints([of(bag.vectorizer, name, 0) for bag in bags for name in limits]),
        "text_stages": strings([" ".join(kind for kind, _ in bag.stages) for bag in bags]),
        "text_stage_numbers": Attribute(
            AttributeKind.TENSOR, np.concatenate([np.zeros(0), *numbers]).astype(np.float64)
        ),
    }
