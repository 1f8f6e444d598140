"""Time several ways of computing the same thing, fairly.

The runners take turns: a round times each once, and the next round begins with another one. So a slow spell of the
machine falls on all of them, and the ratio of two medians means more than either. Results are compared before anything
is timed: a fast wrong answer has no time.
"""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import cycle, islice
from time import perf_counter
from typing import Any

Runner = Callable[[], Any]
Setting = Callable[[], AbstractContextManager[Any]]
Clock = Callable[[], float]

SHORTEST_ROUND = 2e-3
"""Seconds a runner computes in one round at least: below it, calls are repeated and divided out."""
STALL = 0.1
"""Seconds that other work on a busy machine may put into a round."""
LONG_CALL = 1.0
"""Seconds: a call that took longer when it was checked is not made again to warm up and to count calls."""


class Disagreement(AssertionError):
    """A runner's result is not the first runner's."""


@dataclass(frozen=True)
class Spread:
    """Seconds for one call: over the rounds, or, where each call was timed by itself, over all calls.

    Attributes
    ----------
    rounds, calls : int
        Rounds, and calls in each.
    p95, p99 : float or None
        Quantiles, where there are enough calls timed by themselves to know them: 20 and 100.
    """

    minimum: float
    median: float
    maximum: float
    rounds: int
    calls: int
    p95: float | None = None
    p99: float | None = None

    def __str__(self) -> str:
        return f"{short(self.median)} ({short(self.minimum)} to {short(self.maximum)})"


def short(seconds: float) -> str:
    """Three digits and a unit, e.g. ``12.3 ms``."""
    unit, size = "µs", 1e-6
    for larger, its_size in (("ms", 1e-3), ("s", 1.0)):
        if seconds >= 0.9995 * its_size:
            unit, size = larger, its_size
    value = seconds / size
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def times_faster(theirs: Spread, ours: Spread) -> str:
    """The ratio of the medians, e.g. ``12.3 ×``."""
    ratio = theirs.median / ours.median
    return f"{ratio:,.0f} ×" if ratio >= 99.5 else f"{ratio:.3g} ×"


def race(
    runners: Mapping[str, Runner | Sequence[Runner]],
    *,
    disagreement: Callable[[Any, Any], str | None],
    seconds: float = 1.0,
    rounds: int = 5,
    most: int = 200,
    settings: Mapping[str, Setting] | None = None,
    finish: Mapping[str, Callable[[Any], Any]] | None = None,
    refused: dict[str, str] | None = None,
    each: bool = False,
    clock: Clock = perf_counter,
) -> dict[str, Spread]:
    """Check that all runners agree with the first one, then time them in turns.

    Parameters
    ----------
    runners : mapping of str to callable, or to several
        Without arguments; the first one's result is the truth. Of several the first is checked, and they are called one
        after the other: the same work on other rows, so that no processor can learn one row by heart.
    disagreement : callable
        ``disagreement(truth, result)``: a sentence when they differ, None when they agree.
    seconds : float
        About how long to measure, all runners together.
    rounds, most : int
        Fewest rounds, even when they take longer than `seconds`, and most.
    settings : mapping of str to callable, optional
        For some of the runners: makes the context its turns run in, which is not timed.
    finish : mapping of str to callable, optional
        For some of the runners: brings a result into the form that is compared, which is not timed.
    refused : dict, optional
        Takes the sentence for each runner that disagrees or fails, which is then left out.
    each : bool
        Time each call by itself, for quantiles. Looking at the clock is then a part of it, some 50 ns.
    clock : callable
        Seconds, from any beginning.

    Returns
    -------
    dict of str to Spread
        In the order of `runners`.

    Raises
    ------
    Disagreement
        Naming the runner, with the sentence; not when there is `refused`.
    """
    around = {name: (settings or {}).get(name, nullcontext) for name in runners}
    first, truth = "", None
    calls: dict[str, int] = {}
    lanes: dict[str, Iterator[Runner]] = {}
    for name, runner in runners.items():
        lane = lanes[name] = cycle([runner] if callable(runner) else runner)
        with around[name]():
            begin = clock()
            try:
                result = next(lane)()
            except Exception as error:
                if refused is None or not calls:
                    raise
                refused[name] = str(error).splitlines()[0] if str(error) else type(error).__name__
                continue
            taken = clock() - begin
            if finish is not None and name in finish:
                result = finish[name](result)
            if not calls:
                first, truth = name, result
            else:
                sentence = disagreement(truth, result)
                if sentence is not None:
                    if refused is None:
                        raise Disagreement(f"{name} does not agree with {first}: {sentence}")
                    refused[name] = sentence
                    continue
            calls[name] = (
                1 if taken >= LONG_CALL else _calls_for(lane, clock)
            )  # of a call that is not the first: some compile then
    del truth, result

    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    turns = 0
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        deadline = clock() + seconds
        while turns < most and (turns < rounds or clock() <= deadline):
            start = turns % len(names)
            for name in names[start:] + names[:start]:
                with around[name]():
                    if each:
                        times[name] += _seconds_of_each(lanes[name], calls[name], clock)
                    else:
                        times[name].append(_seconds_for(lanes[name], calls[name], clock))
            turns += 1
    finally:
        if was_enabled:
            gc.enable()
    return {name: _spread(sorted(taken), turns, calls[name], each) for name, taken in times.items()}


def _spread(taken: list[float], rounds: int, calls: int, each: bool) -> Spread:
    quantiles = {
        name: taken[math.ceil(share * len(taken)) - 1] if each and len(taken) >= enough else None
        for name, share, enough in (("p95", 0.95, 20), ("p99", 0.99, 100))
    }
    return Spread(taken[0], statistics.median(taken), taken[-1], rounds, calls, **quantiles)


def _seconds_for(calls: Iterator[Runner], count: int, clock: Clock) -> float:
    turn = islice(calls, count)
    begin = clock()
    for call in turn:
        call()
    return (clock() - begin) / count


def _seconds_of_each(calls: Iterator[Runner], count: int, clock: Clock) -> list[float]:
    taken = []
    for call in islice(calls, count):
        begin = clock()
        call()
        taken.append(clock() - begin)
    return taken


def _calls_for(calls: Iterator[Runner], clock: Clock) -> int:
    """Calls that fill the shortest round; the run also warms caches and thread pools."""
    count = 1
    while True:
        taken = _seconds_for(calls, count, clock) * count
        if SHORTEST_ROUND <= taken < STALL:  # a machine that looked away would make few calls of it, and cold ones
            taken = min(taken, *(_seconds_for(calls, count, clock) * count for _ in range(2)))
        if taken >= SHORTEST_ROUND or count >= 100_000:
            return count
        count = max(count + 1, int(1.2 * count * SHORTEST_ROUND / max(taken, 1e-7)))
