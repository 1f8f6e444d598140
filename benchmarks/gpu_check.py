"""One command for a machine with a GPU: build, test, sanitize, measure, and print one table.

    python -m benchmarks.gpu_check [--out gpu_check.json] [--seconds 600]

Every stage has a deadline, and one that is late is left out and says so. Times on the device are medians between CUDA
events, over inputs that take turns; a column of a rival that is not installed stays empty. Without a GPU it says why
and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FEATURES = 30
ROWS = (1, 64, 4096, 1_000_000)
ROUNDS = 12
BUFFERS = 4
CYCLES_A_STEP = 4.0
"""Of a warp for one level of a tree in shared memory: about three passes for the nodes and one for the keys."""
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


@dataclass
class Line:
    """A model on so many rows: seconds by backend, and how far the answers are apart."""

    model: str
    rows: int
    seconds: dict[str, float] = field(default_factory=dict)
    ceiling: float = 0.0
    """Rows a second that the chip allows, by arithmetic."""
    error: float = 0.0


class Clock:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self._end = perf_counter() + seconds

    @property
    def left(self) -> float:
        return self._end - perf_counter()

    def stage(self, name: str, seconds: float) -> float:
        """Seconds that a stage may take; 0 when it is to be left out."""
        granted = min(seconds, self.left)
        _say(f"== {name}" + (f" (at most {granted:.0f} s)" if granted > 5 else ": left out, no time is left"))
        return granted if granted > 5 else 0.0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _median(values: list[float]) -> float:
    return statistics.median(values)


def on_device(cupy: Any, run: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Median seconds of `run(i)`, between events."""
    for i in range(3):
        run(i)
    times = []
    for i in range(rounds):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        run(i)
        stop.record()
        stop.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, stop) / 1e3)
    return _median(times)


def on_host(run: Callable[[], object], seconds: float = 2.0) -> float:
    """Median seconds of `run()` on the host's clock."""
    run()
    times: list[float] = []
    begin = perf_counter()
    while len(times) < 3 or (len(times) < ROUNDS and perf_counter() - begin < seconds):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return _median(times)


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


def fitted(sizes: dict[str, int]) -> Iterator[tuple[str, Any, bool]]:
    """Name, model, and whether it is a forest."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    X = rng.normal(size=(sizes["learn"], FEATURES)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + 0.1 * rng.normal(size=len(X))
    classes = np.digitize(y, np.quantile(y, np.linspace(0.1, 0.9, 9)))
    trees = sizes["trees"]
    everywhere: dict[str, Any] = {"n_estimators": trees, "n_jobs": -1, "random_state": 0}
    yield f"RF {trees} x d10", RandomForestRegressor(max_depth=10, **everywhere).fit(X, y), True
    yield f"RF {trees} x d16", RandomForestRegressor(max_depth=16, **everywhere).fit(X, y), True
    yield f"RF {trees} full", RandomForestRegressor(**everywhere).fit(X, y), True
    yield f"RF {trees} x d10, 10 classes", RandomForestClassifier(max_depth=10, **everywhere).fit(X, classes), True
    boosting = GradientBoostingRegressor(n_estimators=trees, max_depth=6, subsample=0.2, random_state=0)
    yield f"GB {trees} x d6", boosting.fit(X, y), True
    yield "LogReg 2 classes", LogisticRegression(max_iter=300).fit(X, y > 0), False
    scaled = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    yield "scaled LogReg, 10 classes", scaled.fit(X, classes), False


def ceiling_of(session: Any, limits: dict[str, float], forest: bool, device: Any) -> float:
    """Rows a second: of a forest from the steps that its warps take, of others from the bytes they read and write."""
    if not forest:
        return limits["copy on the device, B/s"] / (FEATURES * 4 + 16)
    steps = 0
    for each in forests(session):
        steps += each.levels
    clock = float(device.attributes["ClockRate"]) * 1e3
    return int(device.attributes["MultiProcessorCount"]) * clock * 32 / (max(steps, 1) * CYCLES_A_STEP)


def forests(session: Any) -> list[Any]:
    """The forests that a session holds on the device."""
    from sklort.providers.cuda.runner import CudaRunner

    runner = session.compiled()
    runners = [runner] if isinstance(runner, CudaRunner) else [leg for _, leg in getattr(runner, "_legs", ())]
    return [forest for each in runners if isinstance(each, CudaRunner) for forest in each.forests]


def rivals(model: Any, graph: bytes, X: Any) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Who else computes this model here, each made when it is asked for: with host arrays, as its users would."""
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"

    def our_cpu() -> Callable[[], Any]:
        import sklort

        here = sklort.InferenceSession(graph)
        return lambda: here.run(None, {here.get_inputs()[0].name: X})

    def peer() -> Callable[[], Any]:
        import onnxruntime

        there = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        return lambda: there.run(None, {there.get_inputs()[0].name: X})

    def hummingbird() -> Callable[[], Any]:
        torch_model = import_module("hummingbird.ml").convert(model, "torch", X[:2], device="cuda")
        return lambda: getattr(torch_model, method)(X)

    def nvforest() -> Callable[[], Any]:
        loaded = import_module("nvforest").load_from_sklearn(model, device="gpu", precision="single")
        forest = loaded.optimize(batch_size=len(X))
        return lambda: forest.predict(X)

    found: dict[str, Callable[[], Callable[[], Any]]] = {
        "scikit-learn": lambda: lambda: getattr(model, method)(X),
        "our CPU": our_cpu,
    }
    if find_spec("onnxruntime"):
        found["onnxruntime CPU"] = peer
    if find_spec("hummingbird"):
        found["Hummingbird"] = hummingbird
    if find_spec("nvforest") and hasattr(model, "estimators_"):
        found["nvForest"] = nvforest
    return found


