"""What a session does, and when, as a file that trace viewers open (chrome://tracing, Perfetto).

A list of complete events with onnxruntime's names and keys. There is one of the category ``Node`` for every execution
of a step: times are measured where the steps run, so a batch that is cut into blocks of rows, on several threads, has
an event for each step and block, on the thread that ran it, with the shapes of that block. The steps inside a loop or
a branch count to the node that holds them. Events of the category ``Session`` hold the rest.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sklort.exceptions import Fail, NoSuchFile
from sklort.graph.types import DType
from sklort.plan.model import Plan
from sklort.providers.part import Seen, StepTime

MOST_EVENTS = 1_000_000
"""Later ones are left out, as onnxruntime does."""


class Profiler:
    """Collects events, and writes them when it ends.

    Parameters
    ----------
    prefix : str
        Of the file's path; the time of day and ``.json`` follow.

    Raises
    ------
    NoSuchFile, Fail
        The file cannot be made.
    """

    def __init__(self, prefix: str) -> None:
        self.start_ns = time.time_ns()
        self._origin = time.monotonic_ns()
        self._process = os.getpid()
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._path: Path | None = _new_file(prefix)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """An event of the category ``Session`` around what is done inside."""
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            self._note("Session", name, threading.get_native_id(), begin, time.monotonic_ns(), {})

    def run(self, plan: Plan, times: Sequence[StepTime], begin: int, end: int) -> None:
        """The events of a run, from its steps outward."""
        steps = [(placed.provider, step.node) for placed in plan.parts for step in placed.part.steps]
        for number, thread, step_begin, step_end, inputs, outputs, fed, constant, made in times:
            provider, node = steps[number]
            arguments = {
                "op_name": node.op_type,
                "provider": provider,
                "node_index": str(number),
                "input_type_shape": _shapes(inputs),
                "output_type_shape": _shapes(outputs),
                "activation_size": str(fed),
                "parameter_size": str(constant),
                "output_size": str(made),
            }
            name = node.name or f"{node.op_type}_{number}"
            self._note("Node", f"{name}_kernel_time", thread, step_begin, step_end, arguments)
        for name in ("SequentialExecutor::Execute", "model_run"):
            self._note("Session", name, threading.get_native_id(), begin, end, {})

    def _note(self, category: str, name: str, thread: int, begin: int, end: int, arguments: dict[str, Any]) -> None:
        event = {
            "cat": category,
            "pid": self._process,
            "tid": thread,
            "dur": max(end - begin, 0) // 1000,
            "ts": max(begin - self._origin, 0) // 1000,
            "ph": "X",
            "name": name,
            "args": arguments,
        }
        with self._lock:
            if len(self._events) < MOST_EVENTS:
                self._events.append(event)

    def end(self) -> str:
        """Write the file and return its name; an empty text when that has happened before.

        Raises
        ------
        Fail
            The file cannot be written.
        """
        with self._lock:
            path, self._path = self._path, None
            events, self._events = self._events, []
        if path is None or os.getpid() != self._process:  # the file of a process belongs to no child of it
            return ""
        try:
            path.write_text("[\n" + ",\n".join(map(json.dumps, events)) + "\n]\n")
        except OSError as error:
            raise Fail(f"cannot write the profile {str(path)!r}: {error.strerror or error}") from error
        return str(path)


def end_quietly(profiler: Profiler) -> None:
    """For a session that goes without `end_profiling`: there is nobody to tell of an error."""
    with suppress(Fail):
        profiler.end()


def _new_file(prefix: str) -> Path:
    """An empty file, so that a prefix that cannot be used is known at once."""
    while True:
        now = datetime.now()
        path = Path(f"{prefix}_{now:%Y-%m-%d_%H-%M-%S}_{now.microsecond // 1000}.json")
        try:
            path.open("x").close()
        except FileExistsError:  # another session began in this millisecond
            time.sleep(0.001)
        except FileNotFoundError:
            raise NoSuchFile(
                f"cannot write a profile to {str(path)!r}: there is no directory {str(path.parent)!r}; "
                f"make it, or set SessionOptions.profile_file_prefix"
            ) from None
        except OSError as error:
            raise Fail(
                f"cannot write a profile to {str(path)!r}: {error.strerror or error}; "
                f"set SessionOptions.profile_file_prefix"
            ) from error
        else:
            return path


def _shapes(seen: Sequence[Seen]) -> list[dict[str, list[int]]]:
    return [{DType(dtype).label: shape} for dtype, shape in seen]
