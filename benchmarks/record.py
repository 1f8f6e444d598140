"""What was measured of a family, and what is derived from it; kept as JSON, so that a page can be written again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sklort.timing.race import Spread

TURNS = 512
"""Rows, at the least, that small batches are taken from in turn."""


@dataclass(frozen=True)
class Record:
    """A family, measured.

    Attributes
    ----------
    key, title, group, library : str
        As in `Family`.
    size : str
        Of its graph.
    times : dict
        Rows -> engine -> Spread.
    refused, remarks : dict
        Engine -> why it has no time, and what else has to be said of it.
    instructions : dict
        Engine -> instructions of one call with one row, where they could be counted.
    """

    key: str
    title: str
    group: str
    library: str
    size: str
    times: dict[int, dict[str, Spread]]
    refused: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    instructions: dict[str, int] = field(default_factory=dict)

    def ratio(self, size: int, theirs: str, ours: str) -> float | None:
        """How many times as long as `ours` `theirs` takes, by the medians; None where either has no time."""
        spreads = self.times.get(size, {})
        if theirs not in spreads or ours not in spreads:
            return None
        return spreads[theirs].median / spreads[ours].median

    def fastest(self, size: int, names: Iterable[str]) -> str | None:
        """Which of these takes the least time."""
        there = [name for name in names if name in self.times.get(size, {})]
        return min(there, key=lambda name: self.times[size][name].median, default=None)

    def engines(self) -> list[str]:
        """All that have a time, in the order they were first timed in."""
        return list(dict.fromkeys(name for spreads in self.times.values() for name in spreads))


def geometric_mean(ratios: Sequence[float | None]) -> float | None:
    """Of those that are there."""
    there = [ratio for ratio in ratios if ratio is not None]
    return math.exp(sum(map(math.log, there)) / len(there)) if there else None


class Book:
    """The records of one machine, in a file that every family is written to as soon as it is measured."""

    def __init__(self, path: Path, machine: dict[str, str]) -> None:
        self.path = path
        self.machine = machine
        self._pages: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, record: Record) -> None:
        self._pages[record.key] = {"machine": self.machine, **asdict(record)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self._pages, indent=1) + "\n")

    def records(self, keys: Iterable[str]) -> tuple[list[Record], list[str]]:
        """Those of this machine with these versions, and the keys of which there are none."""
        found, missing = [], []
        for key in keys:
            page = dict(self._pages.get(key, {}))
            if page.pop("machine", None) != self.machine:
                missing.append(key)
                continue
            times = page.pop("times")
            spreads = {
                int(size): {name: Spread(**spread) for name, spread in row.items()} for size, row in times.items()
            }
            found.append(Record(times=spreads, **page))
        return found, missing
