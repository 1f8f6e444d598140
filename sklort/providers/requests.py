"""The types that a model declares for its outputs are requests: how far they are honoured."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklort.graph.types import DType, TensorType, dtype_of
from sklort.providers.part import Port


def honour(value: Any, port: Port) -> Any:
    """`value` in the element type that the model declares for it, where that loses no meaning.

    Numbers become the declared kind of number; a float with a fraction stays a float, and text stays text.
    """
    if not isinstance(port.type, TensorType) or not isinstance(value, np.ndarray):
        return value
    wanted, found = port.type.dtype, dtype_of(value)
    if wanted is found or DType.STRING in (wanted, found) or DType.UNDEFINED in (wanted, found):
        return value
    with np.errstate(all="ignore"):
        cast = value.astype(wanted.numpy)
    if wanted.numpy.kind in "iub" and value.dtype.kind == "f" and not np.array_equal(cast.astype(value.dtype), value):
        return value
    return cast
