"""From which batch on rows of the host are predicted to be answered sooner by the GPU: arithmetic, no measurement.

The numbers are guesses until a GPU has been asked (benchmarks/gpu_check.py). They are the same at every call, so that a
batch of so many rows is always computed by the same provider.
"""

from __future__ import annotations

_LEVEL_NS = 1.0
"""Of one thread of the CPU, for one row and one level of a tree."""
_WEIGHT_NS = 0.05
"""The same for a product and a sum."""
_BYTE_NS = 0.1
"""To copy a byte between pageable memory and the device."""
_CALL_NS = 100_000.0
"""Of launches, and of waiting for the answer."""


def worth_from(levels: int, weights: int, row_bytes: int, threads: int) -> int | None:
    """The least number of rows; None where the copies alone take longer than the CPU.

    Parameters
    ----------
    levels : int
        Of all trees together.
    weights : int
        Products for each row.
    row_bytes : int
        What a row takes on its way there, and its answer back.
    threads : int
        Of the CPU.
    """
    here = (levels * _LEVEL_NS + weights * _WEIGHT_NS) / max(threads, 1)
    gain = here - row_bytes * _BYTE_NS
    return int(_CALL_NS / gain) + 1 if gain > 0 else None
