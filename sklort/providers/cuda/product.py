"""A product with constant weights and what becomes of its scores, on the device: the host half of linear.cu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklort.graph.ir import Array
from sklort.providers.cuda.device import Device
from sklort.providers.cuda.ops.operator import C_NAMES

LINKS = ("NONE", "SOFTMAX", "LOGISTIC", "SHARE", "OPPOSITE", "COMPLEMENT")
"""In the order of their numbers; from SHARE on they make pairs of one score."""
_BLOCK = 128
_AT_ONCE = 32  # columns
_WIDEST = 8
"""Outputs that a thread has in registers."""


@dataclass(frozen=True, eq=False)
class Stages:
    """Columns of one source and the stages they go through, for rows of one type: arrays on the device."""

    place: Any
    first: Any
    kind: Any
    number: Any
    replacement: Any

    @property
    def arguments(self) -> list[Any]:
        return [self.place, self.first, self.kind, self.number, self.replacement]


NO_STAGES = Stages(None, None, None, None, None)


@dataclass(frozen=True)
class Ending:
    """What becomes of the scores."""

    link: str = "NONE"
    nan_wins: bool = False
    best_of_linked: bool = False

    @property
    def pairs(self) -> bool:
        return LINKS.index(self.link) >= LINKS.index("SHARE")


class Product:
    """``link(x @ weights + bias)`` and classes.

    Parameters
    ----------
    weights : ndarray of float or double
        (columns, outputs).
    bias : ndarray or None
    ending : Ending
    device : Device
    """

    def __init__(self, weights: Array, bias: Array | None, ending: Ending, device: Device) -> None:
        self.columns, self.outputs = weights.shape
        self.dtype = weights.dtype
        self.ending = ending
        self._device = device
        self._at_once = next((size for size in (1, 2, 4) if self.outputs <= size), _WIDEST)
        self._padded = -(-self.outputs // self._at_once) * self._at_once
        padded = np.zeros((self.columns, self._padded), self.dtype)
        padded[:, : self.outputs] = weights
        bias_padded = np.zeros(self._padded, self.dtype)
        bias_padded[: self.outputs] = 0 if bias is None else bias.reshape(-1)
        self._weights, self._bias = device.constant(padded), device.constant(bias_padded)

    @property
    def linked_width(self) -> int:
        return 2 if self.ending.pairs else self.outputs

    def explain(self) -> str:
        fused = (
            "one kernel"
            if self._padded == self._at_once
            else f"{self._at_once} outputs a thread, then links and labels"
        )
        return f"{self.columns} columns, {self.outputs} outputs of {self.dtype}: {fused}"

    def run(self, x: Any, stages: Stages, names: Any, wanted: Sequence[bool]) -> list[Any]:
        """Labels, linked scores and scores, None where not wanted, for rows of this element type."""
        rows = len(x)
        device, ending = self._device, self.ending
        labels = device.empty((rows,), np.int64) if wanted[0] else None
        needs_linked = wanted[1] or (wanted[0] and ending.best_of_linked)
        linked = device.empty((rows, self.linked_width), self.dtype) if needs_linked else None
        raw = device.empty((rows, self.outputs), self.dtype) if wanted[2] else None
        types: dict[str, str | int] = {"real": C_NAMES[self.dtype], "block": _BLOCK, "outputs": self._at_once}
        slices = self._padded // self._at_once
        scores = device.empty((rows, self.outputs), self.dtype) if slices > 1 else None
        finish = [LINKS.index(ending.link), ending.nan_wins, ending.best_of_linked, names, labels, linked, raw]
        strides = [stride // x.dtype.itemsize for stride in x.strides]
        arguments = [x, *strides, rows, self.columns, *stages.arguments, self._weights, self._bias, self._padded]
        arguments += [self.outputs, scores, *finish]
        shared = _BLOCK * (_AT_ONCE + 1) * self.dtype.itemsize
        if rows:
            device.launch("linear", "linear", (-(-rows // _BLOCK), slices), _BLOCK, arguments, shared, types)
        if scores is not None:
            device.launch_over("linear", "linear_scores", rows, [scores, rows, self.outputs, *finish], types)
        return [labels, linked, raw]
