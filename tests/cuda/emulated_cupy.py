"""A stand-in for CuPy where there is no GPU: the part of it that the CUDA provider uses.

Arrays lie in memory of the host, with guards behind them; a `RawModule` is compiled by g++ over the fibers of
``runtime/cuda/emulation``. So what the provider hands to CuPy runs, its kernels to the letter. It is no GPU: see
``fibers.h`` for what it cannot show. Stricter than CuPy where CuPy would forgive: kernel arguments are arrays or NumPy
scalars of exactly the parameter's size, and shared memory is what was asked for.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EMULATION = ROOT / "runtime/cuda/emulation"
GUARD = bytes([0xA7]) * 256
POISON = 0xCD
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"]

order = 0
"""Whether threads and blocks take turns in ascending (0) or descending (1) order."""
launches: list[str] = []
"""The kernels that were launched."""
transfers: list[tuple[str, int]] = []
"""Copies between host and device: direction and bytes."""
attributes = {
    "MultiProcessorCount": 4,
    "MaxSharedMemoryPerBlockOptin": 232448,
    "MaxSharedMemoryPerMultiprocessor": 233472,
    "MaxSharedMemoryPerBlock": 49152,
    "ClockRate": 1000000,
}


def sanitized() -> bool:
    return "asan" in os.environ.get("LD_PRELOAD", "")


def _directory() -> Path:
    folder = ROOT / "build/cuda-emulation"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "sklort-cuda-emulation"
        folder.mkdir(exist_ok=True)
    return folder


def _compiled(name: str, text: str, options: list[str]) -> Path:
    """A shared library made of `text`, kept by what it was made of."""
    flags = ["-std=c++20", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-Wall", "-Wextra", "-Wno-unknown-pragmas"]
    flags += ["-Wno-unused-function", *(SANITIZERS if sanitized() else []), *options]
    key = hashlib.sha256("\0".join([text, *flags, *_shim()]).encode()).hexdigest()[:20]
    target = _directory() / f"{name}-{key}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        source, made = Path(folder) / f"{name}.cpp", Path(folder) / "made.so"
        source.write_text(text)
        environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
        command = ["g++", *flags, "-o", str(made), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode or done.stderr:
            raise RuntimeError(f"{name} does not compile without warnings:\n{done.stderr[:4000]}")
        made.replace(target)
    return target


@cache
def _shim() -> tuple[str, ...]:
    return tuple((EMULATION / name).read_text() for name in ("device.h", "fibers.h", "fibers.cpp"))


@cache
def _fibers() -> Path:
    path = _compiled("fibers", (EMULATION / "fibers.cpp").read_text(), [f"-I{EMULATION}"])
    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    return path


class _Memory:
    """An allocation on the pretended device."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.guard = 0 if sanitized() else len(GUARD)
        self._libc = ctypes.CDLL(None)
        pointer = ctypes.c_void_p()
        if self._libc.posix_memalign(ctypes.byref(pointer), 256, ctypes.c_size_t(max(nbytes + self.guard, 1))):
            raise MemoryError
        self.ptr = int(pointer.value or 0)
        ctypes.memset(self.ptr, POISON, nbytes)
        ctypes.memmove(self.ptr + nbytes, GUARD, self.guard)

    def check(self) -> None:
        if ctypes.string_at(self.ptr + self.nbytes, self.guard) != GUARD[: self.guard]:
            raise RuntimeError("a kernel wrote behind the end of an array")

    def __del__(self) -> None:
        self._libc.free(ctypes.c_void_p(self.ptr))


