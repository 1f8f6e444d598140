"""Inputs and outputs that are bound once and run many times, in onnxruntime's terms."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sklort.exceptions import InvalidArgument, InvalidUse, text_of
from sklort.graph.ir import Array
from sklort.providers.cuda import memory
from sklort.providers.placement import on_device, to_host
from sklort.session.device import gpu_of
from sklort.session.nearest import did_you_mean
from sklort.session.ort_value import OrtValue, copy_elements, numpy_type_of, read_array, read_shape, writable

if TYPE_CHECKING:
    from sklort.session.inference_session import InferenceSession


_LARGE = 1 << 16
"""Bytes from which on an output is worth writing to its memory without a copy between: the call itself costs more."""


class IOBinding:
    """What a session is to read, and where it is to write.

    A bound array is read where it lies: what is written into it counts in the next run. An output that is bound to
    memory is written there; a large one while the run goes on, so that it may be there in part when the run fails. One
    that is not is a new array after every run.

    Parameters
    ----------
    session : InferenceSession
        The only one that can run it.
    """

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._takes = [arg.name for arg in (*session.get_inputs(), *session.get_overridable_initializers())]
        self._gives = {arg.name: arg.type for arg in session.get_outputs()}
        self._inputs: dict[str, Any] = {}
        self._targets: dict[str, OrtValue | None] = {}
        self._names: list[str] = []
        self._gpus: dict[str, int | None] = {}
        self._memory: list[Array | None] = []
        self._bound: list[tuple[int, Array]] = []
        self._large = False
        self._found: dict[str, Any] = {}

    def bind_cpu_input(self, name: str, arr_on_cpu: Any) -> None:
        """Read an array. One that is not C-contiguous, or holds strings, is copied now.

        Raises
        ------
        InvalidUse
            The model has no such input.
        UnsupportedValue
            No array, or one of a dtype that ONNX lacks.
        """
        _check_name(name, self._takes, "input")
        self._inputs[name] = read_array(arr_on_cpu)

    def bind_input(
        self, name: str, device_type: str, device_id: int, element_type: Any, shape: Any, buffer_ptr: int
    ) -> None:
        """Read memory at an address, which must stay allocated while it is bound.

        Parameters
        ----------
        name : str
        device_type : str
            ``cpu`` or ``cuda``.
        device_id : int
        element_type : NumPy type or number of ``onnx.TensorProto.DataType``
        shape : sequence of int
        buffer_ptr : int

        Raises
        ------
        InvalidUse
            The model has no such input, the address is null, the device is not there.
        """
        _check_name(name, self._takes, "input")
        self._inputs[name] = _memory_at(buffer_ptr, element_type, shape, gpu_of(device_type, device_id))

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """Read an OrtValue, whose memory stays alive while it is bound."""
        _check_name(name, self._takes, "input")
        self._inputs[name] = _checked(ortvalue).held

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Any = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Compute an output, into memory at an address where one is given, which must stay allocated while it is bound.

        It is left on the device named. A result on ``cuda`` is waited for when it is copied, by `copy_outputs_to_cpu`
        for example, or by `synchronize_outputs`.

        Raises
        ------
        ValueError
            An address without element type or shape.
        InvalidUse
            The model has no such output, the address is null, the device is not there.
        """
        _check_name(name, self._gives, "output")
        gpu = gpu_of(device_type, device_id)
        if buffer_ptr is None:
            if gpu is not None and self._session._feed.adopt is None:
                warnings.warn(
                    f"this session runs on the CPU: {name!r} will not be on {device_type!r}", UserWarning, stacklevel=2
                )
                gpu = None
            self._bind(name, None, gpu)
            return
        if element_type is None or shape is None:
            raise ValueError("memory at an address needs element_type and shape")
        self._bind(name, OrtValue(_memory_at(buffer_ptr, element_type, shape, gpu)), gpu)

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """Compute an output into the memory of an OrtValue, and of the array that it was made from.

        Raises
        ------
        InvalidUse
            The model has no such output, or the OrtValue is no tensor that may be written to.
        """
        _check_name(name, self._gives, "output")
        writable(_checked(ortvalue), f"the OrtValue for {name!r}")
        self._bind(name, ortvalue, memory.number_of(ortvalue.held) if on_device(ortvalue.held) else None)

    def _bind(self, name: str, target: OrtValue | None, gpu: int | None = None) -> None:
        self._found = {other: value for other, value in self._found.items() if other != name}
        self._targets = {**self._targets, name: target}
        self._names = list(self._targets)
        self._gpus = {**self._gpus, name: gpu}
        memories = [each.held if each is not None else None for each in self._targets.values()]
        self._bound = [(i, each) for i, each in enumerate(memories) if each is not None]
        self._memory = [None if on_device(each) else each for each in memories]  # runs write into memory of the host
        self._large = any(each is not None and each.nbytes >= _LARGE for each in self._memory)

    def get_outputs(self) -> list[OrtValue]:
        """The outputs of the last run, in the order of binding; without a value for what is bound since."""
        found = self._found
        return [
            target if target is not None and name in found else OrtValue(found.get(name), self._gives[name])
            for name, target in self._targets.items()
        ]

    def copy_outputs_to_cpu(self) -> list[Any]:
        """The outputs of the last run as `InferenceSession.run` returns them, in memory of their own.

        Raises
        ------
        InvalidUse
            An output is bound that no run has computed.
        """
        waiting = [name for name in self._names if name not in self._found]
        if waiting:
            raise InvalidUse(f"the output {waiting[0]!r} has no value yet: call run_with_iobinding first")
        return [_copy(self._found[name]) for name in self._names]

    def clear_binding_inputs(self) -> None:
        """Forget what is bound to inputs."""
        self._inputs = {}

    def clear_binding_outputs(self) -> None:
        """Forget what is bound to outputs, and the results."""
        self._targets, self._names, self._memory, self._bound, self._large, self._found = {}, [], [], [], False, {}
        self._gpus = {}

    def synchronize_inputs(self) -> None:
        """Wait for copies to inputs on a GPU, on CuPy's current stream; memory of the CPU is always up to date."""
        _wait(self._inputs.values())

    def synchronize_outputs(self) -> None:
        """Wait for outputs on a GPU, on CuPy's current stream; memory of the CPU is always up to date."""
        _wait(self._found.values())

    def run(self, session: InferenceSession, run_options: Any = None) -> None:
        """What `InferenceSession.run_with_iobinding` does.

        Raises
        ------
        ValueError
            The binding is another session's.
        InvalidUse
            What `run` says of a feed; nothing to compute; a result that does not fit the memory bound to it.
        """
        if session is not self._session:
            raise ValueError("the binding is another session's: make it with this session's io_binding()")
        names, bound = self._names, self._bound
        if not names:
            raise InvalidUse("no output is bound: call bind_output first")
        try:
            if self._large:
                found = session._run(names, self._inputs, run_options, self._memory)
            else:
                found = session.run(names, self._inputs, run_options)
        except ValueError as error:
            if isinstance(error, RuntimeError) or not (type(error) is ValueError or isinstance(error, InvalidArgument)):
                raise
            raise InvalidUse(text_of(error)) from error
        for i, target in bound:
            if found[i] is not target:
                _check_fits(names[i], target, found[i], self._gives[names[i]])
        for i, target in bound:
            if found[i] is not target:
                copy_elements(target, found[i])
                found[i] = target
        found = [_placed(value, self._gpus[name]) for name, value in zip(names, found)]
        self._found = dict(zip(names, found))


