"""Arithmetic, comparisons, logic, functions, Cast and Where, element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.graph.types import DType
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

_BOOL = np.dtype(np.bool_)


class Elementwise:
    """Operands on the device, those that are constant once and for all."""

    aligned_since = 0
    """Operands of older versions are aligned by attributes."""

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        if node.version < self.aligned_since:
            raise Declined("its operands are aligned as before version 7")
        self.node = node
        self.device = setting.device
        self._fixed = {
            i: setting.device.constant(array)
            for i, array in enumerate(constants)
            if array is not None and array.dtype in C_NAMES
        }

    def operands(self, inputs: Sequence[Any]) -> list[Any]:
        found = [self._fixed[i] if i in self._fixed else numbers(value, self.device) for i, value in enumerate(inputs)]
        try:
            np.broadcast_shapes(*(each.shape for each in found))
        except ValueError:
            raise Declined("the operands' shapes do not fit together") from None
        return found

    def explain(self) -> str:
        return ""


def _promoted(operands: Sequence[Any]) -> Any:
    dtype = np.result_type(*(each.dtype for each in operands))
    if dtype not in C_NAMES or dtype == _BOOL:
        raise Declined(f"there is no arithmetic of {dtype} here")
    return dtype


class Arithmetic(Elementwise):
    """Of any number of operands, one after the other."""

    operation = "add"
    aligned_since = 7

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        operands = self.operands(inputs)
        if len(operands) < 2:
            raise Declined("there is one operand alone")
        dtype = _promoted(operands)
        if self.operation == "divide" and dtype.kind != "f":
            raise Declined("integers are divided on the CPU")
        total = operands[0]
        for each in operands[1:]:
            total = elementwise(self.device, self.operation, [total, each], dtype)
        return [total]


class Subtract(Arithmetic):
    operation = "subtract"


class Multiply(Arithmetic):
    operation = "multiply"


class Divide(Arithmetic):
    operation = "divide"


class Minimum(Arithmetic):
    operation = "minimum"


class Maximum(Arithmetic):
    operation = "maximum"


class Square(Elementwise):
    """Pow, where the exponent is a constant two."""

    aligned_since = 7

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        super().__init__(node, constants, setting)
        exponent = constants[1]
        if exponent is None or exponent.size != 1 or exponent.ndim > 1 or exponent.reshape(-1)[0] != 2:
            raise Declined("its exponent is not a constant two")
        self._exponent = exponent.dtype

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        x = numbers(inputs[0], self.device)
        work = np.result_type(x.dtype, self._exponent)
        if x.dtype.kind != "f" or work not in C_NAMES or (x.ndim == 0 and np.ndim(inputs[1])):
            raise Declined("powers of integers are the CPU's")
        return [converted(elementwise(self.device, "multiply", [x, x], work), x.dtype, self.device)]


class Comparison(Elementwise):
    operation = "equal"
    aligned_since = 7
    swapped = False

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        operands = self.operands(inputs)
        dtype = np.result_type(*(each.dtype for each in operands))
        logic = self.operation in ("and", "or", "xor")
        if dtype not in C_NAMES or (logic and any(each.dtype != _BOOL for each in operands)):
            raise Declined(f"{dtype} is not compared here")
        if self.swapped:
            operands.reverse()
        return [elementwise(self.device, self.operation, operands, dtype)]


def _comparison(operation: str, swapped: bool = False) -> type[Comparison]:
    return type(operation, (Comparison,), {"operation": operation, "swapped": swapped})


class Function(Elementwise):
    """Of one operand, in its own type."""

    operation = "copy"
    kinds = "f"

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        (x,) = self.operands(inputs[:1])
        if x.dtype.kind not in self.kinds:
            raise Declined(f"it takes no {x.dtype} here")
        return [elementwise(self.device, self.operation, [x], x.dtype)]


def _function(operation: str, kinds: str = "f") -> type[Function]:
    return type(operation, (Function,), {"operation": operation, "kinds": kinds})


class Cast(Elementwise):
    """Between numbers, and to them from bool."""

    def __init__(self, node: Node, constants: Sequence[Array | None], setting: Setting) -> None:
        super().__init__(node, constants, setting)
        to = attribute(node, "to", 0)
        self._to = np.dtype(DType(to).numpy) if not isinstance(to, str) and to in set(DType) else np.dtype(object)
        if self._to not in C_NAMES:
            raise Declined(f"there are no kernels for {self._to} values")

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        (x,) = self.operands(inputs[:1])
        if x.dtype == self._to:
            return [x]
        if x.dtype.kind == "f" and self._to.kind in "iu":
            raise Declined("floats become integers on the CPU, which says what becomes of those that do not fit")
        return [converted(x, self._to, self.device)]


class Where(Elementwise):
    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        condition, yes, no = self.operands(inputs)
        dtype = yes.dtype if yes.dtype == no.dtype else _promoted([yes, no])
        if condition.dtype != _BOOL:
            raise Declined("the condition must be of bool")
        return [elementwise(self.device, "where", [yes, no], dtype, condition)]


class Clip(Elementwise):
    """As NumPy: the lower bound first."""

    def run(self, inputs: list[Any], wanted: Sequence[bool]) -> list[Any]:
        if self.node.version < 11:
            raise Declined("its bounds are attributes, as before version 11")
        present = [(i, value) for i, value in enumerate(inputs) if value is not None]
        if any(np.size(value) != 1 or np.ndim(value) > 0 for i, value in present if i):
            raise Declined("a bound must be one number")
        operands = {i: numbers(value, self.device) for i, value in present}
        x, dtype = operands[0], _promoted(list(operands.values()))
        if len(operands) == 1:
            return [elementwise(self.device, "copy", [x], dtype)]
        for i, operation in ((1, "maximum"), (2, "minimum")):
            if i in operands:
                x = elementwise(self.device, operation, [x, operands[i]], dtype)
        return [x]


def _operator(kind: Callable[..., Operation]) -> Operator:
    return Operator(partial(_prepare, kind))


def _prepare(
    kind: Callable[..., Operation], node: Node, constants: Sequence[Array | None], setting: Setting
) -> Operation:
    return kind(node, constants, setting)


_KINDS: dict[str, Callable[..., Operation]] = {
    "Add": Arithmetic,
    "Sum": Arithmetic,
    "Sub": Subtract,
    "Mul": Multiply,
    "Div": Divide,
    "Min": Minimum,
    "Max": Maximum,
    "Pow": Square,
    "Clip": Clip,
    "Cast": Cast,
    "Where": Where,
    "Less": _comparison("less"),
    "LessOrEqual": _comparison("less_equal"),
    "Greater": _comparison("less", swapped=True),
    "GreaterOrEqual": _comparison("less_equal", swapped=True),
    "Equal": _comparison("equal"),
    "And": _comparison("and"),
    "Or": _comparison("or"),
    "Xor": _comparison("xor"),
    "Not": _function("not", "b"),
    "IsNaN": _function("is_nan"),
    "Identity": _function("copy", "biuf"),
    "Neg": _function("negative", "if"),
    "Abs": _function("absolute", "iuf"),
    "Relu": _function("relu", "if"),
    "Sign": _function("sign", "iuf"),
    "Sqrt": _function("root"),
    "Reciprocal": _function("reciprocal"),
    "Floor": _function("floor"),
    "Ceil": _function("ceil"),
    "Round": _function("round"),
    "Exp": _function("exp"),
    "Sigmoid": _function("sigmoid"),
    "Tanh": _function("tanh"),
    "Log": _function("log"),
}

OPERATORS = {("", name): _operator(kind) for name, kind in _KINDS.items()}