class _Pointer:
    """Where an array begins."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr

    def copy_from_device(self, other: _Pointer, size: int) -> None:
        ctypes.memmove(self.ptr, other.ptr, size)


class ndarray:
    """An array on the pretended device."""

    def __init__(self, shape: Any, dtype: Any = np.float32, _view: tuple[np.ndarray, _Memory] | None = None) -> None:
        if _view is not None:
            self._array, self._memory = _view
            return
        wanted = np.empty(0, dtype).dtype
        shape = tuple(int(size) for size in (shape if isinstance(shape, (tuple, list)) else (shape,)))
        nbytes = int(np.prod(shape, dtype=np.int64)) * wanted.itemsize
        self._memory = _Memory(nbytes)
        raw = (ctypes.c_char * max(nbytes, 1)).from_address(self._memory.ptr)
        self._array = np.frombuffer(raw, wanted, int(np.prod(shape, dtype=np.int64))).reshape(shape)

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    nbytes = property(lambda self: self._array.nbytes)
    strides = property(lambda self: self._array.strides)
    flags = property(lambda self: self._array.flags)
    T = property(lambda self: self._of(self._array.T))
    device = property(lambda self: cuda.Device(0))
    data = property(lambda self: _Pointer(self._array.ctypes.data))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self._array.ctypes.data, False),
            "strides": None if self.flags.c_contiguous else self.strides,
            "version": 3,
            "stream": 1,
        }

    def _of(self, view: np.ndarray) -> ndarray:
        return ndarray((), _view=(view, self._memory))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, **_: Any) -> Any:
        return self

    def __getitem__(self, index: Any) -> ndarray:
        view = np.asarray(self._array[index])
        return self._of(view) if np.shares_memory(view, self._array) or not view.size else _filled(view)

    def __setitem__(self, index: Any, value: ndarray) -> None:
        assert isinstance(value, ndarray), "an array of the host is copied by set"
        self._array[index] = value._array

    def astype(self, dtype: Any, copy: bool = True) -> ndarray:
        if self.dtype == dtype and not copy:
            return self
        return _filled(self._array.astype(dtype))

    def __len__(self) -> int:
        return len(self._array)

    def get(self) -> np.ndarray:
        transfers.append(("to the host", self.nbytes))
        return np.array(self._array, order="C", copy=True)

    def set(self, values: np.ndarray) -> None:
        self._array[...] = values

    def reshape(self, *shape: Any) -> ndarray:
        view = self._array.reshape(*shape)
        return self._of(view) if np.shares_memory(view, self._array) or not view.size else _filled(view)

    def transpose(self, *axes: Any) -> ndarray:
        return self._of(self._array.transpose(*axes))

    def copy(self) -> ndarray:
        return _filled(self._array)

    def fill(self, value: Any) -> None:
        self._array[...] = value


def _filled(array: np.ndarray) -> ndarray:
    made = ndarray(array.shape, array.dtype)
    made._array[...] = array
    return made


def empty(shape: Any, dtype: Any = np.float64) -> ndarray:
    return ndarray(shape, dtype)


def zeros(shape: Any, dtype: Any = np.float64) -> ndarray:
    made = ndarray(shape, dtype)
    made._array[...] = 0
    return made


def asarray(values: Any) -> ndarray:
    if isinstance(values, ndarray):
        return values
    interface = getattr(values, "__cuda_array_interface__", None)
    if interface is not None:
        return _foreign(values, interface)
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Unsupported dtype {array.dtype}")
    transfers.append(("to the device", array.nbytes))
    return _filled(np.ascontiguousarray(array).reshape(array.shape))


def _foreign(owner: Any, interface: dict[str, Any]) -> ndarray:
    """An array over memory that another library has, which lives as long."""
    shape, dtype = interface["shape"], np.dtype(interface["typestr"])
    strides = interface.get("strides") or np.empty(shape, dtype).strides
    reach = sum((size - 1) * step for size, step in zip(shape, strides)) + dtype.itemsize if np.prod(shape) else 0
    raw = (ctypes.c_char * max(reach, 1)).from_address(interface["data"][0])
    return ndarray((), _view=(np.ndarray(shape, dtype, raw, 0, strides), _Borrowed(owner)))


class _Borrowed:
    """In place of an allocation, where there is none of ours."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    def check(self) -> None:
        return None


def from_dlpack(values: Any) -> ndarray:
    assert values.__dlpack_device__()[0] == 2, "not on a device"
    return asarray(values.__dlpack__(stream=None))


def ascontiguousarray(array: ndarray) -> ndarray:
    return array if array.flags.c_contiguous else _filled(array._array)


def asnumpy(array: Any) -> np.ndarray:
    return array.get() if isinstance(array, ndarray) else np.asarray(array)


