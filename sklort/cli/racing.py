"""Races of sessions on the same rows: what `bench` and `tune` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sklort.cli.rows import Rows, feed_of, height, slices

TURNS = 512
"""Rows that small batches are taken from in turn, so that no processor learns one row by heart."""
DEVICE_TOLERANCE = 1e-6
"""Another device gives the same leaf, and sums within two units in the last place."""
OTHERS_TOLERANCE = 1e-5
"""onnxruntime adds in float32 where the graph says float: what differs by less is timed, and said."""


@dataclass(frozen=True)
class Contender:
    """A session, how it is called, how many threads it may use, and how far its answers may be from the first one's."""

    name: str
    threads: int
    session: Any
    tolerance: float = 0.0
    ours: bool = True

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return f"{self.name}, {self.threads} {'thread' if self.threads == 1 else 'threads'}"


@dataclass
class Field:
    """Who races on which rows; the first one's answers are what the others are held to.

    Attributes
    ----------
    checks : list of str
        What was compared, and how far apart the answers are.
    left_out : dict of str to str
        Who does not take part, and why.
    differs : bool
        Whether somebody's answers are others.
    """

    feed: dict[str, Any]
    contenders: list[Contender]
    checks: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    differs: bool = False

    def check(self) -> None:
        """Run all rows through everybody, before anything is timed; who differs or fails is left out."""
        from sklort.timing.agreement import agreement

        truth: Any = None
        standing: list[Contender] = []
        apart = 0.0
        for one in self.contenders:
            try:
                answer = one.session.run(None, self.feed)
            except Exception as error:
                if one.ours:
                    raise
                self.left_out[one.name] = str(error).splitlines()[0]
                continue
            if truth is None:
                truth = answer
            else:
                found = agreement(truth, answer, one.tolerance)
                if not found.ok:
                    self.left_out[one.name], self.differs = f"its answers differ: {found.difference}", True
                    continue
                apart = max(apart, found.largest)
            standing.append(one)
        self.contenders = standing
        if len(standing) > 1:
            self.checks.append(f"{height(self.feed):,} rows compared: {apart:.1e} apart at most")

    def race(self, rows: int, seconds: float) -> dict[str, Any]:
        """Time everybody on batches of so many rows; Spreads by the keys of the contenders."""
        import numpy as np

        from sklort.timing.agreement import agreement
        from sklort.timing.race import Runner, race

        there = height(self.feed)
        turns = max(1, min(TURNS, there) // rows)
        parts = [slices(self.feed, (np.arange(rows) + turn * rows) % there) for turn in range(turns)]
        runners: dict[str, list[Runner]] = {
            one.key: [partial(one.session.run, None, part) for part in parts] for one in self.contenders
        }
        refused: dict[str, str] = {}
        times = race(
            runners,
            disagreement=lambda a, b: agreement(a, b, OTHERS_TOLERANCE).difference or None,
            seconds=seconds,
            rounds=3,
            refused=refused,
            each=True,
        )
        for key, sentence in refused.items():
            self.left_out[f"{key}, {rows:,} rows"], self.differs = sentence, True
        return times

    def timings(self, sizes: Iterable[int], seconds: float, step: Callable[[], None]) -> list[Any]:
        """`race` for each number of rows, as Timings; `step` is called after each."""
        from sklort.timing.comparison import Timing

        found = []
        for rows in sizes:
            times = self.race(rows, seconds)
            found += [
                Timing(one.name, rows, one.threads, times[one.key]) for one in self.contenders if one.key in times
            ]
            step()
        return found


def our_session(onnx: Path, threads: int = 0, engine: str = "auto", providers: Sequence[str] = ()) -> Any:
    """A session with so many threads, 0 for the default, this engine for its forests, and these providers first."""
    from sklort.session.inference_session import InferenceSession
    from sklort.session.tuned import arguments, settings

    given = arguments(settings(threads, engine))
    return InferenceSession(onnx, **{**given, "providers": [*providers, *given["providers"]]})


def check_here(providers: Sequence[str]) -> None:
    """Refuse providers that are not here, which a session would leave out with a warning.

    Raises
    ------
    ValueError
    """
    from sklort.session.environment import get_available_providers

    there = get_available_providers()
    absent = [name for name in providers if name not in there]
    if absent:
        raise ValueError(f"the provider {absent[0]!r} is not available here: there are {', '.join(there)}")


def engines_of(onnx: Path) -> list[str]:
    """The engines that take the forests of a model; none for a model without forests."""
    from sklort.providers.cpu import FOREST_ENGINES

    found = []
    for engine in FOREST_ENGINES:
        details = [node.detail for node in our_session(onnx, engine=engine).explain().nodes]
        if any(engine in detail for detail in details) and not any("was asked for" in detail for detail in details):
            found.append(engine)
    return found


def onnxruntime_session(onnx: Path, threads: int) -> Any:
    """The same graph in onnxruntime.

    Raises
    ------
    ImportError
        It is not installed.
    Exception
        It cannot load the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])


def feed_and_sizes(session: Any, rows: Rows, sizes: Sequence[int]) -> tuple[dict[str, Any], list[int]]:
    """The rows as the session takes them, and the sizes of batches that it takes: a model may fix its own."""
    inputs = session.get_inputs()
    feed = feed_of(rows, session)
    fixed = next((one.shape[0] for one in inputs if one.shape and isinstance(one.shape[0], int)), None)
    if fixed is None:
        return feed, list(sizes)
    import numpy as np

    return slices(feed, np.arange(fixed) % height(feed)), [fixed]
