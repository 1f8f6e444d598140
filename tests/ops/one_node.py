"""Programs of one node, driven from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sklort._native import _core

DTYPE_NUMBERS = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
}


def floats(*values: Any) -> np.ndarray:
    """A list attribute of floats."""
    return np.asarray(values, np.float32).ravel()


def ints(*values: Any) -> np.ndarray:
    """A list attribute of integers."""
    return np.asarray(values, np.int64).ravel()


def texts(*values: str) -> np.ndarray:
    """An array of strings."""
    return np.array(values, object)


def program(
    op_type: str,
    inputs: list[Any],
    *,
    constants: Iterable[int] = (),
    domain: str = "ai.onnx.ml",
    version: int = 1,
    outputs: int = 1,
    threads: int = 0,
    declared: int = 0,
    **attributes: Any,
) -> _core.Program:
    """One node for inputs of these types; those numbered in `constants` are built in."""
    builder = _core.ProgramBuilder(len(inputs) + outputs)
    for slot, value in enumerate(inputs):
        if slot in constants:
            builder.constant(slot, value)
        elif isinstance(value, np.ndarray):
            builder.input(
                slot,
                f"X{slot}",
                DTYPE_NUMBERS.get(value.dtype.name, 8),
                [-1] * value.ndim,
            )
        else:
            builder.input(slot, f"X{slot}", 0, None)
    slots = list(range(len(inputs), len(inputs) + outputs))
    builder.step(
        f"{op_type} 'node'",
        domain,
        op_type,
        version,
        attributes,
        list(range(len(inputs))),
        slots,
        [],
    )
    for slot in slots:
        builder.output(slot, f"Y{slot}", declared)
    return builder.build(threads)


def run(op_type: str, inputs: list[Any], *, constants: Iterable[int] = (), **options: Any) -> Any:
    """The node's output, or the list of its outputs where `outputs` asks for several."""
    compiled = program(op_type, inputs, constants=constants, **options)
    values = compiled.run([value for slot, value in enumerate(inputs) if slot not in constants])
    return values[0] if len(values) == 1 else values


@contextmanager
def instruction_set(name: str) -> Iterator[None]:
    """Programs built inside use this instruction set."""
    _core.choose_isa(name)
    try:
        yield
    finally:
        _core.choose_isa("")


def same_rows_in_any_batch(op_type: str, x: np.ndarray, **options: Any) -> None:
    """Asserts that a row's result has the same bits alone, in any batch, and on any number of threads."""
    compiled = program(op_type, [x], **options)
    whole = compiled.run([x])
    alone = program(op_type, [x], threads=1, **options).run([x])
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(a, b)
    for size in (1, 2, 7, 8, 17):
        for first in (0, 5, len(x) - size):
            part = compiled.run([np.ascontiguousarray(x[first : first + size])])
            for a, b in zip(whole, part, strict=True):
                np.testing.assert_array_equal(a[first : first + size], b)
