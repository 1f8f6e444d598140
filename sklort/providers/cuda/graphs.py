"""Small batches that come again: the launches of a run become a CUDA graph, which starts them all at once.

A graph is made for a set of shapes and element types when they come for the third time. It reads and writes memory of
its own: rows are copied into it, and answers out of it. Nothing in a runner changes after it was made, so a graph holds
as long as its runner; the one that was used least lately goes when there are many.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sklort.providers.cuda.device import Device, NotCaptured, Tape
from sklort.providers.placement import on_device

AFTER = 3
"""Times that a shape comes before a graph is made for it."""
MOST = 16
MOST_ROWS = 4096

Key = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]


class _Graph:
    """A captured run with its inputs, outputs and all that lies between."""

    def __init__(self, device: Device, key: Key, compute: Callable[[list[Any]], list[Any]]) -> None:
        cupy = device.cupy
        self.inputs = [cupy.zeros(shape, dtype) for shape, dtype in key]
        cupy.cuda.get_current_stream().synchronize()
        stream, self._tape = cupy.cuda.Stream(non_blocking=True), Tape()
        with stream, device.taped(self._tape):
            compute(self.inputs)  # kernels are compiled, arrays made
            stream.synchronize()
            self._tape.replay()
            stream.begin_capture()
            try:
                self.outputs = compute(self.inputs)
            finally:
                self._graph = stream.end_capture()
        self.lock = threading.Lock()
        self.done = cupy.cuda.Event(disable_timing=True)

    def run(self, values: Sequence[Any], device: Device, stays: bool) -> list[Any]:
        """The outputs in fresh memory, on the device or on the host; streams wait for one another there."""
        stream = device.cupy.cuda.get_current_stream()
        with self.lock:
            stream.wait_event(self.done)
            for to, value in zip(self.inputs, values):
                if on_device(value):
                    to[...] = value
                else:
                    to.set(np.ascontiguousarray(value))
            self._graph.launch(stream)
            found = [made.copy() if stays else made.get() for made in self.outputs]
            self.done.record(stream)
        return found

    def close(self) -> None:
        """Wait until nobody uses its memory."""
        self.done.synchronize()


class Graphs:
    """The graphs of a runner.

    Parameters
    ----------
    device : Device
    compute : callable
        From arrays on the device to outputs there, on the current stream.
    """

    def __init__(self, device: Device, compute: Callable[[list[Any]], list[Any]]) -> None:
        self._device = device
        self._compute = compute
        self._lock = threading.Lock()
        self._times: dict[Key, int] = {}
        self._graphs: dict[Key, _Graph] = {}
        self.refusal = ""
        """Why there are no graphs, once that was found out."""

    def run(self, values: Sequence[Any], stays: bool) -> list[Any] | None:
        """The outputs by a graph; None where there is none for such values yet."""
        if self.refusal or not values or len(values[0]) > MOST_ROWS:
            return None
        key = tuple((tuple(value.shape), np.dtype(value.dtype)) for value in values)
        graph = self._graph(key)
        return None if graph is None else graph.run(values, self._device, stays)

    def _graph(self, key: Key) -> _Graph | None:
        with self._lock:
            found = self._graphs.pop(key, None)
            if found is None:
                if len(self._times) > 4 * MOST:
                    self._times.clear()
                self._times[key] = self._times.get(key, 0) + 1
                if self._times[key] < AFTER:
                    return None
                try:
                    found = _Graph(self._device, key, self._compute)
                except NotCaptured as reason:
                    self.refusal = str(reason)
                    return None
                if len(self._graphs) == MOST:
                    self._graphs.pop(next(iter(self._graphs))).close()
            self._graphs[key] = found  # the latest one is the last
            return found
