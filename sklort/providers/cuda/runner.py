"""A part on the device, step by step; and the copies that this takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from sklort.exceptions import Fail
from sklort.graph.ir import Array, Node
from sklort.graph.types import TensorType, dtype_of
from sklort.providers.cpu import CpuProvider
from sklort.providers.cuda.chunks import Chunks
from sklort.providers.cuda.device import Device, NotCaptured
from sklort.providers.cuda.forest import ForestOnDevice
from sklort.providers.cuda.graphs import Graphs
from sklort.providers.cuda.ops.operator import C_NAMES, Declined, Operation, attribute
from sklort.providers.cuda.ops.views import Gather
from sklort.providers.cuda.worth import worth_from
from sklort.providers.part import OMITTED, STOPPED, Part, Port, Runner, Seen, Step, StepTime, Stop
from sklort.providers.placement import on_device, to_host
from sklort.providers.requests import honour


def _is_plain(value: Any) -> bool:
    """Whether a value is an array of the host that kernels take."""
    return isinstance(value, np.ndarray) and value.dtype in C_NAMES


def _is_rows(value: Any) -> bool:
    return (_is_plain(value) or on_device(value)) and value.ndim > 0


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or on_device(value)


def _seen(array: Any) -> Seen:
    return int(dtype_of(array)), list(array.shape)


def _share(a: Any, b: Any) -> bool:
    """Whether two arrays of a device may lie in the same memory."""
    if not on_device(b) or not a.size:
        return False
    first, second = _span(a), _span(b)
    return first[0] < second[1] and second[0] < first[1]


def _span(array: Any) -> tuple[int, int]:
    """The addresses from the first byte of an array to behind the last one, whichever way its strides go."""
    interface = array.__cuda_array_interface__
    shape, size = interface["shape"], np.dtype(interface["typestr"]).itemsize
    strides = interface.get("strides") or [size * prod(shape[axis + 1 :]) for axis in range(len(shape))]
    steps = [stride * (length - 1) for stride, length in zip(strides, shape)]
    start = int(interface["data"][0])
    return start + sum(min(step, 0) for step in steps), start + sum(max(step, 0) for step in steps) + size


def _row_bytes(port: Port) -> int:
    """Of one row of a value, as far as its type says."""
    if not isinstance(port.type, TensorType) or port.type.shape is None:
        return 0
    return port.type.dtype.numpy.itemsize * prod(size for size in port.type.shape[1:] if isinstance(size, int))


def _width(node: Node, value: Any) -> int:
    """How many elements an ArgMax chooses among."""
    axis, rank = int(attribute(node, "axis", 0)), np.ndim(value)
    return int(np.shape(value)[axis]) if -rank <= axis < rank else 0


def _bounded(steps: Sequence[tuple[Step, Operation | str]]) -> dict[int, int]:
    """For each Gather whose indices an ArgMax or ArgMin makes, that step."""
    made: dict[int, int] = {}
    found = {}
    for i, (step, operation) in enumerate(steps):
        maker = made.get(step.inputs[1], -1) if isinstance(operation, Gather) else -1
        if maker >= 0 and steps[maker][0].node.op_type in ("ArgMax", "ArgMin") and isinstance(operation, Gather):
            found[i] = maker
            operation.bounded = True
        made.update((slot, i) for slot in step.outputs)
    return found


class CudaRunner:
    """Runs a part. Outputs are on the device when an input was, and NumPy's otherwise.

    Parameters
    ----------
    part : Part
    operations : sequence of Operation or str
        One for each step; a sentence where the CPU takes it.
    device : Device
    cpu : CpuProvider
        For what the device does not take.
    """

    def __init__(self, part: Part, operations: Sequence[Operation | str], device: Device, cpu: CpuProvider) -> None:
        self._part = part
        self._device = device
        self._cpu = cpu
        self._lock = threading.Lock()
        self._steps = list(zip(part.steps, operations))
        self._constants = dict(part.constants)
        self._programs: dict[int, Runner] = {}
        self._declined: dict[int, str] = {}
        self._by_rows: bool | None = None
        self._bounded = _bounded(self._steps)
        self._chunks = Chunks(device, self._computed)
        self._graphs = Graphs(device, self._captured) if device.captures else None
        for i, (_, operation) in enumerate(self._steps):
            if isinstance(operation, str):
                self._declined[i] = operation

    @property
    def forests(self) -> list[ForestOnDevice]:
        """The ensembles of trees among its steps."""
        found = [getattr(operation, "forest", None) for _, operation in self._steps]
        return [each for each in found if isinstance(each, ForestOnDevice)]

    def worth_from(self, threads: int) -> int | None:
        """From how many rows of the host on this is predicted to be faster than so many threads of the CPU."""
        if self._declined:
            return None
        levels = sum(forest.levels for forest in self.forests)
        weights = sum(array.size for array in self._constants.values() if array.ndim > 1)
        weights += sum(getattr(operation, "work", 0) for _, operation in self._steps)
        row_bytes = sum(_row_bytes(port) for port in (*self._part.inputs, *self._part.outputs))
        return worth_from(levels, weights, row_bytes, threads)

    def run(
        self,
        values: list[Any],
        stop: Stop | None = None,
        times: list[StepTime] | None = None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        stays = any(on_device(value) for value in values)
        with self._device.entered():
            values = [self._device.upload(value) if on_device(value) else value for value in values]
            made = self._repeated(values, stop, stays) if times is None and self._is_whole(values) else None
            if made is None:
                made = self._computed(values, stop, times)
            taken = [value for value in (*values, *self._constants.values()) if on_device(value)]
            found: list[Any] = []
            for port, value in zip(self._part.outputs, made):
                found.append(self._leaving(value, port, stays, taken))
                taken.append(found[-1])
            return found

    def _is_whole(self, values: list[Any]) -> bool:
        """Whether every step runs on the device, as far as is known, and rows of numbers come."""
        if self._declined or not values or not all(map(_is_rows, values)):
            return False
        return len({len(value) for value in values}) == 1

    def _repeated(self, values: list[Any], stop: Stop | None, stays: bool) -> list[Any] | None:
        """The outputs by a graph, or in chunks; None where neither is for such values."""
        if self._graphs is not None and (made := self._graphs.run(values, stays)) is not None:
            return made
        if stays or self._device.has_own_stream or not self._chunks.takes(values) or not self._cuts():
            return None
        return self._chunks.run(values, stop)

    def _cuts(self) -> bool:
        if self._by_rows is None:
            self._by_rows = self._cpu.is_by_rows(self._part)
        return self._by_rows

    def _computed(self, values: list[Any], stop: Stop | None = None, times: list[StepTime] | None = None) -> list[Any]:
        """The outputs wherever they were made."""
        slots: list[Any] = [None] * self._part.slots
        for slot, array in self._part.constants:
            slots[slot] = array
        entering = {port.slot: value for port, value in zip(self._part.inputs, values)}
        for slot, value in entering.items():
            slots[slot] = value
        widths: dict[int, int] = {}
        for i, (step, operation) in enumerate(self._steps):
            if stop is not None and stop.is_set():
                raise Fail(STOPPED)
            begin = time.monotonic_ns()
            if not isinstance(operation, str):
                for slot in step.inputs:
                    if slot in entering and _is_plain(slots[slot]):
                        slots[slot] = self._device.upload(slots[slot])
            inputs = [None if slot == OMITTED else slots[slot] for slot in step.inputs]
            if step.node.op_type in ("ArgMax", "ArgMin"):
                widths[i] = _width(step.node, inputs[0])
            found = self._step(i, step, operation, inputs, entering, widths)
            if times is not None:
                times.append(self._timed(i, begin, step, inputs, found))
            for slot, value in zip(step.outputs, found):
                if slot != OMITTED:
                    slots[slot] = value
                    entering.pop(slot, None)
            for slot in step.release:
                slots[slot] = None
                entering.pop(slot, None)
        return [slots[port.slot] for port in self._part.outputs]

    def fast(self, X: Any) -> Any:
        return None

    def explain(self) -> list[str]:
        lines = []
        waiting = {port.slot: port.name for port in self._part.inputs}  # on the host, until a step wants it
        last = {slot: i for i, (step, _) in enumerate(self._steps) for slot in step.outputs}
        for i, (step, operation) in enumerate(self._steps):
            words = []
            declined = self._declined.get(i)
            if declined:
                words.append(f"on the CPU: {declined}")
            elif not isinstance(operation, str):
                words.append(operation.explain())
                read = [slot for slot in dict.fromkeys(step.inputs) if slot in waiting]
                words += [f"copies {waiting.pop(slot)} to the device" for slot in read]
            for slot in (*step.outputs, *step.release):
                waiting.pop(slot, None)
            if not declined:
                made = [port.name for port in self._part.outputs if port.slot in step.outputs and last[port.slot] == i]
                words += [f"copies {name} to the host" for name in made]
            if i == 0 and self._graphs is not None and self._graphs.refusal:
                words.append(f"no CUDA graph: {self._graphs.refusal}")
            if i == 0 and self._graphs is not None and self._graphs.refusal:
                words.append(f"no CUDA graph: {self._graphs.refusal}")
            lines.append(f"{step.node.label}: {'; '.join(filter(None, words))}")
        return lines

    def _captured(self, values: list[Any]) -> list[Any]:
        """`_computed` for a graph, in which nothing of the host takes part."""
        made = self._computed(values)
        if not all(on_device(value) for value in made):
            raise NotCaptured("a result is of the host")
        return [self._device.contiguous(value) for value in made]

    def _timed(self, i: int, begin: int, step: Step, inputs: list[Any], found: list[Any]) -> StepTime:
        """What a step took: the device is waited for, which only a profile does."""
        self._device.synchronize()
        end = time.monotonic_ns()
        given = [(slot, value) for slot, value in zip(step.inputs, inputs) if _is_array(value)]
        made = [value for value in found if _is_array(value)]
        fed = sum(value.nbytes for slot, value in given if slot not in self._constants)
        stored = sum(value.nbytes for slot, value in given if slot in self._constants)
        sizes = fed, stored, sum(value.nbytes for value in made)
        seen = [_seen(value) for _, value in given]
        return i, threading.get_native_id(), begin, end, seen, [_seen(value) for value in made], *sizes

    def _step(
        self,
        i: int,
        step: Step,
        operation: Operation | str,
        inputs: list[Any],
        entering: dict[int, Any],
        widths: dict[int, int],
    ) -> list[Any]:
        """The outputs of a step. `entering`: the inputs of the part as they came, for the CPU."""
        if not isinstance(operation, str):
            wanted = [slot != OMITTED for slot in step.outputs]
            try:
                if i in self._bounded and isinstance(operation, Gather):
                    return operation.run(inputs, wanted, widths[self._bounded[i]])
                return operation.run(inputs, wanted)
            except Declined as declined:
                self._device.leave_graph(str(declined))
                self._declined[i] = str(declined)
        fixed = self._fixed(i)
        given = [entering.get(slot, value) for slot, value in zip(step.inputs, inputs)]
        varying = {slot: value for slot, value in zip(step.inputs, given) if slot != OMITTED and slot not in fixed}
        found = iter(self.prepare_on_cpu(i).run([to_host(value) for value in varying.values()]))
        return [None if slot == OMITTED else next(found) for slot in step.outputs]

    def _fixed(self, i: int) -> set[int]:
        """The slots that still hold their constants at step `i`: constants keep theirs for good."""
        return {slot for slot in self._part.steps[i].inputs if slot in self._constants}

    def prepare_on_cpu(self, i: int) -> Runner:
        """Step `i` as a program of the CPU; made once."""
        with self._lock:
            if i not in self._programs:
                step = self._part.steps[i]
                fixed = self._fixed(i)
                read = list(dict.fromkeys(slot for slot in step.inputs if slot != OMITTED and slot not in fixed))
                ports = [Port(slot, f"input {n}", None) for n, slot in enumerate(read)]
                # Outputs get slots of their own: the step may write where it read.
                first = self._part.slots
                outputs = tuple(OMITTED if slot == OMITTED else first + n for n, slot in enumerate(step.outputs))
                alone = Step(step.node, step.inputs, outputs)
                constants = tuple((slot, self._constants[slot]) for slot in fixed)
                leaving = tuple(Port(slot, "", None) for slot in outputs if slot != OMITTED)
                part = Part(first + len(outputs), tuple(ports), constants, (alone,), leaving)
                self._programs[i] = self._cpu.compile(part)
            return self._programs[i]

    def _leaving(self, value: Any, port: Port, stays: bool, taken: Sequence[Any]) -> Any:
        """A result: of the declared type where that can be, in memory of its own, and where the inputs were."""
        if not on_device(value):
            return honour(value, port)
        wanted = port.type.dtype.numpy if isinstance(port.type, TensorType) else None
        if stays and (wanted is None or wanted == value.dtype or wanted == np.dtype(object)):
            value = self._device.contiguous(value)
            return value.copy() if any(_share(value, other) for other in taken) else value
        made = honour(self._device.fetch(value), port)
        return self._device.upload(made) if stays else made
