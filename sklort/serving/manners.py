"""What a saved estimator refuses, and what it reads as missing, where types and shapes are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklort.estimator.inputs import Intake
from sklort.exceptions import BadRequest
from sklort.graph.missing import NAN, NONE, WORDS
from sklort.serving.tensors import Array

Where = Callable[[int, int, int], str]
"""The name of a value by its input, row and column."""

STANDS_FOR = "a string that stands for a missing one: null says that"


class Gap(NamedTuple):
    """A missing value among strings.

    Attributes
    ----------
    null : str or None
        The word of the graph for it; None where it is refused.
    reserved : frozenset of str
        Words that no client may send.
    why : str
        For a refusal.
    """

    null: str | None = None
    reserved: frozenset[str] = frozenset()
    why: str = ""


@dataclass(frozen=True)
class Manners:
    """What a model refuses, or reads as missing, beyond the types of its inputs.

    Attributes
    ----------
    nan : tuple of tuple of bool
        For each column of each input, whether NaN is taken.
    limit : float
        The largest magnitude that is.
    gaps : tuple of tuple of Gap
        For each column of each input, what ``null`` is among its strings.
    """

    nan: tuple[tuple[bool, ...], ...]
    limit: float
    gaps: tuple[tuple[Gap, ...], ...]

    def within(self, values: Sequence[Array]) -> bool:
        """Whether all values are plainly accepted."""
        for array in values:
            if array.dtype.kind != "f" or not array.size:
                continue
            if not (-self.limit <= float(array.min()) and float(array.max()) <= self.limit):  # NaN fails both
                return False
        return True

    def check(self, values: Sequence[Array], where: Where) -> None:
        """Refuse NaN and magnitudes that the estimator refuses.

        Parameters
        ----------
        values : sequence of ndarray
            One for each input.
        where : callable
            ``where(input, row, column)``: the name of a value, for the message.

        Raises
        ------
        BadRequest
        """
        if self.within(values):
            return
        for number, array in enumerate(values):
            if array.dtype.kind != "f":
                continue
            refused = np.abs(array) > self.limit
            refused |= np.isnan(array) & ~np.array(self.nan[number])
            if refused.any():
                row, column = np.argwhere(refused)[0]
                value = array[row, column]
                taken = "no missing value here" if np.isnan(value) else f"no magnitude beyond {self.limit:g}"
                raise BadRequest(f"the model takes {taken}, got {value}", where(number, int(row), int(column)))

    def check_texts(self, values: Sequence[Array], where: Where) -> None:
        """Refuse strings that in a graph stand for missing ones; of a client they are neither.

        Raises
        ------
        BadRequest
        """
        for number, array in enumerate(values):
            if array.dtype.kind != "O" or not any(gap.reserved for gap in self.gaps[number]):
                continue
            for (row, column), value in np.ndenumerate(array.reshape(len(array), -1)):
                if value in self.gaps[number][column].reserved:
                    raise BadRequest(STANDS_FOR, where(number, row, column))


def manners_of(intake: Intake, content: bytes) -> Manners:
    """The manners of a saved estimator, of which `content` is the file."""
    taken = intake.acceptance
    learnt = {word for word in (NONE, NAN) if word.encode() in content}
    return Manners(
        tuple(tuple(taken.nan[column] for column in one.columns) for one in intake.inputs),
        taken.limit,
        tuple(tuple(_gap(intake.missing(column), learnt) for column in one.columns) for one in intake.inputs),
    )


def _gap(taken: Sequence[str], learnt: set[str]) -> Gap:
    """JSON has one word where Python has None and NaN: it is the one that the model learnt, if it did not learn both.

    One that was not learnt is a category like any other unknown one.
    """
    if not taken:
        return Gap()
    known = [word for word in taken if word in learnt]
    if len(known) > 1:
        return Gap(None, frozenset(WORDS), " (None or NaN, which this model tells apart)")
    return Gap(known[0] if known else taken[0], frozenset(WORDS))
