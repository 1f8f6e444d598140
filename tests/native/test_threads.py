"""The pool of threads: its size, its survival of a fork, and programs that several threads run at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from sklort._native import _core
from tests.ops.forests import attributes_v3, judged_sums, program, random_tree


def forest_program() -> tuple[_core.Program, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    thresholds = rng.normal(size=30)
    trees = [random_tree(rng, features=6, targets=2, depth=8, thresholds=thresholds) for _ in range(40)]
    rows = rng.normal(size=(3000, 6)).astype(np.float32)
    compiled = program(
        "TreeEnsembleRegressor", 3, attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}, "float32"
    )
    want = compiled.run([rows])[0]
    np.testing.assert_array_equal(want[:20], judged_sums(trees, rows[:20], 2).astype(np.float32))
    return compiled, rows, want


def limit_in_new_process(**environment: str) -> int:
    clean = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "SKLORT_NUM_THREADS")}
    code = "from sklort._native import _core; print(_core.thread_limit())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_limit_follows_the_environment() -> None:
    assert limit_in_new_process(SKLORT_NUM_THREADS="7", OMP_NUM_THREADS="1") == 7
    assert limit_in_new_process(OMP_NUM_THREADS="1") == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_limit_follows_the_affinity() -> None:
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        assert limit_in_new_process() == 1
    finally:
        os.sched_setaffinity(0, cpus)


def test_many_threads_on_one_program_give_the_serial_bits() -> None:
    compiled, rows, want = forest_program()
    _core.set_thread_limit(3)
    wrong: list[int] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            first = int(rng.integers(0, 2900))
            last = int(rng.integers(first + 1, 3001))
            if not np.array_equal(compiled.run([rows[first:last]])[0], want[first:last]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        _core.set_thread_limit(0)
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_pool_of_its_own() -> None:
    compiled, rows, want = forest_program()
    _core.set_thread_limit(3)
    try:
        compiled.run([rows])  # the parent's workers run
        child = os.fork()
        if child == 0:
            right = all(np.array_equal(compiled.run([rows])[0], want) for _ in range(5))
            os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        np.testing.assert_array_equal(compiled.run([rows])[0], want)
    finally:
        _core.set_thread_limit(0)
