"""The types a value of a graph can have, spelled as ONNX and onnxruntime spell them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Union


class DType(IntEnum):
    """Element types, with the numbers of ``onnx.TensorProto.DataType``."""

    UNDEFINED = 0
    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    STRING = 8
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    BFLOAT16 = 16
    FLOAT8E4M3FN = 17
    FLOAT8E4M3FNUZ = 18
    FLOAT8E5M2 = 19
    FLOAT8E5M2FNUZ = 20
    UINT4 = 21
    INT4 = 22
    FLOAT4E2M1 = 23
    FLOAT8E8M0 = 24
    UINT2 = 25
    INT2 = 26

    @property
    def label(self) -> str:
        """The name inside ``tensor(...)``, e.g. ``float`` or ``int64``."""
        return self.name.lower()


Dim = Union[int, str, None]
"""A fixed size, a named free size, or an unnamed free size."""


@dataclass(frozen=True)
class TensorType:
    """A tensor; ``shape`` is None when the model does not give the rank."""

    dtype: DType
    shape: tuple[Dim, ...] | None = None

    def __str__(self) -> str:
        return f"tensor({self.dtype.label})"


@dataclass(frozen=True)
class SequenceType:
    element: Type

    def __str__(self) -> str:
        return f"seq({self.element})"


@dataclass(frozen=True)
class MapType:
    key: DType
    value: Type

    def __str__(self) -> str:
        return f"map({self.key.label},{self.value})"


@dataclass(frozen=True)
class OptionalType:
    element: Type

    def __str__(self) -> str:
        return f"optional({self.element})"


@dataclass(frozen=True)
class SparseTensorType:
    dtype: DType
    shape: tuple[Dim, ...] | None = None

    def __str__(self) -> str:
        return f"sparse_tensor({self.dtype.label})"


Type = Union[TensorType, SequenceType, MapType, OptionalType, SparseTensorType]
