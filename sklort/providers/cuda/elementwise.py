"""Operators of the elementwise family on the device, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklort.providers.cuda.device import Device
from sklort.providers.cuda.ops.operator import C_NAMES, Declined, converted

_MOST_DIMENSIONS = 4
_VALUES = (
    *("add", "subtract", "multiply", "divide", "minimum", "maximum", "where", "copy", "negative", "absolute", "relu"),
    *("sign", "root", "reciprocal", "floor", "ceil", "round", "exp", "sigmoid", "tanh", "log"),
)
_TRUTHS = ("less", "less_equal", "equal", "and", "or", "xor", "not", "is_nan")
_NUMBERS = {name: number for number, name in enumerate((*_VALUES, *_TRUTHS))}
"""As runtime/cuda/elementwise.cu counts them."""


def _collapsed(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The same elements in fewer dimensions: neighbours become one where every operand can step over both as one."""
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        joins = bool(sizes) and all(made[-1] == own[axis] * size for made, own in zip(steps, strides))
        if joins:
            sizes[-1] *= size
        else:
            sizes.append(size)
        for made, own in zip(steps, strides):
            if joins:
                made[-1] = own[axis]
            else:
                made.append(own[axis])
    return sizes or [1], [made or [0] for made in steps]


def elementwise(device: Device, operation: str, operands: Sequence[Any], work: Any, condition: Any = None) -> Any:
    """An operation of ``runtime/cuda/elementwise.cu`` on one or two arrays of the device, in fresh memory.

    Parameters
    ----------
    device : Device
    operation : str
    operands : sequence of arrays
    work : dtype
        What the operands become first, and what the result is of unless it is bool.
    condition : array of bool, optional
        Of "where".
    """
    operands = [converted(operand, work, device) for operand in operands]
    arrays = [*operands, *[None] * (2 - len(operands)), condition]
    shape = np.broadcast_shapes(*(array.shape for array in arrays if array is not None))
    result = np.dtype(np.bool_) if operation in _TRUTHS else np.dtype(work)
    made = device.empty(shape, result)
    strides = []
    for array in arrays:
        own = []
        if array is not None:
            own = [0 if n == 1 else step // array.dtype.itemsize for n, step in zip(array.shape, array.strides)]
        strides.append([0] * (len(shape) - len(own)) + own)
    sizes, steps = _collapsed(shape, strides)
    rank = len(sizes)
    if rank > _MOST_DIMENSIONS:
        raise Declined(f"its operands need {rank} dimensions, more than {_MOST_DIMENSIONS}")
    sizes += [1] * (_MOST_DIMENSIONS - rank)
    arguments = [_NUMBERS[operation], *arrays, made, made.size, *sizes[1:]]
    for each in steps:
        arguments += each + [0] * (_MOST_DIMENSIONS - rank)
    types: dict[str, str | int] = {"work": C_NAMES[np.dtype(work)], "to": C_NAMES[result]}
    device.launch_over("elementwise", "elementwise", made.size, arguments, types)
    return made
