"""One GPU through CuPy: memory, compiled kernels, launches. CuPy is imported here alone, when it is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import numpy as np

from sklort.exceptions import DeviceReset, InvalidArgument
from sklort.graph.ir import Array
from sklort.providers.cuda.source import text_of
from sklort.providers.placement import on_device

_OPTIONS = ("-std=c++17", "-fmad=false")
_THREADS = 256
_WAVES = 32
"""Blocks for each multiprocessor in a launch over elements; each thread takes several."""


FORKED = (
    "CUDA does not survive a fork. Make what is on a GPU in the process that uses it, or start processes by 'spawn' or "
    "'forkserver' (multiprocessing.set_start_method)"
)


_asked_by: int | None = None
"""The process that first asked CUDA anything."""


def absent(device: int = 0) -> str | None:
    """Why there is no GPU to run on, as a sentence; None when there is one."""
    global _asked_by
    if _asked_by not in (None, os.getpid()):
        return f"CUDA was used by the process that this one was forked from, and {FORKED}"
    try:
        if find_spec("cupy") is None:
            return "CuPy is not installed: pip install 'sklort[cuda12]' or 'sklort[cuda13]', as the driver is"
    except ValueError:  # a module without a specification: somebody's stand-in
        pass
    try:
        import cupy

        _asked_by = os.getpid()
        if not cupy.cuda.is_available():
            return "CuPy finds no GPU, or a driver that is too old for it"
        count = int(cupy.cuda.runtime.getDeviceCount())
    except Exception as error:  # noqa: BLE001  CuPy raises errors of several libraries
        return f"CuPy cannot be used: {type(error).__name__}: {error}"
    return None if device < count else f"there is no GPU {device}: there are {count}, numbered from 0"


@dataclass(frozen=True)
class Limits:
    """What a launch may use; read off the device."""

    multiprocessors: int
    shared_bytes: int
    """Of one block, at most."""
    shared_bytes_together: int
    """Of all blocks on a multiprocessor."""


class NotCaptured(Exception):
    """A run that no graph can repeat; the text says why."""


class Tape:
    """The arrays that a run makes, in order: a graph repeats the run, and finds them where they were.

    Attributes
    ----------
    again : bool
        Give out the arrays that were noted, in place of new ones.
    """

    def __init__(self) -> None:
        self.again = False
        self._arrays: list[Any] = []
        self._at = 0

    def replay(self) -> None:
        """From here on the same again."""
        self.again, self._at = True, 0

    def next(self, make: Callable[[], Any], shape: Any, dtype: np.dtype[Any]) -> Any:
        if not self.again:
            self._arrays.append(make())
            return self._arrays[-1]
        wanted = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if self._at == len(self._arrays) or (self._arrays[self._at].shape, self._arrays[self._at].dtype) != (
            wanted,
            dtype,
        ):
            raise NotCaptured("it makes other arrays when it runs again")
        self._at += 1
        return self._arrays[self._at - 1]


class Device:
    """A GPU, its compiled kernels and the way to start them.

    Parameters
    ----------
    number : int
        As CUDA counts.
    stream : int
        The address of a stream to work on; 0 for CuPy's current stream.
    captures : bool
        Make CUDA graphs of small batches that come again.
    """

    def __init__(self, number: int = 0, stream: int = 0, captures: bool = False) -> None:
        import cupy

        self.captures = captures
        self.number = number
        self.cupy: Any = cupy
        self._stream = cupy.cuda.ExternalStream(stream, number) if stream else None
        self._made_by = os.getpid()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._kernels: dict[tuple[Any, ...], Any] = {}
        attributes = cupy.cuda.Device(number).attributes
        self.limits = Limits(
            int(attributes["MultiProcessorCount"]),
            int(attributes["MaxSharedMemoryPerBlockOptin"]),
            int(attributes["MaxSharedMemoryPerMultiprocessor"]),
        )

    @property
    def name(self) -> str:
        """What the driver calls it."""
        name = self.cupy.cuda.runtime.getDeviceProperties(self.number)["name"]
        return name.decode() if isinstance(name, bytes) else str(name)

    def entered(self) -> Any:
        """A context in which CuPy works on this device, and on the stream that was given."""
        if os.getpid() != self._made_by:
            raise DeviceReset(f"this session was made for a GPU by another process: {FORKED}")
        device = self.cupy.cuda.Device(self.number)
        return device if self._stream is None else _On(device, self._stream)

    @property
    def has_own_stream(self) -> bool:
        """Whether all work belongs on one stream that somebody chose."""
        return self._stream is not None

    def synchronize(self) -> None:
        """Wait until everything that was started is done."""
        self.cupy.cuda.Device(self.number).synchronize()

    def upload(self, array: Any) -> Any:
        """An array of the host on the device; one of this device as CuPy's own, without a copy.

        Raises
        ------
        InvalidArgument
            It lies on another GPU.
        """
        if not on_device(array):
            self.leave_graph("it copies from the host while it runs")
            return self.cupy.asarray(array)
        protocol = hasattr(array, "__cuda_array_interface__")
        made = self.cupy.asarray(array) if protocol else self.cupy.from_dlpack(array)
        if made.device.id != self.number:
            raise InvalidArgument(
                f"an array lies on GPU {made.device.id}, and the session runs on GPU {self.number}: copy it there, or "
                f"make the session with the provider option 'device_id' = '{made.device.id}'"
            )
        return made

    def constant(self, array: Array) -> Any:
        """The same for what is kept: the copy is waited for, since later runs may be on other streams."""
        made = self.cupy.asarray(array)
        self.cupy.cuda.get_current_stream().synchronize()
        return made

    def empty(self, shape: Any, dtype: Any) -> Any:
        tape = self.tape
        if tape is None:
            return self.cupy.empty(shape, np.dtype(dtype))
        return tape.next(lambda: self.cupy.empty(shape, np.dtype(dtype)), shape, np.dtype(dtype))

    def zeros(self, shape: Any, dtype: Any) -> Any:
        if self.tape is None:
            return self.cupy.zeros(shape, np.dtype(dtype))
        made = self.empty(shape, dtype)
        made.data.memset_async(0, made.nbytes)
        return made

    def fetch(self, array: Any) -> Array:
        """A copy on the host, which is waited for; of an array of the host, itself."""
        if not on_device(array):
            return np.asarray(array)
        self.leave_graph("it asks the host while it runs")
        found: Array = array.get()
        return found

    def contiguous(self, array: Any) -> Any:
        """An array of the device whose elements lie in order."""
        if array.flags.c_contiguous:
            return array
        made = self.empty(array.shape, array.dtype)
        made[...] = array
        return made

    def leave_graph(self, reason: str) -> None:
        """Say that what comes cannot be part of a CUDA graph.

        Raises
        ------
        NotCaptured
            While one is made.
        """
        if self.tape is not None:
            raise NotCaptured(reason)

    @property
    def tape(self) -> Tape | None:
        """Where the arrays of this thread come from while a graph is made."""
        found: Tape | None = getattr(self._local, "tape", None)
        return found

    @contextmanager
    def taped(self, tape: Tape) -> Iterator[None]:
        """Note the arrays that are made, or give those out again that were."""
        self._local.tape = tape
        try:
            yield
        finally:
            self._local.tape = None

    def launch(
        self,
        stem: str,
        function: str,
        grid: tuple[int, ...],
        block: int,
        arguments: Sequence[Any],
        shared: int = 0,
        defines: Mapping[str, str | int] = MappingProxyType({}),
    ) -> None:
        """Start ``function`` of ``runtime/cuda/<stem>.cu``, compiled with ``SKLORT_<NAME>`` for each of `defines`.

        Arguments: arrays, None for a null pointer, Python integers (int64) and floats (double).
        """
        kernel = self._kernel(stem, function, shared, defines)
        kernel(grid, (block,), tuple(_argument(each) for each in arguments), shared_mem=shared)

    def launch_over(
        self,
        stem: str,
        function: str,
        elements: int,
        arguments: Sequence[Any],
        defines: Mapping[str, str | int] = MappingProxyType({}),
    ) -> None:
        """The same for a kernel that goes over elements by itself."""
        blocks = min(-(-elements // _THREADS), _WAVES * self.limits.multiprocessors)
        if blocks > 0:
            self.launch(stem, function, (blocks,), _THREADS, arguments, defines=defines)

    def _kernel(self, stem: str, function: str, shared: int, defines: Mapping[str, str | int]) -> Any:
        key = (stem, function, tuple(sorted(defines.items())))
        with self._lock:
            found = self._kernels.get(key)
            if found is None:
                options = tuple(f"-DSKLORT_{name.upper()}={value}" for name, value in sorted(defines.items()))
                module = self.cupy.RawModule(code=text_of(stem), options=(*_OPTIONS, *options), backend="nvrtc")
                found = self._kernels[key] = module.get_function(function)
            if shared > found.max_dynamic_shared_size_bytes:
                found.max_dynamic_shared_size_bytes = shared
        return found


class _On:
    """A device and a stream of it, entered together."""

    def __init__(self, device: Any, stream: Any) -> None:
        self._device, self._stream = device, stream

    def __enter__(self) -> None:
        self._device.__enter__()
        self._stream.__enter__()

    def __exit__(self, *error: object) -> None:
        self._stream.__exit__(*error)
        self._device.__exit__(*error)


def _argument(value: Any) -> Any:
    if value is None:
        return np.uintp(0)
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, (bool, int, np.integer)):
        return np.int64(value)
    return value
