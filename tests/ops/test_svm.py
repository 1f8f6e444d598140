"""SVMClassifier and SVMRegressor against scikit-learn's machines and onnxruntime."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import floats, instruction_set, ints, program, run

KERNELS = ("linear", "poly", "rbf", "sigmoid")


def data(classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes: many support vectors, and rows near every border."""
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0) + np.random.default_rng(0).normal(size=x.shape) * 0.5
    return x[y < classes], y[y < classes]


def rounded(model: Any) -> Any:
    """With parameters that a list attribute, which is of float32, holds exactly."""
    for name in ("_dual_coef_", "dual_coef_", "_intercept_", "intercept_", "support_vectors_", "_probA", "_probB"):
        if hasattr(model, name):
            setattr(model, name, getattr(model, name).astype(np.float32).astype(float))
    model._gamma = float(np.float32(model._gamma))
    model.coef0 = float(np.float32(model.coef0))
    return model


def attributes(model: Any, x: np.ndarray) -> tuple[str, dict[str, Any]]:
    """The node skl2onnx makes of the model."""
    options = {"zipmap": False} if isinstance(model, (SVC, NuSVC)) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of probA_ and probB_
        graph = to_onnx(model, x[:1], options=options).graph
    node = next(node for node in graph.node if node.op_type.startswith("SVM"))
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.type == onnx.AttributeProto.FLOATS:
            value = floats(*value)
        elif attribute.type == onnx.AttributeProto.INTS:
            value = ints(*value)
        elif attribute.type == onnx.AttributeProto.STRING:
            value = value.decode()
        elif attribute.type == onnx.AttributeProto.STRINGS:
            value = tuple(text.decode() for text in value)
        found[attribute.name] = value
    return node.op_type, found


def fitted(model: Any, x: np.ndarray, y: np.ndarray | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `probability`
        return rounded(model.fit(x, y))


def judged(model: Any, x: np.ndarray) -> np.ndarray:
    if isinstance(model, (SVC, NuSVC)) and model.probability:
        return model.predict_proba(x)
    scores = model.predict(x) if isinstance(model, (SVR, NuSVR)) else model.decision_function(x)
    if isinstance(model, (SVC, NuSVC)) and scores.ndim == 1:
        return np.column_stack([scores, -scores])
    return scores.reshape(len(x), -1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("machine", [SVC, NuSVC])
def test_classifiers(machine: Any, kernel: str, classes: int, probability: bool, dtype: Any) -> None:
    x, y = data(classes)
    x = x.astype(np.float32).astype(float)
    model = machine(kernel=kernel, probability=probability, coef0=0.3, decision_function_shape="ovo", random_state=0)
    model = fitted(model, x, y)
    op_type, found = attributes(model, x.astype(dtype))
    labels, scores = run(op_type, [x.astype(dtype)], outputs=2, **found)
    assert scores.dtype == dtype
    np.testing.assert_array_equal(labels, model.predict(x))
    tolerance = 1e-12 if dtype == np.float64 else 1e-6
    expected = judged(model, x)
    np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance * abs(expected).max())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("machine", [SVR, NuSVR, OneClassSVM])
def test_regressors(machine: Any, kernel: str) -> None:
    x, y = data()
    model = fitted(machine(kernel=kernel, coef0=0.3), x, y)
    op_type, found = attributes(model, x)
    expected = judged(model, x)
    got = run(op_type, [x], **found)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12 * (1 + abs(expected).max()))
    sign = run(op_type, [x], one_class=1, **found)
    np.testing.assert_array_equal(sign, np.where(got > 0, 1.0, -1.0))


@pytest.mark.parametrize("names", [np.array(["a", "b", "c"]), np.array([7, -3, 40])])
def test_labels(names: np.ndarray) -> None:
    x, y = data()
    model = fitted(SVC(), x, names[y])
    op_type, found = attributes(model, x)
    labels, _ = run(op_type, [x], outputs=2, **found)
    np.testing.assert_array_equal(labels, model.predict(x))


def test_integers_are_computed_in_double_and_scored_in_float() -> None:
    x, y = data()
    x = np.rint(x * 3)
    op_type, found = attributes(fitted(SVC(), x, y), x)
    expected = run(op_type, [x], outputs=2, **found)
    for dtype in (np.int64, np.int32):
        labels, scores = run(op_type, [x.astype(dtype)], outputs=2, **found)
        np.testing.assert_array_equal(labels, expected[0])
        np.testing.assert_array_equal(scores, expected[1].astype(np.float32))


