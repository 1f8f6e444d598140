"""Sums and extrema along axes, ArgMax, ArgMin and Softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.ops.operator import C_NAMES, Declined, Operation, Operator, Setting, attribute, numbers

_REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMin")
"""In the order of their numbers."""


class _Along:
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self.node = node
        self.device = setting.device

    def read(self, value: Any) -> Any:
        x = numbers(value, self.device)
        if x.dtype not in (np.float32, np.float64) or x.ndim == 0:
            raise Declined(f"it takes no {x.dtype} of rank {x.ndim} here")
        return self.device.contiguous(x)

    def axis(self, x: Any, axis: int) -> int:
        if not -x.ndim <= axis < x.ndim:
            raise Declined("the axis is out of range")
        return axis % int(x.ndim)

    def launch(self, function: str, kind: Sequence[int], x: Any, first: int, last: int, made: Any) -> None:
        """Over axes `first` to `last` - 1, which are one line."""
        sizes = [prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])]
        if sizes[1] == 0:
            if made.size:
                raise Declined("there is nothing to reduce")
            return
        types: dict[str, str | int] = {"real": C_NAMES[np.dtype(x.dtype)]}
        self.device.launch_over("reduce", function, sizes[0] * sizes[2], [*kind, x, *sizes, made], types)

    def explain(self) -> str:
        return ""


class Reduce(_Along):
    """Along axes that are neighbours."""

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        axes = attribute(self.node, "axes")
        if axes is None and len(inputs) > 1 and inputs[1] is not None:
            axes = self.device.fetch(inputs[1])
        if axes is None or not len(axes):
            if attribute(self.node, "noop_with_empty_axes", 0):
                raise Declined("without axes it does nothing")
            axes = range(x.ndim)
        places = sorted(self.axis(x, int(axis)) for axis in axes)
        if places != list(range(places[0], places[-1] + 1)):
            raise Declined("its axes are no neighbours, or one is named twice")
        if len(places) > 1 and places[-1] != x.ndim - 1:
            raise Declined("several axes are reduced on the CPU, in another order")
        keep = bool(attribute(self.node, "keepdims", 1))
        shape = [1 if axis in places else size for axis, size in enumerate(x.shape) if keep or axis not in places]
        made = self.device.empty(tuple(shape), x.dtype)
        kind = _REDUCTIONS.index(self.node.op_type)
        self.launch("reduce", [kind], x, places[0], places[-1] + 1, made)
        return [made]


class ArgExtremum(_Along):
    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        axis = self.axis(x, int(attribute(self.node, "axis", 0)))
        kept = (1,) if attribute(self.node, "keepdims", 1) else ()
        made = self.device.empty((*x.shape[:axis], *kept, *x.shape[axis + 1 :]), np.int64)
        last = int(attribute(self.node, "select_last_index", 0))
        self.launch("arg_extremum", [int(self.node.op_type == "ArgMax"), last], x, axis, axis + 1, made)
        return [made]


class Softmax(_Along):
    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        together = self.node.version < 13
        axis = self.axis(x, int(attribute(self.node, "axis", 1 if together else -1)))
        made = self.device.empty(x.shape, x.dtype)
        self.launch("softmax_along", [], x, axis, x.ndim if together else axis + 1, made)
        return [made]


def _prepare(
    kind: Callable[..., Operation], node: Node, constants: Sequence[Array | None], setting: Setting
) -> Operation:
    return kind(node, constants, setting)


_KINDS: dict[str, Callable[..., Operation]] = {
    **dict.fromkeys(_REDUCTIONS, Reduce),
    "ArgMax": ArgExtremum,
    "ArgMin": ArgExtremum,
    "Softmax": Softmax,
}

OPERATORS = {("", name): Operator(partial(_prepare, kind)) for name, kind in _KINDS.items()}
