"""The kernels through NVIDIA's compiler, where it is installed: warnings, registers, spills, and no flushing of floats.

That needs no GPU. What is compiled is the text that CuPy is given, with the options it adds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sklort.providers.cuda.source import folders, text_of

NVCC = shutil.which("nvcc")
NARROW = {"key": "std::uint32_t", "value": "float", "block": 256}
WIDE = {"key": "std::uint64_t", "value": "double", "block": 256}
CODED = {"key": "std::uint16_t", "value": "double", "block": 256, "staged": 1, "coded": 1}
BLOCKS_OF_256 = 128
"""Registers that leave room for two blocks of 256 threads on a multiprocessor."""

VARIANTS: list[tuple[str, dict[str, object], int]] = [
    ("forest_tile", NARROW | {"rows": 4, "sums": 0, "staged": 1, "coded": 0}, 96),
    ("forest_tile", NARROW | {"rows": 2, "sums": 4, "staged": 1, "coded": 0}, 96),
    ("forest_tile", NARROW | {"rows": 1, "sums": 8, "staged": 1, "coded": 0}, 96),
    ("forest_tile", NARROW | {"rows": 4, "sums": -1, "staged": 1, "coded": 0}, 96),
    ("forest_tile", WIDE | {"rows": 4, "sums": 0, "staged": 1, "coded": 0}, 96),
    ("forest_tile", WIDE | {"value": "float", "rows": 1, "sums": -1, "staged": 0, "coded": 0}, 96),
    ("forest_tile", CODED | {"rows": 4, "sums": 0}, 96),
    ("forest_tile", CODED | {"rows": 1, "sums": 8}, 96),
    ("forest_codes", NARROW, 64),
    ("forest_codes", WIDE, 64),
    ("forest_rows", NARROW | {"one": 1, "part": 1024}, 64),
    ("forest_rows", WIDE | {"one": 0, "part": 1024}, 64),
    ("forest_gather", {}, 64),
    ("forest_wide", NARROW, 64),
    ("forest_general", {"value": "float"}, 64),
    ("forest_scores", {"out": "float"}, 64),
    ("linear", {"real": "float", "block": 128, "outputs": 1}, BLOCKS_OF_256),
    ("linear", {"real": "double", "block": 128, "outputs": 8}, BLOCKS_OF_256),
    ("columns", {"from": "double", "to": "float"}, 64),
    ("convert", {"from": "std::int64_t", "to": "double"}, 32),
    ("transforms", {"real": "float"}, 64),
    ("elementwise", {"work": "float", "to": "float"}, 96),
    ("elementwise", {"work": "std::int64_t", "to": "bool"}, 96),
    ("gather", {"item": "std::uint32_t", "index": "std::int64_t"}, 64),
    ("reduce", {"real": "float"}, 96),
    ("one_hot", {"from": "float"}, 64),
    ("svm", {"out": "float"}, 128),
    ("limits", {"from": "float"}, 64),
    ("distances", {"from": "float", "point": "double", "to": "float"}, 64),
]
OLDER = list({variant[0]: variant for variant in VARIANTS}.values())  # one of each kernel
CASES = [(90, *variant) for variant in VARIANTS] + [(arch, *variant) for arch in (75, 80) for variant in OLDER]

INSIDE = ("rcp.approx.ftz.f64", "setp.eq.ftz.f32")
"""In the compiler's own division, root and logarithm of doubles, on parts of the number."""


def test_every_kernel_is_compiled_here() -> None:
    assert {path.stem for path in folders()[0].glob("*.cu")} == {stem for stem, _, _ in VARIANTS}


# A compiler needs none of what a sanitizer puts in front of Python.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@pytest.mark.parametrize(("arch", "stem", "defines", "budget"), CASES)
def test_it_compiles_without_warnings_spills_or_flushing(
    arch: int, stem: str, defines: dict[str, object], budget: int, tmp_path: Path
) -> None:
    source = tmp_path / f"{stem}.cu"
    source.write_text("#include <cstdint>\n" + text_of(stem))
    options = [f"-DSKLORT_{name.upper()}={value}" for name, value in defines.items()]
    # 177: a function of a header that this kernel does not use.
    strict = [
        "-Werror",
        "all-warnings",
        "-diag-suppress",
        "177",
        "-Xptxas",
        "-v",
        "--keep",
        "--keep-dir",
        str(tmp_path),
    ]
    command = [str(NVCC), "-std=c++17", "-ftz=true", "-fmad=false", f"-arch=sm_{arch}", "--cubin", *strict, *options]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "kernel.cubin"), str(source)],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    spills = re.findall(r"(\d+) bytes spill", done.stderr)
    registers = re.findall(r"Used (\d+) registers", done.stderr)
    assert spills and registers
    assert set(spills) == {"0"}, done.stderr
    assert max(map(int, registers)) <= budget, done.stderr
    flushing = {word for word in (tmp_path / f"{stem}.ptx").read_text().split() if ".ftz" in word}
    assert flushing <= set(INSIDE)
    if "setp.eq.ftz.f32" in flushing:
        assert stem in ("forest_scores", "transforms", "elementwise", "svm"), (
            "only a logarithm compares parts of a double as a float"
        )


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
def test_the_search_for_flushing_finds_it(tmp_path: Path) -> None:
    source = tmp_path / "plain.cu"
    source.write_text('extern "C" __global__ void plain(float* x) { x[0] = x[1] + x[2]; }')
    command = [str(NVCC), "-ftz=true", "-arch=sm_90", "--ptx", "-o", str(tmp_path / "plain.ptx"), str(source)]
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    assert "add.ftz.f32" in (tmp_path / "plain.ptx").read_text()
