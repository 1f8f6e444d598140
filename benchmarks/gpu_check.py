"""One command for a machine with a GPU: build, test, sanitize, measure, and print one table.

    python -m benchmarks.gpu_check [--out gpu_check.json] [--seconds 600]

Every stage has a deadline, and one that is late is left out and says so; at the end of the time what is known is
written, and the command ends in the middle of whatever it does. Times on the device are medians between CUDA events,
over inputs that take turns; a column of a rival that is not installed stays empty. Without a GPU it says why and ends.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu_models import FEATURES, fitted, measure, table
from benchmarks.gpu_timing import Clock, on_device, on_host, say, write

ROOT = Path(__file__).resolve().parents[1]
ROWS = (1, 64, 4096, 1_000_000)
BANDWIDTH_KERNEL = """
extern "C" __global__ void gather(const long long* table, unsigned mask, long long* to) {
  unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  long long sum = 0;
  for (int i = 0; i < 64; ++i) {
    at = at * 1664525u + 1013904223u;
    sum += table[(at >> 4) & mask];
  }
  to[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
"""


def ceilings(cupy: Any, megabytes: int = 256) -> dict[str, float]:
    """What the chip and its bus can do: bytes a second, gathers a second, seconds of a launch."""
    size = megabytes << 20
    a, b = cupy.empty(size, np.uint8), cupy.empty(size, np.uint8)
    found = {"copy on the device, B/s": 2 * size / on_device(cupy, lambda _: b.data.copy_from_device(a.data, size))}
    pageable = np.ones(size, np.uint8)
    found["pageable host to device, B/s"] = size / on_host(lambda: a.set(pageable))
    found["device to pageable host, B/s"] = size / on_host(lambda: a.get())
    pinned = np.frombuffer(cupy.cuda.alloc_pinned_memory(size), np.uint8, size)
    pinned[:] = 1
    found["pinned host to device, B/s"] = size / on_host(lambda: a.set(pinned))
    kernel = cupy.RawModule(code=BANDWIDTH_KERNEL).get_function("gather")
    threads = 1 << 18
    to = cupy.empty(threads, np.int64)
    for power in (20, 24, 26, 28):
        if (1 << power) > size:
            continue
        arguments = (cupy.zeros(1 << (power - 3), np.int64), np.uint32((1 << (power - 3)) - 1), to)
        took = on_device(cupy, partial(_launch, kernel, threads // 256, arguments))
        found[f"random 8 B from {1 << (power - 20)} MiB, 1/s"] = threads * 64 / took
    device = cupy.cuda.Device()

    def launch() -> None:
        kernel((1,), (32,), (to, np.uint32(0), to))
        device.synchronize()

    found["launch and wait, s"] = on_host(launch)
    return found


def _launch(kernel: Any, blocks: int, arguments: tuple[Any, ...], _: int) -> None:
    kernel((blocks,), (256,), arguments)


def build(seconds: float) -> bool:
    """Compile and install the checkout into the interpreter's environment, unless it is there."""
    if find_spec("sklort._native._core"):
        return True
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "--editable",
        str(ROOT),
    ]
    return _ran(command, seconds)


def _ran(command: list[str], seconds: float) -> bool:
    try:
        done = subprocess.run(
            command, cwd=ROOT, timeout=seconds, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        say(f"{' '.join(command[:4])}: {type(error).__name__}")
        return False
    return done.returncode == 0


def sanitize(seconds: float) -> dict[str, bool | None]:
    """memcheck and racecheck over a small model; None where the tool is not there."""
    tool = shutil.which("compute-sanitizer")
    found: dict[str, bool | None] = {}
    for check in ("memcheck", "racecheck"):
        command = [
            str(tool),
            "--tool",
            check,
            "--error-exitcode",
            "9",
            sys.executable,
            "-m",
            "benchmarks.gpu_check",
            "--tiny",
        ]
        found[check] = _ran(command, seconds / 2) if tool else None
    return found


def tiny() -> None:
    """A little of every kernel for forests and linear models, for the sanitizer to look at."""
    import sklort
    from sklort.conversion import convert_model

    X = np.random.default_rng(0).normal(size=(700, FEATURES)).astype(np.float32)
    for _, model, _ in fitted({"learn": 400, "trees": 5}):
        graph = convert_model(model, X[:8]).onnx_model.SerializeToString()
        for kernel in ("rows", "tile", "ranks", "leaves", "wide"):
            options = {"require": "1", "forest_kernel": kernel}
            session = sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", options)])
            session.run(None, {session.get_inputs()[0].name: X[:9] if kernel == "rows" else X})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--tiny", action="store_true", help="run a little of everything, for compute-sanitizer")
    given = parser.parse_args(arguments)
    clock = Clock(given.seconds)
    if not build(clock.stage("build", 240)):
        sys.exit("sklort cannot be built here: it needs a C++20 compiler, nanobind, scikit-build-core, cmake and ninja")
    from sklort.providers.cuda.device import Device, absent

    reason = absent()
    if reason:
        sys.exit(f"there is nothing to check: {reason}. Everything said of the GPU stays 'emulated only'")
    warnings.simplefilter("ignore")
    if given.tiny:
        tiny()
        return
    cupy = Device().cupy
    result: dict[str, Any] = {"gpu": Device().name, "cupy": str(cupy.__version__), "cores": os.cpu_count()}
    watch = clock.watch(result, given.out)
    say(f"{result['gpu']}, CuPy {result['cupy']}, {result['cores']} cores")
    if clock.stage("ceilings", 40):
        result["ceilings"] = ceilings(cupy)
        for name, value in result["ceilings"].items():
            say(f"{name:<34} {value:.3g}")
    seconds = clock.stage("pytest -m gpu", 120)
    if seconds:
        result["tests"] = _ran([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/cuda"], seconds)
    seconds = clock.stage("compute-sanitizer", 90)
    if seconds:
        result["sanitizer"] = sanitize(seconds)
        say(str(result["sanitizer"]))
    if clock.stage("models", 300) and "ceilings" in result:
        result["lines"] = []
        say(table(measure(cupy, result["ceilings"], {"learn": 100_000, "trees": 100}, ROWS, clock, result["lines"])))
        for line in result["lines"]:
            for kernel, took in line.kernels.items():
                say(f"{line.model}, {line.rows:,} rows, {kernel}: {took * 1e6:,.1f} us")
    watch.cancel()
    write(result, given.out)
    say(f"written: {given.out}; tests {result.get('tests')}, sanitizer {result.get('sanitizer')}")


if __name__ == "__main__":
    main()
