"""uvicorn's side of a connection, with one difference: under load, what one turn of its loop writes leaves together.

A response is written in two parts, head and body. Each is a call of the system, and may wake the client, which costs
more than a prediction of one row. A client that is alone is woken as soon as can be, and is awake when the rest comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """See the module."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(cast(asyncio.Transport, _Gathering(transport, self.loop, self.tasks)))


class _Gathering:
    """A transport that writes at the end of the loop's turn, where several requests are answered in it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, tasks: Sized) -> None:
        self._transport, self._call_soon, self._tasks = transport, loop.call_soon, tasks
        self._parts: list[bytes] = []
        self.is_closing, self.pause_reading, self.resume_reading = (
            transport.is_closing,
            transport.pause_reading,
            transport.resume_reading,
        )

    def write(self, data: bytes) -> None:
        """Write soon."""
        if not self._parts:
            if len(self._tasks) < 2:
                self._transport.write(data)
                return
            self._call_soon(self._flush)
        self._parts.append(data)

    def _flush(self) -> None:
        parts = self._parts
        if parts:
            self._parts = []
            self._transport.write(b"".join(parts) if len(parts) > 1 else parts[0])

    def close(self) -> None:
        """Write what there is, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
