"""The providers there are, by the name users write. A provider is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from sklort.providers.part import Provider

PROVIDERS = {
    "CPUExecutionProvider": ("sklort.providers.cpu", "CpuProvider"),
    "ReferenceExecutionProvider": ("sklort.providers.reference", "ReferenceProvider"),
}
ALWAYS = ("CPUExecutionProvider", "ReferenceExecutionProvider")
"""Who runs what the chosen ones refuse, in this order."""

KNOWN = frozenset(
    f"{name}ExecutionProvider"
    for name in (
        *("ACL", "Azure", "CANN", "CoreML", "CPU", "CUDA", "Dml", "Dnnl", "Js", "MIGraphX", "NvTensorRTRTX", "Nnapi"),
        *("OpenVINO", "QNN", "Rknpu", "Tensorrt", "VSINPU", "VitisAI", "WebGpu", "WebNN", "Xnnpack"),
    )
)
"""Names that are no mistake, whoever has them: code written for other machines asks for these."""


def make_provider(name: str, **options: Any) -> Provider:
    """The provider called `name`."""
    module, kind = PROVIDERS[name]
    return cast(Provider, getattr(import_module(module), kind)(**options))
