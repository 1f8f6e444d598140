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

from sklort.serving.call import Call, Wanted
from sklort.serving.meters import Histogram
from sklort.serving.tensors import Array
from sklort.session.run_options import RunOptions

LONG = 1e-3
"""Seconds that nobody else may be kept waiting."""


class _Waiting(NamedTuple):
    call: Call
    answer: asyncio.Future[Sequence[Any]]


class _Batch:
    """Calls that will be computed together."""

    def __init__(self, seconds: float) -> None:
        self.calls: list[_Waiting] = []
        self.rows = 0
        self.seconds = seconds


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

    async def run(self, call: Call, seconds: float) -> Sequence[Any]:
        """The outputs of a call, when they are there.

        Parameters
        ----------
        call : Call
            Not `passing`: by now the next request may have been read.
        seconds : float
            How long the computation may take.

        Raises
        ------
        BadRequest, SessionError, asyncio.TimeoutError
            Of this call; its neighbours in a batch are not disturbed.
        """
        if self._window is None:
            return await self._in_thread(call.wanted, call.values, call.rows, seconds)
        return await self._together(call, self._window, seconds)

    async def _in_thread(self, wanted: Wanted, values: list[Array], rows: int, limit: float) -> Sequence[Any]:
        options = RunOptions()

        def compute() -> tuple[Sequence[Any], float]:
            begin = perf_counter()
            return wanted.computer.run(values, options), perf_counter() - begin

        work = asyncio.get_running_loop().run_in_executor(self._executor, compute)
        try:
            found, seconds = await asyncio.wait_for(work, limit)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            options.terminate = True  # nobody waits for it: the thread is for others
            raise
        self.took(rows, seconds)
        return found

    # -- batches ---------------------------------------------------------------------------------------------------

    async def _together(self, call: Call, window: float, seconds: float) -> Sequence[Any]:
        loop = asyncio.get_running_loop()
        key = (call.wanted.names, tuple(array.shape[1:] for array in call.values))
        batch = self._open.get(key)
        if batch is None:
            self._open[key] = batch = _Batch(seconds)
            if window:
                loop.call_later(window, self._close, key, batch)
            else:
                loop.call_soon(self._close, key, batch)
        one = _Waiting(call, loop.create_future())
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
            self._hand_out(waiting, found, batch.seconds)
            return
        self._begin(self._batch_in_thread(waiting, rows, batch.seconds))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _batch_in_thread(self, waiting: list[_Waiting], rows: int, seconds: float) -> None:
        found: Sequence[Any] | Exception
        try:
            found = await self._in_thread(waiting[0].call.wanted, _joined(waiting), rows, seconds)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            found = error
        self._hand_out(waiting, found, seconds)

    def _hand_out(self, waiting: list[_Waiting], found: Sequence[Any] | Exception, seconds: float) -> None:
        rows = sum(one.call.rows for one in waiting)
        if isinstance(found, Exception) or any(np.shape(output)[:1] != (rows,) for output in found):
            self._one_by_one(waiting, found, seconds)
            return
        begin = 0
        for one in waiting:
            end = begin + one.call.rows
            if not one.answer.done():
                one.answer.set_result([output[begin:end] for output in found])
            begin = end

    def _one_by_one(self, waiting: list[_Waiting], found: Sequence[Any] | Exception, seconds: float) -> None:
        """What fails together may be the fault of one."""
        for one in waiting:
            if one.answer.done():
                continue
            if len(waiting) == 1 or isinstance(found, asyncio.TimeoutError):
                _settle(one.answer, found)
                continue
            self._begin(self._alone(one, seconds))

    async def _alone(self, one: _Waiting, seconds: float) -> None:
        found: Sequence[Any] | Exception
        try:
            found = await self._in_thread(one.call.wanted, one.call.values, one.call.rows, seconds)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            found = error
        if not one.answer.done():
            _settle(one.answer, found)


def _joined(waiting: Sequence[_Waiting]) -> list[Array]:
    if len(waiting) == 1:
        return waiting[0].call.values
    return [np.concatenate(parts) for parts in zip(*(one.call.values for one in waiting))]


def _settle(answer: asyncio.Future[Sequence[Any]], found: Sequence[Any] | Exception) -> None:
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
