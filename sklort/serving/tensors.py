"""Tensors of the Open Inference Protocol: what inputs and outputs are called there, and values as JSON and as bytes.

Nothing is cast that would change: a fraction among whole numbers, a number that float32 cannot hold, a text among
numbers is refused, and the message names the element. ``null`` among floating-point numbers is NaN, both ways.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from sklort.exceptions import BadRequest
from sklort.session.node_arg import NodeArg

Array = npt.NDArray[Any]
Where = Callable[[int], str]
"""The name of an element by its number, for messages."""

OBJECT = np.dtype(object)
_BYTE_LENGTH = struct.Struct("<I")
_DATATYPES: dict[str, tuple[str, npt.DTypeLike]] = {
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(uint16)": ("UINT16", np.uint16),
    "tensor(uint32)": ("UINT32", np.uint32),
    "tensor(uint64)": ("UINT64", np.uint64),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(int16)": ("INT16", np.int16),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(float16)": ("FP16", np.float16),
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(string)": ("BYTES", object),
}
_CODES = {np.dtype(code).str: code for code in "bBhHiIqQd"}
"""Of `array.array`, which converts a list in C and refuses what is no such number."""


class Port(NamedTuple):
    """An input or output of a model.

    Attributes
    ----------
    name : str
    datatype : str
        The protocol's name of the element type.
    dtype : numpy.dtype
    shape : tuple of int
        -1 for a free size; empty for a scalar and for an unknown rank.
    """

    name: str
    datatype: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, arg: NodeArg) -> Port | None:
        """The port of a graph's input or output; None where the protocol has no such type."""
        found = _DATATYPES.get(arg.type)
        if found is None:
            return None
        shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in arg.shape)
        return cls(arg.name, found[0], np.dtype(found[1]), shape)

    def as_json(self) -> dict[str, Any]:
        """What the metadata of a model says of it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def check_shape(self, shape: Sequence[int], where: str) -> None:
        """Refuse a shape that is not the declared one."""
        declared = self.shape
        if not declared:
            return
        if len(shape) != len(declared) or any(
            size not in (-1, given) for size, given in zip(declared, shape, strict=True)
        ):
            raise BadRequest(f"expected the shape {list(declared)}, got {list(shape)}", where)


# -- JSON -> arrays ------------------------------------------------------------------------------------------------


def read_list(values: list[Any], dtype: np.dtype[Any], where: Where, null: str | None = None) -> Array:
    """A list of what JSON has, as an array of one dimension; `null` is what null is among strings.

    Raises
    ------
    BadRequest
        Naming the first element that is not of this type.
    """
    kind = dtype.kind
    if kind == "O":
        return _texts(values, where, null)
    if kind == "b":
        return _booleans(values, where)
    code = _CODES["<f8" if kind == "f" else dtype.str]
    try:
        found: Array = np.array(array(code, values))
    except (TypeError, OverflowError):
        found = np.array([_number(value, dtype, where, at) for at, value in enumerate(values)], dtype=np.dtype(code))
    return found if found.dtype == dtype else narrowed(found, dtype, where)


def narrowed(values: Array, dtype: np.dtype[Any], where: Where) -> Array:
    """Numbers of double in a shorter type, none of which becomes infinite."""
    with np.errstate(over="ignore"):
        found = values.astype(dtype)
    lost = np.isinf(found) & ~np.isinf(values)
    if lost.any():
        at = int(lost.argmax())
        raise BadRequest(f"{values[at]} is beyond the range of {dtype.name}", where(at))
    return found


def _number(value: Any, dtype: np.dtype[Any], where: Where, at: int) -> float | int:
    if dtype.kind == "f":
        if value is None:
            return float("nan")
        if isinstance(value, (int, float)):
            return float(value)
        raise BadRequest(f"expected a number, got {said(value)}", where(at))
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(whole, int):
        raise BadRequest(f"expected a whole number ({dtype.name}), got {said(value)}", where(at))
    limits = np.iinfo(dtype)
    if not limits.min <= whole <= limits.max:
        raise BadRequest(f"{value} is beyond the range of {dtype.name}", where(at))
    return whole


def _texts(values: list[Any], where: Where, null: str | None) -> Array:
    if null is not None:
        values = [null if value is None else value for value in values]
    if set(map(type, values)) - {str}:
        at = next(at for at, value in enumerate(values) if type(value) is not str)
        raise BadRequest(f"expected a string, got {said(values[at])}", where(at))
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _booleans(values: list[Any], where: Where) -> Array:
    if set(map(type, values)) - {bool}:
        at = next(at for at, value in enumerate(values) if type(value) is not bool)
        raise BadRequest(f"expected true or false, got {said(values[at])}", where(at))
    return np.array(values, dtype=np.bool_)


def said(value: Any) -> str:
    """A value of JSON as the client wrote it, shortened."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def flattened(data: list[Any], shape: Sequence[int], where: str) -> list[Any]:
    """The values of a tensor that is flat or nested, row after row.

    Raises
    ------
    BadRequest
        There are more or fewer of them than `shape` says.
    """
    if data and isinstance(data[0], list):
        data = _opened(data, shape, where)
    if len(data) != prod(shape):
        raise BadRequest(f"{len(data)} values for the shape {list(shape)}, which has {prod(shape)}", where)
    return data


