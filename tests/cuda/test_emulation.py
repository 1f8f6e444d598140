"""The tests' own test: what the emulation is trusted to see, it is shown to see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cuda import emulated_cupy
from tests.cuda.mutants import MUTANTS

HEAD = 'extern "C" __global__ void kernel('
BODY = """{
  SKLORT_SHARED(memory);
  auto* shared = reinterpret_cast<float*>(memory);
  const int t = static_cast<int>(threadIdx.x);
"""


@pytest.fixture
def run(cupy: Any) -> Any:
    """Runs a kernel on a vector of floats and one for the answer; both orders must agree."""

    def runs(body: str, count: int = 64, shared: int = 256, grid: int = 1) -> np.ndarray:
        code = f"{HEAD}const float* x, float* y, std::int64_t n) {BODY} (void)shared, (void)t, (void)n, (void)x, (void)y; {body} }}"
        kernel = cupy.RawModule(code=code).get_function("kernel")
        answers = []
        for order in (0, 1):
            cupy.order = order
            x, y = cupy.asarray(np.arange(count, dtype=np.float32)), cupy.zeros(count, np.float32)
            kernel((grid,), (64,), (x, y, np.int64(count)), shared_mem=shared)
            answers.append(y.get())
        assert np.array_equal(*answers), "the answer depends on the order of the threads"
        return answers[0]

    return runs


def test_threads_blocks_and_barriers(run: Any) -> None:
    assert run("shared[t] = x[t]; __syncthreads(); y[t] = shared[63 - t];").tolist() == list(range(63, -1, -1))
    body = "const std::int64_t i = blockIdx.x * blockDim.x + t; y[i] = x[i] + 1;"
    assert run(body, count=192, grid=3).tolist() == list(range(1, 193))


def test_a_missing_barrier_is_seen(run: Any) -> None:
    with pytest.raises(AssertionError, match="depends on the order"):
        run("shared[t] = x[t]; y[t] = shared[63 - t];")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("if (t < 7) __syncthreads(); y[t] = x[t];", "reached by a part of the block"),
        ("if (t < 7) return; __syncthreads(); y[t] = x[t];", "reached by a part of the block"),
        ("if (t < 7) {\n __syncthreads();\n } else {\n __syncthreads();\n }", "at different barriers"),
        ("if (t == 3) return; __syncwarp(); y[t] = x[t];", "waits for a lane that is gone"),
        ("if (t != 3) { __syncwarp(); } else { __syncthreads(); }", "wait for one another"),
        ("y[t] = __any_sync(7, t == 1);", "whose mask leaves it out"),
        ("shared[t + 1] = x[t];", "behind its shared memory"),
        ("y[t + 1] = x[t];", "behind the end of an array"),
        ("sklort::cuda::copy_async(memory + 4, x);", "not a multiple of 16"),
    ],
)
def test_faults_are_named(run: Any, body: str, words: str) -> None:
    if "behind" in words and emulated_cupy.sanitized():
        pytest.skip("the sanitizer ends the process, as the planted faults below show")
    with pytest.raises(RuntimeError, match=words):
        run(body)


def test_copies_arrive_when_they_are_waited_for(run: Any) -> None:
    copy = "if (t < 16) sklort::cuda::copy_async(memory + 16 * t, x + 4 * t); sklort::cuda::close_copies();"
    assert run(f"{copy} sklort::cuda::wait_copies<0>(); __syncthreads(); y[t] = shared[t];").tolist() == list(range(64))
    late = run(f"{copy} sklort::cuda::wait_copies<1>(); __syncthreads(); y[t] = shared[t];")
    assert not (late == np.arange(64)).any(), "copies of the latest group may still be on their way"


def test_a_vote_of_a_warp(run: Any) -> None:
    assert run("y[t] = __any_sync(0xFFFFFFFF, x[t] == 40);").tolist() == [0.0] * 32 + [1.0] * 32


def test_arguments_must_have_the_sizes_of_the_parameters(cupy: Any) -> None:
    kernel = cupy.RawModule(code=f"{HEAD}std::int64_t n, float* y) {{ y[0] = static_cast<float>(n); }}").get_function(
        "kernel"
    )
    y = cupy.zeros(1, np.float32)
    with pytest.raises(RuntimeError, match="do not fit"):
        kernel((1,), (1,), (np.int32(3), y))
    with pytest.raises(TypeError, match="is int, not an array or a NumPy scalar"):
        kernel((1,), (1,), (3, y))
    with pytest.raises(RuntimeError, match="bytes of shared memory"):
        kernel((1,), (1,), (np.int64(3), y), shared_mem=50000)
    kernel((1,), (1,), (np.int64(3), y))
    assert y.get().tolist() == [3.0]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_planted_in_a_kernel_is_noticed(name: str, root: Path) -> None:
    command = [sys.executable, "-m", "tests.cuda.mutants", name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    # A wrong answer or an error, a crash, or the sanitizer's word.
    noticed = (
        done.returncode == 3 or done.returncode < 0 or "Sanitizer: " in done.stderr or "runtime error" in done.stderr
    )
    assert (done.returncode == 0) if name == "none" else noticed, done.stderr
