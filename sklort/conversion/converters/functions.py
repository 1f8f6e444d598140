"""FunctionTransformer of the functions of NumPy (and SciPy) that operators can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special as scipy_special
from sklearn.preprocessing import FunctionTransformer

from sklort.conversion.special import expm1, log1p
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, INT64, STRING, Answers, Write, Writer, common_dtype
from sklort.exceptions import ConversionError

Function = Callable[[Tensor], Tensor]
_LN2 = float(np.log(2.0))


def _operator(op_type: str) -> Function:
    return lambda x: x.apply(op_type)


def _scaled(factor: float) -> Function:
    return lambda x: x * factor


# What gives floats for integers, and what leaves them integers.
_TO_FLOATS: dict[Any, Function] = {
    np.log1p: log1p,
    np.expm1: expm1,
    np.log: _operator("Log"),
    np.log2: lambda x: x.apply("Log") / _LN2,
    np.log10: lambda x: x.apply("Log") / float(np.log(10.0)),
    np.exp: _operator("Exp"),
    np.exp2: lambda x: (x * _LN2).apply("Exp"),
    np.sqrt: _operator("Sqrt"),
    np.cbrt: lambda x: x.apply("Sign") * x.apply("Abs") ** (1.0 / 3.0),
    np.sin: _operator("Sin"),
    np.cos: _operator("Cos"),
    np.tan: lambda x: x.apply("Sin") / x.apply("Cos"),
    np.tanh: _operator("Tanh"),
    np.sinh: lambda x: (x.apply("Exp") - (-x).apply("Exp")) * 0.5,
    np.cosh: lambda x: (x.apply("Exp") + (-x).apply("Exp")) * 0.5,
    np.deg2rad: _scaled(float(np.pi / 180)),
    np.radians: _scaled(float(np.pi / 180)),
    np.rad2deg: _scaled(float(180 / np.pi)),
    np.degrees: _scaled(float(180 / np.pi)),
    scipy_special.expit: _operator("Sigmoid"),
    scipy_special.logit: lambda x: (x / (1.0 - x)).apply("Log"),
}
_KEEPING: dict[Any, Function] = {
    np.abs: _operator("Abs"),
    np.fabs: _operator("Abs"),
    np.negative: _operator("Neg"),
    np.positive: lambda x: x,
    np.square: lambda x: x * x,
    np.sign: _operator("Sign"),
    np.floor: _operator("Floor"),
    np.ceil: _operator("Ceil"),
    np.rint: _operator("Round"),
    np.reciprocal: lambda x: 1.0 / x,
    np.asarray: lambda x: x,
    np.array: lambda x: x,
}


def _with_arguments(function: Any, given: Mapping[str, Any], rows: Tensor) -> Tensor | None:
    """The functions that take arguments; None where `function` is none of them, or takes others."""
    given = dict(given)
    if function is np.clip:
        low = given.pop("a_min", given.pop("min", None))
        high = given.pop("a_max", given.pop("max", None))
        return clip(rows, low, high) if not given and all(b is None or np.ndim(b) == 0 for b in (low, high)) else None
    if function is np.nan_to_num and rows.dtype.kind == "f":
        largest = float(np.finfo(rows.dtype).max)
        nan, high, low = given.pop("nan", 0.0), given.pop("posinf", None), given.pop("neginf", None)
        given.pop("copy", None)
        high, low = largest if high is None else high, -largest if low is None else low
        finite = rows.is_inf().where((rows > 0.0).where(np.array(high, rows.dtype), np.array(low, rows.dtype)), rows)
        return rows.is_nan().where(np.array(nan, rows.dtype), finite) if not given else None
    binary = {np.add: "__add__", np.subtract: "__sub__", np.multiply: "__mul__", np.divide: "__truediv__"}
    if set(given) == {"x2"} and np.ndim(given["x2"]) == 0:
        if function in binary:
            result: Tensor = getattr(rows, binary[function])(given["x2"])
            return result
        if function is np.power:
            powers: Tensor = rows ** given["x2"]
            return powers
    return None


def apply_function(writer: Writer, function: Any, arguments: Mapping[str, Any] | None, rows: Tensor) -> Tensor:
    """``function(rows, **arguments)``.

    Raises
    ------
    ConversionError
        ONNX has no form of it.
    """
    if function is None:
        return rows
    if rows.dtype == STRING:
        raise ConversionError(f"{writer.where} applies {_name(function)} to strings")
    if arguments:
        found = _with_arguments(function, arguments, rows.astype(rows.dtype if rows.dtype.kind == "f" else DOUBLE))
        if found is not None:
            return found
    elif hasattr(function, "__hash__") and function.__hash__ is not None:
        if function in _TO_FLOATS:
            return _TO_FLOATS[function](rows if rows.dtype.kind == "f" else rows.astype(DOUBLE))
        if function in _KEEPING:
            kept = (
                rows if rows.dtype.kind == "f" or function not in (np.floor, np.ceil, np.rint) else rows.astype(DOUBLE)
            )
            return _KEEPING[function](kept if kept.dtype.kind == "f" or kept.dtype == INT64 else kept.astype(DOUBLE))
        plain = _with_arguments(function, {}, rows) if function is np.nan_to_num else None
        if plain is not None:
            return plain
    with_arguments = f" with arguments {sorted(arguments)}" if arguments else ""
    raise ConversionError(
        f"{writer.where} applies {_name(function)}{with_arguments}, whose meaning is Python's alone: "
        "functions of NumPy (log1p, sqrt, exp, clip, ...) are converted"
    )


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", getattr(function, "__name__", repr(function))))


def _write_function(writer: Writer) -> Answers:
    model = writer.model
    kind = common_dtype([v.dtype for v in writer.inputs], writer.where)
    rows = writer.matrix(kind if kind == STRING or kind.kind in "fi" else DOUBLE)
    return {"transform": apply_function(writer, model.func, model.kw_args, rows)}


CONVERTERS: dict[type, Write] = {FunctionTransformer: _write_function}
