"""PairwiseDistance, CDist and NearestNeighbors, for the metrics that are sums of differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.device import Device
from sklort.providers.cuda.ops.operator import C_NAMES, Declined, Operation, Operator, Setting, attribute, numbers

_TERMS = {
    "euclidean": (0, True),
    "l2": (0, True),
    "sqeuclidean": (0, False),
    "manhattan": (1, False),
    "cityblock": (1, False),
    "l1": (1, False),
    "chebyshev": (2, False),
    "infinity": (2, False),
}
"""By metric what is added, and whether the root is taken."""
SQUARES, PRODUCTS = 0, 3
"""Terms that others ask for."""
_SIDE = 16
_SHARED = 2 * _SIDE * 33 * 8
_SEARCHERS = 128
_MOST_NEIGHBOURS = 128
_WORKSPACE = 1 << 25
"""Distances that are stored at once, at most."""
_REALS = (np.float32, np.float64)


def _metric(node: Node) -> str:
    return str(attribute(node, "metric", "sqeuclidean" if node.domain == "com.microsoft" else "euclidean"))


def fill_distances(
    device: Device, x: Any, y: Any, to: Any, term: int, rooted: bool = False, decay: float = 0.0
) -> None:
    """The distance, or product, of each row of `x` and each of `y`; both contiguous, on the device."""
    if to.size == 0:
        return
    types: dict[str, str | int] = {
        name: C_NAMES[np.dtype(array.dtype)] for name, array in (("from", x), ("point", y), ("to", to))
    }
    arguments = [x, len(x), y, len(y), x.shape[1], term, rooted, decay, to]
    device.launch("distances", "distances", (-(-len(x) // _SIDE),), 256, arguments, _SHARED, types)


class Distances:
    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        self.device = setting.device
        self.term, self.rooted = _TERMS[_metric(node)]
        self._decay = float(attribute(node, "decay", 0.0))
        points = constants[1]
        self._points = None if points is None or points.dtype not in _REALS else setting.device.constant(points)

    def read(self, inputs: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Rows, points, and the type of distances between them."""
        x = numbers(inputs[0], self.device)
        y = self._points if self._points is not None else numbers(inputs[1], self.device)
        if x.dtype not in _REALS or y.dtype not in _REALS or x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
            raise Declined("it takes two matrices of float or double, equally wide")
        x, y = (self.device.contiguous(each) for each in (x, y))
        return x, y, np.dtype(np.float32 if x.dtype == y.dtype == np.float32 else np.float64)

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x, y, dtype = self.read(inputs)
        made = self.device.empty((len(x), len(y)), dtype)
        fill_distances(self.device, x, y, made, self.term, self.rooted, self._decay)
        return [made]

    def explain(self) -> str:
        return ""


class Neighbours(Distances):
    """All distances of some rows are stored, then searched k times."""

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        super().__init__(node, constants, setting)
        self._k = int(attribute(node, "k", 0))

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x, y, dtype = self.read(inputs)
        if not 1 <= self._k <= min(len(y), _MOST_NEIGHBOURS):
            raise Declined("there are fewer points than neighbours, or very many neighbours")
        distances = self.device.empty((len(x), self._k), dtype)
        indices = self.device.empty((len(x), self._k), np.int64)
        step = max(1, _WORKSPACE // len(y))
        names: dict[str, str | int] = {
            name: C_NAMES[np.dtype(array.dtype)] for name, array in (("from", x), ("point", y), ("to", distances))
        }
        for first in range(0, len(x), step):
            part = slice(first, first + step)
            reduced = self.device.empty((len(x[part]), len(y)), np.float64)
            fill_distances(self.device, x[part], y, reduced, self.term)
            arguments = [reduced, len(y), self._k, self.rooted, distances[part], indices[part]]
            shared = _SEARCHERS * 16
            self.device.launch("distances", "nearest", (len(reduced),), _SEARCHERS, arguments, shared, names)
        return [distances, indices]


def _pairwise(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    return Distances(node, constants, setting)


def _neighbours(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    return Neighbours(node, constants, setting)


def _refuses(node: Node) -> str | None:
    metric = _metric(node)
    return None if metric in _TERMS else f"the metric {metric!r} is computed on the CPU"


OPERATORS = {
    ("ai.sklort", "PairwiseDistance"): Operator(_pairwise, _refuses),
    ("com.microsoft", "CDist"): Operator(_pairwise, _refuses),
    ("ai.sklort", "NearestNeighbors"): Operator(_neighbours, _refuses),
}
