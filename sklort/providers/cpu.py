"""The native CPU provider: a part becomes one native program, run in one call."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from sklort.graph.ir import AttributeKind, Node
from sklort.graph.types import DType, TensorType
from sklort.providers.part import Part, Port, Runner

_ATTRIBUTES = frozenset(
    (
        AttributeKind.INT,
        AttributeKind.FLOAT,
        AttributeKind.STRING,
        AttributeKind.INTS,
        AttributeKind.FLOATS,
        AttributeKind.STRINGS,
        AttributeKind.TENSOR,
    )
)

_FOREIGN = frozenset(dtype for dtype in DType if dtype > DType.BFLOAT16)
"""Element types narrower than a byte or rarer than bfloat16: native values do not have them."""


def _core() -> Any:
    from sklort._native import _core

    return _core


class CpuProvider:
    """See the module."""

    name = "CPUExecutionProvider"

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads
        self._claims: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._absent: str | None = None
        try:
            operators = _core().operators()
            self._prepared = _core().Prepared()
        except ImportError as error:
            self._absent = f"the native module is not built ({error}); install sklort with a C++20 compiler at hand"
            return
        for domain, op_type, first, last in operators:
            self._claims.setdefault((domain, op_type), []).append((first, last))

    def unavailable(self) -> str | None:
        return self._absent

    @property
    def operators(self) -> frozenset[tuple[str, str]]:
        """Domain and name of what it can run in some version."""
        return frozenset(self._claims)

    def holds(self, dtype: DType) -> bool:
        return dtype not in _FOREIGN

    def refuses(self, node: Node) -> str | None:
        """A sentence for operators, versions and attributes that have no native kernel."""
        if self._absent:
            return self._absent
        claims = self._claims.get((node.domain, node.op_type))
        if claims is None:
            return f"there is no native kernel for {node.op_type}"
        if not any(first <= node.version <= last for first, last in claims):
            known = ", ".join(f"{first} to {last}" for first, last in claims)
            return f"the native kernel knows versions {known}, not {node.version}"
        for name, attribute in node.attributes.items():
            if attribute.kind not in _ATTRIBUTES:
                return f"the native kernel takes no {attribute.kind.value} attribute ({name})"
        return cast("str | None", _core().refuses(node.domain, node.op_type, node.version, _attributes(node)))

    def compile(self, part: Part) -> Runner:
        """The native program of a part."""
        builder = _core().ProgramBuilder(part.slots, self._prepared)
        for port in part.inputs:
            shape = None
            if isinstance(port.type, TensorType) and port.type.shape is not None:
                shape = [dim if isinstance(dim, int) else -1 for dim in port.type.shape]
            builder.input(port.slot, port.name, _dtype(port), shape)
        for slot, array in part.constants:
            builder.constant(slot, np.ascontiguousarray(array).reshape(array.shape))
        for step in part.steps:
            node = step.node
            builder.step(
                node.label,
                node.domain,
                node.op_type,
                node.version,
                _attributes(node),
                list(step.inputs),
                list(step.outputs),
                list(step.release),
                id(node.attributes),
            )
        for port in part.outputs:
            builder.output(port.slot, port.name, _dtype(port))
        return cast(Runner, builder.build(self._threads))


def _attributes(node: Node) -> dict[str, object]:
    return {name: attribute.value for name, attribute in node.attributes.items()}


def _dtype(port: Port) -> int:
    return int(port.type.dtype) if isinstance(port.type, TensorType) else 0
