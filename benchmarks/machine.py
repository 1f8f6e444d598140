"""What the figures were measured on: the chip, its caches, the versions of what took part."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import sklort
from sklort._native import _core
from sklort.timing.machine import processor

PACKAGES = (
    "numpy",
    "scikit-learn",
    "skl2onnx",
    "onnxruntime",
    "pandas",
    "lightgbm",
    "xgboost",
    "lleaves",
    "scikit-learn-intelex",
    "ydf",
    "treelite",
    "tl2cgen",
)
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def description() -> dict[str, str]:
    """Lines of a table."""
    return {
        "processor": processor(),
        "cores used": f"1, and 2 where it says so, of {os.cpu_count()}",
        "caches": ", ".join(_caches()) or "unknown",
        "instruction set": f"{_core.isa()}, chosen from {', '.join(_core.isas())}",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "sklort": sklort.__version__,
        "others": versions(*PACKAGES),
    }


def _caches() -> Iterator[str]:
    for folder in sorted(CACHES.glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        yield f"L{level} {kind.lower()} {size}"


def versions(*packages: str) -> str:
    """Those that are installed, with their versions."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
