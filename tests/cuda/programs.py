"""Programs of one node on the CUDA provider, with the faces that the tests of the CPU's operators use.

Those tests then run as they are, over the CUDA sources. A program that left the work to the CPU would prove nothing:
`Watched` counts, and `strict` asserts that every run launched a kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sklort.graph.ir import Attribute, AttributeKind, Node
from sklort.graph.types import DType, TensorType
from sklort.providers.cuda.provider import CudaProvider
from sklort.providers.part import OMITTED, Part, Port, Step
from tests.cuda import emulated_cupy

options: dict[str, Any] = {}
"""Of the providers to come."""
on_the_cpu: list[str] = []
"""Why steps were left to the CPU since this was emptied."""


def attribute_of(value: Any) -> Attribute:
    if isinstance(value, (bool, int, np.integer)):
        return Attribute(AttributeKind.INT, int(value))
    if isinstance(value, (float, np.floating)):
        return Attribute(AttributeKind.FLOAT, float(value))
    if isinstance(value, str):
        return Attribute(AttributeKind.STRING, value)
    if isinstance(value, tuple):
        return Attribute(AttributeKind.STRINGS, value)
    array = np.asarray(value)
    kinds = {np.dtype(np.int64): AttributeKind.INTS, np.dtype(np.float32): AttributeKind.FLOATS}
    return Attribute(kinds.get(array.dtype, AttributeKind.TENSOR), array)


class Watched:
    """A runner that notes what the CPU was left with."""

    def __init__(self, node: Node, runner: Any) -> None:
        self._node = node
        self._runner = runner

    def run(self, values: list[Any]) -> list[Any]:
        before = len(emulated_cupy.launches)
        found = self._runner.run(values)
        reason = self._runner._declined.get(0)
        counted = self._runner._device.cupy is emulated_cupy
        if reason or (counted and len(emulated_cupy.launches) == before):
            first = values[0] if values else None
            rows = len(first) if isinstance(first, np.ndarray) and first.ndim else 1
            if reason or rows:
                on_the_cpu.append(f"{self._node.op_type}: {reason or 'nothing was launched'}")
        return found

    def explain(self) -> list[str]:
        return [line.replace(self._node.label, self._node.op_type, 1) for line in self._runner.explain()]


def compiled(
    node: Node, inputs: list[tuple[int, TensorType | None]], constants: dict[int, Any], declared: list[int]
) -> Any:
    slots = list(range(len(node.inputs), len(node.inputs) + len(node.outputs)))
    read = tuple(slot if name else OMITTED for slot, name in enumerate(node.inputs))
    step = Step(node, read, tuple(slots))
    ports = tuple(Port(slot, f"X{slot}", kind) for slot, kind in inputs)
    outputs = tuple(
        Port(slot, f"Y{slot}", TensorType(DType(number)) if number else None)
        for slot, number in zip(slots, declared, strict=True)
    )
    part = Part(slots[-1] + 1, ports, tuple(constants.items()), (step,), outputs)
    provider = CudaProvider(**options)
    refusal = provider.refuses(node)
    if refusal:
        on_the_cpu.append(f"{node.op_type}: {refusal}")
        return provider._cpu.compile(part)
    return Watched(node, provider.compile(part))


def forest_program(
    op_type: str, version: int, attributes: dict[str, Any], dtype: str | None, outputs: tuple[int, ...] = (0,)
) -> Any:
    """In place of `tests.ops.forests.program`."""
    given = {name: attribute_of(value) for name, value in attributes.items() if name != "sklort_engine"}
    names = tuple(f"y{i}" for i in range(len(outputs)))
    node = Node(op_type, "ai.onnx.ml", version, ("x",), names, given, op_type)
    return compiled(node, [(0, None)], {}, list(outputs))


def program(
    op_type: str,
    inputs: list[Any],
    *,
    constants: Iterable[int] = (),
    domain: str = "ai.onnx.ml",
    version: int = 1,
    outputs: int = 1,
    threads: int = 0,
    declared: int = 0,
    **attributes: Any,
) -> Any:
    """In place of `tests.ops.one_node.program`."""
    given = {name: attribute_of(value) for name, value in attributes.items()}
    names = tuple(f"x{i}" for i in range(len(inputs)))
    node = Node(op_type, domain, version, names, tuple(f"y{i}" for i in range(outputs)), given, "node")
    fixed = {i: np.asarray(inputs[i]) for i in constants}
    ports = [(i, None) for i in range(len(inputs)) if i not in fixed]
    return compiled(node, ports, fixed, [declared] * outputs)


def run(
    op_type: str,
    *inputs: Any,
    version: int = 21,
    outputs: int = 1,
    constants: Iterable[int] = (),
    threads: int = 0,
    **attributes: Any,
) -> Any:
    """In place of `tests.ops.standard.run`."""
    inputs = tuple(np.asarray(value) if isinstance(value, np.generic) else value for value in inputs)
    given = {name: attribute_of(value) for name, value in attributes.items()}
    names = tuple("" if value is None else f"x{i}" for i, value in enumerate(inputs))
    node = Node(op_type, "", version, names, tuple(f"y{i}" for i in range(outputs)), given)
    fixed = {i: np.asarray(inputs[i]) for i in constants}
    varying = [i for i, value in enumerate(inputs) if value is not None and i not in fixed]
    made = compiled(node, [(i, None) for i in varying], fixed, [0] * outputs)
    values = made.run([inputs[i] for i in varying])
    return values[0] if outputs == 1 else values
