"""Where a value lies: on the host, or in the memory of a GPU."""

from __future__ import annotations

from typing import Any

_CUDA = 2
"""The number of CUDA's memory in DLPack."""


ON_DEVICE = frozenset(("CUDAExecutionProvider",))
"""The providers that take arrays of a GPU."""


def on_device(value: Any) -> bool:
    """Whether a value is an array in the memory of a GPU, whoever made it."""
    if hasattr(value, "__cuda_array_interface__"):
        return True
    place = getattr(value, "__dlpack_device__", None)
    return place is not None and place()[0] == _CUDA


def to_host(value: Any) -> Any:
    """A copy on the host of an array that the CUDA provider made; other values as they are."""
    return value.get() if hasattr(value, "__cuda_array_interface__") and hasattr(value, "get") else value