def _check_name(name: Any, known: Iterable[str], what: str) -> None:
    if name not in known:
        raise InvalidUse(
            f"the model has no {what} {name!r}; it has {', '.join(map(repr, known))}{did_you_mean(name, known)}"
        )


def _checked(value: Any) -> OrtValue:
    if not isinstance(value, OrtValue):
        raise TypeError(f"expected a sklort.OrtValue, got {type(value).__name__}")
    return value


def _wait(values: Iterable[Any]) -> None:
    for number in {memory.number_of(value) for value in values if on_device(value)}:
        memory.wait(number)


def _placed(value: Any, gpu: int | None) -> Any:
    """A result on the device that its output is bound to; text has none but the CPU."""
    if gpu is None:
        return to_host(value)
    return memory.upload(value, gpu) if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else value


def _memory_at(address: Any, element_type: Any, shape: Any, gpu: int | None) -> Any:
    dtype, sizes = numpy_type_of(element_type), read_shape(shape)
    if dtype.hasobject:
        raise InvalidUse("strings cannot be bound by their address: bind an array or an OrtValue")
    if isinstance(address, bool) or not isinstance(address, (int, np.integer)):
        raise TypeError(f"buffer_ptr must be an address as an int, got {type(address).__name__}")
    count = int(np.prod(sizes, dtype=object))
    if count == 0:
        return np.empty(sizes, dtype)
    if address <= 0:
        raise InvalidUse(f"buffer_ptr must be the address of {count} elements of {dtype}, got {int(address)}")
    if gpu is not None:
        return memory.at_address(int(address), sizes, dtype, gpu)
    raw: Any = (ctypes.c_char * (count * dtype.itemsize)).from_address(int(address))
    return np.frombuffer(raw, dtype).reshape(sizes)


def _check_fits(name: str, target: Array, value: Any, kind: str) -> None:
    if not isinstance(value, np.ndarray) and not on_device(value):
        raise InvalidUse(f"the output {name!r} is a {kind}: it cannot be written into a tensor")
    if target.dtype != value.dtype or target.shape != value.shape:
        raise InvalidUse(
            f"the output {name!r} is an array of {value.dtype} with shape {value.shape}, "
            f"the memory bound to it of {target.dtype} with shape {target.shape}"
        )


def _copy(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        from copy import deepcopy

        return deepcopy(value)
    return value.copy() if isinstance(value, np.ndarray) else to_host(value)


SessionIOBinding = IOBinding
"""onnxruntime's name of the class beneath its IOBinding."""
