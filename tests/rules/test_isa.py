"""Each instruction set the machine has can be forced, and says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sklort._native import _core


def fresh(root: Path, isa: str | None, code: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SKLORT_ISA"}
    if isa is not None:
        environment["SKLORT_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


SAY = "from sklort._native import _core; print(_core.isa())"


def test_the_best_one_is_the_default(root: Path) -> None:
    assert fresh(root, None, SAY).stdout.split() == [_core.isas()[0]]


@pytest.mark.parametrize("isa", _core.isas())
def test_the_environment_forces_one(root: Path, isa: str) -> None:
    assert fresh(root, isa, SAY).stdout.split() == [isa]


def test_an_unknown_name_in_the_environment_is_an_error(root: Path) -> None:
    result = fresh(root, "mmx", SAY)
    assert result.returncode != 0
    assert "instruction set 'mmx' is not available here; choose one of: " in result.stderr


@pytest.fixture
def restored() -> object:
    before = _core.isa()
    yield
    _core.choose_isa(before)


@pytest.mark.parametrize("isa", _core.isas())
def test_one_can_be_chosen_in_the_process(isa: str, restored: object) -> None:
    _core.choose_isa(isa)
    assert _core.isa() == isa
    _core.choose_isa("")
    assert _core.isa() == _core.isas()[0]


def test_choosing_an_unknown_one_changes_nothing(restored: object) -> None:
    before = _core.isa()
    with pytest.raises(ValueError, match="instruction set 'mmx' is not available here"):
        _core.choose_isa("mmx")
    assert _core.isa() == before
