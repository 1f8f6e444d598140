"""The CUDA provider: nodes on a GPU, through CuPy and kernels that are compiled where they run.

Numbers stay on the device from step to step. Text never goes there: operators of text are refused, so the plan gives
them to the CPU, and labels that are strings are chosen on the device and looked up on the host. What a kernel does not
take when it comes (another element type, another rank) runs on the CPU, with a copy each way; so do errors, which are
then raised in the CPU's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklort.exceptions import EPFail, InvalidArgument
from sklort.graph.ir import Node
from sklort.graph.types import DType
from sklort.providers.cpu import CpuProvider
from sklort.providers.cuda.device import Device, absent
from sklort.providers.cuda.forest_form import KERNELS
from sklort.providers.cuda.ops import OPERATORS
from sklort.providers.cuda.ops.operator import C_NAMES, Declined, Operation, Setting
from sklort.providers.cuda.runner import CudaRunner
from sklort.providers.part import OMITTED, Part

_OPTIONS = ("device_id", "enable_cuda_graph", "forest_kernel", "require", "user_compute_stream")
_FOREIGN = frozenset(dtype for dtype in DType if dtype >= DType.COMPLEX64)


class CudaProvider:
    """See the module.

    Parameters
    ----------
    device_id : int
        Which GPU, as CUDA counts.
    forest_kernel : {"auto", "rows", "tile", "ranks", "leaves", "wide"}
        How ensembles of trees are walked, where the kernel takes the ensemble. The answers are the same, to the bit.
    require : bool
        Raise when there is no GPU, instead of leaving everything to the providers that follow.
    user_compute_stream : int
        The address of the CUDA stream to work on, as onnxruntime takes it; 0 for CuPy's current stream at each run.
    enable_cuda_graph : bool
        Make a CUDA graph of a batch of up to 4,096 rows that comes a third time, where no step asks the host.

    Raises
    ------
    InvalidArgument
        There is no such kernel.
    EPFail
        There is no GPU, and one is required.
    """

    name = "CUDAExecutionProvider"

    def __init__(
        self,
        device_id: int = 0,
        forest_kernel: str = "auto",
        require: bool = False,
        user_compute_stream: int = 0,
        enable_cuda_graph: bool = False,
    ) -> None:
        if forest_kernel not in KERNELS:
            raise InvalidArgument(
                f"there is no forest kernel {forest_kernel!r}; choose one of: {', '.join(map(repr, KERNELS))}"
            )
        self._cpu = CpuProvider()
        self._number = device_id
        self._kernel = forest_kernel
        self._stream = user_compute_stream
        self._captures = enable_cuda_graph
        self._absent = self._cpu.unavailable() or absent(device_id)
        self._device: Device | None = None
        if require and self._absent:
            raise EPFail(f"{self.name} is required: {self._absent}")

    @classmethod
    def of_options(cls, options: Mapping[str, str]) -> CudaProvider:
        """From options as users write them, all text."""
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise InvalidArgument(f"{cls.name} has no option {unknown[0]!r}; it has {', '.join(map(repr, _OPTIONS))}")
        numbers = {}
        for name in ("device_id", "user_compute_stream"):
            given = options.get(name, "0")
            if not given.isdecimal():
                raise InvalidArgument(f"{name!r} of {cls.name} must be a number from 0 on, got {given!r}")
            numbers[name] = int(given)
        chosen = {name: options.get(name, "0").lower() in ("1", "true") for name in ("require", "enable_cuda_graph")}
        kernel = options.get("forest_kernel", "auto")
        return cls(numbers["device_id"], kernel, user_compute_stream=numbers["user_compute_stream"], **chosen)

    def unavailable(self) -> str | None:
        return self._absent

    def holds(self, dtype: DType) -> bool:
        return dtype not in _FOREIGN

    def refuses(self, node: Node) -> str | None:
        """A sentence for what has no kernel here, and for what the CPU could not take over."""
        if self._absent:
            return self._absent
        operator = OPERATORS.get((node.domain, node.op_type))
        if operator is None:
            return f"there is no CUDA kernel for {node.op_type}"
        return operator.refuses(node) or self._cpu.refuses(node)

    def adopt(self, value: Any) -> Any:
        """An array of a GPU, whoever made it, as CuPy's own without a copy; one of the host on the device."""
        device = self._opened()
        with device.entered():
            return device.upload(value)

    def within(self, array: Any, nan: Sequence[bool], limit: float) -> bool:
        """Whether a matrix of CuPy's holds no NaN but in columns where `nan` is true, and no magnitude above `limit`.

        The device is waited for: the answer is needed before anything is computed.
        """
        if array.size == 0 or (all(nan) and limit == float("inf")):
            return True
        device = self._opened()
        with device.entered():
            fault = device.zeros((1,), np.int32)
            strides = [stride // array.dtype.itemsize for stride in array.strides]
            arguments = [array, *strides, *array.shape, device.upload(np.asarray(nan, np.int32)), float(limit), fault]
            types: dict[str, str | int] = {"from": C_NAMES[np.dtype(array.dtype)]}
            device.launch_over("limits", "limits", array.size, arguments, types)
            return not fault.get()[0]

    def _opened(self) -> Device:
        if self._device is None:
            self._device = Device(self._number, self._stream, self._captures)
        return self._device

    def compile(self, part: Part) -> CudaRunner:
        setting = Setting(self._opened(), self._kernel)
        constants = dict(part.constants)
        made: dict[int, Any] = {}
        operations: list[Operation | str] = []
        with setting.device.entered():
            for step in part.steps:
                read = [None if slot == OMITTED or slot in made else constants.get(slot) for slot in step.inputs]
                operator = OPERATORS[step.node.domain, step.node.op_type]
                try:
                    operations.append(operator.prepare(step.node, read, setting))
                except Declined as declined:
                    operations.append(str(declined))
                made.update((slot, step) for slot in step.outputs)
        runner = CudaRunner(part, operations, setting.device, self._cpu)
        for i, step in enumerate(part.steps):
            if isinstance(operations[i], str) or OPERATORS[step.node.domain, step.node.op_type].checked:
                runner.prepare_on_cpu(i)
        return runner
