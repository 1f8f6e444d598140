"""SVMClassifier and SVMRegressor: products or distances to the support vectors, then what the CPU makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.ops.distance import PRODUCTS, SQUARES, fill_distances
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
    post_of,
)

_KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
_WORKSPACE = 1 << 25
"""Numbers that are kept at once for a batch, at most."""
_THREADS = 1 << 14
"""Rows whose classes are found at once, each by a thread with memory of its own."""

Pieces = list[list[tuple[int, Array]]]
"""For each decision, pieces of the support vectors: the first one, and their coefficients."""


class _Machine:
    """Decisions in double, on the device.

    Parameters
    ----------
    node : Node
    setting : Setting
    pieces : list or None
        None for a machine without support vectors, of which `coefficients` are the weights.
    bias : ndarray
        A number for each decision.
    """

    def __init__(self, node: Node, setting: Setting, pieces: Pieces | None, bias: Array) -> None:
        self._device = setting.device
        self.decisions = len(bias)
        self._bias = setting.device.constant(np.asarray(bias, np.float64))
        kernel = attribute(node, "kernel_type", "LINEAR") if pieces is not None else "LINEAR"
        self.kernel = _KERNELS.index(kernel)
        given = [float(each) for each in attribute(node, "kernel_params", ())] or [0.0, 0.0, 0.0]
        degree = given[2]
        if kernel == "POLY" and not (0 <= degree < 2**31 and degree == int(degree)):
            raise Declined(f"the degree {degree:g} is no whole number")
        self._parameters = [*given[:2], int(degree) if kernel == "POLY" else 0]
        points = _floats(node, "support_vectors" if pieces is not None else "coefficients")
        if pieces is None:
            points = points.reshape(self.decisions, -1)
        else:
            vectors = max(first + len(each) for decision in pieces for first, each in decision)
            points = points.reshape(vectors, -1)
            if kernel == "LINEAR":
                points, pieces = _weights(points, pieces), None
        self.columns = points.shape[1]
        self._points = setting.device.constant(np.ascontiguousarray(points))
        self._pieces = [None] * 4 if pieces is None else _uploaded(pieces, setting)
        self.work = points.size

    def run(self, value: Any) -> tuple[Any, Any]:
        """Decisions of each row, and the type of scores."""
        dtype = dtype_of(value)
        if dtype.kind not in "biuf" or np.ndim(value) not in (1, 2) or np.shape(value)[-1] != self.columns:
            raise Declined(f"expected rows of {self.columns} numbers, as the support vectors have")
        rows = numbers(value, self._device)
        rows = rows if rows.dtype in (np.float32, np.float64) else converted(rows, np.float64, self._device)
        rows = self._device.contiguous(rows.reshape(1, -1) if rows.ndim == 1 else rows)
        made = self._device.empty((len(rows), self.decisions), np.float64)
        points = len(self._points)
        step = max(1, _WORKSPACE // max(points, 1))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            values = self._device.empty((len(part), points), np.float64)
            term = SQUARES if _KERNELS[self.kernel] == "RBF" else PRODUCTS
            fill_distances(self._device, part, self._points, values, term)
            if _KERNELS[self.kernel] != "LINEAR":
                self._launch("svm_kernel", values.size, [values, values.size, self.kernel, *self._parameters])
            to = made[first : first + step]
            arguments = [values, len(part), points, *self._pieces, self._bias, self.decisions, to]
            self._launch("svm_decisions", to.size, arguments)
        return made, np.dtype(np.float64 if dtype == np.float64 else np.float32)

    def _launch(self, function: str, elements: int, arguments: list[Any]) -> None:
        self._device.launch_over("svm", function, elements, arguments, {"out": "float"})

    def explain(self) -> str:
        kind = _KERNELS[self.kernel].lower()
        return f"{kind} kernel, {len(self._points)} vectors of {self.columns} columns, {self.decisions} decisions"


def _floats(node: Node, name: str) -> Array:
    return np.asarray(attribute(node, name, ()), np.float32).astype(np.float64)


def _weights(points: Array, pieces: Pieces) -> Array:
    """A linear machine is one vector of weights for each decision; added up in the order of the CPU."""
    made = np.zeros((len(pieces), points.shape[1]))
    for to, decision in zip(made, pieces):
        for first, coefficients in decision:
            for coefficient, row in zip(coefficients, points[first:]):
                to += coefficient * row
    return made


def _uploaded(pieces: Pieces, setting: Setting) -> list[Any]:
    """First vector, size and first coefficient of two pieces for each decision, and all coefficients."""
    both = [decision if len(decision) == 2 else [*decision, (0, np.zeros(0))] for decision in pieces]
    flat = [piece for decision in both for piece in decision]
    sizes = np.array([len(coefficients) for _, coefficients in flat], np.int64)
    begin = np.cumsum(sizes) - sizes
    all_coefficients = np.concatenate([coefficients for _, coefficients in flat])
    arrays = (np.array([first for first, _ in flat], np.int64), sizes, begin, all_coefficients)
    return [setting.device.constant(np.ascontiguousarray(each)) for each in arrays]


class Regressor:
    def __init__(self, node: Node, setting: Setting) -> None:
        self._device = setting.device
        self._one_class = bool(attribute(node, "one_class", 0))
        vectors, bias = int(attribute(node, "n_supports", 0)), _floats(node, "rho")
        coefficients = _floats(node, "coefficients")
        if len(bias) != 1 or (vectors and len(coefficients) != vectors):
            raise Declined("its attributes do not fit together")
        self._machine = _Machine(node, setting, [[(0, coefficients)]] if vectors else None, bias)
        self.work = self._machine.work

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        decisions, dtype = self._machine.run(inputs[0])
        made = self._device.empty((len(decisions), 1), dtype)
        arguments = [decisions, len(decisions), self._one_class, made]
        self._device.launch_over("svm", "svm_scores", len(decisions), arguments, {"out": C_NAMES[dtype]})
        return [made]

    def explain(self) -> str:
        return self._machine.explain()


class Classifier:
    def __init__(self, node: Node, setting: Setting) -> None:
        self._device = device = setting.device
        self._post = post_of(node)
        self._labels = Labels.of(node, "classlabels_ints", "classlabels_strings", device)
        counts = [len(attribute(node, name, ())) for name in ("classlabels_ints", "classlabels_strings")]
        self._classes = max(counts)
        if self._classes < 2 or all(counts):
            raise Declined("its labels do not fit together")
        sizes = [int(size) for size in attribute(node, "vectors_per_class", ())]
        self._votes = bool(sizes)
        rho = _floats(node, "rho")
        bias = rho if sizes else np.full(self._classes, rho[0])
        self._machine = _Machine(node, setting, self._pieces(node, sizes) if sizes else None, bias)
        self.work = self._machine.work
        pairs = self._classes * (self._classes - 1) // 2
        a, b = _floats(node, "prob_a"), _floats(node, "prob_b")
        if len(a) != len(b) or len(a) not in (0, pairs) or (sizes and len(bias) != pairs):
            raise Declined("its attributes do not fit together")
        self._probabilities = bool(sizes) and len(a) > 0
        self._a, self._b = (device.constant(each) if self._probabilities else None for each in (a, b))

    def _pieces(self, node: Node, sizes: list[int]) -> Pieces:
        if len(sizes) != self._classes:
            raise Declined("its attributes do not fit together")
        starts = np.cumsum([0, *sizes])
        coefficients = _floats(node, "coefficients").reshape(self._classes - 1, int(starts[-1]))

        def piece(owner: int, row: int) -> tuple[int, Array]:
            return int(starts[owner]), coefficients[row, starts[owner] : starts[owner + 1]]

        classes = range(self._classes)
        return [[piece(i, j - 1), piece(j, i)] for i in classes for j in classes[i + 1 :]]

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        decisions, dtype = self._machine.run(inputs[0])
        rows, count, classes, device = len(decisions), self._machine.decisions, self._classes, self._device
        columns = classes if classes == 2 or self._probabilities else count
        labels = device.empty((rows,), np.int64) if wanted[0] else None
        scores = device.empty((rows, columns), dtype) if len(wanted) > 1 and wanted[1] else None
        own = classes * (2 * classes + 1) if self._probabilities and scores is not None else 1
        threads = max(1, min(rows, _THREADS, _WORKSPACE // own))
        memory = device.empty((threads * own,), np.float64)
        work = device.empty((rows, columns), np.float64) if scores is not None else None
        arguments = [decisions, rows, classes, count, self._votes, self._a, self._b, memory, threads, work, columns]
        arguments += [self._post, self._labels.numbers, scores, labels]
        if rows:
            grid = (-(-threads // 128),)
            device.launch("svm", "svm_classes", grid, 128, arguments, defines={"out": C_NAMES[dtype]})
        return [None if labels is None else self._labels.finished(labels), scores][: len(wanted)]

    def explain(self) -> str:
        return self._machine.explain() + self._labels.explain()


def _prepare(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    try:
        return (Classifier if node.op_type == "SVMClassifier" else Regressor)(node, setting)
    except (ValueError, IndexError) as error:  # the CPU has the words
        raise Declined("its attributes do not fit together") from error


OPERATORS = {("ai.onnx.ml", name): Operator(_prepare) for name in ("SVMClassifier", "SVMRegressor")}
