"""Hot objects hold their loops and nothing else.

A hot file is compiled once for each instruction set. Had it a weak symbol (an inline function of a header, a template's
instance), the linker would keep one copy for all, perhaps the one for a chip the user lacks. Had it a reference to an
allocator, to exceptions or to locks, it would not be hot. So the symbols of the objects that were linked are read.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ALLOWED = {
    "_GLOBAL_OFFSET_TABLE_",
    # What the compiler makes of loops that copy, fill or compare.
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    # libm: one definition for all instruction sets, no state (sqrt is an instruction).
    *(name + suffix for name in ("exp", "log", "log1p", "expm1", "pow", "tanh", "erf", "fmod") for suffix in ("", "f")),
    *(name + suffix for name in ("floor", "ceil", "trunc", "rint", "nearbyint", "round") for suffix in ("", "f")),
}


def build_directory(root: Path) -> Path:
    modules = [path for path in root.glob("build/*/_core*.so") if path.parent.name != "sanitize"]
    assert modules, "no build of the native module under build/: make dev"
    return max(modules, key=lambda path: path.stat().st_mtime).parent


def hot_objects(root: Path) -> list[tuple[str, str, Path]]:
    """Instruction set, stem and path of each object."""
    found = []
    for folder in sorted(build_directory(root).glob("CMakeFiles/sklort_hot_*.dir")):
        isa = folder.name.removeprefix("sklort_hot_").removesuffix(".dir")
        found += [(isa, path.name.removesuffix(".hot.cpp.o"), path) for path in sorted(folder.rglob("*.hot.cpp.o"))]
    return found


def symbols(path: Path) -> list[tuple[str, str]]:
    """Kind (a letter of `nm`) and name of each symbol."""
    lines = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(line.split()[-2], line.split()[-1]) for line in lines]


@pytest.fixture(scope="module")
def objects(root: Path) -> list[tuple[str, str, Path]]:
    return hot_objects(root)


def test_every_hot_source_was_compiled_for_every_instruction_set(
    root: Path, objects: list[tuple[str, str, Path]]
) -> None:
    sources = {path.name.removesuffix(".hot.cpp"): path for path in (root / "runtime").rglob("*.hot.cpp")}
    isas = {isa for isa, _, _ in objects}
    assert "baseline" in isas
    here = {(isa, stem) for isa, stem, _ in objects if stem in sources}
    assert here == {(isa, stem) for isa in isas for stem in sources}, "make dev"
    stale = [
        stem for _, stem, path in objects if stem in sources and path.stat().st_mtime < sources[stem].stat().st_mtime
    ]
    assert stale == [], "older than their sources: make dev"


def test_tables_in_the_namespace_of_the_instruction_set_are_all_that_is_seen(
    objects: list[tuple[str, str, Path]],
) -> None:
    for isa, stem, path in objects:
        defined = [(kind, name) for kind, name in symbols(path) if kind.isupper() and kind != "U"]
        assert defined, (isa, stem)
        for kind, name in defined:
            assert kind in "DR", (isa, stem, kind, name)  # constant data: `T` would be a function
            assert re.match(rf"_ZN6sklort(\d+\w+)?\d+hot_{isa}\d+\w+E$", name), (isa, stem, name)


def test_no_weak_or_unique_symbols_and_no_state(objects: list[tuple[str, str, Path]]) -> None:
    for isa, stem, path in objects:
        bad = [(kind, name) for kind, name in symbols(path) if kind in "wWvVubBC"]
        assert bad == [], (isa, stem)


def test_no_reference_but_to_memory_and_math(objects: list[tuple[str, str, Path]]) -> None:
    for isa, stem, path in objects:
        wanted = {name for kind, name in symbols(path) if kind == "U"}
        assert wanted <= ALLOWED, (isa, stem)


def test_no_code_before_main(objects: list[tuple[str, str, Path]]) -> None:
    for isa, stem, path in objects:
        sections = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
        assert ".init_array" not in sections, (isa, stem)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("#include <vector>\nint f(int n) { std::vector<int> v(n); return v[0]; }", "U"),
        ("template <class T> T g(T x) { return x * x; }\nint f(int n) { return g(n); }", "W"),
        ("int f() { static int n = 0; return n++; }", "b"),
    ],
)
def test_the_rules_can_see_a_fault(tmp_path: Path, code: str, fault: str) -> None:
    source = tmp_path / "fault.cpp"
    source.write_text(code)
    subprocess.run(
        ["g++", "-std=c++20", "-O1", "-fPIC", "-fno-inline", "-c", source, "-o", tmp_path / "fault.o"], check=True
    )
    found = [(kind, name) for kind, name in symbols(tmp_path / "fault.o") if name not in ALLOWED]
    assert fault in {kind for kind, _ in found}
