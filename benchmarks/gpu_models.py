"""The models of the check on a GPU, who else computes them, and the table of what they took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.gpu_timing import Clock, Line, on_device, on_host, say

FEATURES = 30
BUFFERS = 4
CYCLES_A_STEP = 4.0
"""Of a warp for one level of a tree in shared memory: about three passes for the nodes and one for the keys."""
SVM_ROWS = 4096
"""More take scikit-learn minutes."""


def fitted(sizes: dict[str, int]) -> Iterator[tuple[str, Any, bool]]:
    """Name, model, and whether it is a forest."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

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
    yield "SVC rbf", SVC().fit(X[:2000], (y > 0)[:2000]), False


def ceiling_of(session: Any, limits: dict[str, float], forest: bool, device: Any) -> float:
    """Rows a second: of a forest from the steps that its warps take, of others from the bytes they read and write."""
    runner = session.compiled()
    work = sum(getattr(operation, "work", 0) for _, operation in getattr(runner, "_steps", ()))
    if work:  # support vectors: products and sums in double, one a clock and lane
        return int(device.attributes["MultiProcessorCount"]) * float(device.attributes["ClockRate"]) * 1e3 * 64 / work
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
    cupy: Any,
    limits: dict[str, float],
    sizes: dict[str, int],
    rows: tuple[int, ...],
    clock: Clock,
    lines: list[Line],
) -> list[Line]:
    """The matrix of models, rows and backends, put into `lines`."""
    import sklort
    from sklort.conversion import convert_model

    rng = np.random.default_rng(1)
    for name, model, forest in fitted(sizes):
        graph = convert_model(model, rng.normal(size=(64, FEATURES)).astype(np.float32)).onnx_model.SerializeToString()
        providers = [("CUDAExecutionProvider", {"require": "1"})]  # never the CPU without a word
        session = sklort.InferenceSession(graph, providers=providers)
        ceiling = ceiling_of(session, limits, forest, cupy.cuda.Device())
        for count in rows:
            if name.startswith("SVC") and count > SVM_ROWS:
                continue
            if clock.left < 10:
                say(f"{name}: {count} rows and more are left out, no time is left")
                break
            inputs = [rng.normal(size=(count, FEATURES)).astype(np.float32) for _ in range(BUFFERS)]
            line = Line(name, count, ceiling=ceiling)
            fill(line, cupy, session, model, graph, inputs)
            if forest and count == rows[-1] and name.endswith(("d10", "d6")):
                line.kernels = kernels(cupy, graph, inputs)
            if forest and line.error:
                say(f"{name}, {count} rows: the sums differ from the CPU's by up to {line.error:.2e}")
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
    line.seconds["bound"] = on_host(bound(cupy, session, feed, inputs[0]), seconds=1.0)
    if line.rows <= 4096:
        line.seconds["graph"] = on_host(graphed(cupy, graph, feed, there[0]), seconds=1.0)
    for name, make in rivals(model, graph, inputs[0]).items():
        try:
            run = make()
            line.seconds[name] = on_host(run, seconds=1.0)
        except Exception as error:  # noqa: BLE001  somebody else's library
            say(f"{line.model}: {name} cannot be measured: {type(error).__name__}: {error}")
            continue
        if name == "our CPU":
            line.error = _largest_error(from_the_host(), run())


def bound(cupy: Any, session: Any, feed: str, rows: Any) -> Callable[[], object]:
    """From the device to the device through an IOBinding, and waited for."""
    import sklort

    binding = session.io_binding()
    binding.bind_ortvalue_input(feed, sklort.OrtValue.ortvalue_from_numpy(rows, "cuda", 0))
    for each in session.get_outputs():
        if each.type != "tensor(string)":
            binding.bind_output(each.name, "cuda")

    def run() -> None:
        session.run_with_iobinding(binding)
        cupy.cuda.get_current_stream().synchronize()

    return run


def graphed(cupy: Any, graph: bytes, feed: str, rows: Any) -> Callable[[], object]:
    """From the device to the device with CUDA graphs, and waited for."""
    import sklort

    options = {"require": "1", "enable_cuda_graph": "1"}
    session = sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", options)])

    def run() -> None:
        session.run(None, {feed: rows})
        cupy.cuda.get_current_stream().synchronize()

    for _ in range(4):
        run()
    return run


def kernels(cupy: Any, graph: bytes, inputs: list[Any]) -> dict[str, float]:
    """Seconds on the device by kernel for forests, of float and of double: what `launch_for` should be set by."""
    import sklort

    found = {}
    for kernel in ("tile", "ranks", "leaves"):
        options = {"require": "1", "forest_kernel": kernel}
        runner = sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", options)]).compiled()
        for dtype in (np.float32, np.float64):
            there = cupy.asarray(inputs[0].astype(dtype))
            found[f"{kernel}, {np.dtype(dtype)}"] = on_device(cupy, _repeated(runner, there), rounds=4)
    return found


def _repeated(runner: Any, rows: Any) -> Callable[[int], object]:
    return lambda _: runner.run([rows])


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


_OURS = ("host", "bound", "graph")


def table(lines: list[Line]) -> str:
    """Model, rows, time, rows a second, share of the ceiling, ratios, error."""
    others = sorted({name for line in lines for name in line.seconds} - {"device", "host", "bound", "graph"})
    head = [
        "model",
        "rows",
        "device",
        "rows/s",
        "of ceiling",
        "host to host",
        "bound",
        "graph",
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
                *(f"{line.seconds[name] * 1e6:,.1f} us" if name in line.seconds else "" for name in _OURS),
                *ratios,
                f"{line.error:.1e}",
            ]
        )
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [head, *body])
