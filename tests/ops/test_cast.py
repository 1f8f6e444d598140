"""Cast and CastLike: numbers, bool, text."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from sklort._native import _core
from sklort.exceptions import RuntimeException
from tests.ops.standard import FLOATS, INTEGERS, NUMBERS, adversarial, run, same

TYPES = [*NUMBERS, np.bool_]


def number(dtype: Any) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_numbers(source: Any, target: Any) -> None:
    values = adversarial(source)
    if source in FLOATS and target in INTEGERS:  # what does not fit is undefined in C, and fixed in convert.h
        info = np.iinfo(target)
        wide = values.astype(np.longdouble)
        inside = (wide > np.longdouble(info.min) - 1) & (wide < np.longdouble(2) ** (info.bits - (info.min < 0)))
        outside = run("Cast", values[~inside], to=number(target))
        same(outside, np.full(outside.shape, info.min, target))
        values = values[inside]
    same(run("Cast", values, to=number(target)), values.astype(target))
    same(run("CastLike", values, np.zeros(1, target)), values.astype(target))


def test_double_to_half_is_rounded_once() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64)
    middles = (halves[:-1] + halves[1:]) / 2
    values = np.concatenate(
        [
            halves,
            middles,
            np.nextafter(middles, 0),
            np.nextafter(middles, 1e9),
            [65519.999, 65520],
        ]
    )
    values = np.concatenate([values, -values])
    with np.errstate(over="ignore"):
        same(run("Cast", values, to=TensorProto.FLOAT16), values.astype(np.float16))


def test_bfloat16() -> None:
    values = adversarial(np.float32)
    narrow = run("Cast", values, to=TensorProto.BFLOAT16)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(
            narrow.astype(np.float32),
            values.astype(ml_dtypes.bfloat16).astype(np.float32),
        )
    np.testing.assert_array_equal(run("Cast", narrow, to=TensorProto.FLOAT), narrow.astype(np.float32))


def shortest(value: Any) -> str:
    """What Python's repr() prints for a double, for any float; NumPy 2.3 writes large float32 otherwise."""
    if not np.isfinite(value):
        return str(value)
    scientific = np.format_float_scientific(value, trim="-", exp_digits=2)
    if -4 <= int(scientific.split("e")[1]) < 16:
        return str(np.format_float_positional(value, trim="0"))
    return scientific


@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_to_text(dtype: Any) -> None:
    values = adversarial(dtype)
    if dtype in FLOATS:
        rng = np.random.default_rng(0)
        with np.errstate(over="ignore"):
            more = (rng.normal(size=500) * 10.0 ** rng.integers(-20, 25, 500)).astype(dtype)
            powers = (10.0 ** np.arange(-8, 20)).astype(dtype)
            large = np.array(
                [
                    123456789,
                    16777216,
                    9007199254740993,
                    1e16,
                    9999999999999998,
                    314.15926,
                ],
                dtype,
            )
        values = np.concatenate([values, more, powers, large])
    got = run("Cast", values, to=TensorProto.STRING).tolist()
    assert got == ([shortest(value) for value in values] if dtype in FLOATS else values.astype(np.str_).tolist())
    if dtype is np.float64:
        assert got == [repr(float(value)) for value in values]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_text_to_floats(dtype: Any) -> None:
    texts = [
        "1",
        "-1.5",
        " 2.5\t",
        "+3",
        "1e-5",
        "1E8",
        "314.15926",
        ".5",
        "5.",
        "NaN",
        "nan",
        "INF",
        "+INF",
        "-INF",
    ]
    texts += [
        "inf",
        "Infinity",
        "-infinity",
        "1e400",
        "-1e400",
        "1e-400",
        "-0.0",
        "0",
        "3.4e38",
        "3.5e38",
    ]
    texts += [
        "9007199254740993",
        "0.1",
        "16777217",
        "1.1754943508222875e-38",
        "4.9e-324",
        "2.2250738585072011e-308",
    ]
    with np.errstate(over="ignore"):
        expected = np.array([dtype(text) for text in texts])
    same(run("Cast", np.array(texts, object), to=number(dtype)), expected)


def test_text_to_integers() -> None:
    for dtype in INTEGERS:
        info = np.iinfo(dtype)
        texts = [str(info.min), str(info.max), " 7 ", "+9", "0", "3.0", "1e2"]
        same(
            run("Cast", np.array(texts, object), to=number(dtype)),
            np.array([info.min, info.max, 7, 9, 0, 3, 100], dtype),
        )
        for text in (str(info.max + 1), str(info.min - 1), "1e30"):
            with pytest.raises(RuntimeException, match="out of range"):
                run("Cast", np.array([text], object), to=number(dtype))
        with pytest.raises(RuntimeException, match=r"'1\.5' is not an integer"):
            run("Cast", np.array(["1.5"], object), to=number(dtype))
    same(
        run("Cast", np.array(["True", "false", "0", "2"], object), to=number(np.bool_)),
        np.array([True, False, False, True]),
    )


@pytest.mark.parametrize(
    "text",
    [
        "12abc",
        "",
        " ",
        "abc",
        "1,5",
        "--1",
        "+-1",
        "1 2",
        "nan(1)",
        "0x10",
        "1e",
        "e5",
        "½",
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.uint8, np.bool_])
def test_text_that_is_no_number_is_quoted(text: str, dtype: Any) -> None:
    with pytest.raises(RuntimeException, match="is not a number") as caught:
        run("Cast", np.array(["1", text], object), to=number(dtype))
    assert f"'{text}'" in str(caught.value)


def test_shapes_and_versions() -> None:
    same(run("Cast", np.array(1.7), to=TensorProto.INT64), np.array(1))
    same(
        run("Cast", np.zeros((0, 3)), to=TensorProto.FLOAT),
        np.zeros((0, 3), np.float32),
    )
    assert run("Cast", np.zeros((0, 3)), to=TensorProto.STRING).shape == (0, 3)
    same(run("Cast", np.array([1.7]), version=1, to="INT32"), np.array([1], np.int32))
    for version in (6, 9, 13, 19, 21, 23):
        same(
            run("Cast", np.array([1.7]), version=version, to=TensorProto.INT32),
            np.array([1], np.int32),
        )
    texts = np.array(["a"], object)
    assert run("Cast", texts, to=TensorProto.STRING).tolist() == ["a"]


def test_types_that_are_not_stored_are_refused() -> None:
    assert "17" in _core.refuses("", "Cast", 21, {"to": int(TensorProto.FLOAT8E4M3FN)})
    assert _core.refuses("", "Cast", 21, {"to": int(TensorProto.FLOAT)}) is None
    assert _core.refuses("", "Cast", 1, {"to": "FLOAT"}) is None
