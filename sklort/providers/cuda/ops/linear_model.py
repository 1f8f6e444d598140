"""LinearModel: what passes make of scalers, products, links and labels (runtime/cpu/ops/linear_model.cpp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.ops.operator import (
    C_NAMES,
    Declined,
    Labels,
    Operation,
    Operator,
    Setting,
    attribute,
    converted,
    dtype_of,
    numbers,
)
from sklort.providers.cuda.product import LINKS, NO_STAGES, Ending, Product, Stages

_STAGES = ("subtract", "add", "multiply", "divide", "at_least", "at_most", "fill_nan", "fill_equal", "round")
_SOURCES = (np.float32, np.float64, np.int32, np.int64, np.bool_)


@dataclass(frozen=True, eq=False)
class _Source:
    """The numbers that come from one input: where they go in the matrix, and their stages."""

    number: int
    to: Any
    stages: Stages
    highest: int
    count: int


def _read_sources(node: Node, dtype: Any, setting: Setting) -> list[_Source]:
    widths = [int(width) for width in attribute(node, "group_widths", ())]
    names = attribute(node, "group_stages", ())
    from_source = np.asarray(attribute(node, "number_sources", ()), np.int64)
    from_column = np.asarray(attribute(node, "number_columns", ()), np.int64)
    constants = np.asarray(attribute(node, "stage_numbers", ()), np.float64)
    if len(widths) != len(names) or sum(widths) != len(from_source) or len(from_source) != len(from_column):
        raise Declined("attributes of columns do not fit together")
    programs: list[list[tuple[int, float, float]]] = []
    taken = 0

    def take(width: int) -> Array:
        nonlocal taken
        taken += width
        if taken > len(constants):
            raise Declined("'stage_numbers' is too short")
        return constants[taken - width : taken]

    for width, stages in zip(widths, names, strict=True):
        group: list[list[tuple[int, float, float]]] = [[] for _ in range(width)]
        for stage in stages.split():
            if stage not in _STAGES:
                raise Declined(f"there is no stage {stage!r}")
            number = np.zeros(width) if stage == "round" else take(width)
            other = take(width) if stage == "fill_equal" else number
            for program, a, b in zip(group, number, other, strict=True):
                program.append((_STAGES.index(stage), a, b))
        programs += group
    made = []
    up = setting.device.constant
    for source in np.unique(from_source):
        columns = np.flatnonzero(from_source == source)
        steps = [step for column in columns for step in programs[column]]
        first = np.cumsum([0, *(len(programs[column]) for column in columns)])
        stages_here = Stages(
            up(from_column[columns].astype(np.int32)),
            up(first.astype(np.int32)),
            up(np.array([kind for kind, _, _ in steps] or [0], np.int32)),
            up(np.array([a for _, a, _ in steps] or [0]).astype(dtype)),
            up(np.array([b for _, _, b in steps] or [0]).astype(dtype)),
        )
        to = up(columns.astype(np.int32))
        made.append(_Source(int(source), to, stages_here, int(from_column[columns].max()), len(columns)))
    return made


class LinearModel:
    def __init__(self, node: Node, weights: Array, bias: Array, setting: Setting) -> None:
        self._device = setting.device
        self._labels = Labels.of(node, "classlabels_int64s", "classlabels_strings", setting.device)
        link = attribute(node, "link", "NONE")
        if link not in LINKS:
            raise Declined(f"there is no link {link!r}")
        nan_wins, best = (bool(attribute(node, name, 0)) for name in ("nan_wins", "best_of_linked"))
        ending = Ending(link, nan_wins, best and link != "NONE")
        self._product = Product(weights, bias, ending, setting.device)
        self._inputs = len(node.inputs) - 2
        self._widths = [int(width) for width in attribute(node, "source_widths", ())]
        plain = "number_sources" not in node.attributes
        self._sources = [] if plain else _read_sources(node, weights.dtype, setting)
        if not plain and sum(each.count for each in self._sources) != len(weights):
            raise Declined("the columns do not fit the weights")

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x, stages = self._matrix(inputs)
        asked = [i < len(wanted) and bool(wanted[i]) for i in range(3)]
        found = self._product.run(x, stages, self._labels.numbers, asked)
        labels = None if found[0] is None else self._labels.finished(found[0])
        return [labels, found[1] if asked[1] else None, found[2]][: len(wanted)]

    def explain(self) -> str:
        return self._product.explain() + self._labels.explain()

    def _matrix(self, inputs: list[Any]) -> tuple[Any, Stages]:
        dtype = self._product.dtype
        if not self._sources:
            x = inputs[0]
            if dtype_of(x) != dtype or np.ndim(x) != 2 or np.shape(x)[1] != self._product.columns:
                raise Declined(f"expected rows of {self._product.columns} numbers of {dtype}")
            return numbers(x, self._device), NO_STAGES
        given = inputs[: self._inputs]
        for value, width in zip(given, self._widths, strict=True):
            if dtype_of(value) not in _SOURCES or np.ndim(value) != 2 or np.shape(value)[1] != width:
                raise Declined("an input does not have the columns expected, or is of text")
            if np.shape(value)[0] != np.shape(given[0])[0]:
                raise Declined("inputs have different numbers of rows")
        if any(each.highest >= self._widths[each.number] for each in self._sources):
            raise Declined("a column is missing")
        if len(self._sources) == 1:  # its columns are those of the matrix, in order
            only = self._sources[0]
            return converted(numbers(given[only.number], self._device), dtype, self._device), only.stages
        rows = np.shape(given[0])[0]
        to = self._device.empty((rows, self._product.columns), dtype)
        for each in self._sources:
            x = numbers(given[each.number], self._device)
            strides = [stride // x.dtype.itemsize for stride in x.strides]
            arguments = [x, *strides, rows, each.count, *each.stages.arguments, each.to, self._product.columns, to]
            types: dict[str, str | int] = {"from": C_NAMES[np.dtype(x.dtype)], "to": C_NAMES[np.dtype(dtype)]}
            self._device.launch_over("columns", "columns", rows * each.count, arguments, types)
        return to, NO_STAGES


def _prepare(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    weights, bias = constants[-2:]
    if weights is None or bias is None or weights.ndim != 2 or weights.dtype not in (np.float32, np.float64):
        raise Declined("the weights must be a constant matrix of float or double")
    if bias.dtype != weights.dtype or bias.size != weights.shape[1]:
        raise Declined("the bias does not fit the weights")
    return LinearModel(node, weights, bias, setting)


def _refuses(node: Node) -> str | None:
    if len(attribute(node, "category_sources", ())):
        return "its categories are looked up on the CPU"
    return None


OPERATORS = {("ai.sklort", "LinearModel"): Operator(_prepare, _refuses)}
