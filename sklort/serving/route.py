"""The road of a request to a model, from ASGI to ASGI: the part of the service that must be short."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson

from sklort.exceptions import BadRequest, SessionError, text_of
from sklort.serving.call import Call, Codec, header
from sklort.serving.engine import Engine
from sklort.serving.limits import Limits
from sklort.serving.meters import Meter

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

LOG = logging.getLogger("sklort.serving")

Answer = tuple[list[tuple[bytes, bytes]], bytes]


class Route:
    """An ASGI application that answers POST for one version of one model, asked in one way.

    Parameters
    ----------
    codec : Codec
    engine : Engine
    meter : Meter
    limits : Limits
    tell : bool
        Log every request, not only those that fail through our fault.
    """

    def __init__(self, codec: Codec, engine: Engine, meter: Meter, limits: Limits, *, tell: bool = False) -> None:
        self._codec, self._engine, self._meter, self._limits, self._tell = codec, engine, meter, limits, tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, compute, write."""
        begin = perf_counter()
        status, rows = 200, 0
        try:
            message = await receive()
            body = message.get("body", b"")
            if message.get("more_body") or len(body) > self._limits.body:
                body = await self._rest(body, scope, receive)
            elif message["type"] == "http.disconnect":
                return
            call = self._codec.read(body, scope["headers"])
            rows = call.rows
            found: Sequence[Any] | None = None
            if self._engine.at_once(rows):
                computing = perf_counter()
                found = call.wanted.computer.fast(call.values)
                if found is None:
                    self._codec.check(call.values)
                    found = call.wanted.computer.run(call.values, None)
                self._engine.took(rows, perf_counter() - computing)
            else:
                found = await self._later(call, begin)
            headers, answer = self._codec.write(call, found)
        except _Gone:
            return
        except BadRequest as error:
            status, (headers, answer) = error.status, refusal(error)
        except SessionError as error:
            status, rows = 422, 0
            headers, answer = refusal(BadRequest(f"the model cannot compute these rows: {text_of(error)}"))
        except Exception:
            status, rows = 500, 0
            LOG.exception("request failed", extra={"path": scope["path"]})
            headers, answer = refusal(BadRequest("the server failed; its log says why", status=500))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        seconds = perf_counter() - begin
        self._meter.note(status, rows if status == 200 else 0, seconds)
        if self._tell:
            told = {"path": scope["path"], "status": status, "rows": rows, "seconds": round(seconds, 6)}
            LOG.info("request", extra=told)

    async def _later(self, call: Call, begin: float) -> Sequence[Any]:
        if call.passing:  # before anybody else is let on
            self._codec.check(call.values)
            call = call._replace(values=self._codec.copies(), passing=False)
        left = self._limits.seconds - (perf_counter() - begin)
        try:
            return await self._engine.run(call, max(left, 0.0))
        except asyncio.TimeoutError:
            raise BadRequest(
                f"not computed within {self._limits.seconds:g} s; ask for fewer rows", status=504
            ) from None

    async def _rest(self, body: bytes, scope: Scope, receive: Receive) -> bytes:
        """The whole of a body that comes in parts, if it is not too long, and not too slow."""
        most = self._limits.body
        said = header(scope["headers"], b"content-length")
        if len(body) > most or (said is not None and said.isdigit() and int(said) > most):
            raise BadRequest(f"more than {most} bytes", "body", 413)
        try:
            return await asyncio.wait_for(_collected(body, most, receive), self._limits.seconds)
        except asyncio.TimeoutError:
            raise BadRequest(f"not here within {self._limits.seconds:g} s", "body", 408) from None


class _Gone(Exception):
    """The client has left: nobody is there to answer."""


async def _collected(body: bytes, most: int, receive: Receive) -> bytes:
    parts, size, more = [body], len(body), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most:
            raise BadRequest(f"more than {most} bytes", "body", 413)
        more = message.get("more_body", False)
    return b"".join(parts)


def refusal(error: BadRequest) -> Answer:
    """What a client reads who asked wrongly, in the protocol's form; the field that is wrong beside it."""
    said: dict[str, Any] = {"error": str(error)}
    if error.field is not None:
        said["field"] = error.field
    body = orjson.dumps(said)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if error.status in (408, 413):  # the rest of the body is not read
        headers.append((b"connection", b"close"))
    return headers, body
