"""TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.forest import ForestOnDevice
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


def _base(node: Node) -> Array:
    """The base values, in double."""
    tensor = attribute(node, "base_values_as_tensor")
    values = tensor if tensor is not None else attribute(node, "base_values", ())
    return np.asarray(values, np.float64).reshape(-1)


class _Ensemble:
    def __init__(self, node: Node, setting: Setting) -> None:
        self._device = setting.device
        self._post = post_of(node)
        self.forest = ForestOnDevice(node, setting.device, setting.forest_kernel)

    def _sums(self, value: Any) -> Any:
        if dtype_of(value).kind not in "biuf" or np.ndim(value) not in (1, 2):
            raise Declined("the rows must be a matrix of numbers")
        rows = numbers(value, self._device)
        if rows.shape[-1] < self.forest.features:
            raise Declined("the rows have too few columns")
        if rows.dtype not in (np.float32, np.float64):  # integers are exact in double
            rows = converted(rows, np.float64, self._device)
        return self.forest.sums(rows)

    def _divisor(self) -> float:
        return float(self.forest.trees) if self.forest.average else 0.0

    def explain(self) -> str:
        return self.forest.explain()


class Regressor(_Ensemble):
    def __init__(self, node: Node, setting: Setting) -> None:
        super().__init__(node, setting)
        base = _base(node) if node.op_type == "TreeEnsembleRegressor" else np.zeros(0)
        if len(base) not in (0, self.forest.targets):
            raise Declined("there are too many or too few base values")
        self._base = setting.device.constant(base) if len(base) else None
        splits = attribute(node, "nodes_splits")
        doubles = node.op_type == "TreeEnsemble" and splits.dtype == np.float64
        self._result = np.dtype(np.float64 if doubles else np.float32)

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        sums = self._sums(inputs[0])
        made = self._device.empty(sums.shape, self._result)
        arguments = [sums, *sums.shape, self._divisor(), self._base, self._post, made]
        types: dict[str, str | int] = {"out": C_NAMES[self._result]}
        self._device.launch_over("forest_scores", "forest_scores", len(sums), arguments, types)
        return [made]


class Classifier(_Ensemble):
    def __init__(self, node: Node, setting: Setting) -> None:
        super().__init__(node, setting)
        self._labels = Labels.of(node, "classlabels_int64s", "classlabels_strings", setting.device)
        base = _base(node)
        forest = self.forest
        if len(base) not in (0, 1 if forest.one_score and len(base) == 1 else forest.targets):
            raise Declined("there are too many or too few base values")
        if forest.one_score and len(base) == 2:
            base = base[:1] + base[1:]
        self._base = setting.device.constant(base) if len(base) else None
        self._rounded = attribute(node, "class_weights_as_tensor") is None

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        sums = self._sums(inputs[0])
        rows, classes = sums.shape
        forest, device = self.forest, self._device
        labels = device.empty((rows,), np.int64) if wanted[0] else None
        scores = device.empty((rows, classes), np.float32) if len(wanted) > 1 and wanted[1] else None
        kind = [int(forest.one_score), int(forest.positive), int(self._rounded)]
        arguments = [sums, rows, classes, self._base, self._post, *kind, self._labels.numbers, scores, labels]
        types: dict[str, str | int] = {"out": "float"}
        device.launch_over("forest_scores", "forest_classes", rows, arguments, types)
        return [None if labels is None else self._labels.finished(labels), scores][: len(wanted)]

    def explain(self) -> str:
        return super().explain() + self._labels.explain()


def _prepare(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    return (Classifier if node.op_type == "TreeEnsembleClassifier" else Regressor)(node, setting)


OPERATORS = {
    ("ai.onnx.ml", name): Operator(_prepare, checked=False)
    for name in ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")
}
