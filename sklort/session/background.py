"""Threads for `run_async`: they start when they are needed, and never keep a process from ending."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace

Task = Callable[[], None]

_MOST = 8
_IDLE_SECONDS = 10.0


class Crew:
    """Some threads and their work. A forked child starts its own."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _begin(self) -> None:
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._threads = self._idle = 0

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def do(self, task: Task) -> None:
        """Have `task` called soon, by another thread. What it raises is reported as an unraisable error."""
        with self._lock:
            start = self._idle <= self._tasks.qsize() and self._threads < self._most
            self._threads += start
            self._tasks.put(task)
        if start:
            threading.Thread(target=self._serve, name="sklort.run_async", daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                task = self._tasks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    self._idle -= 1
                    if self._tasks.empty():
                        self._threads -= 1
                        return
                continue
            with self._lock:
                self._idle -= 1
            call(task)


def call(task: Task) -> None:
    """Call `task`; there is nobody whom its errors could be raised in."""
    try:
        task()
    except BaseException as error:  # noqa: BLE001
        sys.unraisablehook(
            SimpleNamespace(
                exc_type=type(error),
                exc_value=error,
                exc_traceback=error.__traceback__,
                err_msg="Exception ignored in a callback of run_async",
                object=task,
            )
        )


CREW = Crew()
