"""What an operator of the CUDA provider is: the host half of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.device import Device
from sklort.providers.placement import on_device


class Declined(Exception):
    """What is asked has no kernel here: the CPU takes the step. The message says why."""


@dataclass(frozen=True)
class Setting:
    """Where operations are prepared."""

    device: Device
    forest_kernel: str = "auto"


class Operation(Protocol):
    """A prepared node. Raises Declined on values it does not take."""

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        """The outputs, None for those not wanted, for inputs on the host or on the device."""
        ...

    def explain(self) -> str:
        """How it runs, in words."""
        ...


def takes_all(node: Node) -> str | None:
    """No refusal."""
    return None


@dataclass(frozen=True)
class Operator:
    """Kernels for the nodes of one kind.

    `prepare` takes the node, the constants among its inputs (None for others) and the setting; `refuses` says why a
    node cannot be taken whatever comes. Where `checked`, the CPU's kernel is prepared too: what is wrong with a node is
    said when the session is made, in the same words. Forests check themselves, by the same code.
    """

    prepare: Callable[[Node, Sequence[Array | None], Setting], Operation]
    refuses: Callable[[Node], str | None] = takes_all
    checked: bool = True


C_NAMES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.int8): "std::int8_t",
    np.dtype(np.int16): "std::int16_t",
    np.dtype(np.int32): "std::int32_t",
    np.dtype(np.int64): "std::int64_t",
    np.dtype(np.uint8): "std::uint8_t",
    np.dtype(np.uint16): "std::uint16_t",
    np.dtype(np.uint32): "std::uint32_t",
    np.dtype(np.uint64): "std::uint64_t",
    np.dtype(np.bool_): "bool",
}
"""The element types that kernels take, in C++."""


def numbers(value: Any, device: Device) -> Any:
    """`value` on the device, an array of numbers that kernels take; else Declined."""
    if not on_device(value) and not isinstance(value, np.ndarray):
        raise Declined(f"a {type(value).__name__} is no array of numbers")
    dtype = np.dtype(value.dtype)
    if dtype not in C_NAMES:
        raise Declined(f"there are no kernels for {dtype} values")
    return device.upload(value)


def dtype_of(value: Any) -> np.dtype[Any]:
    """Of an array wherever it is; Declined for what is none."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        raise Declined(f"a {type(value).__name__} is no array")
    found: np.dtype[Any] = np.dtype(dtype)
    return found


def converted(value: Any, dtype: Any, device: Device) -> Any:
    """An array on the device with elements of another type: of any strides if it has the type, else contiguous."""
    wanted = np.dtype(dtype)
    if value.dtype == wanted:
        return value
    value = device.contiguous(value)
    made = device.empty(value.shape, wanted)
    types: dict[str, str | int] = {"from": C_NAMES[np.dtype(value.dtype)], "to": C_NAMES[wanted]}
    device.launch_over("convert", "convert", value.size, [value, value.size, made], types)
    return made


def attribute(node: Node, name: str, otherwise: Any = None) -> Any:
    """The value of an attribute."""
    found = node.attributes.get(name)
    return otherwise if found is None else found.value


POSTS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
"""Post-transforms, in the order of their numbers."""


def post_of(node: Node) -> int:
    """The number of a post-transform, which operators spell as text or as a number."""
    value = attribute(node, "post_transform", "NONE")
    if isinstance(value, str):
        if value not in POSTS:
            raise Declined(f"there is no post_transform {value!r}")
        return POSTS.index(value)
    if not 0 <= int(value) < len(POSTS):
        raise Declined(f"there is no post_transform {value}")
    return int(value)


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes of a classifier: numbers on the device, or strings on the host."""

    numbers: Any = None
    texts: Array | None = None
    device: Device | None = None

    @classmethod
    def of(cls, node: Node, integers: str, strings: str, device: Device) -> Labels:
        texts = attribute(node, strings, ())
        if len(texts):
            return cls(None, np.array(list(texts), object), device)
        values = attribute(node, integers)
        return cls(numbers=None if values is None or not len(values) else device.constant(np.asarray(values, np.int64)))

    def finished(self, labels: Any) -> Any:
        """Labels as kernels give them, numbers of classes where these are strings."""
        return labels if self.texts is None or self.device is None else self.texts[self.device.fetch(labels)]

    def explain(self) -> str:
        return "" if self.texts is None else "; labels are strings: looked up on the host"
