"""A value with its type, as onnxruntime hands values around: to feed, to bind, to get back, to share with others.

Memory is shared with the array a value was made from, where that array is C-contiguous, aligned and of native byte
order, and with every view that is taken of the value. Each of them keeps it alive: what they hold is a NumPy array, or
one of CuPy's where the value lies on ``cuda``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.exceptions import InvalidUse, UnsupportedValue
from sklort.graph.ir import Array
from sklort.graph.types import DType, TensorType, dtype_of
from sklort.providers.cuda import memory
from sklort.providers.placement import on_device
from sklort.session.device import OrtMemoryInfo, gpu_of

_PACKED = frozenset(
    (DType.UNDEFINED, DType.UINT4, DType.INT4, DType.FLOAT4E2M1, DType.UINT2, DType.INT2),
)
"""Element types of which ONNX keeps several in a byte, NumPy one."""


class OrtValue:
    """A tensor, or what else an input takes or an output gives.

    Made by `ortvalue_from_numpy`, `ortvalue_from_shape_and_type`, `from_dlpack`, and by the runs that return OrtValues.
    It can be fed, bound, pickled and copied, and has the array and DLPack protocols.

    Parameters
    ----------
    held : ndarray, list, dict or None
        What a run returned; None for an output before a run.
    kind : str
        The declared type, for what is no array.
    """

    __slots__ = ("__weakref__", "_held", "_kind")

    def __init__(self, held: Any, kind: str = "") -> None:
        self._held = held
        self._kind = str(TensorType(dtype_of(held))) if _is_tensor(held) else kind

    @classmethod
    def ortvalue_from_numpy(
        cls, numpy_obj: Any, /, device_type: str = "cpu", device_id: int = 0, vendor_id: int = -1
    ) -> OrtValue:
        """The value of an array, sharing its memory. Strings are copied, and so is what cannot be shared.

        With the device ``cuda`` the value is a copy there.

        Raises
        ------
        UnsupportedValue
            No array, or one of a dtype that ONNX lacks.
        InvalidUse
            A device that is neither the CPU nor a GPU that is here.
        """
        gpu = gpu_of(device_type, device_id, vendor_id)
        array = read_array(numpy_obj)
        return cls(array if gpu is None else memory.upload(array, gpu))

    @classmethod
    def ortvalue_from_numpy_with_onnx_type(cls, data: Any, /, onnx_element_type: int) -> OrtValue:
        """The value of an array whose bytes are read as elements of another type of the same size.

        Raises
        ------
        InvalidUse
            Such elements have another size, or there is no such type.
        """
        array = read_array(data)
        wanted = numpy_type_of(int(onnx_element_type))
        if array.dtype.hasobject or wanted.hasobject or array.dtype.itemsize != wanted.itemsize:
            raise InvalidUse(
                f"expected elements of {wanted.itemsize} bytes to read as {wanted}, got an array of {array.dtype}"
            )
        return cls(array.view(wanted))

    @classmethod
    def ortvalue_from_shape_and_type(
        cls,
        shape: Sequence[int],
        element_type: Any,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int = -1,
        memory_info: OrtMemoryInfo | None = None,
    ) -> OrtValue:
        """A tensor of zeros (of empty strings).

        Parameters
        ----------
        shape : sequence of int
        element_type : NumPy type, dtype, its name, or a number of ``onnx.TensorProto.DataType``
        device_type, device_id, vendor_id, memory_info
            Where: ``cpu`` or ``cuda``.

        Raises
        ------
        InvalidUse
            A negative size, an element type that ONNX lacks, a device that is not there.
        MemoryError
            More than there is.
        """
        if memory_info is not None:
            device_type, device_id = memory_info.name.lower(), memory_info.device_id
        gpu = gpu_of(device_type, device_id, vendor_id)
        dtype = numpy_type_of(element_type)
        sizes = read_shape(shape)
        if dtype.hasobject:
            if gpu is not None:
                raise InvalidUse("a GPU holds no strings")
            return cls(np.full(sizes, "", dtype))
        count = 1
        for size in sizes:
            count *= size
        if count * dtype.itemsize > sys.maxsize:
            raise MemoryError(f"a tensor of {dtype} with shape {sizes} takes {count * dtype.itemsize} bytes")
        return cls(np.zeros(sizes, dtype) if gpu is None else memory.zeros(sizes, dtype, gpu))

    @classmethod
    def from_dlpack(cls, data: Any, /) -> OrtValue:
        """The value of another library's tensor, or of a DLPack capsule, sharing its memory where that is contiguous.

        A tensor on a GPU, also one that has only ``__cuda_array_interface__``, stays there.

        Raises
        ------
        TypeError
            `data` has no DLPack protocol and is no capsule.
        BufferError, RuntimeError
            Memory of another kind of device, or elements that NumPy lacks.
        """
        if isinstance(data, cls):
            return cls(data._tensor("share"))
        if on_device(data):
            return cls(memory.contiguous(memory.upload(data, 0)))
        if not hasattr(data, "__dlpack__"):
            if type(data).__name__ != "PyCapsule":
                raise TypeError(f"expected a tensor with __dlpack__ or a DLPack capsule, got {type(data).__name__}")
            data = _Capsule(data)
        array = np.from_dlpack(data)
        told = getattr(data, "dtype", None)
        # Before version 1, DLPack had no code for bool, and wrote uint8.
        if array.dtype == np.uint8 and getattr(told, "name", str(told)) in ("bool", "bool_", "torch.bool"):
            array = array.view(np.bool_)
        return cls(read_array(array))

    @property
    def held(self) -> Any:
        """What a program takes for it: the array itself, a list, a dict; None without a value."""
        return self._held

    def numpy(self) -> Array:
        """The tensor as an array that shares its memory; strings, and what lies on a GPU, as a copy.

        Raises
        ------
        InvalidUse
            There is no value, or it is no tensor.
        """
        array = self._tensor("read as an array")
        if on_device(array):
            return memory.host(array)
        return array.copy() if array.dtype.hasobject else array.view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if copy is None:
            return np.asarray(array, dtype)
        if not copy and (array.dtype.hasobject or on_device(self._held)):
            raise ValueError("strings and memory of a GPU cannot be had as an array without a copy")
        return np.array(array, dtype=dtype, copy=copy)

    def __dlpack__(self, **arguments: Any) -> Any:
        """A capsule of the tensor, as ``numpy.ndarray.__dlpack__`` gives it."""
        return self._numbers("shared by DLPack").__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        """(1, 0): main memory. (2, n): the GPU of this number."""
        array = self._numbers("shared by DLPack")
        return (2, memory.number_of(array)) if on_device(array) else (1, 0)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Of a tensor on a GPU; there is no such attribute otherwise."""
        if not _is_tensor(self._held) or not on_device(self._held):
            raise AttributeError("this OrtValue lies in main memory: it has no __cuda_array_interface__")
        found: dict[str, Any] = self._held.__cuda_array_interface__
        return found

    def update_inplace(self, data: Any) -> None:
        """Copy the elements of an array or OrtValue into this memory.

        Raises
        ------
        TypeError
            `data` is neither.
        InvalidUse
            Another dtype or number of elements, or memory that must not be written to.
        """
        if isinstance(data, OrtValue):
            data = data._tensor("copied from")
        elif not isinstance(data, np.ndarray):
            raise TypeError(f"expected a NumPy array or an OrtValue, got {type(data).__name__}")
        source = data if on_device(data) else read_array(data)
        target = writable(self, "this OrtValue")
        if source.dtype != target.dtype:
            raise InvalidUse(
                f"expected elements of {target.dtype}, got {source.dtype}; convert with .astype(...) first"
            )
        if source.size != target.size:
            raise InvalidUse(f"expected {target.size} elements, shape {target.shape}, got {source.size}")
        copy_elements(target, source.reshape(target.shape))

    def shape(self) -> list[int]:
        """The sizes."""
        return list(self._tensor("asked for its shape").shape)

    def data_type(self) -> str:
        """For example ``tensor(float)`` or ``seq(map(int64,tensor(float)))``."""
        if self._held is None:
            raise InvalidUse("this OrtValue holds no value")
        return self._kind

    def element_type(self) -> int:
        """The number of the element type in ``onnx.TensorProto.DataType``."""
        return int(dtype_of(self._tensor("asked for its element type")))

    def device_name(self) -> str:
        """``cpu`` or ``cuda``."""
        return "cuda" if _is_tensor(self._held) and on_device(self._held) else "cpu"

    def data_ptr(self) -> int:
        """The address of the first element. It says nothing about how long the memory lives: keep the OrtValue."""
        array = self._numbers("asked for its address")
        return memory.address_of(array) if on_device(array) else int(array.ctypes.data)

    def tensor_size_in_bytes(self) -> int:
        """How much memory the elements take."""
        return int(self._numbers("asked for its size").nbytes)

    def has_value(self) -> bool:
        """Whether there is one: False for outputs before a run."""
        return self._held is not None

    def is_tensor(self) -> bool:
        """Whether it is a tensor."""
        return _is_tensor(self._held)

    def is_sparse_tensor(self) -> bool:
        """False: there are none."""
        return False

    def is_tensor_sequence(self) -> bool:
        """Whether it is a list of tensors."""
        return self._held is not None and self._kind.startswith("seq(tensor(")

    def __reduce__(self) -> tuple[Any, ...]:
        """A value on a GPU travels as a copy of the host, and is put on the GPU of the same number again."""
        if _is_tensor(self._held) and on_device(self._held):
            return type(self).ortvalue_from_numpy, (self.numpy(), "cuda", memory.number_of(self._held))
        return type(self), (self._held, self._kind)

    def __repr__(self) -> str:
        if self._held is None:
            return "OrtValue(no value)"
        where = ", on cuda" if self.device_name() == "cuda" else ""
        return f"OrtValue({self._kind}{f', shape={self.shape()}' if self.is_tensor() else ''}{where})"

    def _tensor(self, purpose: str) -> Array:
        if not _is_tensor(self._held):
            what = "holds no value" if self._held is None else f"is a {self._kind}"
            raise InvalidUse(f"only a tensor can be {purpose}; this OrtValue {what}")
        found: Array = self._held
        return found

    def _numbers(self, purpose: str) -> Array:
        array = self._tensor(purpose)
        if array.dtype.hasobject:
            raise InvalidUse(f"only a tensor of numbers can be {purpose}; this OrtValue is a {self._kind}")
        return array


