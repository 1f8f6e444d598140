"""One word finds everything: an operator's source, its hot loops and its test share their stem."""

from __future__ import annotations

from pathlib import Path


def stems(root: Path) -> set[str]:
    return {path.name.removesuffix(".cpp") for path in (root / "runtime/cpu/ops").glob("*.cpp")}


def test_every_operator_file_has_its_test(root: Path) -> None:
    cold = {stem for stem in stems(root) if not stem.endswith(".hot")}
    missing = {stem for stem in cold if not (root / f"tests/ops/test_{stem}.py").exists()}
    assert missing == set()


def test_every_hot_file_declares_its_table_in_a_header_of_the_same_stem(root: Path) -> None:
    hot = {stem for stem in stems(root) if stem.endswith(".hot")}
    assert hot
    assert {stem for stem in hot if not (root / f"runtime/cpu/ops/{stem}.h").exists()} == set()


def test_every_operator_file_registers(root: Path) -> None:
    """A cold file without a registration would be dead code that still compiles."""
    silent = [
        path.name
        for path in (root / "runtime/cpu/ops").glob("*.cpp")
        if not path.name.endswith(".hot.cpp") and "Registration" not in path.read_text()
    ]
    assert silent == []
