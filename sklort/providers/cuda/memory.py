"""Memory of a GPU for those who hold values and run nothing: OrtValues and bindings."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from sklort.exceptions import InvalidUse
from sklort.graph.ir import Array
from sklort.providers.cuda.device import absent


def _cupy(number: int) -> Any:
    """CuPy, where it can reach this GPU.

    Raises
    ------
    InvalidUse
        There is no such GPU; the text says why.
    """
    reason = absent(number)
    if reason:
        raise InvalidUse(f"there is no memory on 'cuda' here, only on 'cpu': {reason}")
    import cupy

    return cupy


def upload(array: Any, number: int) -> Any:
    """A copy on the GPU of an array of the host; a view of one that lies on a GPU already."""
    cupy = _cupy(number)
    if not isinstance(array, np.ndarray):
        return cupy.asarray(array) if hasattr(array, "__cuda_array_interface__") else cupy.from_dlpack(array)
    if array.dtype.kind not in "biufc":
        raise InvalidUse(f"a GPU holds no elements of {array.dtype}")
    with cupy.cuda.Device(number):
        made = cupy.asarray(array)
        cupy.cuda.get_current_stream().synchronize()  # whatever stream reads it
    return made


def zeros(shape: Sequence[int], dtype: Any, number: int) -> Any:
    """Memory of zeros."""
    cupy = _cupy(number)
    with cupy.cuda.Device(number):
        made = cupy.zeros(tuple(shape), np.dtype(dtype))
        cupy.cuda.get_current_stream().synchronize()
    return made


def at_address(address: int, shape: Sequence[int], dtype: Any, number: int) -> Any:
    """An array over memory of a GPU that somebody else keeps."""
    cupy = _cupy(number)
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = cupy.cuda.UnownedMemory(int(address), size, None, number)
    return cupy.ndarray(tuple(shape), np.dtype(dtype), memptr=cupy.cuda.MemoryPointer(memory, 0))


def contiguous(array: Any) -> Any:
    """An array whose elements lie in order, on the device where it is."""
    cupy = _cupy(number_of(array))
    with cupy.cuda.Device(number_of(array)):
        return cupy.ascontiguousarray(array)


def fill(target: Any, source: Any) -> None:
    """Copy elements into an array of a GPU, from the host or from a GPU; shapes and dtypes are the same."""
    cupy = _cupy(number_of(target))
    with cupy.cuda.Device(number_of(target)):
        if isinstance(source, np.ndarray):
            target.set(np.ascontiguousarray(source))
        else:
            target[...] = source


def number_of(array: Any) -> int:
    """Which GPU an array of CuPy's lies on."""
    return int(array.device.id)


def address_of(array: Any) -> int:
    """Of the first element."""
    return int(array.data.ptr)


def wait(number: int) -> None:
    """Until what the current stream was given is done."""
    cupy = _cupy(number)
    with cupy.cuda.Device(number):
        cupy.cuda.get_current_stream().synchronize()


def host(array: Any) -> Array:
    """A copy on the host."""
    found: Array = array.get()
    return found
