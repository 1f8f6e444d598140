"""A stand-in for CuPy where there is no GPU: the part of it that the CUDA provider uses.

Arrays lie in memory of the host, with guards behind them; a `RawModule` is compiled by g++ over the fibers of
``runtime/cuda/emulation``. So what the provider hands to CuPy runs, its kernels to the letter. It is no GPU: see
``fibers.h`` for what it cannot show. Stricter than CuPy where CuPy would forgive: kernel arguments are arrays or NumPy
scalars of exactly the parameter's size, and shared memory is what was asked for. Work given to a stream is done as late as
may be (``emulated_streams``).
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
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.cuda import emulated_streams as streams

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
        self.stream = streams.current()
        self.given_back = False
        self.guard = 0 if sanitized() else len(GUARD)
        self._libc = ctypes.CDLL(None)
        pointer = ctypes.c_void_p()
        if self._libc.posix_memalign(ctypes.byref(pointer), 256, ctypes.c_size_t(max(nbytes + self.guard, 1))):
            raise MemoryError
        self.ptr = int(pointer.value or 0)
        ctypes.memset(self.ptr, POISON, nbytes)
        ctypes.memmove(self.ptr + nbytes, GUARD, self.guard)

    def used(self) -> None:
        """Work with this memory begins."""
        if self.given_back and streams.current() is not self.stream:
            raise RuntimeError("memory was given back while a stream other than its own still had work with it")

    def check(self) -> None:
        if ctypes.string_at(self.ptr + self.nbytes, self.guard) != GUARD[: self.guard]:
            raise RuntimeError("a kernel wrote behind the end of an array")

    def __del__(self) -> None:
        self._libc.free(ctypes.c_void_p(self.ptr))


class _Owner:
    """What arrays and their views hold of an allocation; without them it goes back to the pool."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory

    def __del__(self) -> None:
        self.memory.given_back = True


class MemoryPointer:
    """Where an array begins."""

    def __init__(self, memory: Any, offset: int) -> None:
        self.memory = memory
        self.ptr = memory.ptr + offset

    def _submit(self, work: Any, stream: Any, *memories: Any) -> None:
        def done() -> None:
            for memory in (self.memory, *memories):
                memory.used()
            work()

        (stream or streams.current()).submit(done)

    def copy_from_device(self, other: MemoryPointer, size: int) -> None:
        self._submit(lambda: ctypes.memmove(self.ptr, other.ptr, size), None, other.memory)

    def copy_from_host_async(self, address: int, size: int, stream: Any = None) -> None:
        transfers.append(("to the device", size))
        self._between(lambda: ctypes.memmove(self.ptr, address, size), address, stream)

    def copy_to_host_async(self, address: int, size: int, stream: Any = None) -> None:
        transfers.append(("to the host", size))
        self._between(lambda: ctypes.memmove(address, self.ptr, size), address, stream)

    def _between(self, work: Any, address: int, stream: Any) -> None:
        """Pageable memory is copied before the call returns; pinned memory when the stream comes to it."""
        self._submit(work, stream)
        if not any(first <= address < last for first, last in pinned):
            streams.forbid("a copy of pageable memory")
            (stream or streams.current()).synchronize()

    def memset_async(self, value: int, size: int, stream: Any = None) -> None:
        self._submit(lambda: ctypes.memset(self.ptr, value, size), stream)


class UnownedMemory:
    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.device_id, self.given_back = ptr, size, device_id, False

    def used(self) -> None:
        return None

    check = used


pinned: list[tuple[int, int]] = []
"""Where pinned memory begins and ends."""