def machine(classes: int = 3, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    sizes = ints(*range(2, 2 + classes))
    vectors = int(sizes.sum())
    return {
        "kernel_type": "RBF",
        "kernel_params": floats(0.5, 0, 3),
        "support_vectors": floats(rng.normal(size=(vectors, 4))),
        "coefficients": floats(rng.normal(size=(classes - 1, vectors))),
        "rho": floats(rng.normal(size=classes * (classes - 1) // 2)),
        "vectors_per_class": sizes,
        "classlabels_ints": ints(*range(classes)),
        **changes,
    }


def by_onnxruntime(op_type: str, x: np.ndarray, outputs: tuple[int, ...], found: dict[str, Any]) -> list[np.ndarray]:
    onnxruntime = pytest.importorskip("onnxruntime")
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}
    names = [f"Y{i}" for i in range(len(outputs))]
    graph = helper.make_graph(
        [helper.make_node(op_type, ["X"], names, domain="ai.onnx.ml", **plain)],
        "one",
        [helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [None, x.shape[1]])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, outputs, strict=True)],
    )
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": x})


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("linear", [False, True])
def test_transforms_are_onnxruntimes(transform: str, classes: int, linear: bool) -> None:
    x = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    found = machine(classes, post_transform=transform)
    if linear:  # a row of weights for each class
        found["coefficients"] = floats(np.random.default_rng(3).normal(size=(classes, 4)))
        found["rho"] = floats(0.25)
        found["kernel_type"] = "LINEAR"
        del found["support_vectors"], found["vectors_per_class"]
    labels, scores = run("SVMClassifier", [x], outputs=2, **found)
    kinds = (onnx.TensorProto.INT64, onnx.TensorProto.FLOAT)
    expected = by_onnxruntime("SVMClassifier", x, kinds, found)
    if classes == 2 and linear:
        # onnxruntime takes the second of two classes whenever a score is positive; the larger score is meant.
        expected[0] = expected[1].argmax(axis=1)
    np.testing.assert_array_equal(labels, expected[0])
    if classes == 2 and not linear and transform.startswith("SOFTMAX"):
        # onnxruntime leaves [1 - s, s] as it is; the softmax of [-s, s] is meant.
        s = run("SVMClassifier", [x], outputs=2, **{**found, "post_transform": "NONE"})[1].astype(float)
        expected[1] = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, expected[1], rtol=2e-5, atol=2e-6)


def test_votes_tie_to_the_first() -> None:
    """Each of three classes beats one other."""
    found = machine(
        support_vectors=floats(np.zeros((9, 4))), coefficients=floats(np.zeros((2, 9))), rho=floats(1, -1, 1)
    )
    assert run("SVMClassifier", [np.zeros((1, 4))], outputs=2, **found)[0] == [0]


def test_certain_probabilities_stay_inside() -> None:
    found = machine(prob_a=floats(-1e6, -1e6, -1e6), prob_b=floats(0, 0, 0))
    _, scores = run("SVMClassifier", [np.random.default_rng(4).normal(size=(20, 4))], outputs=2, **found)
    assert ((scores > 0) & (scores < 1)).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1)


@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_bits_do_not_depend_on_batch_threads_and_instruction_set(kernel: str) -> None:
    x = np.random.default_rng(5).normal(size=(200, 4))
    found = machine(5, kernel_type=kernel, prob_a=floats(*[-1] * 10), prob_b=floats(*[0] * 10))
    expected = run("SVMClassifier", [x], outputs=2, threads=1, **found)
    for isa in _core.isas():
        with instruction_set(isa):
            for one, other in zip(run("SVMClassifier", [x], outputs=2, threads=4, **found), expected, strict=True):
                np.testing.assert_array_equal(one, other)
    for size in (1, 7, 30):
        part = run("SVMClassifier", [x[3 : 3 + size].copy()], outputs=2, **found)
        for one, other in zip(part, expected, strict=True):
            np.testing.assert_array_equal(one, other[3 : 3 + size])


def test_empty_and_nan() -> None:
    labels, scores = run("SVMClassifier", [np.zeros((0, 4))], outputs=2, **machine())
    assert labels.shape == (0,)
    assert scores.shape == (0, 3)
    x = np.full((1, 4), np.nan)
    labels, scores = run("SVMClassifier", [x], outputs=2, **machine())
    assert np.isnan(scores).all()
    assert labels == [2]  # no comparison holds


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernel_type": "COSINE"}, "'kernel_type' is 'COSINE'"),
        ({"kernel_params": floats(1)}, "has 1 entries"),
        ({"coefficients": floats(1, 2, 3)}, "2 coefficients for each of 9 support vectors, got 3"),
        ({"support_vectors": floats(1, 2)}, "has 2 numbers, which 9 vectors cannot share"),
        ({"rho": floats(1)}, "'rho' has 1 entries for 3 pairs"),
        ({"vectors_per_class": ints(9)}, "has 1 entries for 3 classes"),
        ({"prob_a": floats(1, 2, 3)}, "3 and 0 entries for 3 pairs"),
        ({"classlabels_ints": ints(4)}, "at least 2 class labels"),
    ],
)
def test_malformed_classifiers(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidGraph, match=sentence):
        program("SVMClassifier", [np.zeros((1, 4))], outputs=2, **machine(**changes))


def test_malformed_regressors() -> None:
    with pytest.raises(InvalidGraph, match="a coefficient for each of 3"):
        program("SVMRegressor", [np.zeros((1, 4))], n_supports=3, coefficients=floats(1, 2), rho=floats(0))
    with pytest.raises(InvalidGraph, match="'rho' has 0 entries"):
        program("SVMRegressor", [np.zeros((1, 4))], coefficients=floats(1, 2))
    assert "no agreed meaning" in _core.refuses("ai.onnx.ml", "SVMRegressor", 1, {"post_transform": "LOGISTIC"})


def test_wrong_columns() -> None:
    with pytest.raises(Fail, match="expected 4 columns.*got 3"):
        run("SVMClassifier", [np.zeros((1, 3))], outputs=2, **machine())
