"""Where values live: numbered slots, reused once nobody reads a value any more."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


class Slots:
    """Hands out slots, the lowest free one first."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self.count = 0

    def take(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self.count += 1
        return self.count - 1

    def give_back(self, slots: Iterable[int]) -> None:
        for slot in slots:
            heapq.heappush(self._free, slot)


def last_reads(reads: Sequence[Iterable[str]], kept: Iterable[str]) -> list[tuple[str, ...]]:
    """For each step the names that are read there for the last time, `kept` ones never."""
    alive = set(kept)
    found: list[tuple[str, ...]] = []
    for names in reversed(reads):
        fresh = tuple(dict.fromkeys(name for name in names if name not in alive))
        alive.update(fresh)
        found.append(fresh)
    return found[::-1]
