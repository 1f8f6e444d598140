"""The rooms and the ways between them (docs/architecture.md)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter import api


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("sklort", include_external_packages=True, exclude_type_checking_imports=True)


def test_contracts_of_pyproject_hold(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_the_native_module_is_reached_only_through_the_cpu_provider(graph: grimp.ImportGraph) -> None:
    # The compiled module itself is invisible to the graph: `_native` is a package so that its importers can be seen.
    importers = graph.find_modules_that_directly_import("sklort._native")
    assert importers <= {"sklort.providers.cpu"}


def test_nobody_inside_imports_from_the_root(graph: grimp.ImportGraph) -> None:
    assert graph.find_modules_that_directly_import("sklort") == set()


@pytest.mark.parametrize("room", ["scoring", "estimator", "conversion", "session", "passes", "plan", "graph"])
def test_no_room_imports_in_circles(graph: grimp.ImportGraph, room: str) -> None:
    assert graph.nominate_cycle_breakers(f"sklort.{room}") == set()


def test_every_room_is_in_the_layers(root: Path) -> None:
    """A new room without its place in the contract would be checked by nothing."""
    layers = {
        name.strip().strip("()")
        for contract in api.read_configuration(str(root / "pyproject.toml"))["contracts_options"]
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in layer.split("|")
    }
    rooms = {f"sklort.{path.parent.name}" for path in root.glob("sklort/*/__init__.py")}
    files = {f"sklort.{path.stem}" for path in root.glob("sklort/*.py") if path.stem not in {"__init__", "_version"}}
    assert rooms | files <= layers


@pytest.mark.parametrize(
    "heavy", ["sklearn", "skl2onnx", "onnx", "pandas", "scipy", "cupy", "pyarrow", "starlette", "uvicorn", "orjson"]
)
def test_importing_the_package_loads_nothing_heavy(root: Path, heavy: str) -> None:
    code = f"import sys, sklort; sys.exit(any(m.split('.')[0] == {heavy!r} for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
