"""Instructions of one call, counted by single steps: a measure of the one-row road that noise cannot touch.

The call is made in a forked child under ptrace, which stops after each instruction. Hardware counters are not needed,
and neighbours on the machine change nothing. Instructions are not time - a cache miss counts as much as an addition -
but more of them on the same road is a regression. Linux only, where a process may trace its child.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import warnings
from functools import cache

from sklort.timing.race import Runner

TRACE_ME, SINGLE_STEP = 0, 9
WARM = 100
REPEATS = 3
"""Counts, of which the least is taken: now and then the interpreter specialises its own code during a call."""
MOST = 200_000
"""Instructions: whoever needs more is not counted; a step takes ten microseconds, and fifty on virtual machines."""


class NotCounted(Exception):
    """Why there is no count."""


def instructions(call: Runner, most: int = MOST) -> int:
    """Instructions in user space of one call, with those of an empty Python function taken off.

    Parameters
    ----------
    call : callable
        Without arguments. It must not need threads: the child has only one.
    most : int

    Raises
    ------
    NotCounted
        Where this system cannot, or the call takes more than `most`.
    """
    if not sys.platform.startswith("linux") or not hasattr(os, "fork"):
        raise NotCounted("single steps are counted on Linux only")
    return max(0, _least(call, most) - _empty())


@cache
def _empty() -> int:
    return _least(_nothing, MOST)


def _least(call: Runner, most: int) -> int:
    for _ in range(WARM):
        call()
    return min(_steps(call, most, warm) for warm in range(1, REPEATS + 1))


def _nothing() -> None: ...


def _steps(call: Runner, most: int, warm: int) -> int:
    """Instructions between two signals that the child, after `warm` calls, sends itself around one more."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes, ptrace.restype = [ctypes.c_long] * 4, ctypes.c_long
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: the child needs none of them
        child = os.fork()
    if child == 0:  # never returns: no cleanup of the parent's is run here
        me = os.getpid()
        gc.disable()  # a collection would be counted with whichever call it came in
        try:
            if ptrace(TRACE_ME, 0, 0, 0) == 0:
                for _ in range(warm):
                    call()
                os.kill(me, signal.SIGSTOP)
                call()
                os.kill(me, signal.SIGSTOP)
        finally:
            os._exit(1)
    try:
        if not os.WIFSTOPPED(os.waitpid(child, 0)[1]):
            raise NotCounted("this process may not trace a child")
        steps = 0
        while steps <= most:
            if ptrace(SINGLE_STEP, child, 0, 0) != 0:
                raise NotCounted(f"a single step failed: {os.strerror(ctypes.get_errno())}")
            status = os.waitpid(child, 0)[1]
            if not os.WIFSTOPPED(status):
                raise NotCounted("the call ended the process")
            if os.WSTOPSIG(status) != signal.SIGTRAP:
                return steps
            steps += 1
        raise NotCounted(f"more than {most:,} instructions")
    finally:
        _end(child)


def _end(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):  # it has ended, and was waited for
        pass
