"""The same names by onnxruntime's other path."""

from __future__ import annotations

from sklort.capi.onnxruntime_pybind11_state import *  # noqa: F403
from sklort.capi.onnxruntime_pybind11_state import __all__ as __all__
