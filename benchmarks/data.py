"""What the families learn from and are asked about: tables with a fixed split, float32 unless they are frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from benchmarks import flights

ASKED = 100_000
"""Rows to ask about: none of them was learnt from."""
EXACT = 1000
CARRIER = -3
"""The column of `flights.wide` that holds it."""


@dataclass(frozen=True)
class Table:
    """Rows to learn from with what is to be learnt, and rows to ask about.

    Flights are minutes, degrees and years, so many of them lie exactly on a threshold, where some engines take the
    wrong branch. So that those can be timed too, each number of a row to ask about is moved by a thousandth; whether
    an engine is right about `exact`, the rows as they are, is found out apart.
    """

    training: Any
    target: Any
    rows: Any
    exact: Any = None


Source = Callable[[int], Table]
"""From the number of rows to learn from."""


def _split(X: Any, y: Any, count: int) -> Table:
    order = np.random.default_rng(2013).permutation(len(y))
    learnt, asked = order[:count], order[-ASKED:]
    return Table(flights.rows(X, learnt), y[learnt], flights.rows(X, asked))


def _moved(table: Table) -> Table:
    by = np.random.default_rng(2014).uniform(-1e-3, 1e-3, table.rows.shape)
    return replace(table, rows=_float32(table.rows + by * (1 + np.abs(table.rows))), exact=table.rows[:EXACT])


@cache
def _wide() -> tuple[Any, Any]:
    return flights.wide()


@cache
def _filled() -> Any:
    """The 25 numbers, each gap closed with the median of its column."""
    X = _wide()[0]
    return np.where(np.isnan(X), np.nanmedian(X, axis=0), X).astype(np.float32)


def late_with_gaps(count: int) -> Table:
    """25 numbers with NaN: late or not."""
    X, delay = _wide()
    return _moved(_split(X, (delay > flights.LATE_MINUTES).astype(np.int64), count))


def late(count: int) -> Table:
    """25 numbers: late or not."""
    return _moved(coded(count))


def coded(count: int) -> Table:
    """The same, where the last three are codes, which cannot be moved."""
    return _split(_filled(), (_wide()[1] > flights.LATE_MINUTES).astype(np.int64), count)


def delay(count: int) -> Table:
    """25 numbers: minutes late."""
    return _moved(_split(_filled(), _wide()[1], count))


def carrier(count: int) -> Table:
    """24 numbers: which of the 16 carriers flies."""
    X = _filled()
    return _moved(_split(np.delete(X, CARRIER, axis=1), X[:, CARRIER].astype(np.int64), count))


def frame(count: int) -> Table:
    """A data frame of 13 columns of numbers, float32, some with NaN, and 3 of strings."""
    data = flights.read()
    X = data.frame.astype(dict.fromkeys(flights.KNOWN + flights.AT_TAKE_OFF, np.float32))
    table = _split(X, data.late.astype(np.int64), count)
    return Table(table.training.reset_index(drop=True), table.target, table.rows.reset_index(drop=True))


def digits(count: int, *, scale: float = 1.0) -> Table:
    """64 numbers, 10 classes; rows to ask about are made like them, without equal distances."""
    X, y = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    rows = X[random.integers(0, len(X), ASKED)] + random.normal(scale=0.5, size=(ASKED, X.shape[1]))
    return Table(_float32(X[:count] * scale), y[:count], _float32(rows * scale))


small_digits = partial(digits, scale=1 / 16)
"""The same between 0 and 1, as linear models and networks want them."""


WORDS = 30_000
LONGEST = 10_000
"""Texts to ask about: a row of them is a row of as many columns as there are words, where somebody makes it."""


@cache
def _words() -> npt.NDArray[np.object_]:
    """Made-up words, the most frequent first."""
    random = np.random.default_rng(1)
    found: dict[str, None] = {}
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    while len(found) < WORDS:
        found["".join(random.choice(letters, 2 + random.poisson(5)))] = None
    return np.array(list(found), object)


def _written(topics: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.object_]:
    """A text for each topic, of a hundred words or so: frequent ones are of no topic, a tenth are."""
    random = np.random.default_rng(seed)
    lengths = 1 + random.lognormal(4.6, 0.6, len(topics)).astype(np.int64)
    frequency = 1 / np.arange(1, WORDS + 1)
    drawn = random.choice(WORDS, lengths.sum(), p=frequency / frequency.sum())
    telling = random.random(len(drawn)) < 0.1
    drawn = np.where(telling, (10 * drawn + np.repeat(topics, lengths)) % WORDS, drawn)
    words, ends = _words()[drawn], np.cumsum(lengths)
    return np.array(
        [" ".join(words[end - length : end]).capitalize() + "." for end, length in zip(ends, lengths)], object
    )


def texts(count: int) -> Table:
    """Texts of words as frequent as Zipf's law has them: which of 10 topics."""
    random = np.random.default_rng(2)
    topics = random.integers(0, 10, count)
    return Table(_written(topics, 3), topics, _written(random.integers(0, 10, LONGEST), 4))


def _float32(X: Any) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(X, np.float32)
