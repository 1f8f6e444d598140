"""Streams, events and graphs of the stand-in for CuPy: work is done as late as hardware may do it.

What is given to a stream waits until somebody waits for it, or for a later event of it; what reads too early then reads
what was there before. The legacy stream works at once, after all streams that block with it. Memory that is given back while
another stream than its own still has work with it is an error, since CuPy's pool would hand it out again. While a stream is
captured nothing may be allocated, copied from the host or waited for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

_local = threading.local()
_streams: list[Stream] = []
"""The streams that block with the legacy one and have work."""
_busy: set[Stream] = set()
"""Those that have work."""


interleaved = False
"""Streams take turns, an item each: two that use the same memory and do not wait for one another get into each other's way."""


def forget() -> None:
    """Work that nobody waited for, of a test that has ended."""
    _streams.clear()
    _busy.clear()
    EXTERNAL.clear()


def current() -> Stream:
    stack: list[Stream] = getattr(_local, "stack", [])
    return stack[-1] if stack else Stream.null


def capturing() -> Stream | None:
    """The stream of this thread that is captured."""
    return getattr(_local, "captured", None)


def forbid(what: str) -> None:
    if capturing() is not None:
        raise RuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream is captured")


class Stream:
    null: Stream

    def __init__(self, null: bool = False, non_blocking: bool = False, ptr: int | None = None) -> None:
        self.is_null, self.non_blocking = null, non_blocking
        self.ptr = (0 if null else id(self)) if ptr is None else ptr
        self._waiting: deque[tuple[int, Callable[[], None], Callable[[], bool]]] = deque()
        self._given = 0
        self._at_it = False
        self._graph: Graph | None = None

    def __enter__(self) -> Stream:
        _local.stack = [*getattr(_local, "stack", []), self]
        return self

    def __exit__(self, *_: object) -> None:
        _local.stack = _local.stack[:-1]

    def submit(self, work: Callable[[], None], ready: Callable[[], bool] = lambda: True) -> None:
        if self._graph is not None:
            self._graph.works.append(work)
            return
        forbid("work of another stream")
        if self.is_null:
            for each in _streams:
                each.drain()
            work()
            return
        self._given += 1
        self._waiting.append((self._given, work, ready))
        _busy.add(self)
        if not self.non_blocking and self not in _streams:
            _streams.append(self)

    def drain(self, until: int | None = None) -> None:
        """Do what waits, up to a number."""
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            if self._at_it:
                raise RuntimeError("streams wait for one another")
            self._one()
            for each in list(_busy) if interleaved else ():
                if not each._at_it and each is not self and each._waiting and each._waiting[0][2]():
                    each._one()
        if not self._waiting:
            _busy.discard(self)
            if self in _streams:
                _streams.remove(self)

    def _one(self) -> None:
        if self._waiting:
            _, work, _ = self._waiting.popleft()
            self._at_it = True
            try:
                with self:
                    work()
            finally:
                self._at_it = False

    def synchronize(self) -> None:
        forbid("a wait")
        if self.is_null:
            for each in _streams:
                each.drain()
        self.drain()

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        stream, number = event.stream, event.number
        if stream is not self:
            self.submit(lambda: stream.drain(number), lambda: stream.has_done(number))

    def has_done(self, number: int) -> bool:
        """Whether all work up to a number is done."""
        return not self._at_it and (not self._waiting or self._waiting[0][0] > number)

    def begin_capture(self, mode: int | None = None) -> None:
        if self.is_null:
            raise RuntimeError("cudaErrorStreamCaptureUnsupported: the legacy stream cannot be captured")
        self._graph = Graph()
        _local.captured = self

    def end_capture(self) -> Graph:
        graph, self._graph, _local.captured = self._graph, None, None
        assert graph is not None
        return graph

    def is_capturing(self) -> bool:
        return self._graph is not None


Stream.null = Stream(null=True)


class ExternalStream(Stream):
    """A stream that somebody else made: the work given to one address waits in one place."""

    def __new__(cls, ptr: int, device_id: int = -1) -> Any:
        known = next((each for each in EXTERNAL if each.ptr == ptr), None)
        return known if known is not None else super().__new__(cls)

    def __init__(self, ptr: int, device_id: int = -1) -> None:
        if not hasattr(self, "ptr"):
            super().__init__(non_blocking=True, ptr=ptr)
            EXTERNAL.append(self)


EXTERNAL: list[Stream] = []


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.stream, self.number, self.time = Stream.null, 0, 0.0

    def record(self, stream: Stream | None = None) -> None:
        self.stream = current() if stream is None else stream
        self.stream.submit(self._happen)
        self.number = self.stream._given

    def _happen(self) -> None:
        self.time = perf_counter()

    def synchronize(self) -> None:
        forbid("a wait")
        self.stream.drain(self.number)

    @property
    def done(self) -> bool:
        return self.stream.has_done(self.number)


class Graph:
    """What a stream was given while it was captured."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def launch(self, stream: Stream | None = None) -> None:
        stream = current() if stream is None else stream
        for work in self.works:
            stream.submit(work)
