"""One style, checked by the tools that make it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = ["sklort", "tests", "examples", "benchmarks"]
LONGEST = {"tests": 500}  # lines; elsewhere:
LONGEST_FILE = 450


def check(tool: str, *arguments: str, cwd: Path) -> None:
    # The environment's own tool, whether or not the environment is activated.
    program = shutil.which(tool, path=str(Path(sys.executable).parent))
    assert program is not None, f"{tool} is not installed: make dev"
    result = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def native_sources(root: Path) -> list[Path]:
    return sorted(path for path in (root / "runtime").rglob("*") if path.suffix in {".cpp", ".h", ".cu", ".cuh"})


def test_ruff_check(root: Path) -> None:
    check("ruff", "check", "--no-cache", *PYTHON, cwd=root)


def test_ruff_format(root: Path) -> None:
    check("ruff", "format", "--no-cache", "--check", "--diff", *PYTHON, cwd=root)


def test_mypy_strict(root: Path) -> None:
    check("mypy", "sklort", "benchmarks", cwd=root)


def test_clang_format(root: Path) -> None:
    sources = [str(path) for path in native_sources(root)]
    check("clang-format", "--dry-run", "-Werror", *sources, cwd=root)


@pytest.mark.parametrize("folder", ["sklort", "runtime", "tests", "benchmarks", "examples"])
def test_files_are_short_enough_to_be_read(root: Path, folder: str) -> None:
    suffixes = {".py", ".cpp", ".h", ".cu", ".cuh"}
    lengths = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for path in (root / folder).rglob("*")
        if path.suffix in suffixes
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST.get(folder, LONGEST_FILE)} == {}