def _opened(data: list[Any], shape: Sequence[int], where: str) -> list[Any]:
    if len(shape) == 1:
        return data
    found: list[Any] = []
    if len(shape) == 0 or len(data) != shape[0]:
        raise BadRequest("the nested lists are not of the shape that is given", where)
    for part in data:
        if not isinstance(part, list) or len(part) != shape[1]:
            raise BadRequest("the nested lists are not of the shape that is given", where)
        found += _opened(part, shape[1:], where)
    return found


# -- bytes -> arrays -----------------------------------------------------------------------------------------------


def read_bytes(raw: memoryview, port: Port, shape: Sequence[int], where: str) -> Array:
    """A tensor from the bytes of the binary extension: little-endian, row after row; texts each after their length.

    Raises
    ------
    BadRequest
        There are more or fewer bytes than values.
    """
    if port.dtype == OBJECT:
        return _texts_of_bytes(raw, prod(shape), where).reshape(shape)
    expected = prod(shape) * port.dtype.itemsize
    if len(raw) != expected:
        raise BadRequest(
            f"{len(raw)} bytes for the shape {list(shape)} of {port.datatype}, which has {expected}", where
        )
    found = np.frombuffer(raw, dtype=port.dtype.newbyteorder("<"))
    if port.dtype.kind == "b" and found.size and found.view(np.uint8).max() > 1:
        raise BadRequest("a BOOL is one byte, 0 or 1", where)
    if not found.flags.aligned or found.dtype != port.dtype:
        found = found.astype(port.dtype)
    return found.reshape(shape)


def _texts_of_bytes(raw: memoryview, count: int, where: str) -> Array:
    if 4 * count > len(raw):  # before anything is made of that size
        raise BadRequest(f"{len(raw)} bytes for {count} elements, each after a length of 4 bytes", where)
    found, at = np.empty(count, dtype=object), 0
    for number in range(count):
        if at + 4 > len(raw):
            raise BadRequest(f"the bytes end before element {number} of {count}", where)
        (length,) = _BYTE_LENGTH.unpack_from(raw, at)
        at += 4
        if at + length > len(raw):
            raise BadRequest(f"the bytes end within element {number} of {count}", where)
        try:
            found[number] = str(raw[at : at + length], "utf-8")
        except UnicodeDecodeError:
            raise BadRequest(f"element {number} is no UTF-8", where) from None
        at += length
    if at != len(raw):
        raise BadRequest(f"{len(raw) - at} bytes more than {count} elements", where)
    return found


# -- arrays -> JSON and bytes --------------------------------------------------------------------------------------


def write_json(values: Array, name: str) -> bytes:
    """An array as JSON, nested as it is. NaN becomes null.

    Raises
    ------
    BadRequest
        It holds an infinity, for which JSON has no word.
    """
    if values.dtype.kind in "OUT":
        return orjson.dumps(values.tolist())
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    if b"null" in text and np.isinf(values).any():
        raise BadRequest("the answer holds infinities, which JSON cannot say: ask for binary_data", name, 422)
    return text


def write_bytes(values: Array) -> bytes:
    """An array as the binary extension has it."""
    if values.dtype == OBJECT:
        return b"".join(_with_lengths(values.ravel().tolist()))
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _with_lengths(texts: Iterable[Any]) -> Iterable[bytes]:
    for text in texts:
        encoded = str(text).encode()
        yield _BYTE_LENGTH.pack(len(encoded))
        yield encoded
