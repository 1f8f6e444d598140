"""Every test of the CPU's trees, over the CUDA sources; and every kernel that takes a forest against the judge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda import programs
from tests.ops import test_forest_engines as engines
from tests.ops import test_tree_ensemble as cases
from tests.ops.forests import attributes_v3, judged_sums

CPU_ONLY = {
    "test_sums_do_not_depend_on_the_batch_the_threads_or_the_instruction_set": "instruction sets: its forests are below",
}


@pytest.fixture
def on_cuda(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "program", programs.forest_program)
    monkeypatch.setattr(programs, "options", {})
    del programs.on_the_cpu[:]


def _taken_over() -> dict[str, Any]:
    names = [name for name in vars(cases) if name.startswith("test_") and name not in CPU_ONLY]
    return {name: getattr(cases, name) for name in names}


globals().update(_taken_over())
pytestmark = pytest.mark.usefixtures("on_cuda")

KERNELS = ("auto", "rows", "tile", "ranks", "leaves", "wide")


def forced(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "options", {"forest_kernel": kernel})


def coded(attributes: dict[str, Any], dtype: str) -> bool:
    """Whether a forest fits the bits of four bytes, and its leaves the registers."""
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, dtype)
    (forest,) = compiled._runner.forests
    form = forest._form(dtype == "float64").form
    return form.ranks is not None and form.width <= 8


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", engines.FORESTS)
def test_every_kernel_gives_the_sums_of_the_judge(
    name: str, dtype: str, order: str, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = engines.FORESTS[name][1]
    attributes, rows, want = engines.judged(name, dtype)
    ran = set()
    for kernel in KERNELS:
        forced(kernel, monkeypatch)
        compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, dtype)
        counts = (1, 300, 700) if kernel == "auto" else (1, 7) if kernel == "rows" else (1, 257)
        for count in counts:
            np.testing.assert_array_equal(compiled.run([rows[:count]])[0], want[:count], err_msg=kernel)
        ran |= set(cupy.launches)
    assert not programs.on_the_cpu
    if claims == {engines.GENERAL}:
        assert ran == {"forest_general", "forest_scores"}
    else:
        assert {"forest_rows", "forest_tile", "forest_wide", "forest_scores"} < ran
        assert ran & {"forest_gather_one", "forest_gather_all"}
        assert ("forest_codes" in ran) == coded(attributes, dtype)


def test_the_bits_of_a_row_do_not_depend_on_the_batch(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the borders of tiles, kernels and pieces; TreeEnsemble answers in double."""
    trees, rows = cases.forest(6, trees=40, depth=6)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    want = compiled.run([rows])[0]
    np.testing.assert_array_equal(want[:60], judged_sums(trees, rows[:60], 2).astype(np.float32))
    for count in (1, 2, 255, 256, 257, 511, 512, 513, 1024, 1025, 2048, 2049):
        np.testing.assert_array_equal(compiled.run([rows[-count:]])[0], want[-count:])
    monkeypatch.setattr("sklort.providers.cuda.forest_form._LEAVES_BYTES", 1)
    forced("leaves", monkeypatch)
    monkeypatch.setattr("sklort.providers.cuda.forest_form._piece", lambda form: 300)
    pieces = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    np.testing.assert_array_equal(pieces.run([rows])[0], want)


@pytest.mark.parametrize("kernel", ["tile", "ranks", "leaves", "wide"])
@pytest.mark.parametrize("layout", ["by columns", "every second row and column", "turned round"])
def test_rows_are_read_where_they_lie(kernel: str, layout: str, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trees, rows = engines.forest(depth=5, trees=20)
    rows = rows[:300]
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    forced(kernel, monkeypatch)
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    want = judged_sums(trees, rows, 2).astype(np.float32)
    if layout == "by columns":
        given = cupy.asarray(rows.T.copy()).T
    elif layout == "turned round":
        given = cupy.asarray(rows[::-1].copy())[::-1]
    else:
        wide = np.full((600, 12), 5e30, np.float32)
        wide[::2, ::2] = rows
        given = cupy.asarray(wide)[::2, ::2]
    (found,) = compiled.run([given])
    assert isinstance(found, cupy.ndarray), "what comes on the device leaves on the device"
    np.testing.assert_array_equal(found.get(), want)


def test_a_tree_that_is_larger_than_the_stage(order: str, monkeypatch: pytest.MonkeyPatch, cupy: Any) -> None:
    """Its upper levels come from the stage, the others from global memory, and small trees share groups beside it."""
    rng = np.random.default_rng(0)
    small, rows = engines.forest(depth=3, trees=5)
    large, _ = engines.forest(depth=13, trees=2)
    trees = [small[0], large[0], *small[1:4], large[1], small[4]]
    rows = rng.permutation(rows)[:300]
    for targets, double in ((2, True), (2, False)):
        attributes = attributes_v3(trees, prefix="target", double=double) | {"n_targets": targets}
        if not double:
            attributes |= {
                "nodes_values_as_tensor": attributes_v3(trees, prefix="target", double=True)["nodes_values_as_tensor"]
            }
            attributes.pop("nodes_values")
            attributes["target_weights"] = np.round(attributes["target_weights"])
        results = []
        for kernel in ("rows", "tile", "leaves"):
            forced(kernel, monkeypatch)
            compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
            results.append(compiled.run([rows])[0])
        if double:
            np.testing.assert_array_equal(results[0], judged_sums(trees, rows, targets).astype(np.float32))
        np.testing.assert_array_equal(results[1], results[0])
        np.testing.assert_array_equal(results[2], results[0])


def test_many_classes(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trees, rows = engines.forest(depth=5, trees=30, targets=40)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 40}
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums(trees, rows, 40).astype(np.float32))
    assert "forest_gather_all" in cupy.launches


def test_few_multiprocessors_and_little_shared_memory(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older chip: 64 KiB a block; and one with many multiprocessors, which share out the trees of a tile."""
    trees, rows = engines.forest(depth=6, trees=200, features=100, distinct=300)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    want = judged_sums(trees, rows[:400], 2).astype(np.float32)
    older = {
        "MultiProcessorCount": 40,
        "MaxSharedMemoryPerBlockOptin": 65536,
        "MaxSharedMemoryPerMultiprocessor": 65536,
    }
    newer = {"MultiProcessorCount": 132}
    for changes in (older, newer):
        monkeypatch.setattr(cupy, "attributes", cupy.attributes | changes)
        for dtype in ("float32", "float64"):
            compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, dtype)
            np.testing.assert_array_equal(compiled.run([rows[:400].astype(dtype)])[0], want)
            np.testing.assert_array_equal(compiled.run([rows[:3].astype(dtype)])[0], want[:3])
        assert "shared out among" in compiled.explain()[0]
