"""Fitted scikit-learn models, fast, anywhere, with the same answers.

The names below are loaded when they are first asked for: ``import sklort`` loads neither scikit-learn, skl2onnx,
onnx nor any data-frame library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklort._version import __version__

if TYPE_CHECKING:
    from sklort.estimator.convert import convert, supported
    from sklort.estimator.loading import load
    from sklort.estimator.onnx_estimator import OnnxEstimator
    from sklort.estimator.parity import check_parity
    from sklort.estimator.report import ParityReport
    from sklort.estimator.support import SupportReport
    from sklort.exceptions import (
        ConversionError,
        DamagedModel,
        FallbackWarning,
        ParityError,
        ScikitLearnAnswered,
        SessionError,
        SklortError,
    )
    from sklort.session.inference_session import InferenceSession

__all__ = [
    "ConversionError",
    "DamagedModel",
    "FallbackWarning",
    "InferenceSession",
    "OnnxEstimator",
    "ParityError",
    "ParityReport",
    "ScikitLearnAnswered",
    "SessionError",
    "SklortError",
    "SupportReport",
    "__version__",
    "check_parity",
    "convert",
    "load",
    "supported",
]

_HOME = {
    "ConversionError": "sklort.exceptions",
    "DamagedModel": "sklort.exceptions",
    "FallbackWarning": "sklort.exceptions",
    "InferenceSession": "sklort.session.inference_session",
    "OnnxEstimator": "sklort.estimator.onnx_estimator",
    "ParityError": "sklort.exceptions",
    "ParityReport": "sklort.estimator.report",
    "ScikitLearnAnswered": "sklort.exceptions",
    "SessionError": "sklort.exceptions",
    "SklortError": "sklort.exceptions",
    "SupportReport": "sklort.estimator.support",
    "check_parity": "sklort.estimator.parity",
    "convert": "sklort.estimator.convert",
    "load": "sklort.estimator.loading",
    "supported": "sklort.estimator.convert",
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
