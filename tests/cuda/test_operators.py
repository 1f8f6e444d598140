"""The CPU's tests of the smaller operators, over the CUDA sources: what those do not take, the CPU answers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tests.cuda import programs
from tests.ops import one_node, standard

ELEMENTWISE = ("arithmetic", "compare", "extrema", "logic", "unary", "transcendental", "where", "cast")
MOVING = ("views", "transpose", "concat", "gather", "features")
OTHERS = ("reduce", "arg_extremum", "softmax", "scaling", "imputer", "one_hot", "matmul", "dense_layer")
FILES = (*ELEMENTWISE, *MOVING, *OTHERS)
MODULES = {name: import_module(f"tests.ops.test_{name}") for name in FILES}


@pytest.fixture(autouse=True)
def on_cuda(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module in [one_node, *MODULES.values()]:
        if getattr(module, "run", None) is standard.run:
            monkeypatch.setattr(module, "run", programs.run)
        if hasattr(module, "program"):
            monkeypatch.setattr(module, "program", programs.program)
    del programs.on_the_cpu[:]
    return cupy


for name, module in MODULES.items():
    globals().update(
        {f"test_{name}_{case[5:]}": getattr(module, case) for case in vars(module) if case.startswith("test_")}
    )