class PinnedMemory(bytearray):
    """Of the host, and known to the device while it lives."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        begin = ctypes.addressof(ctypes.c_char.from_buffer(self)) if size else 0
        self.place = (begin, begin + size)
        pinned.append(self.place)

    def __del__(self) -> None:
        pinned.remove(self.place)


class ndarray:
    """An array on the pretended device."""

    def __init__(
        self, shape: Any, dtype: Any = np.float32, memptr: Any = None, _view: tuple[np.ndarray, _Owner] | None = None
    ) -> None:
        if _view is not None:
            self._array, self._owner = _view
            return
        wanted = np.empty(0, dtype).dtype
        shape = tuple(int(size) for size in (shape if isinstance(shape, (tuple, list)) else (shape,)))
        nbytes = int(np.prod(shape, dtype=np.int64)) * wanted.itemsize
        if memptr is None:
            streams.forbid("an allocation")
        self._owner = _Owner(_Memory(nbytes) if memptr is None else memptr.memory)
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
    _memory = property(lambda self: self._owner.memory)
    data = property(lambda self: MemoryPointer(self._memory, self._array.ctypes.data - self._memory.ptr))

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
        return ndarray((), _view=(view, self._owner))

    def _submit(self, work: Any, *others: ndarray) -> None:
        """Let the current stream do something with the memory of these arrays."""
        memories = [each._memory for each in (self, *others)]

        def done() -> None:
            for memory in memories:
                memory.used()
            work()

        streams.current().submit(done)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, **_: Any) -> Any:
        return self

    def __getitem__(self, index: Any) -> ndarray:
        view = np.asarray(self._array[index])
        if np.shares_memory(view, self._array) or not view.size:
            return self._of(view)
        made, source = ndarray(view.shape, view.dtype), self._array
        to = made._array
        made._submit(lambda: np.copyto(to, source[index]), self)
        return made

    def __setitem__(self, index: Any, value: ndarray) -> None:
        assert isinstance(value, ndarray), "an array of the host is copied by set"
        to, source = self._array, value._array
        self._submit(lambda: to.__setitem__(index, source), value)

    def astype(self, dtype: Any, copy: bool = True) -> ndarray:
        if self.dtype == dtype and not copy:
            return self
        made, to, source = ndarray(self.shape, dtype), None, self._array
        to = made._array
        made._submit(lambda: np.copyto(to, source, casting="unsafe"), self)
        return made

    def __len__(self) -> int:
        return len(self._array)

    def get(self) -> np.ndarray:
        streams.forbid("a copy to pageable memory")
        transfers.append(("to the host", self.nbytes))
        streams.current().synchronize()
        self._memory.used()
        return np.array(self._array, order="C", copy=True)

    def set(self, values: np.ndarray) -> None:
        assert isinstance(values, np.ndarray)
        transfers.append(("to the device", values.nbytes))
        to, source = self._array, values.copy()
        self._submit(lambda: np.copyto(to, source))

    def reshape(self, *shape: Any) -> ndarray:
        view = self._array.reshape(*shape)
        return self._of(view) if np.shares_memory(view, self._array) or not view.size else self.copy().reshape(*shape)

    def transpose(self, *axes: Any) -> ndarray:
        return self._of(self._array.transpose(*axes))

    def copy(self) -> ndarray:
        return _made(self.shape, self.dtype, lambda a: a, self)

    def fill(self, value: Any) -> None:
        to = self._array
        self._submit(lambda: to.fill(value))


def _made(shape: Any, dtype: Any, function: Any, *sources: ndarray) -> ndarray:
    """A new array with what `function` makes of others, when the current stream comes to it."""
    made, given = ndarray(shape, dtype), [each._array for each in sources]
    to = made._array
    made._submit(lambda: np.copyto(to, function(*given), casting="unsafe"), *sources)
    return made


def empty(shape: Any, dtype: Any = np.float64) -> ndarray:
    return ndarray(shape, dtype)


def zeros(shape: Any, dtype: Any = np.float64) -> ndarray:
    made = ndarray(shape, dtype)
    made.fill(0)
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
    made = ndarray(array.shape, array.dtype)
    made.set(np.ascontiguousarray(array).reshape(array.shape))
    return made


def _foreign(owner: Any, interface: dict[str, Any]) -> ndarray:
    """An array over memory that another library has, which lives as long."""
    shape, dtype = interface["shape"], np.dtype(interface["typestr"])
    strides = interface.get("strides") or np.empty(shape, dtype).strides
    reach = sum((size - 1) * step for size, step in zip(shape, strides)) + dtype.itemsize if np.prod(shape) else 0
    raw = (ctypes.c_char * max(reach, 1)).from_address(interface["data"][0])
    memory = UnownedMemory(interface["data"][0], reach, owner)
    memory.owner = owner  # type: ignore[attr-defined]  # kept alive
    return ndarray((), _view=(np.ndarray(shape, dtype, raw, 0, strides), _Owner(memory)))


def from_dlpack(values: Any) -> ndarray:
    assert values.__dlpack_device__()[0] == 2, "not on a device"
    return asarray(values.__dlpack__(stream=None))


def ascontiguousarray(array: ndarray) -> ndarray:
    return array if array.flags.c_contiguous else array.copy()


def asnumpy(array: Any) -> np.ndarray:
    return array.get() if isinstance(array, ndarray) else np.asarray(array)


def matmul(a: ndarray, b: ndarray) -> ndarray:
    launches.append("matmul")
    shape = np.empty(a.shape, np.bool_) @ np.empty(b.shape, np.bool_)
    return _made(np.shape(shape), np.result_type(a.dtype, b.dtype), np.matmul, a, b)


def concatenate(arrays: list[ndarray], axis: int = 0) -> ndarray:
    shape = list(arrays[0].shape)
    shape[axis] = sum(array.shape[axis] for array in arrays)
    dtype = np.result_type(*(array.dtype for array in arrays))
    return _made(shape, dtype, lambda *given: np.concatenate(given, axis), *arrays)


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
        arrays: list[ndarray] = [each for each in args if isinstance(each, ndarray)]
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
        launches.append(self._name)
        memories = [array._memory for array in arrays]

        def launch() -> None:
            for memory in memories:
                memory.used()
            message = ctypes.create_string_buffer(200)
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
            for memory in memories:
                memory.check()

        streams.current().submit(launch)


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
        streams.current().synchronize()


cuda = SimpleNamespace(
    Device=_Device,
    Event=streams.Event,
    Stream=streams.Stream,
    ExternalStream=streams.ExternalStream,
    MemoryPointer=MemoryPointer,
    UnownedMemory=UnownedMemory,
    get_current_stream=streams.current,
    get_elapsed_time=lambda start, stop: (stop.time - start.time) * 1e3,
    alloc_pinned_memory=PinnedMemory,
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
