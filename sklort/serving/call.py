"""What a codec makes of a request: values for a model, what is asked of it, and how the answer is written."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from sklort.exceptions import BadRequest
from sklort.serving.limits import Limits
from sklort.serving.model import Backend, Computer
from sklort.serving.tensors import Array
from sklort.session.nearest import did_you_mean

Headers = Sequence[tuple[bytes, bytes]]

MOST_COMPUTERS = 16
"""Programs of one model, each for other outputs; beyond them all outputs are computed, and some picked."""


class Wanted(NamedTuple):
    """Outputs that are asked for.

    Attributes
    ----------
    names : tuple of str
        Of the graph, each once: what requests must share to be computed together.
    computer : Computer
    shown : tuple
        What the codec writes of them.
    """

    names: tuple[str, ...]
    computer: Computer
    shown: tuple[Any, ...]


class Call(NamedTuple):
    """A request that was read.

    Attributes
    ----------
    values : list of ndarray
        One for each input.
    rows : int
    wanted : Wanted
    passing : bool
        Whether the values are overwritten by the next request, and not yet looked at.
    note : bytes
        What the codec wants to remember.
    """

    values: list[Array]
    rows: int
    wanted: Wanted
    passing: bool = False
    note: bytes = b""


class Codec(Protocol):
    """One way to ask a model."""

    def read(self, body: bytes, headers: Headers) -> Call:
        """The call in a request. Raises BadRequest."""
        ...

    def check(self, values: Sequence[Array]) -> None:
        """Look at values that `read` handed on `passing`. Raises BadRequest."""
        ...

    def copies(self) -> list[Array]:
        """The values of a call that is `passing`, to be kept."""
        ...

    def write(self, call: Call, found: Sequence[Any]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body of the answer."""
        ...


class Computers:
    """The programs of a model, by the outputs that are asked for."""

    def __init__(self, backend: Backend, everything: Sequence[str]) -> None:
        self._backend = backend
        self._order = tuple(everything)
        self._made: dict[tuple[str, ...], Computer] = {}

    def get(self, asked: Sequence[str]) -> tuple[tuple[str, ...], Computer]:
        """The outputs that are computed, at least those, and what computes them."""
        names = tuple(name for name in self._order if name in asked)
        if names not in self._made and len(self._made) >= MOST_COMPUTERS:
            names = self._order
        if names not in self._made:
            self._made[names] = self._backend.compute(names)
        return names, self._made[names]


def header(headers: Headers, name: bytes) -> bytes | None:
    """The value of a header, whose name is given in lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None


def parsed(body: bytes | memoryview) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"no JSON: {error}", "body") from None
    if not isinstance(found, dict):
        raise BadRequest("expected a JSON object", "body")
    return found


def unpacked(body: bytes, headers: Headers, limits: Limits) -> bytes:
    """A body that may be compressed, as it was before."""
    encoding = (header(headers, b"content-encoding") or b"identity").decode("latin-1").strip().lower()
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "deflate"):
        raise BadRequest(f"{encoding!r} is not read here, gzip and deflate are", "Content-Encoding", 415)
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out which of the two it is
    try:
        found = reader.decompress(body, limits.body)
    except zlib.error:
        raise BadRequest(f"the body is not what {encoding} makes", "body") from None
    if reader.unconsumed_tail:
        raise BadRequest(f"more than {limits.body} bytes when it is unpacked", "body", 413)
    if not reader.eof:
        raise BadRequest(f"the body of {encoding} is cut off", "body")
    return found


def check_rows(rows: int, limits: Limits, field: str) -> None:
    """Refuse more rows than a request may have."""
    if rows > limits.rows:
        raise BadRequest(f"{rows} rows, where at most {limits.rows} are taken", field, 413)


def one_of(name: Any, names: Sequence[str], what: str, field: str) -> str:
    """`name`, if it is one of them."""
    if not isinstance(name, str) or name not in names:
        known = ", ".join(map(repr, names))
        raise BadRequest(f"there is no {what} {name!r}; there are {known}{did_you_mean(name, names)}", field)
    return name


def list_of(value: Any, field: str) -> list[Any]:
    """`value`, if it is a list."""
    if not isinstance(value, list):
        raise BadRequest("expected a list", field)
    return value
