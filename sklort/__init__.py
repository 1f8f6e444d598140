"""Fitted scikit-learn models, fast, anywhere, with the same answers.

The names below are loaded when they are first asked for: ``import sklort`` loads neither scikit-learn, skl2onnx,
onnx nor any data-frame library. Those of the runtime are onnxruntime's: ``import sklort as onnxruntime`` runs code
that was written for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklort._version import __version__

if TYPE_CHECKING:
    from sklort import backend, capi, datasets
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
        ScoringError,
        SessionError,
        SklortError,
    )
    from sklort.scoring.batches import map_batches
    from sklort.scoring.run import Scored, score_files
    from sklort.scoring.scorer import Scorer
    from sklort.session.device import (
        OrtAllocatorType,
        OrtDevice,
        OrtDeviceMemoryType,
        OrtDeviceVendorId,
        OrtMemoryInfo,
        OrtMemoryInfoDeviceType,
        OrtMemType,
    )
    from sklort.session.environment import (
        disable_telemetry_events,
        enable_telemetry_events,
        get_all_providers,
        get_available_providers,
        get_build_info,
        get_device,
        get_version_string,
        has_collective_ops,
        preload_dlls,
        print_debug_info,
        set_default_logger_severity,
        set_default_logger_verbosity,
        set_global_thread_pool_sizes,
        set_seed,
    )
    from sklort.session.inference_session import InferenceSession
    from sklort.session.io_binding import IOBinding, SessionIOBinding
    from sklort.session.node_arg import ModelMetadata, NodeArg
    from sklort.session.options import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, SessionOptions
    from sklort.session.ort_value import OrtValue, copy_tensors
    from sklort.session.run_options import RunOptions
    from sklort.session.tuned import tuned

package_name = "sklort"
version = __version__
cuda_version = ""

__all__ = [
    "ConversionError",
    "DamagedModel",
    "ExecutionMode",
    "ExecutionOrder",
    "FallbackWarning",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OnnxEstimator",
    "OrtAllocatorType",
    "OrtDevice",
    "OrtDeviceMemoryType",
    "OrtDeviceVendorId",
    "OrtMemType",
    "OrtMemoryInfo",
    "OrtMemoryInfoDeviceType",
    "OrtValue",
    "ParityError",
    "ParityReport",
    "RunOptions",
    "ScikitLearnAnswered",
    "Scored",
    "Scorer",
    "ScoringError",
    "SessionError",
    "SessionIOBinding",
    "SessionOptions",
    "SklortError",
    "SupportReport",
    "__version__",
    "backend",
    "capi",
    "check_parity",
    "convert",
    "copy_tensors",
    "cuda_version",
    "datasets",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_version_string",
    "has_collective_ops",
    "load",
    "map_batches",
    "package_name",
    "preload_dlls",
    "print_debug_info",
    "score_files",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_global_thread_pool_sizes",
    "set_seed",
    "supported",
    "tuned",
    "version",
]

_HOMES = {
    "estimator.convert": "convert supported",
    "estimator.loading": "load",
    "estimator.onnx_estimator": "OnnxEstimator",
    "estimator.parity": "check_parity",
    "estimator.report": "ParityReport",
    "estimator.support": "SupportReport",
    "exceptions": "ConversionError DamagedModel FallbackWarning ParityError ScikitLearnAnswered ScoringError "
    "SessionError SklortError",
    "scoring.batches": "map_batches",
    "scoring.run": "Scored score_files",
    "scoring.scorer": "Scorer",
    "session.device": "OrtAllocatorType OrtDevice OrtDeviceMemoryType OrtDeviceVendorId OrtMemType OrtMemoryInfo "
    "OrtMemoryInfoDeviceType",
    "session.environment": "disable_telemetry_events enable_telemetry_events get_all_providers "
    "get_available_providers get_build_info get_device get_version_string has_collective_ops preload_dlls "
    "print_debug_info set_default_logger_severity set_default_logger_verbosity set_global_thread_pool_sizes set_seed",
    "session.inference_session": "InferenceSession",
    "session.io_binding": "IOBinding SessionIOBinding",
    "session.node_arg": "ModelMetadata NodeArg",
    "session.options": "ExecutionMode ExecutionOrder GraphOptimizationLevel SessionOptions",
    "session.ort_value": "OrtValue copy_tensors",
    "session.run_options": "RunOptions",
    "session.tuned": "tuned",
}
_HOME = {name: f"sklort.{home}" for home, names in _HOMES.items() for name in names.split()}
_MODULES = frozenset(("backend", "capi", "datasets"))


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"sklort.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'sklort' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
