"""Where onnxruntime's users import its errors from, and what else they find there."""

from __future__ import annotations

from dataclasses import dataclass

from sklort.exceptions import (
    DeviceReset,
    EngineError,
    EPFail,
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    ModelLoadCanceled,
    ModelLoaded,
    ModelRequiresCompilation,
    NoModel,
    NoSuchFile,
    NotFound,
    NotImplemented,
    RuntimeException,
)
from sklort.providers.cpu import kernels
from sklort.session.device import (
    OrtAllocatorType,
    OrtDevice,
    OrtDeviceMemoryType,
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
    set_default_logger_severity,
    set_default_logger_verbosity,
    set_global_thread_pool_sizes,
    set_seed,
)
from sklort.session.inference_session import InferenceSession
from sklort.session.io_binding import SessionIOBinding
from sklort.session.node_arg import ModelMetadata, NodeArg
from sklort.session.options import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, SessionOptions
from sklort.session.ort_value import OrtValue, copy_tensors
from sklort.session.run_options import RunOptions


@dataclass(frozen=True)
class KernelDef:
    """A native kernel: an operator, and the first and last version of it that this kernel runs."""

    domain: str
    op_name: str
    version_range: tuple[int, int]
    provider: str = "CPUExecutionProvider"


def get_all_opkernel_def() -> list[KernelDef]:
    """The native kernels. A kernel takes every element type that ONNX permits for its operator."""
    return [KernelDef(domain, name, (first, last)) for domain, name, first, last in kernels()]


def get_default_session_options() -> SessionOptions:
    """Options as a session has them that is given none."""
    return SessionOptions()


__all__ = [
    "DeviceReset",
    "EPFail",
    "EngineError",
    "ExecutionMode",
    "ExecutionOrder",
    "Fail",
    "GraphOptimizationLevel",
    "InferenceSession",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "KernelDef",
    "ModelLoadCanceled",
    "ModelLoaded",
    "ModelMetadata",
    "ModelRequiresCompilation",
    "NoModel",
    "NoSuchFile",
    "NodeArg",
    "NotFound",
    "NotImplemented",
    "OrtAllocatorType",
    "OrtDevice",
    "OrtDeviceMemoryType",
    "OrtMemType",
    "OrtMemoryInfo",
    "OrtMemoryInfoDeviceType",
    "OrtValue",
    "RunOptions",
    "RuntimeException",
    "SessionIOBinding",
    "SessionOptions",
    "copy_tensors",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_opkernel_def",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_default_session_options",
    "get_device",
    "get_version_string",
    "has_collective_ops",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_global_thread_pool_sizes",
    "set_seed",
]