def measure(
    cupy: Any, limits: dict[str, float], sizes: dict[str, int], rows: tuple[int, ...], clock: Clock
) -> list[Line]:
    """The matrix of models, rows and backends."""
    import sklort
    from sklort.conversion import convert_model

    lines = []
    rng = np.random.default_rng(1)
    for name, model, forest in fitted(sizes):
        graph = convert_model(model, rng.normal(size=(64, FEATURES)).astype(np.float32)).onnx_model.SerializeToString()
        providers = [("CUDAExecutionProvider", {"require": "1"})]  # never the CPU without a word
        session = sklort.InferenceSession(graph, providers=providers)
        ceiling = ceiling_of(session, limits, forest, cupy.cuda.Device())
        for count in rows:
            if clock.left < 10:
                _say(f"{name}: {count} rows and more are left out, no time is left")
                break
            inputs = [rng.normal(size=(count, FEATURES)).astype(np.float32) for _ in range(BUFFERS)]
            line = Line(name, count, ceiling=ceiling)
            fill(line, cupy, session, model, graph, inputs)
            if forest and line.error:
                _say(f"{name}, {count} rows: the sums differ from the CPU's by up to {line.error:.2e}")
            lines.append(line)
    return lines


def fill(line: Line, cupy: Any, session: Any, model: Any, graph: bytes, inputs: list[Any]) -> None:
    """Every backend on the same rows."""
    runner, feed = session.compiled(), session.get_inputs()[0].name
    there = [cupy.asarray(each) for each in inputs]

    def from_the_device(i: int) -> object:
        return runner.run([there[i % BUFFERS]])

    def from_the_host() -> Any:
        return session.run(None, {feed: inputs[0]})

    line.seconds["device"] = on_device(cupy, from_the_device)
    line.seconds["host"] = on_host(from_the_host)
    for name, make in rivals(model, graph, inputs[0]).items():
        try:
            run = make()
            line.seconds[name] = on_host(run, seconds=1.0)
        except Exception as error:  # noqa: BLE001  somebody else's library
            _say(f"{line.model}: {name} cannot be measured: {type(error).__name__}: {error}")
            continue
        if name == "our CPU":
            line.error = _largest_error(from_the_host(), run())


def _largest_error(ours: list[Any], theirs: list[Any]) -> float:
    """The largest difference of numbers; infinite where labels differ."""
    most = 0.0
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype.kind == "f":
            most = max(most, float(np.abs(a.astype(float) - b).max(initial=0.0)))
        elif not np.array_equal(a, b):
            return float("inf")
    return most


def table(lines: list[Line]) -> str:
    """Model, rows, time, rows a second, share of the ceiling, ratios, error."""
    others = sorted({name for line in lines for name in line.seconds} - {"device", "host"})
    head = [
        "model",
        "rows",
        "device",
        "rows/s",
        "of ceiling",
        "host to host",
        *(f"x {name}" for name in others),
        "error",
    ]
    body = []
    for line in lines:
        took = line.seconds["device"]
        ratios = [f"{line.seconds[name] / line.seconds['host']:.1f}" if name in line.seconds else "" for name in others]
        share = f"{100 * line.rows / took / line.ceiling:.0f} %" if line.ceiling else ""
        body.append(
            [
                line.model,
                f"{line.rows:,}",
                f"{took * 1e6:,.1f} us",
                f"{line.rows / took:,.0f}",
                share,
                f"{line.seconds['host'] * 1e6:,.1f} us",
                *ratios,
                f"{line.error:.1e}",
            ]
        )
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [head, *body])


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
        _say(f"{' '.join(command[:4])}: {type(error).__name__}")
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
        for kernel in ("rows", "tile", "leaves", "wide"):
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
    _say(f"{result['gpu']}, CuPy {result['cupy']}, {result['cores']} cores")
    if clock.stage("ceilings", 40):
        result["ceilings"] = ceilings(cupy)
        for name, value in result["ceilings"].items():
            _say(f"{name:<34} {value:.3g}")
    seconds = clock.stage("pytest -m gpu", 120)
    if seconds:
        result["tests"] = _ran([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/cuda"], seconds)
    seconds = clock.stage("compute-sanitizer", 90)
    if seconds:
        result["sanitizer"] = sanitize(seconds)
        _say(str(result["sanitizer"]))
    if clock.stage("models", 300) and "ceilings" in result:
        lines = measure(cupy, result["ceilings"], {"learn": 100_000, "trees": 100}, ROWS, clock)
        result["lines"] = [asdict(line) for line in lines]
        _say(table(lines))
    given.out.write_text(json.dumps(result, indent=1))
    _say(f"written: {given.out}; tests {result.get('tests')}, sanitizer {result.get('sanitizer')}")


if __name__ == "__main__":
    main()
