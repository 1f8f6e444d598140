"""What the check on a GPU is made with: its lines, its clock, and how something is timed there and here."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

ROUNDS = 12


@dataclass
class Line:
    """A model on so many rows: seconds by backend, and how far the answers are apart."""

    model: str
    rows: int
    seconds: dict[str, float] = field(default_factory=dict)
    ceiling: float = 0.0
    """Rows a second that the chip allows, by arithmetic."""
    error: float = 0.0
    kernels: dict[str, float] = field(default_factory=dict)
    """Of a forest with the most rows: seconds by kernel."""


class Clock:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self._end = perf_counter() + seconds

    @property
    def left(self) -> float:
        return self._end - perf_counter()

    def watch(self, result: dict[str, Any], out: Path) -> threading.Timer:
        """End the process when the time is over, with what is known by then."""

        def end() -> None:
            write({**result, "late": True}, out)
            say(f"the time is over; written: {out}")
            os._exit(3)

        timer = threading.Timer(self.left, end)
        timer.daemon = True
        timer.start()
        return timer

    def stage(self, name: str, seconds: float) -> float:
        """Seconds that a stage may take; 0 when it is to be left out."""
        granted = min(seconds, self.left)
        say(f"== {name}" + (f" (at most {granted:.0f} s)" if granted > 5 else ": left out, no time is left"))
        return granted if granted > 5 else 0.0


def write(result: dict[str, Any], out: Path) -> None:
    """What was found, as JSON."""
    lines = [asdict(line) for line in result.get("lines", ())]
    out.write_text(json.dumps({**result, "lines": lines}, indent=1))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def median(values: list[float]) -> float:
    return statistics.median(values)


def on_device(cupy: Any, run: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Median seconds of `run(i)`, between events."""
    for i in range(3):
        run(i)
    times = []
    for i in range(rounds):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        run(i)
        stop.record()
        stop.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, stop) / 1e3)
    return median(times)


def on_host(run: Callable[[], object], seconds: float = 2.0) -> float:
    """Median seconds of `run()` on the host's clock; of one call alone where that takes longer than `seconds`."""
    begin = perf_counter()
    run()
    if perf_counter() - begin > seconds:
        return perf_counter() - begin
    times: list[float] = []
    begin = perf_counter()
    while len(times) < 3 or (len(times) < ROUNDS and perf_counter() - begin < seconds):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return median(times)
