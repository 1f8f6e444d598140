"""Fitted scikit-learn models, fast, anywhere, with the same answers.

The names below are loaded when they are first asked for: ``import sklort`` loads neither scikit-learn, skl2onnx,
onnx nor any data-frame library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklort._version import __version__

if TYPE_CHECKING:
    from sklort.estimator.onnx_estimator import OnnxEstimator, convert
    from sklort.estimator.parity import ParityReport, check_parity
    from sklort.estimator.persistence import load
    from sklort.exceptions import ConversionError, ParityError, SessionError, SklortError
    from sklort.session.inference_session import InferenceSession

__all__ = [
    "ConversionError",
    "InferenceSession",
    "OnnxEstimator",
    "ParityError",
    "ParityReport",
    "SessionError",
    "SklortError",
    "__version__",
    "check_parity",
    "convert",
    "load",
]

_HOME = {
    "ConversionError": "sklort.exceptions",
    "InferenceSession": "sklort.session.inference_session",
    "OnnxEstimator": "sklort.estimator.onnx_estimator",
    "ParityError": "sklort.exceptions",
    "ParityReport": "sklort.estimator.parity",
    "SessionError": "sklort.exceptions",
    "SklortError": "sklort.exceptions",
    "check_parity": "sklort.estimator.parity",
    "convert": "sklort.estimator.onnx_estimator",
    "load": "sklort.estimator.persistence",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'sklort' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
