"""Large batches of the host in chunks: while the device computes one, the next one is on its way.

Chunks take turns on two streams, and each stream has pinned memory for what comes and what goes. All of a chunk happens
on one stream, in order: its rows are copied there, computed, and its answer is copied back; the two streams overlap.
The host writes into the memory of a stream only when that stream has finished the chunk before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sklort.exceptions import Fail
from sklort.graph.ir import Array
from sklort.providers.cuda.device import Device
from sklort.providers.part import STOPPED, Stop
from sklort.providers.placement import on_device

CHUNK_BYTES = 8 << 20
"""Of input in a chunk; smaller batches are copied whole. A guess until a GPU has been asked."""
_LEAST_CHUNKS = 3


class _Turn:
    """A stream with its pinned memory."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.stream = device.cupy.cuda.Stream(non_blocking=True)
        self._pinned: list[Any] = []
        self._taken = 0
        self.waiting: list[tuple[Array, Array]] = []
        """Where answers go, and the pinned memory in which they will be."""

    def staging(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Pinned memory, kept for the next chunk of this turn."""
        size = max(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, 1)
        if self._taken == len(self._pinned):
            self._pinned.append(np.zeros(0, np.uint8))
        if self._pinned[self._taken].nbytes < size:
            memory = self._device.cupy.cuda.alloc_pinned_memory(size)
            self._pinned[self._taken] = np.frombuffer(memory, np.uint8, size)
        raw = self._pinned[self._taken][: int(np.prod(shape, dtype=np.int64)) * dtype.itemsize]
        self._taken += 1
        found: Array = raw.view(dtype).reshape(shape)
        return found

    def finish(self) -> None:
        """Wait for the chunk, and take its answers from pinned memory."""
        self.stream.synchronize()
        for to, staged in self.waiting:
            to[...] = staged
        self.waiting, self._taken = [], 0


def _chunk(values: Sequence[Array]) -> int:
    """Rows of a chunk."""
    row_bytes = sum(value.nbytes for value in values) // max(len(values[0]), 1)
    return max(CHUNK_BYTES // max(row_bytes, 1), 1)


class Chunks:
    """Runs batches in chunks. One at a time: a second caller finds it taken.

    Parameters
    ----------
    device : Device
    compute : callable
        From the arrays of a chunk on the device to its outputs, on the current stream.
    """

    def __init__(self, device: Device, compute: Callable[[list[Any]], list[Any]]) -> None:
        self._device = device
        self._compute = compute
        self._lock = threading.Lock()
        self._turns: list[_Turn] = []

    def takes(self, values: Sequence[Array]) -> bool:
        """Whether a batch is large enough."""
        return len(values[0]) >= _LEAST_CHUNKS * _chunk(values)

    def run(self, values: Sequence[Array], stop: Stop | None) -> list[Array] | None:
        """The outputs of a batch on the host; None while another one is under way, and where rows do not stay rows."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._in_chunks(values, len(values[0]), _chunk(values), stop)
        finally:
            self._lock.release()

    def _in_chunks(self, values: Sequence[Array], rows: int, chunk: int, stop: Stop | None) -> list[Array] | None:
        if not self._turns:
            self._turns = [_Turn(self._device), _Turn(self._device)]
        found: list[Array] = []
        try:
            for number, first in enumerate(range(0, rows, chunk)):
                if stop is not None and stop.is_set():
                    raise Fail(STOPPED)
                turn = self._turns[number % 2]
                turn.finish()
                part = slice(first, min(first + chunk, rows))
                with turn.stream:
                    outputs = self._compute([self._sent(turn, value[part]) for value in values])
                    if any(len(each) != part.stop - part.start for each in outputs):
                        return None
                    if not found:
                        found = [np.empty((rows, *each.shape[1:]), each.dtype) for each in outputs]
                    for to, made in zip(found, outputs):
                        self._fetch(turn, made, to[part])
        finally:  # after an error, too: what is under way writes into memory that is kept
            for turn in self._turns:
                turn.finish()
        return found

    def _sent(self, turn: _Turn, rows: Array) -> Any:
        staged = turn.staging(rows.shape, rows.dtype)
        staged[...] = rows
        there = self._device.empty(rows.shape, rows.dtype)
        there.data.copy_from_host_async(staged.ctypes.data, staged.nbytes, turn.stream)
        return there

    def _fetch(self, turn: _Turn, made: Any, to: Array) -> None:
        if not on_device(made):  # labels that are strings
            to[...] = made
            return
        made = self._device.contiguous(made)
        staged = turn.staging(made.shape, np.dtype(made.dtype))
        made.data.copy_to_host_async(staged.ctypes.data, staged.nbytes, turn.stream)
        turn.waiting.append((to, staged))
