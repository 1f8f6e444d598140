"""Models behind HTTP: the Open Inference Protocol, and rows with named columns.

`Service` is an ASGI application: alone under uvicorn (`serve`), or mounted inside another application.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklort.serving.limits import Limits
    from sklort.serving.server import running, serve
    from sklort.serving.service import Service

__all__ = ["Limits", "Service", "running", "serve"]

_HOME = {"Limits": "limits", "Service": "service", "running": "server", "serve": "server"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
