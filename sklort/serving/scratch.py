"""One row on its way into a model: arrays that are made once and written over by every request.

All numbers lie in one piece of memory, so that one call packs a row of them, whatever their types, and refuses what is
no number of its type; a missing value is tried again as NaN. The arrays belong to the thread of the event loop, which
lets go only when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan, prod
from struct import Struct
from struct import error as StructError
from threading import get_ident
from typing import Any

import numpy as np

from sklort.serving.manners import Manners
from sklort.serving.tensors import Array, Port

Write = Callable[..., None]

_CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
_CODES |= {"u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


class Scratch:
    """See the module.

    Parameters
    ----------
    ports : sequence of Port
        Each of shape ``[-1]`` or ``[-1, n]``.
    manners : Manners or None
        Which values may be missing; None for all of floating point.

    Attributes
    ----------
    arrays : list of ndarray
        One row for each port.
    writers : list of callable
        ``write(*values)`` for each port: the values of one row. TypeError, OverflowError or struct.error when they are
        not of its type or number.
    numbers : tuple of int
        The ports of numbers, in the order in which they are packed.
    pack : callable
        ``pack(*values)``: all of those ports at once.
    """

    def __init__(self, ports: Sequence[Port], manners: Manners | None) -> None:
        self._owner: int | None = None
        self.widths = [prod(port.shape[1:]) for port in ports]
        numbers = [at for at, port in enumerate(ports) if port.dtype.kind in "fiu"]
        numbers.sort(key=lambda at: -ports[at].dtype.itemsize)  # each is aligned behind the wider ones
        self.numbers = tuple(numbers)
        view = np.zeros(sum(self.widths[at] * ports[at].dtype.itemsize for at in numbers) or 1, dtype=np.uint8).data
        self.arrays: list[Array] = [np.empty((1, *port.shape[1:]), dtype=port.dtype) for port in ports]
        gaps_of = [()] * len(ports) if manners is None else manners.gaps
        reserved = [frozenset[str]().union(*(gap.reserved for gap in gaps)) for gaps in gaps_of]
        self.writers: list[Write] = [
            _checked(array, str if array.dtype.kind == "O" else bool, words)
            for array, words in zip(self.arrays, reserved)
        ]
        codes, offset = "", 0
        gaps: list[bool] = []
        for at in numbers:
            array, packed = self.arrays[at], f"{self.widths[at]}{_CODES[ports[at].dtype.str[1:]]}"
            self.arrays[at] = np.frombuffer(view, array.dtype, array.size, offset).reshape(array.shape)
            known = [True] * array.size if manners is None else manners.nan[at]
            own = [array.dtype.kind == "f" and taken for taken in known]
            self.writers[at] = _packing(Struct(f"={packed}"), view, offset, own)
            codes += packed
            gaps += own
            offset += array.nbytes
        self.pack: Write = _packing(Struct(f"={codes}"), view, 0, gaps)

    def mine(self) -> bool:
        """Whether the calling thread is the one that writes here: the first that asked."""
        if self._owner is None:
            self._owner = get_ident()
        return self._owner == get_ident()

    def copies(self) -> list[Array]:
        """The row as it is now, to be kept."""
        return [array.copy() for array in self.arrays]


def scratch_for(ports: Sequence[Port], manners: Manners | None) -> Scratch | None:
    """A place for one row; None where a row of these inputs has no fixed form."""
    rows = all(len(port.shape) in (1, 2) and port.shape[0] == -1 and -1 not in port.shape[1:] for port in ports)
    return Scratch(ports, manners) if ports and rows else None


def _packing(struct: Struct, view: memoryview, offset: int, gaps: Sequence[bool]) -> Write:
    """Packs values, those that may be missing as NaN."""
    pack = struct.pack_into

    def write(*values: Any) -> None:
        try:
            pack(view, offset, *values)
        except StructError:
            with_nan = [nan if value is None and gap else value for value, gap in zip(values, gaps, strict=True)]
            pack(view, offset, *with_nan)

    return write


def _checked(array: Array, kind: type, reserved: frozenset[str]) -> Write:
    flat, size = array.reshape(-1), array.size

    def write(*values: Any) -> None:
        if len(values) != size:
            raise TypeError(f"{len(values)} values instead of {size}")
        for at, value in enumerate(values):
            if type(value) is not kind or value in reserved:
                raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
            flat[at] = value

    return write
