"""What holds for the whole process: who can run nodes, logging, random numbers, threads, versions."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sklort._version import __version__
from sklort.providers.cpu import limit_threads, machine
from sklort.providers.registry import PROVIDERS, make_provider
from sklort.providers.seed import seed_all
from sklort.session.logs import LEVELS, LOGGER, check_severity

_CPU = "CPUExecutionProvider"
_HIDDEN = frozenset(("ReferenceExecutionProvider",))
"""Always there, behind the CPU provider: nobody would choose it for speed."""


def get_all_providers() -> list[str]:
    """The providers there are on some machine, in order of preference; the CPU provider is the last."""
    return [name for name in PROVIDERS if name != _CPU and name not in _HIDDEN] + [_CPU]


def get_available_providers() -> list[str]:
    """The providers that this process can use, in order of preference; the CPU provider is the last."""
    return [name for name in get_all_providers() if name == _CPU or make_provider(name).unavailable() is None]


def get_device() -> str:
    """``GPU`` where a provider for one is available, else ``CPU``."""
    return "CPU" if get_available_providers() == [_CPU] else "GPU"


def set_default_logger_severity(level: int) -> None:
    """Log what is at least this severe: 0 (verbose) to 4 (fatal). It is the level of Python's logger ``sklort``."""
    LOGGER.setLevel(LEVELS[check_severity(_number(level, "severity"))])


def set_default_logger_verbosity(level: int) -> None:
    """Accepted, without effect: verbose messages are all of one level."""
    _number(level, "verbosity")


def set_seed(seed: int) -> None:
    """Begin the random numbers of this process anew, of the operators that have no seed of their own."""
    seed_all(_number(seed, "seed"))


def set_global_thread_pool_sizes(intra_op_num_threads: int = 0, inter_op_num_threads: int = 0) -> None:
    """How many threads a run may use where its session does not say; 0 for as many as there are processors.

    There is one pool for all sessions. Nodes run one after the other: `inter_op_num_threads` has no effect.
    """
    _number(inter_op_num_threads, "inter_op_num_threads")
    limit_threads(max(_number(intra_op_num_threads, "intra_op_num_threads"), 0))


def enable_telemetry_events() -> None:
    """Nothing: there is no telemetry."""


def disable_telemetry_events() -> None:
    """Nothing: there is no telemetry."""


def has_collective_ops() -> bool:
    """False: nothing runs on several machines."""
    return False


def get_version_string() -> str:
    """The version of sklort."""
    return __version__


def get_build_info() -> str:
    """The version, and what the native module found."""
    return f"sklort {__version__}, {machine()}"


def preload_dlls(cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: Any = None) -> None:
    """Nothing: libraries are loaded when a provider needs them."""


def print_debug_info() -> None:
    """Print versions, the machine and the providers."""
    lines = [get_build_info(), f"platform: {platform.platform()}", f"python: {sys.version.split()[0]}"]
    for package in ("numpy", "onnx", "scikit-learn", "skl2onnx"):
        try:
            lines.append(f"{package}: {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package}: not installed")
    lines.append(f"providers: {', '.join(get_available_providers())}")
    sys.stdout.write("\n".join(lines) + "\n")


def _number(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    return int(value.__index__())
