"""Where onnxruntime keeps its Python classes."""

from __future__ import annotations

from sklort.session.device import OrtDevice, OrtDeviceVendorId
from sklort.session.inference_session import InferenceSession
from sklort.session.io_binding import IOBinding
from sklort.session.ort_value import OrtValue, copy_tensors

__all__ = ["IOBinding", "InferenceSession", "OrtDevice", "OrtDeviceVendorId", "OrtValue", "copy_tensors"]
