"""Scaler, Imputer, Normalizer, Binarizer, and OneHotEncoder of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.elementwise import elementwise
from sklort.providers.cuda.ops.operator import (
    C_NAMES,
    Declined,
    Operation,
    Operator,
    Setting,
    attribute,
    converted,
    numbers,
)

_SUBTRACT, _MULTIPLY, _FILL_NAN, _FILL_EQUAL = 0, 2, 6, 7
"""Stages of runtime/cuda/columns.cuh."""


class _Features:
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self.node = node
        self.device = setting.device
        self._stages: dict[Any, list[Any]] = {}

    def read(self, value: Any, kinds: tuple[Any, ...] = (np.float32, np.float64)) -> Any:
        x = numbers(value, self.device)
        if x.dtype not in kinds or x.ndim == 0:
            raise Declined(f"it takes no {x.dtype} of rank {x.ndim} here")
        return self.device.contiguous(x)

    def staged(self, x: Any, kinds: Sequence[int], lists: Sequence[Any], others: Sequence[Any]) -> Any:
        """`x` with each column through stages, of which each has a number for every column, or one for all."""
        rows = x.reshape(-1, x.shape[-1])
        columns = rows.shape[1]
        if any(len(each) not in (1, columns) for each in (*lists, *others)):
            raise Declined("the attributes do not fit the columns")
        key = (x.dtype, columns)
        if key not in self._stages:
            steps, up = len(kinds), self.device.constant
            spread = [np.stack([np.resize(each, columns) for each in part], axis=1) for part in (lists, others)]
            self._stages[key] = [
                up(np.arange(columns, dtype=np.int32)),
                up(np.arange(0, steps * columns + 1, steps, dtype=np.int32)),
                up(np.tile(np.array(kinds, np.int32), columns)),
                *(up(np.ascontiguousarray(each.reshape(-1), x.dtype)) for each in spread),
            ]
        made = self.device.empty(x.shape, x.dtype)
        name = C_NAMES[np.dtype(x.dtype)]
        arguments = [rows, columns, 1, len(rows), columns, *self._stages[key], None, columns, made]
        types: dict[str, str | int] = {"from": name, "to": name}
        self.device.launch_over("columns", "columns", x.size, arguments, types)
        return made

    def explain(self) -> str:
        return ""


class Scaler(_Features):
    """(x - offset) * scale."""

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        offset = np.asarray(attribute(self.node, "offset", [0.0]), np.float64)
        scale = np.asarray(attribute(self.node, "scale", [1.0]), np.float64)
        return [self.staged(x, [_SUBTRACT, _MULTIPLY], [offset, scale], [offset, scale])]


class Imputer(_Features):
    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        values = np.asarray(attribute(self.node, "imputed_value_floats", ()), np.float64)
        if not len(values):
            raise Declined("it imputes integers")
        replaced = np.array([attribute(self.node, "replaced_value_float", 0.0)], np.float64)
        if np.isnan(replaced[0]):
            return [self.staged(x, [_FILL_NAN], [values], [values])]
        return [self.staged(x, [_FILL_EQUAL], [replaced], [values])]


class Normalizer(_Features):
    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0])
        if x.ndim > 2:
            raise Declined("it takes rows")
        made = self.device.empty(x.shape, x.dtype)
        rows = 1 if x.ndim == 1 else x.shape[0]
        norm = ("MAX", "L1", "L2").index(attribute(self.node, "norm", "MAX"))
        types: dict[str, str | int] = {"real": C_NAMES[np.dtype(x.dtype)]}
        self.device.launch_over("reduce", "normalise", rows, [norm, x, rows, x.shape[-1], made], types)
        return [made]


class Binarizer(_Features):
    """1 above the threshold, else 0, in the type that comes."""

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = numbers(inputs[0], self.device)
        work = np.dtype(np.float32 if x.dtype == np.float32 else np.float64)
        threshold = self.device.upload(np.array(attribute(self.node, "threshold", 0.0), work))
        return [converted(elementwise(self.device, "less", [threshold, x], work), x.dtype, self.device)]


class OneHotEncoder(_Features):
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        super().__init__(node, constants, setting)
        categories = np.asarray(attribute(node, "cats_int64s", ()), np.int64)
        # Of equal categories the last one counts.
        order = np.argsort(categories[::-1], kind="stable")
        known, first = np.unique(categories[::-1][order], return_index=True)
        place = (len(categories) - 1 - order[first]).astype(np.int32)
        self._columns = len(categories)
        self._known, self._place = setting.device.constant(known), setting.device.constant(place)

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = self.read(inputs[0], (np.float32, np.float64, np.int32, np.int64))
        made = self.device.empty((*x.shape, self._columns), np.float32)
        fault = self.device.zeros((1,), np.int32)
        arguments = [x, x.size, self._known, self._place, self._known.size, self._columns, made, fault]
        types: dict[str, str | int] = {"from": C_NAMES[np.dtype(x.dtype)]}
        self.device.launch_over("one_hot", "one_hot", x.size, arguments, types)
        if not attribute(self.node, "zeros", 1) and x.size and self.device.fetch(fault)[0]:
            raise Declined("a value is no category")
        return [made]


def _prepare(
    kind: Callable[..., Operation], node: Node, constants: Sequence[Array | None], setting: Setting
) -> Operation:
    return kind(node, constants, setting)


def _text(node: Node) -> str | None:
    return "its categories are strings" if len(attribute(node, "cats_strings", ())) else None


OPERATORS = {
    ("ai.onnx.ml", "Scaler"): Operator(partial(_prepare, Scaler)),
    ("ai.onnx.ml", "Imputer"): Operator(partial(_prepare, Imputer)),
    ("ai.onnx.ml", "Normalizer"): Operator(partial(_prepare, Normalizer)),
    ("ai.onnx.ml", "Binarizer"): Operator(partial(_prepare, Binarizer)),
    ("ai.onnx.ml", "OneHotEncoder"): Operator(partial(_prepare, OneHotEncoder), _text),
}