def matmul(a: ndarray, b: ndarray) -> ndarray:
    launches.append("matmul")
    return _filled(np.asarray(a._array @ b._array))


def concatenate(arrays: list[ndarray], axis: int = 0) -> ndarray:
    return _filled(np.concatenate([array._array for array in arrays], axis))


class _Kernel:
    def __init__(self, name: str, function: Any) -> None:
        self._name = name
        self._function = function
        self.max_dynamic_shared_size_bytes = attributes["MaxSharedMemoryPerBlock"]

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise RuntimeError(f"{self._name}: CUDA_ERROR_INVALID_VALUE: {shared_mem} bytes of shared memory")
        if self.max_dynamic_shared_size_bytes > attributes["MaxSharedMemoryPerBlockOptin"]:
            raise RuntimeError(f"{self._name}: more shared memory than the device has")
        cells: list[Any] = []
        arrays = [each for each in args if isinstance(each, ndarray)]
        for each in args:
            if isinstance(each, ndarray):
                cells.append(ctypes.c_void_p(each._array.ctypes.data))
            elif isinstance(each, np.generic):
                cells.append((ctypes.c_char * each.nbytes).from_buffer_copy(each.tobytes()))
            else:
                raise TypeError(f"{self._name}: an argument is {type(each).__name__}, not an array or a NumPy scalar")
        pointers = (ctypes.c_void_p * len(cells))(*(ctypes.addressof(cell) for cell in cells))
        sizes = (ctypes.c_size_t * len(cells))(*(ctypes.sizeof(cell) for cell in cells))
        full = [*grid, *[1] * (3 - len(grid)), *block, *[1] * (3 - len(block))]
        message = ctypes.create_string_buffer(200)
        launches.append(self._name)
        failed = self._function(
            pointers,
            sizes,
            ctypes.c_size_t(len(cells)),
            (ctypes.c_uint * 6)(*full),
            ctypes.c_size_t(shared_mem),
            order,
            message,
            ctypes.c_size_t(len(message)),
        )
        if failed:
            raise RuntimeError(f"{self._name}: {message.value.decode()}")
        for array in arrays:
            array._memory.check()


class RawModule:
    """Compiled when it is made, by g++."""

    def __init__(self, *, code: str, options: tuple[str, ...] = (), backend: str = "nvrtc") -> None:
        assert backend == "nvrtc"
        assert "#include" not in code, "CuPy would not see a change in what is included"
        names = re.findall(r'extern "C" __global__ void (?:__launch_bounds__\([^)]*\)\s*)?(\w+)\(', code)
        entrances = "".join(f"\nSKLORT_EMULATED({name})" for name in names)
        defines = [option for option in options if option.startswith("-D")]
        fibers = _fibers()
        flags = ["-DSKLORT_EMULATION", *defines, f"-I{EMULATION}", "-include", str(EMULATION / "device.h"), str(fibers)]
        path = _compiled(names[0], f"{code}\n{entrances}\n", flags)
        self._library = ctypes.CDLL(str(path))

    def get_function(self, name: str) -> _Kernel:
        return _Kernel(name, getattr(self._library, f"emulated_{name}"))


class _Device:
    def __init__(self, number: int = 0) -> None:
        self.id = number
        self.attributes = sys.modules[__name__].attributes

    def __enter__(self) -> _Device:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def synchronize(self) -> None:
        return None


class _Event:
    def record(self) -> None:
        self.time = perf_counter()

    def synchronize(self) -> None:
        return None


cuda = SimpleNamespace(
    Device=_Device,
    Event=_Event,
    get_elapsed_time=lambda start, stop: (stop.time - start.time) * 1e3,
    alloc_pinned_memory=bytearray,
    is_available=lambda: True,
    runtime=SimpleNamespace(
        getDeviceCount=lambda: 1, getDeviceProperties=lambda _: {"name": b"emulated by fibers of the host"}
    ),
)
__version__ = "emulated"

__all__ = ["RawModule", "asarray", "cuda", "empty", "ndarray", "zeros"]


def install(monkeypatch: Any) -> Any:
    """`import cupy` gives this module until the test ends."""
    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