def _is_tensor(held: Any) -> bool:
    return isinstance(held, np.ndarray) or (held is not None and on_device(held))


def copy_elements(target: Any, source: Any) -> None:
    """Copy the elements of an array into another of the same shape and dtype, wherever each of them lies."""
    if on_device(target):
        memory.fill(target, source)
    else:
        np.copyto(target, memory.host(source) if on_device(source) else source)


class _Capsule:
    """A bare capsule with the protocol that NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def read_array(value: Any) -> Array:
    """`value` as a program can keep it: an ndarray, C-contiguous, aligned, of native byte order; strings as str.

    It shares the memory of `value` where that is such an array already, but for strings.

    Raises
    ------
    UnsupportedValue
        No array, a masked one, or a dtype that ONNX lacks.
    """
    if not isinstance(value, np.ndarray):
        raise UnsupportedValue(f"expected a NumPy array, got {type(value).__name__}; make one with numpy.array(...)")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise UnsupportedValue(
            "expected an array, got a masked one; fill it first, for example with .filled(numpy.nan)"
        )
    if dtype_of(value) is DType.UNDEFINED:
        raise UnsupportedValue(f"no tensor has elements of {value.dtype}; convert the array with .astype(...)")
    array = np.asarray(value)
    if array.dtype.kind in "OUST":
        return _texts(array)
    native = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
    return np.require(array, native, ["C", "A"]).view()


def _texts(array: Array) -> Array:
    """Strings as a new array of str: bytes are UTF-8, other objects what str() makes of them."""
    made = np.empty(array.shape, object)
    read = bytes.decode if array.dtype.kind == "S" else str
    made.reshape(-1)[:] = [read(item) for item in array.reshape(-1).tolist()]
    return made


def read_shape(shape: Any) -> tuple[int, ...]:
    """Sizes as a tuple of int."""
    if isinstance(shape, str) or not hasattr(shape, "__iter__"):
        raise TypeError(f"shape must be a list of int, got {shape!r}")
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes):
        raise InvalidUse(f"a size must not be negative, got the shape {sizes}")
    return sizes


def numpy_type_of(element_type: Any) -> np.dtype[Any]:
    """The dtype of a NumPy type, its name, or a number of ``onnx.TensorProto.DataType``."""
    if isinstance(element_type, (int, np.integer)):
        number = int(element_type)
        if number not in set(DType) or DType(number) in _PACKED:
            raise InvalidUse(f"there are no tensors of element type {number}")
        return DType(number).numpy
    try:
        dtype = np.dtype(_given(element_type))
    except (TypeError, ValueError) as error:
        got = repr(element_type) if isinstance(element_type, str) else type(element_type).__name__
        raise InvalidUse(f"expected a NumPy type or a number of ONNX's, got {got}") from error
    found = dtype_of(np.empty(0, dtype))
    if found in _PACKED:
        raise InvalidUse(f"no tensor has elements of {dtype}")
    return found.numpy


def _given(element_type: Any) -> Any:
    if element_type is None:
        raise TypeError("no type")  # NumPy would take it for float64
    return element_type


def writable(value: OrtValue, name: str) -> Array:
    """The array behind `value`, which must be a tensor that may be written to."""
    array = value._tensor("written to")
    if not on_device(array) and not array.flags.writeable:
        raise InvalidUse(f"{name} shares the memory of an array that is read-only; make it from a copy of that array")
    return array


def copy_tensors(src: Sequence[OrtValue], dst: Sequence[OrtValue], stream: Any = None) -> None:
    """Copy tensors into others of the same types and shapes: all of them, or none when one does not fit.

    Raises
    ------
    InvalidUse
        The lists differ in length, a value is no tensor, or two differ in element type or shape.
    """
    if stream is not None:
        raise InvalidUse("copies on a GPU are made on CuPy's current stream: enter that with `with stream:`")
    if len(src) != len(dst):
        raise InvalidUse(f"expected as many targets as sources, got {len(src)} sources and {len(dst)} targets")
    pairs = [
        (one._tensor("copied from"), writable(other, f"target {i}")) for i, (one, other) in enumerate(zip(src, dst))
    ]
    for source, target in pairs:
        if source.dtype != target.dtype or source.shape != target.shape:
            raise InvalidUse(
                f"expected a target of {source.dtype} with shape {source.shape}, "
                f"got {target.dtype} with shape {target.shape}"
            )
    for source, target in pairs:
        copy_elements(target, source)
