"""Where a value lies: on the host, or in the memory of a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

_CUDA = (2, 13)
"""The numbers of CUDA's memory in DLPack: a device's own, and managed memory."""


ON_DEVICE = frozenset(("CUDAExecutionProvider",))
"""The providers that take arrays of a GPU."""


def on_device(value: Any) -> bool:
    """Whether a value is an array in the memory of a GPU, whoever made it."""
    if type(value) is np.ndarray:
        return False
    place = getattr(value, "__dlpack_device__", None)
    return place()[0] in _CUDA if place is not None else hasattr(value, "__cuda_array_interface__")


def to_host(value: Any) -> Any:
    """A copy on the host of an array that the CUDA provider made; other values as they are."""
    return value.get() if hasattr(value, "__cuda_array_interface__") and hasattr(value, "get") else value
