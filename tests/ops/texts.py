"""One-node programs of the text operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklort._native import _core

DTYPE_NUMBERS = {"float32": 1, "int32": 6, "int64": 7, "object": 8, "bool": 9, "float64": 11, "uint32": 12}


def texts(values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


def program(
    op_type: str, attributes: dict[str, Any], *, domain: str = "", version: int = 20, inputs: int = 1, outputs: int = 1
) -> _core.Program:
    builder = _core.ProgramBuilder(inputs + outputs)
    for slot in range(inputs):
        builder.input(slot, f"X{slot}", 0, None)
    builder.step(
        op_type, domain, op_type, version, attributes, list(range(inputs)), list(range(inputs, inputs + outputs)), []
    )
    for slot in range(inputs, inputs + outputs):
        builder.output(slot, f"Y{slot}", 0)
    return builder.build()


def tokenizer(**attributes: Any) -> _core.Program:
    full = {"pad_value": "#", "mark": 0, "mincharnum": 1, **attributes}
    return program("Tokenizer", full, domain="com.microsoft", version=1)


def tokens(run: _core.Program, documents: list[str], pad: str = "#") -> list[list[str]]:
    """What each document is cut into, without the padding."""
    (out,) = run.run([texts(documents)])
    return [[token for token in row if token != pad] for row in out.tolist()]
