"""Rows with named columns, as JSON: what a model is asked by whoever has a table and no wish for tensors.

``{"rows": [{"age": 31, "city": "Oslo"}]}`` or ``{"columns": {"age": [31], "city": ["Oslo"]}}``; a model that was fitted
without names takes ``{"rows": [[5.1, 3.5]]}``. ``"outputs": ["predict_proba"]`` asks for some answers only. Names are
scikit-learn's, on either side.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import orjson

from sklort.exceptions import BadRequest
from sklort.serving.call import Call, Computers, Headers, Wanted, check_rows, list_of, one_of, parsed, unpacked
from sklort.serving.limits import Limits
from sklort.serving.manners import STANDS_FOR, Gap
from sklort.serving.model import Backend, Column
from sklort.serving.scratch import Scratch, scratch_for
from sklort.serving.tensors import Array, read_list, write_json
from sklort.session.nearest import did_you_mean

_NOT_PLAIN = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, struct.error)
_KEYS = ("rows", "columns", "outputs")
_JSON = (b"content-type", b"application/json")

Cell = Callable[[int, str], str]
"""The name of a value by its row and column."""
Take = Callable[[Any], None]
"""Writes a row into the scratch."""


class Rows:
    """A codec, see `sklort.serving.call`."""

    def __init__(self, backend: Backend, name: str, version: str, limits: Limits) -> None:
        self._backend, self._limits = backend, limits
        self._names = tuple(column.name for column in backend.columns)
        self._computers = Computers(backend, list(dict.fromkeys(one.output for one in backend.answers.values())))
        self._begin = b'{"model":%b,"version":%b' % (orjson.dumps(name), orjson.dumps(version))
        self._classes = b"" if backend.classes is None else b',"classes":%b' % backend.classes
        self._usual = self._wanted(backend.usual)
        self._last: tuple[Any, Wanted] = (None, self._usual)
        self._scratch = scratch_for(backend.inputs, backend.manners) if backend.columns else None
        self._take = _taker(backend, self._scratch) if self._scratch is not None else None

    def read(self, body: bytes, headers: Headers) -> Call:
        """See `Codec.read`."""
        scratch = self._scratch
        if scratch is None or self._take is None or not scratch.mine():
            return self._read(body, headers)
        try:  # one row, and the answers that were asked for last
            document = orjson.loads(body)
            rows = document["rows"]
            if type(rows) is not list or len(rows) != 1:
                return self._read(body, headers)
            wanted = self._usual
            if len(document) != 1:
                if len(document) != 2 or document["outputs"] != self._last[0]:
                    return self._read(body, headers)
                wanted = self._last[1]
            self._take(rows[0])
        except _NOT_PLAIN:
            return self._read(body, headers)
        return Call(scratch.arrays, 1, wanted, True)

    def check(self, values: Sequence[Array]) -> None:
        """See `Codec.check`."""
        form = "rows[{}].{}" if self._backend.named else "rows[{}][{}]"
        self._check(values, form.format)

    def copies(self) -> list[Array]:
        """See `Codec.copies`."""
        return self._scratch.copies() if self._scratch is not None else []

    def _check(self, values: Sequence[Array], where: Cell) -> None:
        if self._backend.manners is not None:
            names = {(column.port, column.at): column.name for column in self._backend.columns}
            self._backend.manners.check(values, lambda port, row, at: where(row, names[port, at]))

    # -- any request -----------------------------------------------------------------------------------------------

    def _read(self, body: bytes, headers: Headers) -> Call:
        document = parsed(unpacked(body, headers, self._limits))
        for key in document:
            if key not in _KEYS:
                known = ", ".join(map(repr, _KEYS))
                raise BadRequest(f"unknown; a request has {known}{did_you_mean(key, _KEYS)}", key)
        if not self._names:
            raise BadRequest("this model takes no rows, only tensors: POST /v2/models/<name>/infer", "rows")
        if ("rows" in document) == ("columns" in document):
            raise BadRequest("expected either rows or columns", "rows")
        wanted = self._asked(document["outputs"]) if "outputs" in document else self._usual
        values, where = self._of_rows(document) if "rows" in document else self._of_columns(document["columns"])
        self._check(values, where)
        return Call(values, len(values[0]), wanted)

    def _asked(self, outputs: Any) -> Wanted:
        found: list[str] = []
        for at, name in enumerate(list_of(outputs, "outputs")):
            name = one_of(name, tuple(self._backend.answers), "answer", f"outputs[{at}]")
            if name in found:
                raise BadRequest(f"{name!r} is asked for twice", f"outputs[{at}]")
            found.append(name)
        if not found:
            raise BadRequest("none is named", "outputs")
        wanted = self._wanted(found)
        self._last = outputs, wanted
        return wanted

    def _wanted(self, asked: Sequence[str]) -> Wanted:
        answers = self._backend.answers
        names, computer = self._computers.get([answers[name].output for name in asked])
        shown = tuple(
            (names.index(answers[name].output), name, orjson.dumps(name), answers[name].finish) for name in asked
        )
        return Wanted(names, computer, shown)

    def _of_rows(self, document: dict[str, Any]) -> tuple[list[Array], Cell]:
        rows = list_of(document["rows"], "rows")
        check_rows(len(rows), self._limits, "rows")
        if not rows:
            raise BadRequest("no rows", "rows")
        if not self._backend.named and not any(type(row) is dict for row in rows):
            return self._of_lists(rows)
        for at, row in enumerate(rows):
            self._check_names(row, f"rows[{at}]", by_name=self._backend.named)

        def where(at: int, name: str) -> str:
            return f"rows[{at}].{name}"

        return self._arrays({name: [row[name] for row in rows] for name in self._names}, len(rows), where), where

    def _of_lists(self, rows: list[Any]) -> tuple[list[Array], Cell]:
        n = len(self._names)
        if n == 1 and self._backend.columns[0].width == 1:
            rows = [row if type(row) is list else [row] for row in rows]  # a text, or a number, is a row
        for at, row in enumerate(rows):
            if type(row) is not list:
                raise BadRequest("expected a list of values", f"rows[{at}]")
            if len(row) != n:
                raise BadRequest(f"{len(row)} values, where the model takes {n}", f"rows[{at}]")
        place = {name: at for at, name in enumerate(self._names)}

        def where(at: int, name: str) -> str:
            return f"rows[{at}][{place[name]}]"

        port = self._backend.inputs[0]
        if len(self._backend.inputs) == 1 and port.shape[1:] == (n,) and port.dtype.kind != "O":  # the plain matrix
            flat = read_list(list(chain.from_iterable(rows)), port.dtype, lambda at: f"rows[{at // n}][{at % n}]")
            return [flat.reshape(-1, n)], where
        return self._arrays(dict(zip(self._names, map(list, zip(*rows)))), len(rows), where), where

    def _of_columns(self, columns: Any) -> tuple[list[Array], Cell]:
        self._check_names(columns, "columns", by_name=True)
        first = len(list_of(columns[self._names[0]], f"columns.{self._names[0]}"))
        for name in self._names:
            cells = list_of(columns[name], f"columns.{name}")
            if len(cells) != first:
                raise BadRequest(f"{len(cells)} values, where {self._names[0]!r} has {first}", f"columns.{name}")
        check_rows(first, self._limits, "columns")
        if not first:
            raise BadRequest("no rows", "columns")

        def where(at: int, name: str) -> str:
            return f"columns.{name}[{at}]"

        return self._arrays(columns, first, where), where

    def _check_names(self, holder: Any, where: str, *, by_name: bool) -> None:
        if not by_name:
            raise BadRequest("expected a list of values: the model was fitted without names of columns", where)
        if type(holder) is not dict:
            raise BadRequest(f"expected an object of {', '.join(map(repr, self._names[:5]))}", where)
        for name in self._names:
            if name not in holder:
                raise BadRequest(f"missing{did_you_mean(name, holder.keys())}", f"{where}.{name}")
        if len(holder) > len(self._names) and not self._backend.extra:
            known = self._backend.known.union(self._names)
            for name in holder:
                if name not in known:
                    hint = did_you_mean(name, self._names)
                    raise BadRequest(f"the model has no such column{hint}", f"{where}.{name}")

    def _arrays(self, cells: dict[str, list[Any]], rows: int, where: Cell) -> list[Array]:
        found: list[Array] = [np.empty((rows, *port.shape[1:]), dtype=port.dtype) for port in self._backend.inputs]
        for column in self._backend.columns:
            target = found[column.port].reshape(rows, -1)
            if column.width == 1:
                target[:, column.at] = self._column(column, cells[column.name], target.dtype, where)
                continue
            for at, cell in enumerate(cells[column.name]):
                field = where(at, column.name)
                if type(cell) is not list or len(cell) != column.width:
                    raise BadRequest(f"expected a list of {column.width} values", field)
                target[at] = read_list(cell, target.dtype, partial("{}[{}]".format, field))
        return found

    def _column(self, column: Column, values: list[Any], dtype: np.dtype[Any], where: Cell) -> Array:
        name = partial(_swapped, where, column.name)
        if dtype.kind != "O" or self._backend.manners is None:
            return read_list(values, dtype, name)
        null, reserved, why = self._backend.manners.gaps[column.port][column.at]
        for at, value in enumerate(values):
            if value is None and null is None:
                raise BadRequest(f"expected a string, got null{why}", name(at))
            if reserved and type(value) is str and value in reserved:
                raise BadRequest(STANDS_FOR, name(at))
        return read_list(values, dtype, name, null)

    # -- the answer ------------------------------------------------------------------------------------------------

    def write(self, call: Call, found: Sequence[Any]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """See `Codec.write`."""
        parts = [b"%b:%b" % (key, _as_json(finish(found[at]), name)) for at, name, key, finish in call.wanted.shown]
        text = b'%b,"outputs":{%b}%b}' % (self._begin, b",".join(parts), self._classes)
        return [_JSON, (b"content-length", b"%d" % len(text))], text


def _swapped(where: Cell, name: str, at: int) -> str:
    return where(at, name)


def _as_json(answer: Any, name: str) -> bytes:
    if type(answer) is np.ndarray:
        return write_json(answer, name)
    if type(answer) is list and answer and type(answer[0]) is np.ndarray:  # several outputs
        return b"[%b]" % b",".join(_as_json(one, name) for one in answer)
    return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def _taker(backend: Backend, scratch: Scratch) -> Take | None:
    """What writes one row into the scratch; KeyError, TypeError or struct.error where it is not plainly a row."""
    columns = sorted(backend.columns, key=lambda column: (column.port, column.at))
    if any(column.width != 1 for column in columns) or sum(scratch.widths) != len(columns):
        return None
    numbers = [column for port in scratch.numbers for column in columns if column.port == port]
    others = [column for column in columns if column not in numbers]
    if any(scratch.widths[column.port] != 1 for column in others):
        return None
    if len(columns) == 1 and not backend.named:  # a text, or a number, is a row
        write = scratch.writers[0]
        return lambda row: write(row[0] if type(row) is list and len(row) == 1 else row)
    pick, pack, size = _picker(numbers, backend), scratch.pack, len(columns)
    kind = dict if backend.named else list
    cells = [
        (_key(one, backend), str if array.dtype.kind == "O" else bool, array.reshape(-1), gap.null, gap.reserved)
        for one in others
        for array in [scratch.arrays[one.port]]
        for gap in [Gap() if backend.manners is None else backend.manners.gaps[one.port][one.at]]
    ]

    def take(row: Any) -> None:
        if type(row) is not kind or len(row) != size:
            raise TypeError("not plainly a row")
        pack(*pick(row))
        for key, wanted, cell, null, reserved in cells:
            value = row[key]
            if type(value) is wanted and value not in reserved:
                cell[0] = value
            elif value is None and null is not None:
                cell[0] = null
            else:
                raise TypeError("not plainly of its type")

    return take


def _key(column: Column, backend: Backend) -> Any:
    """Under what a row has the value of a column."""
    return column.name if backend.named else backend.columns.index(column)


def _picker(columns: Sequence[Column], backend: Backend) -> Callable[[Any], Sequence[Any]]:
    """The values of these columns in a row."""
    if not columns:
        return lambda row: ()
    keys = [_key(column, backend) for column in columns]
    if len(keys) == 1:
        (key,) = keys
        return lambda row: (row[key],)
    return itemgetter(*keys)
