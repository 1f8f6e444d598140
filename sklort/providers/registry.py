"""The providers there are, by the name users write. A provider is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from sklort.providers.part import Provider

PROVIDERS = {
    "CUDAExecutionProvider": ("sklort.providers.cuda.provider", "CudaProvider"),
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


def provider_of_options(name: str, options: Mapping[str, str]) -> Provider:
    """The same from options as users write them, where the provider reads them itself."""
    module, kind = PROVIDERS[name]
    return cast(Provider, getattr(import_module(module), kind).of_options(options))
