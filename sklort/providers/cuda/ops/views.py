"""Elements move, none changes: Reshape and its kin, Transpose, Concat, Gather and ArrayFeatureExtractor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.ops.operator import Declined, Operation, Operator, Setting, attribute, numbers

_ITEMS = {1: "std::uint8_t", 2: "std::uint16_t", 4: "std::uint32_t", 8: "std::uint64_t"}


class _View:
    """The same elements in another shape."""

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self.node = node
        self._device = setting.device

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = numbers(inputs[0], self._device)
        shape = self.shape_of(tuple(x.shape), inputs)
        if prod(shape) != x.size:
            raise Declined(f"shape {list(x.shape)} cannot become {list(shape)}")
        return [self._device.contiguous(x).reshape(shape)]

    def shape_of(self, shape: tuple[int, ...], inputs: list[Any]) -> tuple[int, ...]:
        raise NotImplementedError

    def explain(self) -> str:
        return ""

    def axes(self, rank: int, inputs: list[Any]) -> list[int] | None:
        """From the attribute of old versions or the input of new ones, counted from 0."""
        given = attribute(self.node, "axes")
        if given is None and len(inputs) > 1 and inputs[1] is not None:
            given = self._device.fetch(inputs[1]).reshape(-1)
        if given is None:
            return None
        axes = [int(axis) + rank if axis < 0 else int(axis) for axis in given]
        if any(not 0 <= axis < rank for axis in axes) or len(set(axes)) != len(axes):
            raise Declined("an axis is out of range or named twice")
        return axes


class Reshape(_View):
    def shape_of(self, shape: tuple[int, ...], inputs: list[Any]) -> tuple[int, ...]:
        given = attribute(self.node, "shape")
        asked = [int(size) for size in (self._device.fetch(inputs[1]).reshape(-1) if given is None else given)]
        if not attribute(self.node, "allowzero", 0):
            if any(size == 0 and axis >= len(shape) for axis, size in enumerate(asked)):
                raise Declined("there is no size to keep")
            asked = [shape[axis] if size == 0 else size for axis, size in enumerate(asked)]
        if any(size < -1 for size in asked) or asked.count(-1) > 1:
            raise Declined("a size is negative")
        if -1 in asked:
            known = prod(size for size in asked if size != -1)
            if known == 0 or prod(shape) % known:
                raise Declined("no size fits")
            asked[asked.index(-1)] = prod(shape) // known
        return tuple(asked)


class Flatten(_View):
    def shape_of(self, shape: tuple[int, ...], inputs: list[Any]) -> tuple[int, ...]:
        axis = int(attribute(self.node, "axis", 1))
        if not -len(shape) <= axis <= len(shape):
            raise Declined("the axis is out of range")
        axis += len(shape) if axis < 0 else 0
        return prod(shape[:axis]), prod(shape[axis:])


class Squeeze(_View):
    def shape_of(self, shape: tuple[int, ...], inputs: list[Any]) -> tuple[int, ...]:
        axes = self.axes(len(shape), inputs)
        axes = [axis for axis, size in enumerate(shape) if size == 1] if axes is None else axes
        if any(shape[axis] != 1 for axis in axes):
            raise Declined("an axis is not of size 1")
        return tuple(size for axis, size in enumerate(shape) if axis not in axes)


class Unsqueeze(_View):
    def shape_of(self, shape: tuple[int, ...], inputs: list[Any]) -> tuple[int, ...]:
        given = attribute(self.node, "axes")
        count = len(self._device.fetch(inputs[1]).reshape(-1) if given is None else given)
        axes = self.axes(len(shape) + count, inputs) or []
        sizes = iter(shape)
        return tuple(1 if axis in axes else next(sizes) for axis in range(len(shape) + count))


class Transpose:
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self._order = attribute(node, "perm")
        self._device = setting.device

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = numbers(inputs[0], self._device)
        order = list(range(x.ndim))[::-1] if self._order is None else [int(axis) for axis in self._order]
        if sorted(axis + x.ndim if axis < 0 else axis for axis in order) != list(range(x.ndim)):
            raise Declined("the axes do not fit")
        return [x.transpose(order)]

    def explain(self) -> str:
        return ""


class Concat:
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self._axis = int(attribute(node, "axis", 1 if node.version < 4 else 0))
        self._device = setting.device

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        arrays = [numbers(value, self._device) for value in inputs]
        first = arrays[0]
        if not -first.ndim <= self._axis < first.ndim or {(each.dtype, each.ndim) for each in arrays} != {
            (first.dtype, first.ndim)
        }:
            raise Declined("the axis is out of range, or the types or ranks differ")
        axis = self._axis % first.ndim
        around = {(*each.shape[:axis], -1, *each.shape[axis + 1 :]) for each in arrays}
        if len(around) != 1:
            raise Declined("the shapes do not fit together")
        self._device.leave_graph("arrays are put together by CuPy")
        return [self._device.cupy.concatenate(arrays, axis)]

    def explain(self) -> str:
        return ""


class Gather:
    """Slices along an axis; those asked for by constants are checked beforehand.

    Attributes
    ----------
    bounded : bool
        Its indices come from ArgMax or ArgMin: how many columns those had says enough.
    """

    bounded = False

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self._device = setting.device
        self._columns = node.op_type == "ArrayFeatureExtractor"
        self._axis = -1 if self._columns else int(attribute(node, "axis", 0))
        data, index = constants
        self._data = None if data is None or data.dtype.kind not in "biuf" else setting.device.constant(data)
        if data is not None and self._data is None:
            raise Declined("what is gathered is text")
        self._index: Any = None
        self._range = (0, -1)
        if index is not None and index.dtype in (np.int64, np.int32):
            self._index = setting.device.constant(np.ascontiguousarray(index))
            self._range = (int(index.min(initial=0)), int(index.max(initial=-1)))

    def run(self, inputs: list[Any], wanted: Sequence[bool], below: int | None = None) -> list[Any]:
        """`below`: indices from somewhere else that are known to be at least 0 and less than this."""
        x = self._data if self._data is not None else numbers(inputs[0], self._device)
        index = self._index if self._index is not None else numbers(inputs[1], self._device)
        if index.dtype not in (np.int64, np.int32) or not -x.ndim <= self._axis < x.ndim:
            raise Declined("the indices are no integers, or the axis is out of range")
        x, index = self._device.contiguous(x), self._device.contiguous(index)
        axis = self._axis % x.ndim
        if self._range[0] < -x.shape[axis] or self._range[1] >= x.shape[axis]:
            raise Declined("an index is out of range")
        middle = (index.size,) if self._columns else tuple(index.shape)
        shape = (*x.shape[:axis], *middle, *x.shape[axis + 1 :])
        if self._columns and x.ndim == 1:
            shape = (1, *shape)
        made = self._device.empty(shape, x.dtype)
        known = self._index is not None or (below is not None and below <= x.shape[axis])
        fault = None if known else self._device.zeros((1,), np.int32)
        types: dict[str, str | int] = {
            "item": _ITEMS[x.dtype.itemsize],
            "index": "std::int64_t" if index.dtype == np.int64 else "std::int32_t",
        }
        sizes = [prod(x.shape[:axis]), x.shape[axis], index.size, prod(x.shape[axis + 1 :])]
        self._device.launch_over("gather", "gather", made.size, [x, index, *sizes, made, fault], types)
        if fault is not None and made.size and self._device.fetch(fault)[0]:
            raise Declined("an index is out of range")
        return [made]

    def explain(self) -> str:
        return "" if self._index is not None or self.bounded else "waits for the device: indices are checked"


def _prepare(
    kind: Callable[..., Operation], node: Node, constants: Sequence[Array | None], setting: Setting
) -> Operation:
    return kind(node, constants, setting)


_KINDS: dict[tuple[str, str], Callable[..., Operation]] = {
    ("", "Reshape"): Reshape,
    ("", "Flatten"): Flatten,
    ("", "Squeeze"): Squeeze,
    ("", "Unsqueeze"): Unsqueeze,
    ("", "Transpose"): Transpose,
    ("", "Concat"): Concat,
    ("", "Gather"): Gather,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): Gather,
}

OPERATORS = {name: Operator(partial(_prepare, kind)) for name, kind in _KINDS.items()}
