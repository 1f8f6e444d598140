"""Tests here are `emulated`: the kernels' own sources run on the host, and CuPy is a stand-in. None of them needs a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda import emulated_cupy

RARE = {np.dtype(kind) for kind in ("i1", "i2", "i4", "u1", "u2", "u4", "u8", "f2")}
"""Element types whose kernels differ from those of others in one word: compiling them all takes a minute."""


def _is_rare(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    if "tests/cuda" not in str(item.path) or parameters is None:
        return False
    if parameters.params.get("isa", "baseline") != "baseline":  # the CPU's: all the same here
        return True
    if item.path.name != "test_operators.py":
        return False
    for value in parameters.params.values():
        kinds = value if isinstance(value, (tuple, list)) else (value,)
        for kind in kinds:
            named = isinstance(kind, (type, np.dtype)) or (isinstance(kind, str) and kind in np.sctypeDict)
            if named and kind is not object and np.dtype(kind) in RARE:
                return True
    return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not _is_rare(item)]
    for item in items:
        if "tests/cuda" in str(item.path) and item.get_closest_marker("gpu") is None:
            item.add_marker(pytest.mark.emulated)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stand-in, as `import cupy` gives it."""
    module = emulated_cupy.install(monkeypatch)
    monkeypatch.setattr(module, "order", 0)
    del module.launches[:]
    del module.transfers[:]
    module.streams.forget()
    return module


@pytest.fixture(params=["ascending", "descending"])
def order(request: pytest.FixtureRequest, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each order in which the threads of a block take turns."""
    monkeypatch.setattr(cupy, "order", int(request.param == "descending"))
    return str(request.param)
