"""What several files of this folder need."""

from __future__ import annotations

from types import ModuleType

import pytest


@pytest.fixture(params=["sklort", "onnxruntime"])
def runtime(request: pytest.FixtureRequest) -> ModuleType:
    """The module under its two names: a program that runs on one runs on the other, with the same results."""
    module: ModuleType = pytest.importorskip(request.param)
    return module
