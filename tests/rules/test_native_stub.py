"""The type stub in the repository is the one the module generates: a change of a native signature shows in review."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_is_the_generated_one(root: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "_core.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "sklort._native._core", "-o", str(fresh)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    assert (root / "sklort/_native/_core.pyi").read_text() == fresh.read_text(), "make stub"
