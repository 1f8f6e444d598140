"""A run that is looked at: with options of its own, timed step by step, or told to the log."""

from __future__ import annotations

import time
from typing import Any

from sklort.graph.ir import Array
from sklort.providers.part import StepTime
from sklort.session.logs import VERBOSE, Log
from sklort.session.profiling import Profiler
from sklort.session.programs import Compiled
from sklort.session.run_options import RunOptions


def run_watched(
    compiled: Compiled,
    values: list[Any],
    options: RunOptions | None,
    profiler: Profiler | None,
    log: Log,
    into: list[Array | None] | None = None,
) -> list[Any]:
    """Run a program on its inputs.

    Parameters
    ----------
    compiled : Compiled
    values : list
    options : RunOptions, optional
        Its log fields count in place of the session's, where they are set.
    profiler : Profiler, optional
        Is told how long each step took.
    log : Log
        The session's.
    into : list, optional
        See `sklort.providers.part.Runner`.
    """
    if options is not None and (options.log_severity_level != -1 or options.logid):
        log = Log(options.log_severity_level, options.logid)
    stop = options.stop if options is not None else None
    times: list[StepTime] | None = None if profiler is None else []
    begin = time.monotonic_ns()
    try:
        found = compiled.runner.run(values, stop, times, into)
    finally:
        end = time.monotonic_ns()
        if profiler is not None and times is not None:
            profiler.run(compiled.plan, times, begin, end)
    outputs = [port.name for port in compiled.plan.outputs]
    log.say(VERBOSE, lambda: f"{', '.join(outputs)} in {(end - begin) / 1e6:.3f} ms")
    return found
