"""Conversion: a fitted scikit-learn model and a sample of its data become an ONNX model.

The only room that imports skl2onnx. The families that matter most are written by converters of our own
(``converters/``); the rest by skl2onnx's.
"""

from __future__ import annotations

from sklort.conversion.convert import convert_model
from sklort.conversion.result import Conversion, ModelInput

__all__ = ["Conversion", "ModelInput", "convert_model"]
