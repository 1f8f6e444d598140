"""MatMul, Gemm and DenseLayer: products with constant weights in a kernel of our own, others by cuBLAS.

The kernel adds in an order that does not depend on the batch. cuBLAS may choose another algorithm for another size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.providers.cuda.elementwise import elementwise
from sklort.providers.cuda.ops.operator import Declined, Operation, Operator, Setting, attribute, numbers
from sklort.providers.cuda.product import NO_STAGES, Ending, Product

_LARGEST = 1 << 20
"""More weights than this are worth cuBLAS."""
_REALS = (np.float32, np.float64)

CUBLAS = "products are computed by cuBLAS"


class Weighted:
    """x @ weights + bias, and a function of each element."""

    def __init__(self, weights: Array, bias: Array | None, function: str, setting: Setting) -> None:
        self._device = setting.device
        self._shape = weights.shape
        self._dtype = weights.dtype
        self._function = function
        self._product: Product | None = None
        self._weights = self._bias = None
        if weights.size <= _LARGEST:
            self._product = Product(weights, bias, Ending(), setting.device)
        else:
            self._weights = setting.device.constant(np.ascontiguousarray(weights))
            self._bias = None if bias is None else setting.device.constant(bias.reshape(1, -1))

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = numbers(inputs[0], self._device)
        if x.dtype != self._dtype or x.ndim != 2 or x.shape[1] != self._shape[0]:
            raise Declined(f"expected rows of {self._shape[0]} numbers of {self._dtype}")
        if self._product is not None:
            made = self._product.run(x, NO_STAGES, None, (False, True, False))[1]
        else:
            self._device.leave_graph(CUBLAS)
            made = self._device.cupy.matmul(x, self._weights)
            if self._bias is not None:
                made = elementwise(self._device, "add", [made, self._bias], made.dtype)
        return [elementwise(self._device, self._function, [made], made.dtype) if self._function else made]

    def explain(self) -> str:
        return "cuBLAS" if self._product is None else self._product.explain()


class Products:
    """Of two matrices that come."""

    def __init__(self, setting: Setting) -> None:
        self._device = setting.device

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        a, b = (numbers(value, self._device) for value in inputs)
        if a.dtype != b.dtype or a.dtype not in _REALS or a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
            raise Declined("it multiplies two matrices of float or of double")
        self._device.leave_graph(CUBLAS)
        return [self._device.cupy.matmul(a, b)]

    def explain(self) -> str:
        return "cuBLAS"


def _constant_matrix(array: Array | None) -> bool:
    return array is not None and array.ndim == 2 and array.size > 0 and array.dtype in _REALS


def _matmul(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    weights = constants[1]
    return Weighted(weights, None, "", setting) if _constant_matrix(weights) else Products(setting)  # type: ignore[arg-type]


def _gemm(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    weights, bias = constants[1], constants[2] if len(constants) > 2 else None
    if not _constant_matrix(weights) or attribute(node, "transA", 0) or attribute(node, "alpha", 1.0) != 1.0:
        raise Declined("it takes constant weights, without a factor, and rows")
    assert weights is not None
    weights = weights.T if attribute(node, "transB", 0) else weights
    if len(node.inputs) > 2 and node.inputs[2]:
        plain = (
            bias is not None and bias.dtype == weights.dtype and bias.ndim <= 2 and bias.size in (1, weights.shape[1])
        )
        if not plain or attribute(node, "beta", 1.0) != 1.0 or (bias.ndim == 2 and bias.shape[0] != 1):  # type: ignore[union-attr]
            raise Declined("what it adds must be a constant row, without a factor")
        bias = np.broadcast_to(bias.reshape(-1), weights.shape[1]).copy()  # type: ignore[union-attr]
    return Weighted(np.ascontiguousarray(weights), bias, "", setting)


def _dense_layer(node: Node, constants: Sequence[Array | None], setting: Setting) -> Operation:
    weights, bias = constants[1], constants[2]
    functions = {"Relu": "relu", "Tanh": "tanh"}
    function = functions.get(attribute(node, "activation", ""))
    if not _constant_matrix(weights) or bias is None or function is None:
        raise Declined("it takes constant weights and bias, and Relu or Tanh")
    assert weights is not None
    if bias.dtype != weights.dtype or bias.size != weights.shape[1]:
        raise Declined("the bias does not fit the weights")
    return Weighted(weights, bias, function, setting)


_KINDS: dict[tuple[str, str], Callable[..., Operation]] = {
    ("", "MatMul"): _matmul,
    ("", "Gemm"): _gemm,
    ("ai.sklort", "DenseLayer"): _dense_layer,
}

OPERATORS = {name: Operator(prepare) for name, prepare in _KINDS.items()}
