"""Tests here are `emulated`: the kernels' own sources run on the host, and CuPy is a stand-in. None of them needs a GPU."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cuda import emulated_cupy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
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
    return module


@pytest.fixture(params=["ascending", "descending"])
def order(request: pytest.FixtureRequest, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each order in which the threads of a block take turns."""
    monkeypatch.setattr(cupy, "order", int(request.param == "descending"))
    return str(request.param)
