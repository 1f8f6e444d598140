"""Our own kernels with a fault planted in them: ``python -m tests.cuda.mutants NAME`` exits with 0 when nobody notices.

A process of its own, since a fault may well end in a crash.
"""

from __future__ import annotations

import sys

import numpy as np

from sklort.providers.cuda import device as device_module
from sklort.providers.cuda import source
from tests.cuda import emulated_cupy, programs
from tests.ops.forests import attributes_v3, judged_sums
from tests.ops.test_forest_engines import forest

BARRIER = "    wait_copies<1>();\n    __syncthreads();\n"
MUTANTS: dict[str, tuple[str, str, str, str]] = {
    # name: kernel, forest kernel asked for, what it says, what it says instead
    "none": ("forest_tile", "tile", BARRIER, BARRIER),
    "missing barrier behind the stage": ("forest_tile", "tile", BARRIER, "    wait_copies<1>();\n"),
    "copies that nobody waits for": ("forest_tile", "tile", BARRIER, "    __syncthreads();\n"),
    "missing barrier between leaves and sums": (
        "forest_rows",
        "rows",
        "    __syncthreads();\n    for (std::int64_t target",
        "    for (std::int64_t target",
    ),
    "off by one in a row of the tile": (
        "forest_tile",
        "tile",
        "keys[(1 + from + i) * tile + j * block + thread]",
        "keys[(1 + from + i) * tile + j * block + thread + 1]",
    ),
    "a code that counts equal thresholds": (
        "forest_codes",
        "ranks",
        "__ldg(thresholds + middle) < key",
        "__ldg(thresholds + middle) <= key",
    ),
    "a leaf's entry from the tree before": (
        "forest_tile",
        "ranks",
        "entries + forest.tree_node[tree]",
        "entries + forest.tree_node[tree > 0 ? tree - 1 : 0]",
    ),
    "off by one in the number of trees": (
        "forest_tile",
        "tile",
        "tree < forest.group_tree[group + 1]",
        "tree < forest.group_tree[group + 1] - 1",
    ),
    "rows behind the last one": (
        "forest_tile",
        "tile",
        "if (row >= count) continue;",
        "if (row > count + 7) continue;",
    ),
    "shared memory behind its end": (
        "forest_rows",
        "rows",
        "keys[1 + column] =",
        "keys[1 + columns + column] =",
    ),
    "a barrier for some": (
        "forest_rows",
        "rows",
        "  __syncthreads();\n  for",
        "  if (thread < 40) __syncthreads();\n  for",
    ),
    "a lane that leaves early": (
        "forest_tile",
        "tile",
        "      __syncwarp();\n      for",
        "      if (lane != 5) __syncwarp();\n      for",
    ),
}


def survives(name: str) -> bool:
    stem, kernel, said, instead = MUTANTS[name]
    whole = source.text_of(stem)
    assert whole.count(said) == 1, "the kernel does not say that any more"
    mutated = whole.replace(said, instead)
    device_module.text_of = lambda asked: mutated if asked == stem else source.text_of(asked)
    sys.modules["cupy"] = emulated_cupy
    programs.options = {"forest_kernel": kernel}
    trees, rows = forest(depth=5, trees=120)
    rows = rows[:293]
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    want = judged_sums(trees, rows, 2).astype(np.float32)
    for order in (0, 1):
        emulated_cupy.order = order
        compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
        try:
            found = compiled.run([rows])[0]
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            return False
        if not np.array_equal(found, want):
            sys.stderr.write("wrong sums\n")
            return False
    return True


if __name__ == "__main__":
    sys.exit(0 if survives(sys.argv[1]) else 3)
