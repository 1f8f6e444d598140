"""The same kernels on a GPU: `pytest -m gpu`. Skipped where there is none, whatever is said elsewhere."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import sklort
from sklort.conversion import convert_model
from sklort.providers.cuda.device import absent
from tests.cuda import programs, test_bindings, test_devices, test_streams
from tests.cuda.test_forests import KERNELS
from tests.cuda.test_operators import SAMPLES
from tests.ops import test_forest_engines as engines
from tests.ops import test_linear_model as linear
from tests.ops import test_tree_ensemble as cases
from tests.ops.forests import attributes_v3, judged_sums
from tests.ops.one_node import program as one_node_program

REASON = absent()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(REASON is not None, reason=str(REASON))]
MANY = int(os.environ.get("SKLORT_GPU_ROWS", "1000000"))


TAKEN_OVER = {
    test_devices: (
        "test_answers_of_the_device_are_scikit_learns",
        "test_what_scikit_learn_refuses_is_refused_there",
        "test_a_score_and_a_frame_are_made_on_the_host",
        "test_several_outputs_and_columns_left_out",
        "test_a_cpu_estimator_says_how_to_take_rows_of_a_gpu",
        "test_leaves_on_the_device",
    ),
    test_bindings: ("test_memory_at_an_address", "test_outputs_lie_where_they_are_bound", "test_a_session_of_the_cpu"),
    test_streams: (
        "test_two_callers_at_once",
        "test_a_run_in_chunks_is_ended",
        "test_weights_are_there_for_every_stream",
        "test_graphs_on_several_streams",
        "test_the_oldest_graph_goes",
    ),
}
"""Tests of the provider's surface that know nothing of the stand-in."""
FIXTURES = {test_bindings: ("graph", "session", "want"), test_streams: ("graphs_of", "small_chunks")}
globals().update({name: getattr(module, name) for module, names in FIXTURES.items() for name in names})
globals().update({name: getattr(module, name) for module, names in TAKEN_OVER.items() for name in names})


@pytest.fixture
def cupy() -> Any:
    import cupy

    return cupy


@pytest.fixture(autouse=True)
def nothing_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(programs, "options", {"require": True})
    del programs.on_the_cpu[:]
    yield
    assert programs.on_the_cpu == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", engines.FORESTS)
def test_every_kernel_gives_the_sums_of_the_judge(name: str, dtype: str) -> None:
    attributes, rows, want = engines.judged(name, dtype)
    for kernel in KERNELS:
        programs.options["forest_kernel"] = kernel
        compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, dtype)
        for count in (1, 7, 31, 257, 700, 904):
            np.testing.assert_array_equal(compiled.run([rows[:count]])[0], want[:count], err_msg=f"{kernel}, {count}")


@pytest.mark.parametrize("seed", range(6))
def test_denormals_infinities_nan_and_ties(seed: int) -> None:
    """What flushing small numbers to zero would send to another leaf."""
    rng = np.random.default_rng(seed)
    thresholds = cases.thresholds_of(rng, special=True, float32=False)
    modes = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")
    trees = [
        cases.random_tree(rng, features=5, targets=3, depth=6, modes=modes, thresholds=thresholds) for _ in range(20)
    ]
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 3}
    for kind in (np.float32, np.float64):
        rows = cases.edge_rows(rng, thresholds, 5, kind, 2000)
        compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, np.dtype(kind).name)
        np.testing.assert_array_equal(compiled.run([rows])[0], judged_sums(trees, rows, 3).astype(np.float32))


def test_a_million_rows_have_the_bits_of_the_cpu_in_any_batch() -> None:
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(MANY, 30)).astype(np.float32)
    y = X[:20_000, 0] * X[:20_000, 1] + X[:20_000, 2]
    model = RandomForestRegressor(100, max_depth=10, n_jobs=-1, random_state=0).fit(X[:20_000], y)
    graph = convert_model(model, X[:5]).onnx_model
    there = sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", {"require": "1"})])
    want = sklort.InferenceSession(graph).run(None, {"X": X})[0]
    for _ in range(2):
        np.testing.assert_array_equal(there.run(None, {"X": X})[0], want)
    for count in (1, 255, 1025, 70_001):
        np.testing.assert_array_equal(there.run(None, {"X": X[-count:]})[0], want[-count:])


@pytest.mark.parametrize(("domain", "op_type", "inputs", "constants", "attributes"), SAMPLES, ids=lambda v: str(v)[:20])
def test_every_operator_gives_the_bits_of_the_cpu(
    domain: str, op_type: str, inputs: list[Any], constants: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    given = {"constants": constants, "domain": domain, "version": 1 if domain else 18, **attributes}
    varying = [each for i, each in enumerate(inputs) if i not in constants]
    found, *_ = programs.program(op_type, inputs, **given).run(varying)
    want, *_ = one_node_program(op_type, inputs, **given).run(varying)
    assert (found.dtype, found.shape) == (want.dtype, want.shape)
    if op_type in ("MatMul", "Gemm", "DenseLayer"):
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-5)
    elif op_type == "Log":
        np.testing.assert_array_max_ulp(found, want, 2)
    else:
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("link", "outputs"), linear.CASES)
def test_linear_models(link: str, outputs: int, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3001, 37)).astype(dtype)
    weights, bias = rng.normal(size=(37, outputs)).astype(dtype), rng.normal(size=outputs).astype(dtype)
    here = linear.model([x], weights, bias, link=link)
    monkeypatch.setattr(linear, "program", programs.program)
    there = linear.model([x], weights, bias, link=link)
    labels, values, scores = there.run([x])
    want = here.run([x])
    tolerance = 10 * linear.tolerance(dtype)
    np.testing.assert_allclose(scores, want[2], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(values, want[1], rtol=tolerance, atol=tolerance)
    assert (labels == want[0]).mean() > 0.999
    for count in (1, 33, 129):
        for whole, some in zip((labels, values, scores), there.run([x[-count:].copy()]), strict=True):
            np.testing.assert_array_equal(whole[-count:], some)


def test_an_estimator_of_many_rows_from_the_host_and_from_the_device(cupy: Any) -> None:
    """In chunks, and whole: the same bits."""
    from sklearn.ensemble import GradientBoostingRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(MANY, 20))
    model = GradientBoostingRegressor(n_estimators=30, random_state=0).fit(X[:3000], X[:3000, 0] * X[:3000, 1])
    fast = sklort.convert(model, X[:3000], device="cuda")
    here, there = fast.predict(X), fast.predict(cupy.asarray(X))
    np.testing.assert_array_equal(there.get(), here)
    np.testing.assert_allclose(here[:1000], model.predict(X[:1000]), rtol=1e-12)


def test_arrays_of_cupy_and_of_torch_stay_on_the_device() -> None:
    import cupy

    trees, rows = engines.forest(depth=5, trees=20)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    compiled = programs.forest_program("TreeEnsembleRegressor", 3, attributes, "float32")
    want = judged_sums(trees, rows, 2).astype(np.float32)
    for given in (cupy.asarray(rows), cupy.asfortranarray(cupy.asarray(rows))):
        (found,) = compiled.run([given])
        assert isinstance(found, cupy.ndarray)
        np.testing.assert_array_equal(found.get(), want)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        (found,) = compiled.run([cupy.asarray(rows)])
        stream.synchronize()
        np.testing.assert_array_equal(found.get(), want)
    torch = pytest.importorskip("torch")
    (found,) = compiled.run([torch.from_numpy(rows).cuda()])
    np.testing.assert_array_equal(torch.from_dlpack(found).cpu().numpy(), want)
