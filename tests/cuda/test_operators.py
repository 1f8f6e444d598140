"""The CPU's tests of the smaller operators, over the CUDA sources: what those do not take, the CPU answers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from sklort.providers.cuda.ops import OPERATORS
from tests.cuda import programs
from tests.ops import one_node, standard
from tests.ops.one_node import program as one_node_program

ELEMENTWISE = ("arithmetic", "compare", "extrema", "logic", "unary", "transcendental", "where", "cast")
MOVING = ("views", "transpose", "concat", "gather", "features")
OTHERS = (
    "reduce",
    "arg_extremum",
    "softmax",
    "scaling",
    "imputer",
    "one_hot",
    "matmul",
    "dense_layer",
    "pairwise_distance",
    "nearest_neighbors",
    "svm",
)
FILES = (*ELEMENTWISE, *MOVING, *OTHERS)
CPU_ONLY = {
    "test_matmul_agrees_with_numpy_for_every_shape_of_the_loops": "weights that are constant and others have the same bits",
}
MODULES = {name: import_module(f"tests.ops.test_{name}") for name in FILES}


@pytest.fixture(autouse=True)
def on_cuda(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module in [one_node, *MODULES.values()]:
        if getattr(module, "run", None) is standard.run:
            monkeypatch.setattr(module, "run", programs.run)
        if hasattr(module, "program"):
            monkeypatch.setattr(module, "program", programs.program)
    del programs.on_the_cpu[:]
    return cupy


for stem, module in MODULES.items():
    cases = {name: case for name, case in vars(module).items() if name.startswith("test_")}
    taken = {f"test_{stem}_{name.removeprefix('test_')}": case for name, case in cases.items()}
    globals().update({name: case for name, case in taken.items() if name not in CPU_ONLY})


def samples() -> list[tuple[str, str, list[Any], tuple[int, ...], dict[str, Any]]]:
    """For every operator of the provider a node that its kernels take: domain, name, inputs, constants, attributes."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)).astype(np.float32), rng.normal(size=(40, 6)).astype(np.float32)
    truth, whole = x > 0, rng.integers(0, 4, (40, 6))
    weights, bias = rng.normal(size=(6, 3)).astype(np.float32), np.ones(3, np.float32)
    two = ("Add", "Sub", "Mul", "Div", "Sum", "Min", "Max", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal")
    one = (
        "Neg",
        "Abs",
        "Relu",
        "Sign",
        "Sqrt",
        "Reciprocal",
        "Floor",
        "Ceil",
        "Round",
        "Exp",
        "Sigmoid",
        "Tanh",
        "Log",
    )
    reductions = ("Sum", "Mean", "SumSquare", "L1", "L2", "Max", "Min")
    standard: list[tuple[str, list[Any], tuple[int, ...], dict[str, Any]]] = [
        *((name, [x, y], (), {}) for name in two),
        *((name, [np.abs(x)], (), {}) for name in (*one, "Identity", "IsNaN")),
        *((name, [truth, ~truth], (), {}) for name in ("And", "Or", "Xor")),
        *((f"Reduce{name}", [x, np.array([1])], (1,), {}) for name in reductions),
        *((name, [x], (), {"axis": 1}) for name in ("ArgMax", "ArgMin", "Softmax", "Flatten")),
        ("Not", [truth], (), {}),
        ("Pow", [x, np.array(2.0, np.float32)], (1,), {}),
        ("Clip", [x, np.array(0.0, np.float32)], (1,), {}),
        ("Cast", [x], (), {"to": 11}),
        ("Where", [truth, x, y], (), {}),
        ("Reshape", [x, np.array([6, 40])], (1,), {}),
        ("Squeeze", [x[:, :1], np.array([1])], (1,), {}),
        ("Unsqueeze", [x, np.array([1])], (1,), {}),
        ("Transpose", [x], (), {}),
        ("Concat", [x, y], (), {"axis": 1}),
        ("Gather", [x, np.array([2, -1])], (1,), {"axis": 1}),
        ("MatMul", [x, weights], (1,), {}),
        ("Gemm", [x, weights, bias], (1, 2), {}),
    ]
    machine = {"kernel_type": "RBF", "kernel_params": np.array([0.3, 0, 3], np.float32), "support_vectors": y[:9]}
    pairs = {
        "vectors_per_class": np.array([2, 3, 4]),
        "coefficients": y[:3].reshape(-1),
        "rho": x[1, :3],
        "classlabels_ints": np.array([5, 7, 9]),
        "outputs": 2,
    }
    ml: list[tuple[str, list[Any], tuple[int, ...], dict[str, Any]]] = [
        ("ArrayFeatureExtractor", [x, np.array([2, 0])], (1,), {}),
        ("Scaler", [x], (), {"offset": x[0], "scale": np.array([2], np.float32)}),
        ("Imputer", [x], (), {"imputed_value_floats": x[0], "replaced_value_float": float("nan")}),
        ("Normalizer", [x], (), {"norm": "L2"}),
        ("Binarizer", [x], (), {"threshold": 0.5}),
        ("OneHotEncoder", [whole[:, :1]], (), {"cats_int64s": np.array([1, 0, 2, 3])}),
        ("SVMRegressor", [x], (), machine | {"n_supports": 9, "rho": x[0, :1], "coefficients": y[:9, 0]}),
        ("SVMClassifier", [x], (), machine | pairs),
    ]
    return [
        *(("", *each) for each in standard),
        *(("ai.onnx.ml", *each) for each in ml),
        ("ai.sklort", "PairwiseDistance", [x, y], (1,), {"metric": "euclidean"}),
        ("com.microsoft", "CDist", [x, y], (1,), {"metric": "euclidean"}),
        ("ai.sklort", "NearestNeighbors", [x, y], (1,), {"k": 3, "metric": "cityblock", "outputs": 2}),
        ("ai.sklort", "DenseLayer", [x, weights, bias], (1, 2), {"activation": "Tanh"}),
    ]


SAMPLES = samples()
ELSEWHERE = {"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "LinearModel"}
ELSEWHERE |= {"LinearClassifier", "LinearRegressor"}
VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Concat"}
"""Those that launch nothing of ours."""


def test_there_is_a_sample_of_every_operator() -> None:
    assert {name for _, name, *_ in SAMPLES} | ELSEWHERE == {name for _, name in OPERATORS}


@pytest.mark.parametrize(
    ("domain", "op_type", "inputs", "constants", "attributes"), SAMPLES, ids=lambda value: str(value)[:20]
)
def test_every_operator_runs_on_the_device(
    domain: str, op_type: str, inputs: list[Any], constants: tuple[int, ...], attributes: dict[str, Any], on_cuda: Any
) -> None:
    """And gives the bits of the CPU, but for products, whose order is the kernel's own."""
    version = 1 if domain else 18
    given = {"constants": constants, "domain": domain, "version": version, **attributes}
    varying = [each for i, each in enumerate(inputs) if i not in constants]
    there = programs.program(op_type, inputs, **given)
    here = one_node_program(op_type, inputs, **given)
    (found, *_), (want, *_) = there.run(varying), here.run(varying)
    assert not programs.on_the_cpu or op_type in VIEWS
    assert bool(on_cuda.launches) != (op_type in VIEWS)
    assert (found.dtype, found.shape) == (want.dtype, want.shape)
    if op_type in ("MatMul", "Gemm", "DenseLayer"):
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-5)
    elif op_type == "Log":
        np.testing.assert_array_max_ulp(found, want, 1)
    else:
        np.testing.assert_array_equal(found, want)
    on_the_device = [on_cuda.asarray(each) for each in varying]
    stayed, *_ = there.run(on_the_device)
    assert isinstance(stayed, on_cuda.ndarray)
    np.testing.assert_array_equal(stayed.get(), found)
    for each in on_the_device:
        assert not np.shares_memory(each._array, stayed._array), "results share memory with nothing"
