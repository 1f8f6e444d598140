"""Attributes that nobody needs in the near future, kept small.

A session needs the attributes of an ensemble of trees again only to be saved, or to plan other outputs; as arrays they
are ten times as large as the form the trees run in. Integers are stored as differences, which are small where they
number nodes; all numbers byte by byte of equal weight, so that what repeats stands together; and then compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Attribute, AttributeKind, Model, Node

LEAST_BYTES = 1 << 16
"""Smaller attributes stay as they are."""

_LEVEL = 1
_NARROWER = (np.int8, np.int16, np.int32)


class Shrunk(Attribute):
    """An attribute whose value is unpacked whenever it is asked for."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        return self.__dict__["_unpack"]()

    @staticmethod
    def of(attribute: Attribute) -> Shrunk | None:
        """The attribute, packed; None for a kind that is not, or for a small one."""
        kind, value = attribute.kind, attribute.value
        unpack: Callable[[], Any]
        if kind is AttributeKind.STRINGS and len(value) * 8 >= LEAST_BYTES:
            words = tuple(sorted(set(value)))
            if len(words) > 256:
                return None
            numbers = dict(zip(words, range(len(words)), strict=True))
            codes = np.fromiter(map(numbers.__getitem__, value), np.uint8, len(value))
            packed = _Packed(codes)
            unpack = lambda: tuple(map(words.__getitem__, packed.array().tolist()))  # noqa: E731
        elif kind in (AttributeKind.INTS, AttributeKind.FLOATS, AttributeKind.TENSOR) and value.nbytes >= LEAST_BYTES:
            if value.dtype.hasobject:
                return None
            unpack = _Packed(value).array
        else:
            return None
        made = Shrunk.__new__(Shrunk)
        made.__dict__.update(kind=kind, _unpack=unpack)
        return made


class _Packed:
    """An array in few bytes."""

    def __init__(self, array: Array) -> None:
        self._dtype, self._shape = array.dtype, array.shape
        flat = np.ascontiguousarray(array).reshape(-1)
        self._summed = flat.dtype.kind == "i" and flat.dtype.itemsize == 8
        if self._summed:
            flat = np.diff(flat, prepend=flat.dtype.type(0))  # wraps around, and so does the sum
            least, most = int(flat.min(initial=0)), int(flat.max(initial=0))
            for narrow in _NARROWER:
                if np.iinfo(narrow).min <= least and most <= np.iinfo(narrow).max:
                    flat = flat.astype(narrow)
                    break
        self._stored = flat.dtype
        planes = flat.view(np.uint8).reshape(-1, flat.dtype.itemsize).T
        self._bytes = zlib.compress(np.ascontiguousarray(planes).data, _LEVEL)

    def array(self) -> Array:
        planes = np.frombuffer(zlib.decompress(self._bytes), np.uint8).reshape(self._stored.itemsize, -1)
        flat = np.ascontiguousarray(planes.T).reshape(-1).view(self._stored)
        if self._summed:
            flat = np.cumsum(flat, dtype=self._dtype)
        return flat.reshape(self._shape)


def shrink(model: Model) -> bool:
    """Pack the large attributes of a model's nodes, in place: their values stay the same. Whether there were any."""
    return sum(map(_shrink, model.graph.nodes)) > 0


def _shrink(node: Node) -> bool:
    packed = {name: Shrunk.of(each) for name, each in node.attributes.items() if not isinstance(each, Shrunk)}
    found = {name: each for name, each in packed.items() if each is not None}
    node.attributes.update(found)
    return bool(found)
