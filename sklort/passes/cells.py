"""What a matrix is put together from: each of its columns is a number of a graph input, scaled, or tells whether a
value of a graph input is a certain category, or how often a term is in a text, weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from sklort.graph.ir import Array, Node
from sklort.graph.types import DType

FLOATS = (DType.FLOAT, DType.DOUBLE)
SOURCES = (*FLOATS, DType.INT32, DType.INT64, DType.BOOL, DType.STRING)


@dataclass(frozen=True)
class Stage:
    """An operation on a number, in the dtype of its operands; the constants are exact in double."""

    kind: str
    dtype: DType
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class Number:
    """A column of a graph input after some stages; `dtype` is what it is by then."""

    source: str
    column: int
    came: DType
    dtype: DType
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, eq=False)
class Encoder:
    """Values of a column of a graph input that are looked up among categories."""

    source: str
    column: int
    kind: str
    categories: tuple[Any, ...]
    strict: bool
    name: str


@dataclass(frozen=True)
class Hot:
    """1 where the encoder finds its category number `at`, else 0."""

    encoder: Encoder
    at: int
    dtype: DType


@dataclass(frozen=True)
class Rank:
    """1 for the first category of the encoder, 2 for the second, and so on, 0 for none: int64."""

    encoder: Encoder
    dtype: DType = DType.INT64


@dataclass(frozen=True, eq=False)
class Bag:
    """The terms of a column of texts of a graph input, counted; then stages, of which those for each column on its own
    have an array of numbers."""

    source: str
    column: int
    case: str
    tokenizer: Node
    vectorizer: Node
    columns: int
    dtype: DType
    stages: tuple[tuple[str, Array | None], ...] = ()


class Term(NamedTuple):
    """Column `at` of a bag. There are many of them, so they are light."""

    bag: Bag
    at: int
    dtype: DType


class Terms(Sequence[Term]):
    """All columns of a bag in their order, made when they are looked at."""

    def __init__(self, bag: Bag) -> None:
        self.bag = bag

    def __len__(self) -> int:
        return self.bag.columns

    @overload
    def __getitem__(self, at: int) -> Term: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Term]: ...

    def __getitem__(self, at: int | slice) -> Term | Sequence[Term]:
        if isinstance(at, slice):
            return [self[i] for i in range(self.bag.columns)[at]]
        return Term(self.bag, range(self.bag.columns)[at], self.bag.dtype)

    def __iter__(self) -> Iterator[Term]:
        return (Term(self.bag, at, self.bag.dtype) for at in range(self.bag.columns))


Cell = Number | Hot | Rank | Term


FLAT = -1


@dataclass(frozen=True)
class Table:
    """Cells of a value of shape (n, inner, columns / inner), or (n, columns) where `inner` is 0, or one cell of a value
    of shape (n,) where it is `FLAT`."""

    cells: Sequence[Cell]
    inner: int = 0
