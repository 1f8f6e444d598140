"""What every test shares: the checkout's root, and a way to test another build of the native module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--native",
        type=Path,
        metavar="DIRECTORY",
        help="use the native module built in this directory (`make sanitize` does), not the installed one",
    )


def pytest_configure(config: pytest.Config) -> None:
    directory = config.getoption("--native")
    if directory is None:
        return
    name = "sklort._native._core"
    (path,) = directory.glob("_core*.so")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT
