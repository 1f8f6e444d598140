"""Threads for `run_async`: they start when they are needed, and never keep a process from ending."""

from __future__ import annotations

import ctypes
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from sklort.exceptions import text_of

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
            del task  # it holds a session and its inputs


def call(task: Task) -> None:
    """Call `task`; there is nobody whom its errors could be raised in, so `sys.unraisablehook` is told of them."""
    try:
        task()
    except BaseException as error:  # noqa: BLE001
        raised = error

        def callback_of_run_async() -> None:
            raise raised

        # The one way to the hook that the standard library has: ctypes reports what a callback raises there.
        ctypes.PYFUNCTYPE(None)(callback_of_run_async)()


def tell(
    compute: Callable[[], list[Any]],
    failure: str,
    callback: Callable[[list[Any], Any, str], Any],
    data: Any,
) -> None:
    """Call `callback` with what `compute` returns and an empty text; or, where it raises or `failure` says that all is
    over, with an empty list and what the error says."""
    found: list[Any] = []
    if not failure:
        try:
            found = compute()
        except Exception as error:  # noqa: BLE001
            failure = text_of(error) or type(error).__name__
    callback(found, data, failure)


CREW = Crew()
