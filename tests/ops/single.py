"""One operator as a program of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklort._native import _core


def run(
    op_type: str,
    inputs: list[np.ndarray | None],
    *,
    domain: str = "",
    version: int = 1,
    outputs: int = 1,
    constants: tuple[int, ...] = (),
    **attributes: Any,
) -> list[np.ndarray]:
    """Feeds the arrays (those named in `constants` as constants of the model) and returns the outputs."""
    builder = _core.ProgramBuilder(len(inputs) + outputs)
    slots, fed = [], []
    for slot, array in enumerate(inputs):
        if array is None:
            slots.append(-1)
            continue
        slots.append(slot)
        if slot in constants:
            builder.constant(slot, array)
        else:
            builder.input(slot, f"in{slot}", 0, None)
            fed.append(array)
    results = list(range(len(inputs), len(inputs) + outputs))
    builder.step(op_type, domain, op_type, version, attributes, slots, results, [])
    for slot in results:
        builder.output(slot, f"out{slot}", 0)
    return builder.build().run(fed)
