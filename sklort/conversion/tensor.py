"""Tensors with NumPy's operators: a formula of scikit-learn is written as it stands there, and becomes nodes.

Dtypes follow NumPy's promotion, Python numbers being weak, so that ``x - mean`` with a float32 x and a float64 mean is
computed in float64, as it is in NumPy. Broadcasting is ONNX's, which is NumPy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklort.conversion.writer import Writer

_BOOL = np.dtype(np.bool_)
_INT64 = np.dtype(np.int64)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named tensor of the graph.

    Parameters
    ----------
    writer : Writer
        Where nodes computed from it go.
    name : str
    dtype : numpy.dtype
        object for strings.
    width : int, optional
        Columns, where they are known.
    """

    writer: Writer
    name: str
    dtype: np.dtype
    width: int | None = None

    __array_ufunc__ = None  # an array on the left leaves the operation to us

    # -- operators ----------------------------------------------------------------------------------------------------

    def _operand(self, other: Any) -> tuple[Tensor, Tensor]:
        """Both operands in the dtype NumPy would compute in."""
        if not isinstance(other, Tensor):
            if self.dtype == np.dtype(object):
                other = np.asarray(other, dtype=object)
            elif isinstance(other, bool | int | float) and not isinstance(other, np.generic):  # weak
                kind = np.result_type(self.dtype, type(other)(0))
                return self.astype(kind), self.writer.tensor(np.asarray(other, kind))
            other = np.asarray(other)
            if other.dtype != np.dtype(object):
                other = other.astype(np.result_type(self.dtype, other.dtype))
            other = self.writer.tensor(other)
        if self.dtype == other.dtype:
            return self, other
        kind = np.result_type(self.dtype, other.dtype)
        return self.astype(kind), other.astype(kind)

    def _binary(self, op_type: str, other: Any, *, swap: bool = False, dtype: np.dtype | None = None) -> Tensor:
        left, right = self._operand(other)
        if swap:
            left, right = right, left
        name = self.writer.node(op_type, [left.name, right.name])
        return Tensor(self.writer, name, dtype or left.dtype, self.width)

    def __add__(self, other: Any) -> Tensor:
        return self._binary("Add", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._binary("Add", other, swap=True)

    def __sub__(self, other: Any) -> Tensor:
        return self._binary("Sub", other)

    def __rsub__(self, other: Any) -> Tensor:
        return self._binary("Sub", other, swap=True)

    def __mul__(self, other: Any) -> Tensor:
        return self._binary("Mul", other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._binary("Mul", other, swap=True)

    def __truediv__(self, other: Any) -> Tensor:
        return self._binary("Div", other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._binary("Div", other, swap=True)

    def __pow__(self, other: Any) -> Tensor:
        return self._binary("Pow", other)

    def __matmul__(self, other: Any) -> Tensor:
        return replace(self._binary("MatMul", other), width=None)

    def __neg__(self) -> Tensor:
        return self.apply("Neg")

    def __lt__(self, other: Any) -> Tensor:
        return self._binary("Less", other, dtype=_BOOL)

    def __le__(self, other: Any) -> Tensor:
        return self._binary("LessOrEqual", other, dtype=_BOOL)

    def __gt__(self, other: Any) -> Tensor:
        return self._binary("Greater", other, dtype=_BOOL)

    def __ge__(self, other: Any) -> Tensor:
        return self._binary("GreaterOrEqual", other, dtype=_BOOL)

    def equals(self, other: Any) -> Tensor:
        return self._binary("Equal", other, dtype=_BOOL)

    def __and__(self, other: Tensor) -> Tensor:
        return self._binary("And", other)

    def __or__(self, other: Tensor) -> Tensor:
        return self._binary("Or", other)

    def __invert__(self) -> Tensor:
        return self.apply("Not")

    # -- functions ----------------------------------------------------------------------------------------------------

    def apply(self, op_type: str, **attributes: Any) -> Tensor:
        """An operator of one input that keeps dtype and shape: Exp, Log, Sqrt, Abs, Floor, Sigmoid, ..."""
        return replace(self, name=self.writer.node(op_type, [self.name], **attributes))

    def is_nan(self) -> Tensor:
        return Tensor(self.writer, self.writer.node("IsNaN", [self.name]), _BOOL, self.width)

    def is_inf(self) -> Tensor:
        return Tensor(self.writer, self.writer.node("IsInf", [self.name]), _BOOL, self.width)

    def astype(self, dtype: Any) -> Tensor:
        wanted = np.dtype(dtype)
        return replace(self, name=self.writer.cast(self.name, self.dtype, wanted), dtype=wanted)

    def where(self, yes: Any, no: Any) -> Tensor:
        """`yes` where this boolean tensor is true, else `no`: tensors, arrays or numbers."""
        if isinstance(yes, Tensor):
            left, right = yes._operand(no)
        elif isinstance(no, Tensor):
            right, left = no._operand(yes)
        else:
            left, right = self.writer.tensor(yes)._operand(no)
        name = self.writer.node("Where", [self.name, left.name, right.name])
        return Tensor(self.writer, name, left.dtype, self.width)

    def maximum(self, other: Any) -> Tensor:
        """As ``numpy.maximum`` for numbers; what it makes of NaN is the operator's business."""
        return self._binary("Max", other)

    def minimum(self, other: Any) -> Tensor:
        return self._binary("Min", other)

    # -- reductions and shapes ----------------------------------------------------------------------------------------

    def reduce(self, op_type: str, axis: int = 1, *, keep: bool = True) -> Tensor:
        """ReduceSum, ReduceMax, ReduceMin, ReduceMean along one axis."""
        axes = self.writer.constant(np.array([axis], np.int64))
        return Tensor(self.writer, self.writer.node(op_type, [self.name, axes], keepdims=int(keep)), self.dtype)

    def sum(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        return self.reduce("ReduceSum", axis, keep=keep)

    def max(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        return self.reduce("ReduceMax", axis, keep=keep)

    def min(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        return self.reduce("ReduceMin", axis, keep=keep)

    def argmax(self, axis: int = 1) -> Tensor:
        """Number of the largest, the first on ties, as ``numpy.argmax``."""
        return Tensor(self.writer, self.writer.node("ArgMax", [self.name], axis=axis, keepdims=0), _INT64)

    def argmin(self, axis: int = 1) -> Tensor:
        return Tensor(self.writer, self.writer.node("ArgMin", [self.name], axis=axis, keepdims=0), _INT64)

    def reshape(self, *shape: int) -> Tensor:
        """0 keeps the size of an axis, -1 is what remains."""
        wanted = self.writer.constant(np.array(shape, np.int64))
        width = shape[1] if len(shape) == 2 and shape[1] > 0 else None
        return Tensor(self.writer, self.writer.node("Reshape", [self.name, wanted]), self.dtype, width)

    def flat(self) -> Tensor:
        """(n, 1) as (n,)."""
        return self.reshape(-1)

    def column(self) -> Tensor:
        """(n,) as (n, 1)."""
        return self.reshape(-1, 1)

    def transpose(self, *perm: int) -> Tensor:
        order = list(perm or (1, 0))
        return Tensor(self.writer, self.writer.node("Transpose", [self.name], perm=order), self.dtype)

    def take(self, indices: Any, axis: int = 1) -> Tensor:
        """Gather: columns (or rows) by number; an index array of n dimensions takes the axis's place."""
        width = None
        if not isinstance(indices, Tensor):
            numbers = np.asarray(indices, np.int64)
            width = numbers.size if axis == 1 and numbers.ndim == 1 else None
            indices = self.writer.tensor(numbers)
        name = self.writer.node("Gather", [self.name, indices.name], axis=axis)
        return Tensor(self.writer, name, self.dtype, width)

    def with_width(self, width: int) -> Tensor:
        return replace(self, width=width)

    def concat(self, *others: Tensor, axis: int = 1) -> Tensor:
        name = self.writer.node("Concat", [self.name, *(o.astype(self.dtype).name for o in others)], axis=axis)
        return Tensor(self.writer, name, self.dtype)

    def softmax(self) -> Tensor:
        return self.apply("Softmax", axis=1)

    def log_sum_exp(self) -> Tensor:
        """Of each row, (n, 1), stable."""
        top = self.max()
        return (self - top).apply("Exp").sum().apply("Log") + top


def clip(value: Tensor, low: Any = None, high: Any = None) -> Tensor:
    """As ``numpy.clip``: NaN stays."""
    bounds = ["" if b is None else value.writer.constant(np.asarray(b, value.dtype)) for b in (low, high)]
    return replace(value, name=value.writer.node("Clip", [value.name, *bounds]))


def stack(parts: Sequence[Tensor]) -> Tensor:
    """(n,) columns side by side as (n, len(parts))."""
    columns = [p.column() for p in parts]
    return columns[0] if len(columns) == 1 else columns[0].concat(*columns[1:])
