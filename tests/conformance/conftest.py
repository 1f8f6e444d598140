"""What several files of this folder need."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest


@pytest.fixture(params=["sklort", "onnxruntime"])
def ort(request: pytest.FixtureRequest) -> Any:
    """The module under its two names: a program that runs on one runs on the other, to the same end."""
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # onnx's, of a module that onnxruntime's backend imports
            importlib.import_module("onnxruntime.backend")
        importlib.import_module("onnxruntime.datasets")
    return importlib.import_module(request.param)
