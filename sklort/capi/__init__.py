"""Import paths that onnxruntime's users know. They only hand names on."""

from __future__ import annotations

from sklort.capi import _pybind_state, onnxruntime_inference_collection, onnxruntime_pybind11_state

__all__ = ["_pybind_state", "onnxruntime_inference_collection", "onnxruntime_pybind11_state"]
