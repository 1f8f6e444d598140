"""LinearClassifier and LinearRegressor: rows of double are computed in double, all others in float."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.ops.operator import (
    C_NAMES,
    POSTS,
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
from sklort.providers.cuda.product import NO_STAGES, Ending, Product

_OVER = {POSTS.index("SOFTMAX_ZERO"), POSTS.index("PROBIT")}
"""The transforms that come after the product, in a kernel of their own."""


class _Linear:
    def __init__(self, node: Node, setting: Setting, outputs: int) -> None:
        self._device = setting.device
        self._post = post_of(node)
        coefficients = np.asarray(attribute(node, "coefficients", ()), np.float32)
        intercepts = np.asarray(attribute(node, "intercepts", ()), np.float32)
        if not len(coefficients) or len(coefficients) % outputs or len(intercepts) not in (0, outputs):
            raise Declined("the coefficients do not fit together")
        self._weights = coefficients.reshape(outputs, -1).T
        self._bias = intercepts if len(intercepts) else None
        self._ending = Ending()
        self._products: dict[Any, Product] = {}

    def _rows(self, value: Any) -> Any:
        dtype = dtype_of(value)
        if dtype.kind not in "biuf" or np.ndim(value) not in (1, 2) or np.shape(value)[-1] != len(self._weights):
            raise Declined(f"the rows must be a matrix of {len(self._weights)} numbers each")
        rows = converted(numbers(value, self._device), np.float64 if dtype == np.float64 else np.float32, self._device)
        return rows if rows.ndim == 2 else rows.reshape(1, -1)

    def _product(self, dtype: Any) -> Product:
        if dtype not in self._products:
            bias = None if self._bias is None else self._bias.astype(dtype)
            self._products[dtype] = Product(self._weights.astype(dtype), bias, self._ending, self._device)
        return self._products[dtype]

    def _over(self, scores: Any, mirrored: bool) -> None:
        if scores is not None and self._post in _OVER:
            arguments = [scores, *scores.shape, self._post, mirrored]
            types: dict[str, str | int] = {"real": C_NAMES[np.dtype(scores.dtype)]}
            self._device.launch_over("transforms", "transforms", len(scores), arguments, types)

    def explain(self) -> str:
        return self._product(np.dtype(np.float32)).explain()


class Regressor(_Linear):
    def __init__(self, node: Node, setting: Setting) -> None:
        super().__init__(node, setting, max(1, int(attribute(node, "targets", 1))))
        self._ending = Ending(POSTS[self._post] if self._post not in _OVER else "NONE")

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        rows = self._rows(inputs[0])
        _, made, _ = self._product(rows.dtype).run(rows, NO_STAGES, None, (False, True, False))
        self._over(made, mirrored=False)
        return [made]


class Classifier(_Linear):
    def __init__(self, node: Node, setting: Setting) -> None:
        self._labels = Labels.of(node, "classlabels_ints", "classlabels_strings", setting.device)
        count = max(len(attribute(node, name, ())) for name in ("classlabels_ints", "classlabels_strings"))
        if all(len(attribute(node, name, ())) for name in ("classlabels_ints", "classlabels_strings")):
            raise Declined("the labels are given twice")
        one = len(attribute(node, "intercepts", ())) == 1 and count in (0, 2)
        if not one and count < 2:
            raise Declined("there are too few labels")
        super().__init__(node, setting, 1 if one else count)
        mirrored = self._post == POSTS.index("LOGISTIC") and self._mirrored()
        if mirrored:
            self._weights = self._weights[:, 1:]
            self._bias = None if self._bias is None else self._bias[1:]
        self._pairs = self._weights.shape[1] == 1 and (mirrored or count > 0)
        post = POSTS[self._post]
        if post == "LOGISTIC":
            link = "OPPOSITE" if self._pairs else "LOGISTIC"
        else:
            link = "COMPLEMENT" if self._pairs else "SOFTMAX" if post == "SOFTMAX" else "NONE"
        self._ending = Ending(link)

    def _mirrored(self) -> bool:
        """Two classes of which one has the other's coefficients with the signs turned: one score says all."""
        if self._weights.shape[1] != 2:
            return False
        bias = np.zeros(2, np.float32) if self._bias is None else self._bias
        return bool(np.array_equal(self._weights[:, 0], -self._weights[:, 1]) and bias[0] == -bias[1])

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        rows = self._rows(inputs[0])
        asked = (bool(wanted[0]), len(wanted) > 1 and bool(wanted[1]), False)
        labels, linked, _ = self._product(rows.dtype).run(rows, NO_STAGES, self._labels.numbers, asked)
        if not (self._pairs and POSTS[self._post] == "SOFTMAX_ZERO"):
            self._over(linked, mirrored=self._pairs)
        return [None if labels is None else self._labels.finished(labels), linked][: len(wanted)]

    def explain(self) -> str:
        return super().explain() + self._labels.explain()


def _regressor(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    return Regressor(node, setting)


def _classifier(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    return Classifier(node, setting)


OPERATORS = {
    ("ai.onnx.ml", "LinearClassifier"): Operator(_classifier),
    ("ai.onnx.ml", "LinearRegressor"): Operator(_regressor),
}
