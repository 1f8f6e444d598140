"""Who computes a call, and when: at once in the event loop, in a thread, or together with its neighbours.

A hop to a thread costs more than a prediction of one row, and a long prediction in the event loop costs everybody. So
the time of calls is remembered by their size, and only what is known to be short runs in the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import Executor
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from sklort.serving.call import Call, Codec, Wanted
from sklort.serving.meters import Histogram
from sklort.serving.tensors import Array
from sklort.session.run_options import RunOptions

LONG = 1e-3
"""Seconds that nobody else may be kept waiting."""


class _Waiting(NamedTuple):
    call: Call
    values: list[Array]
    answer: asyncio.Future[Sequence[Any]]


class _Batch:
    """Calls that will be computed together."""

    def __init__(self) -> None:
        self.calls: list[_Waiting] = []
        self.rows = 0


class Engine:
    """See the module; one for each model.

    Parameters
    ----------
    executor : Executor
        Its threads compute what is long.
    window : float or None
        Seconds for which a call waits for others to be computed with; 0 for those that are there already. None: each
        call is computed alone.
    most_rows : int
        A batch of so many rows waits no longer.
    sizes : Histogram
        Is told how many calls were computed together.
    """

    def __init__(self, executor: Executor, window: float | None, most_rows: int, sizes: Histogram) -> None:
        self._executor = executor
        self._window, self._most_rows, self._sizes = window, most_rows, sizes
        self._seconds: dict[int, float] = {}
        self._open: dict[Any, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself keeps none alive

    def at_once(self, rows: int) -> bool:
        """Whether a call of so many rows is best computed here and now."""
        return self._window is None and self._seconds.get(rows.bit_length(), LONG) < LONG

    def took(self, rows: int, seconds: float) -> None:
        """Remember the time of a call."""
        size = rows.bit_length()
        before = self._seconds.get(size, seconds)
        self._seconds[size] = before + 0.2 * (seconds - before)

    async def run(self, call: Call, codec: Codec) -> Sequence[Any]:
        """The outputs of a call, when they are there.

        Raises
        ------
        BadRequest, SessionError
            Of this call; its neighbours in a batch are not disturbed.
        """
        values = call.values
        if call.passing:
            codec.check(values)
            values = codec.copies()
        if self._window is None:
            return await self._in_thread(call.wanted, values, call.rows)
        return await self._together(call, values, self._window)

    async def _in_thread(self, wanted: Wanted, values: list[Array], rows: int) -> Sequence[Any]:
        options = RunOptions()

        def compute() -> tuple[Sequence[Any], float]:
            begin = perf_counter()
            return wanted.computer.run(values, options), perf_counter() - begin

        try:
            found, seconds = await asyncio.get_running_loop().run_in_executor(self._executor, compute)
        except asyncio.CancelledError:
            options.terminate = True  # nobody waits for it: the thread is for others
            raise
        self.took(rows, seconds)
        return found

    # -- batches ---------------------------------------------------------------------------------------------------

    async def _together(self, call: Call, values: list[Array], window: float) -> Sequence[Any]:
        loop = asyncio.get_running_loop()
        key = (call.wanted.names, tuple(array.shape[1:] for array in values))
        batch = self._open.get(key)
        if batch is None:
            self._open[key] = batch = _Batch()
            if window:
                loop.call_later(window, self._close, key, batch)
            else:
                loop.call_soon(self._close, key, batch)
        one = _Waiting(call, values, loop.create_future())
        batch.calls.append(one)
        batch.rows += call.rows
        if batch.rows >= self._most_rows:
            self._close(key, batch)
        return await one.answer

    def _close(self, key: Any, batch: _Batch) -> None:
        """Compute a batch, unless that was done already because it was full."""
        if self._open.get(key) is not batch:
            return
        del self._open[key]
        waiting = [one for one in batch.calls if not one.answer.done()]  # a client may be gone
        if not waiting:
            return
        self._sizes.add(len(waiting))
        rows = sum(one.call.rows for one in waiting)
        if self._seconds.get(rows.bit_length(), LONG) < LONG:
            begin = perf_counter()
            found: Sequence[Any] | Exception
            try:
                found = waiting[0].call.wanted.computer.run(_joined(waiting), None)
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                found = error
            self.took(rows, perf_counter() - begin)
            self._hand_out(waiting, found)
            return
        self._begin(self._batch_in_thread(waiting, rows))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _batch_in_thread(self, waiting: list[_Waiting], rows: int) -> None:
        found: Sequence[Any] | Exception
        try:
            found = await self._in_thread(waiting[0].call.wanted, _joined(waiting), rows)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            found = error
        self._hand_out(waiting, found)

    def _hand_out(self, waiting: list[_Waiting], found: Sequence[Any] | Exception) -> None:
        rows = sum(one.call.rows for one in waiting)
        if isinstance(found, Exception) or any(np.shape(output)[:1] != (rows,) for output in found):
            self._one_by_one(waiting, found)
            return
        begin = 0
        for one in waiting:
            end = begin + one.call.rows
            if not one.answer.done():
                one.answer.set_result([output[begin:end] for output in found])
            begin = end

    def _one_by_one(self, waiting: list[_Waiting], found: Sequence[Any] | Exception) -> None:
        """What fails together may be the fault of one."""
        for one in waiting:
            if one.answer.done():
                continue
            if len(waiting) == 1:
                _settle(one.answer, found)
                continue
            self._begin(self._alone(one))

    async def _alone(self, one: _Waiting) -> None:
        found: Sequence[Any] | Exception
        try:
            found = await self._in_thread(one.call.wanted, one.values, one.call.rows)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            found = error
        if not one.answer.done():
            _settle(one.answer, found)


def _joined(waiting: Sequence[_Waiting]) -> list[Array]:
    if len(waiting) == 1:
        return waiting[0].values
    return [np.concatenate(parts) for parts in zip(*(one.values for one in waiting))]


def _settle(answer: asyncio.Future[Sequence[Any]], found: Sequence[Any] | Exception) -> None:
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
