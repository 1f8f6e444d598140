"""The infer request of the Open Inference Protocol: tensors as JSON, or as bytes behind it (the binary extension)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import orjson

from sklort.exceptions import BadRequest
from sklort.serving.call import (
    Call,
    Computers,
    Headers,
    Wanted,
    check_rows,
    header,
    list_of,
    one_of,
    parsed,
    unpacked,
)
from sklort.serving.limits import Limits
from sklort.serving.model import Backend
from sklort.serving.scratch import scratch_for
from sklort.serving.tensors import Array, Port, flattened, read_bytes, read_list, write_bytes, write_json

HEADER = b"inference-header-content-length"
_NOT_PLAIN = (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error)
_NOT_DONE = ("classification", "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")
"""Parameters of outputs and inputs that would change the answer, or say where it is."""
MOST, MOST_AXES = 2**31 - 1, 32
_SIZES = {ndim: b"[" + b",".join([b"%d"] * ndim) + b"]" for ndim in range(65)}  # more NumPy does not have
_JSON = (b"content-type", b"application/json")
_BINARY = (b"content-type", b"application/octet-stream")


class _Shown(NamedTuple):
    """An output in an answer: where it is computed, what it is called, what its entry begins with, and its form."""

    at: int
    name: str
    head: bytes
    binary: bool


class Infer:
    """A codec, see `sklort.serving.call`."""

    def __init__(self, backend: Backend, name: str, version: str, limits: Limits) -> None:
        self._backend, self._limits = backend, limits
        self._ports = {port.name: port for port in backend.inputs}
        self._outputs = {port.name: port for port in backend.outputs}
        self._computers = Computers(backend, tuple(self._outputs))
        self._begin = b'{"model_name":%b,"model_version":%b' % (orjson.dumps(name), orjson.dumps(version))
        self._default = tuple(dict.fromkeys(backend.answers[name].output for name in backend.usual))
        self._default = tuple(name for name in self._default if name in self._outputs)
        self._usual = self._wanted(tuple((name, False) for name in self._default))
        self._last: tuple[Any, Wanted] = (None, self._usual)
        self._scratch = scratch = scratch_for(backend.inputs, backend.manners)
        self._slots = (
            [
                (port.name, [1, *port.shape[1:]], port.datatype, write)
                for port, write in zip(backend.inputs, scratch.writers)
            ]
            if scratch is not None
            else []
        )

    def read(self, body: bytes, headers: Headers) -> Call:
        """See `Codec.read`."""
        scratch = self._scratch
        if scratch is None or not scratch.mine():
            return self._read(body, headers)
        try:  # one row as JSON, all inputs in order, the outputs of the last request: anything else has time
            document = orjson.loads(body)
            inputs = document["inputs"]
            if len(inputs) != len(self._slots):
                return self._read(body, headers)
            for tensor, (name, shape, datatype, write) in zip(inputs, self._slots):
                data, given = tensor["data"], tensor["shape"]
                if (
                    tensor["name"] != name
                    or given != shape
                    or type(given[0]) is not int  # true is 1, and 1.0 is
                    or type(given[-1]) is not int
                    or tensor["datatype"] != datatype
                    or len(tensor) != 4
                    or type(data) is not list
                ):
                    return self._read(body, headers)
                write(*data)
            asked = document.get("outputs")
            wanted = self._usual
            if asked is not None:
                if asked != self._last[0]:
                    return self._read(body, headers)
                wanted = self._last[1]
            if "parameters" in document:
                return self._read(body, headers)
            ident = document.get("id")
            note = b"" if ident is None else _identity(ident)
        except _NOT_PLAIN:
            return self._read(body, headers)
        return Call(scratch.arrays, 1, wanted, True, note)

    def check(self, values: Sequence[Array]) -> None:
        """See `Codec.check`."""
        self._check(values, list(range(len(values))))

    def copies(self) -> list[Array]:
        """See `Codec.copies`."""
        return self._scratch.copies() if self._scratch is not None else []

    def _check(self, values: Sequence[Array], places: Sequence[int]) -> None:
        if self._backend.manners is None:
            return

        def where(port: int, row: int, column: int) -> str:
            return f"inputs[{places[port]}].data[{row * prod(values[port].shape[1:]) + column}]"

        self._backend.manners.check_texts(values, where)
        self._backend.manners.check(values, where)

    # -- any request -----------------------------------------------------------------------------------------------

    def _read(self, body: bytes, headers: Headers) -> Call:
        body = unpacked(body, headers, self._limits)
        length = _header_length(headers, len(body))
        document, tail = parsed(memoryview(body)[:length]), memoryview(body)[length:]
        inputs = list_of(document.get("inputs"), "inputs")
        values: dict[str, Array] = {}
        places: dict[str, int] = {}
        for at, tensor in enumerate(inputs):
            where = f"inputs[{at}]"
            if not isinstance(tensor, dict):
                raise BadRequest("expected an object", where)
            port = self._ports[one_of(tensor.get("name"), tuple(self._ports), "input", f"{where}.name")]
            if port.name in values:
                raise BadRequest(f"the input {port.name!r} comes twice", f"{where}.name")
            values[port.name], tail = self._tensor(tensor, port, where, tail)
            places[port.name] = at
        for name in self._ports:
            if name not in values:
                raise BadRequest(f"the input {name!r} is missing", "inputs")
        if len(tail):
            raise BadRequest(f"{len(tail)} bytes behind the last tensor", "body")
        ordered = [values[name] for name in self._ports]
        order = [places[name] for name in self._ports]
        rows = self._rows(ordered, order)
        if self._backend.manners is not None:
            self._check(ordered, order)
        ident = document.get("id")
        return Call(ordered, rows, self._asked(document), False, b"" if ident is None else _identity(ident))

    def _tensor(self, tensor: dict[str, Any], port: Port, where: str, tail: memoryview) -> tuple[Array, memoryview]:
        shape = list_of(tensor.get("shape"), f"{where}.shape")
        if len(shape) > MOST_AXES or not all(type(size) is int and 0 <= size <= MOST for size in shape):
            raise BadRequest(f"expected at most {MOST_AXES} whole numbers from 0 to {MOST}", f"{where}.shape")
        port.check_shape(shape, f"{where}.shape")
        if tensor.get("datatype") != port.datatype:
            raise BadRequest(
                f"expected {port.datatype}, got {tensor.get('datatype')!r}; the input {port.name!r} is of that type",
                f"{where}.datatype",
            )
        check_rows(shape[0] if shape else 1, self._limits, f"{where}.shape")
        parameters = _parameters(tensor, where)
        size = parameters.get("binary_data_size")
        if size is None:
            field = f"{where}.data"
            data = flattened(list_of(tensor.get("data"), field), shape, field)
            return read_list(data, port.dtype, lambda at: f"{field}[{at}]").reshape(shape), tail
        if "data" in tensor:
            raise BadRequest("there are data and binary_data_size; expected one of them", where)
        field = f"{where}.parameters.binary_data_size"
        if type(size) is not int or not 0 <= size <= len(tail):
            raise BadRequest(f"expected at most {len(tail)}, the bytes that are left, got {size!r}", field)
        return read_bytes(tail[:size], port, shape, field), tail[size:]

    def _rows(self, values: Sequence[Array], places: Sequence[int]) -> int:
        sizes = [array.shape[0] if array.ndim else 1 for array in values]
        if self._backend.manners is not None:  # of a plain graph only its author knows which axis counts rows
            for size, at in zip(sizes, places):
                if size != sizes[0]:
                    raise BadRequest(f"{size} rows, where inputs[{places[0]}] has {sizes[0]}", f"inputs[{at}].shape")
                if size == 0:
                    raise BadRequest("no rows", f"inputs[{at}].shape")
        return max(sizes, default=1)

    def _asked(self, document: dict[str, Any]) -> Wanted:
        binary = _flag(_parameters(document, None), "binary_data_output", "parameters")
        asked = document.get("outputs")
        if asked is None or asked == []:
            return self._wanted(tuple((name, True) for name in self._default)) if binary else self._usual
        found: list[tuple[str, bool]] = []
        for at, output in enumerate(list_of(asked, "outputs")):
            where = f"outputs[{at}]"
            if not isinstance(output, dict):
                raise BadRequest("expected an object", where)
            name = one_of(output.get("name"), tuple(self._outputs), "output", f"{where}.name")
            if any(name == other for other, _ in found):
                raise BadRequest(f"the output {name!r} is asked for twice", f"{where}.name")
            own = _flag(_parameters(output, where), "binary_data", f"{where}.parameters")
            found.append((name, bool(binary if own is None else own)))
        wanted = self._wanted(tuple(found))
        if binary is None:
            self._last = asked, wanted
        return wanted

    def _wanted(self, asked: tuple[tuple[str, bool], ...]) -> Wanted:
        names, computer = self._computers.get([name for name, _ in asked])
        shown = tuple(
            _Shown(
                names.index(name),
                name,
                b'{"name":%b,"datatype":"%b","shape":' % (orjson.dumps(name), self._outputs[name].datatype.encode()),
                binary,
            )
            for name, binary in asked
        )
        return Wanted(names, computer, shown)

    # -- the answer ------------------------------------------------------------------------------------------------

    def write(self, call: Call, found: Sequence[Any]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """See `Codec.write`."""
        entries, tails = [], []
        for at, name, head, binary in call.wanted.shown:
            values = found[at]
            sizes = _SIZES[values.ndim] % values.shape
            if binary:
                tails.append(write_bytes(values))
                entries.append(b'%b%b,"parameters":{"binary_data_size":%d}}' % (head, sizes, len(tails[-1])))
            else:
                entries.append(b'%b%b,"data":%b}' % (head, sizes, write_json(values.reshape(-1), name)))
        text = b'%b%b,"outputs":[%b]}' % (self._begin, call.note, b",".join(entries))
        if not tails:
            return [_JSON, (b"content-length", b"%d" % len(text))], text
        whole = b"".join([text, *tails])
        return [_BINARY, (b"content-length", b"%d" % len(whole)), (HEADER, b"%d" % len(text))], whole


def _identity(ident: Any) -> bytes:
    if not isinstance(ident, str):
        raise BadRequest("expected a string", "id")
    return b',"id":' + orjson.dumps(ident)


def _header_length(headers: Headers, whole: int) -> int:
    given = header(headers, HEADER)
    if given is None:
        return whole
    if not given.isdigit() or int(given) > whole:
        raise BadRequest(
            f"expected at most {whole}, the bytes of the body, got {given.decode('latin-1')!r}",
            "Inference-Header-Content-Length",
        )
    return int(given)


def _parameters(holder: dict[str, Any], where: str | None) -> dict[str, Any]:
    found = holder.get("parameters")
    field = "parameters" if where is None else f"{where}.parameters"
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest("expected an object", field)
    for name in _NOT_DONE:
        if name in found:
            raise BadRequest("this server has no such extension", f"{field}.{name}")
    return found


def _flag(parameters: dict[str, Any], name: str, where: str) -> bool | None:
    found = parameters.get(name)
    if found is not None and not isinstance(found, bool):
        raise BadRequest("expected true or false", f"{where}.{name}")
    return found
