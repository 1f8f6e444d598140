"""Programs of one node of the standard domain, driven from Python and judged by onnx.reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from sklort._native import _core

FLOATS = (np.float16, np.float32, np.float64)
SIGNED = (np.int8, np.int16, np.int32, np.int64)
UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS


def ints(*values: int) -> np.ndarray:
    """A list of integers, as an attribute or an input."""
    return np.array(values, np.int64)


def run(
    op_type: str,
    *inputs: Any,
    version: int = 21,
    outputs: int = 1,
    constants: Iterable[int] = (),
    threads: int = 0,
    **attributes: Any,
) -> Any:
    """The node's output, or the list of them where there are several; an input that is None is omitted."""
    builder = _core.ProgramBuilder(len(inputs) + outputs)
    slots = []
    inputs = tuple(np.asarray(value) if isinstance(value, np.generic) else value for value in inputs)
    for slot, value in enumerate(inputs):
        slots.append(-1 if value is None else slot)
        if value is None:
            continue
        if slot in constants:
            builder.constant(slot, value)
        else:
            builder.input(slot, f"X{slot}", 0, None)
    results = list(range(len(inputs), len(inputs) + outputs))
    builder.step(op_type, "", op_type, version, attributes, slots, results, [])
    for slot in results:
        builder.output(slot, f"Y{slot}", 0)
    values = builder.build(threads).run(
        [value for slot, value in enumerate(inputs) if value is not None and slot not in constants]
    )
    return values[0] if outputs == 1 else values


def reference(op_type: str, *inputs: Any, version: int = 21, outputs: int = 1, **attributes: Any) -> Any:
    """The same by onnx.reference."""
    names = [f"X{i}" if value is not None else "" for i, value in enumerate(inputs)]
    results = [f"Y{i}" for i in range(outputs)]
    plain = {
        key: numpy_helper.from_array(value) if isinstance(value, np.ndarray) and key == "value" else value
        for key, value in attributes.items()
    }
    node = helper.make_node(op_type, names, results, **plain)
    any_tensor = onnx.TypeProto()
    any_tensor.tensor_type.elem_type = onnx.TensorProto.UNDEFINED
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_value_info(name, any_tensor) for name in names if name],
        [helper.make_value_info(name, any_tensor) for name in results],
    )
    model = helper.make_model_gen_version(graph, opset_imports=[helper.make_opsetid("", version)])
    feed = {name: value for name, value in zip(names, inputs, strict=True) if name}
    with np.errstate(all="ignore"):
        values = ReferenceEvaluator(model).run(None, feed)
    return values[0] if outputs == 1 else values


def adversarial(dtype: Any, shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Numbers of a type with its extremes among them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        special = [
            0,
            -0.0,
            1,
            -1,
            0.5,
            2.5,
            -3.5,
            np.nan,
            np.inf,
            -np.inf,
            info.max,
            info.min,
            info.tiny,
        ]
        special += [info.smallest_subnormal, -info.smallest_subnormal, info.eps]
        drawn = rng.normal(size=int(np.prod(shape or (64,)))) * 10
    else:
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        special = [low, high, 0, 1] if dtype.kind == "b" else [low, high, low + 1, high - 1, 0, 1, 2, 3, 7]
        drawn = rng.integers(low, high, size=int(np.prod(shape or (64,))), endpoint=True, dtype=dtype)
    with np.errstate(all="ignore"):
        values = drawn.astype(dtype)
        chosen = np.array(special, object if dtype.kind != "f" else None).astype(dtype)
    if shape:
        places = rng.choice(values.size, size=min(values.size // 2, chosen.size), replace=False)
        values[places] = rng.permutation(chosen)[: places.size]
        return values.reshape(shape)
    return np.concatenate([chosen, values])


def same(got: np.ndarray, expected: Any) -> None:
    """Asserts equal type, shape and elements; NaN equals NaN, and zeros have the same sign."""
    expected = np.asarray(expected)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)
    if expected.dtype.kind == "f":
        zeros = expected == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(expected[zeros]))


def ulps(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference in units of the last place of what is expected; infinities and NaN must agree."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite].astype(got.dtype))
    exact = expected[finite].astype(np.longdouble)
    if exact.size == 0:
        return 0.0
    unit = np.spacing(np.abs(exact).astype(got.dtype)).astype(np.longdouble)
    return float(np.max(np.abs(got[finite].astype(np.longdouble) - exact) / unit))
