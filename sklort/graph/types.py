"""The types a value of a graph can have, spelled as ONNX and onnxruntime spell them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt


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

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype that holds such elements (object for strings, ml_dtypes' for the types NumPy lacks)."""
        return _numpy_dtypes()[self]


@cache
def _numpy_dtypes() -> dict[DType, np.dtype[Any]]:
    import ml_dtypes

    plain = {d: np.dtype(d.label) for d in DType if d.label in np.sctypeDict}
    plain.update({DType.FLOAT: np.dtype(np.float32), DType.BOOL: np.dtype(np.bool_), DType.STRING: np.dtype(object)})
    names = {
        DType.FLOAT8E4M3FN: "float8_e4m3fn",
        DType.FLOAT8E4M3FNUZ: "float8_e4m3fnuz",
        DType.FLOAT8E5M2: "float8_e5m2",
        DType.FLOAT8E5M2FNUZ: "float8_e5m2fnuz",
        DType.FLOAT8E8M0: "float8_e8m0fnu",
        DType.FLOAT4E2M1: "float4_e2m1fn",
        DType.BFLOAT16: "bfloat16",
        DType.UINT4: "uint4",
        DType.INT4: "int4",
        DType.UINT2: "uint2",
        DType.INT2: "int2",
    }
    return plain | {d: np.dtype(getattr(ml_dtypes, n)) for d, n in names.items() if hasattr(ml_dtypes, n)}


@cache
def _dtypes() -> dict[np.dtype[Any], DType]:
    return {numpy: dtype for dtype, numpy in _numpy_dtypes().items()}


_PLAIN = {
    np.dtype(np.float32): DType.FLOAT,
    np.dtype(np.float64): DType.DOUBLE,
    np.dtype(np.int64): DType.INT64,
    np.dtype(np.int32): DType.INT32,
    np.dtype(np.bool_): DType.BOOL,
    np.dtype(object): DType.STRING,
}


def dtype_of(array: npt.NDArray[Any]) -> DType:
    """The element type of an array: any byte order, strings of any NumPy kind; UNDEFINED when ONNX has none."""
    dtype = array.dtype
    found = _PLAIN.get(dtype)
    if found is not None:
        return found
    if dtype.kind in "UST":
        return DType.STRING
    return _dtypes().get(dtype.newbyteorder("="), DType.UNDEFINED)


Dim = int | str | None
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


Type = TensorType | SequenceType | MapType | OptionalType | SparseTensorType
