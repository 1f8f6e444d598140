"""LinearClassifier, LinearRegressor and the post-transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, ndtri, softmax
from sklearn.linear_model import LogisticRegression

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import (
    floats,
    instruction_set,
    ints,
    run,
    same_rows_in_any_batch,
)

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def classify(x: np.ndarray, coefficients: np.ndarray, intercepts: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    options = {"classlabels_ints": ints(np.arange(len(np.atleast_1d(intercepts))))} | options
    labels, scores = run(
        "LinearClassifier",
        [x],
        outputs=2,
        coefficients=floats(coefficients),
        intercepts=floats(intercepts),
        **options,
    )
    return labels, scores


def regress(x: np.ndarray, coefficients: Any, **options: Any) -> np.ndarray:
    return run("LinearRegressor", [x], coefficients=floats(coefficients), **options)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_scores_are_those_of_the_formula(dtype: str, classes: int) -> None:
    rng = np.random.default_rng(0)
    x = (5 * rng.normal(size=(300, 7))).astype(dtype)
    w = rng.normal(size=(classes, 7)).astype(np.float32)
    b = rng.normal(size=classes).astype(np.float32)
    labels, scores = classify(x, w, b)
    want = x.astype(np.float64) @ w.T.astype(np.float64) + b
    assert scores.dtype == (np.float64 if dtype == "float64" else np.float32)
    np.testing.assert_allclose(
        scores,
        want,
        rtol=1e-12 if dtype == "float64" else 1e-5,
        atol=0 if dtype == "float64" else 1e-5,
    )
    np.testing.assert_array_equal(labels, scores.argmax(axis=1))


@pytest.mark.parametrize("classes", [2, 4])
def test_logistic_regression(classes: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 5))
    y = rng.integers(classes, size=200) * 3 + 1
    model = LogisticRegression(C=1e3).fit(x, y)
    w, b = model.coef_, model.intercept_
    if classes == 2:
        w, b = np.vstack([-w, w]), np.hstack([-b, b])
    transform = "LOGISTIC" if classes == 2 else "SOFTMAX"
    labels, scores = classify(x, w, b, classlabels_ints=ints(model.classes_), post_transform=transform)
    np.testing.assert_array_equal(labels, model.predict(x))
    np.testing.assert_allclose(scores, model.predict_proba(x), atol=1e-6)


def test_one_row_of_coefficients_means_the_second_class() -> None:
    x = np.array([[1.0, 2.0], [-1.0, -2.0], [0.0, -0.5]])
    raw = np.array([1.5, -1.0, 0.0])
    for transform, want in {
        "NONE": [1 - raw, raw],
        "SOFTMAX": [1 - raw, raw],
        "LOGISTIC": [expit(-raw), expit(raw)],
    }.items():
        labels, scores = classify(x, [0.25, 0.5], 0.25, classlabels_ints=ints(7, 9), post_transform=transform)
        np.testing.assert_array_equal(labels, [9, 7, 7])
        np.testing.assert_allclose(scores, np.transpose(want), rtol=1e-14)
    labels, scores = classify(x, [0.25, 0.5], 0.25, classlabels_ints=ints())
    np.testing.assert_array_equal(labels, [1, 0, 0])
    np.testing.assert_array_equal(scores, raw[:, None])


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_agrees_with_onnxruntime(rows: int) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 4)).astype(np.float32)
    w, b = (
        rng.normal(size=(rows, 4)).astype(np.float32),
        rng.normal(size=rows).astype(np.float32),
    )
    for transform in TRANSFORMS[: 4 if rows == 1 else 5]:  # its PROBIT of one row leaves memory unwritten
        for labels in (
            {"classlabels_ints": [5, 3, 8][: max(rows, 2)]},
            {"classlabels_strings": ["é", "b", "c"][: max(rows, 2)]},
        ):
            given = {
                "coefficients": w.ravel().tolist(),
                "intercepts": b.tolist(),
                "post_transform": transform,
            } | labels
            node = helper.make_node(
                "LinearClassifier",
                ["x"],
                ["label", "scores"],
                domain="ai.onnx.ml",
                **given,
            )
            kind = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
            graph = helper.make_graph(
                [node],
                "g",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
                [
                    helper.make_tensor_value_info("label", kind, [None]),
                    helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, None]),
                ],
            )
            opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]
            model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
            peer = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
            ours = {k: ints(v) if k == "classlabels_ints" else tuple(v) for k, v in labels.items()}
            label, scores = classify(
                x,
                w,
                b,
                **({"classlabels_ints": ints()} | ours),
                post_transform=transform,
            )
            np.testing.assert_array_equal(label, peer[0])
            np.testing.assert_allclose(scores, peer[1], rtol=1e-4, atol=1e-5)


def test_ties_go_to_the_first_class_and_nan_too() -> None:
    labels, _ = classify(
        np.array([[1.0], [np.nan]]),
        [[2], [2], [1]],
        [0, 0, 0],
        classlabels_ints=ints(4, 5, 6),
    )
    np.testing.assert_array_equal(labels, [4, 4])


@pytest.mark.parametrize("shape", [(0, 3), (1, 3)])
def test_small_batches(shape: tuple[int, int]) -> None:
    labels, scores = classify(
        np.ones(shape),
        np.ones((2, 3)),
        [0, 1],
        classlabels_strings=("a", "ü"),
        classlabels_ints=ints(),
    )
    assert labels.tolist() == ["ü"] * shape[0]
    assert scores.tolist() == [[3.0, 4.0]] * shape[0]
    assert regress(np.ones(shape), np.ones((2, 3)), targets=2).shape == (shape[0], 2)


def test_one_dimension_is_one_row() -> None:
    np.testing.assert_array_equal(regress(np.array([1.0, 2.0]), [3.0, 4.0], intercepts=floats(1)), [[12.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("targets", [1, 3])
def test_regressor(dtype: str, targets: int) -> None:
    rng = np.random.default_rng(3)
    x = (5 * rng.normal(size=(300, 6))).astype(dtype)
    w, b = (
        rng.normal(size=(targets, 6)).astype(np.float32),
        rng.normal(size=targets).astype(np.float32),
    )
    want = x.astype(np.float64) @ w.T.astype(np.float64)
    for intercepts in (None, b):
        y = regress(
            x,
            w,
            targets=targets,
            **({} if intercepts is None else {"intercepts": intercepts}),
        )
        assert y.dtype == (np.float64 if dtype == "float64" else np.float32)
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(y, want + (0 if intercepts is None else b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_rows_do_not_depend_on_the_batch(transform: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(9_001, 6))
    for classes in (1, 2, 5):
        options = {
            "coefficients": floats(rng.normal(size=(classes, 6))),
            "intercepts": floats(rng.normal(size=classes)),
        }
        labels = ints(range(max(2, classes)))
        same_rows_in_any_batch(
            "LinearClassifier",
            x,
            outputs=2,
            classlabels_ints=labels,
            post_transform=transform,
            **options,
        )
        same_rows_in_any_batch(
            "LinearRegressor",
            x.astype(np.float32),
            targets=classes,
            post_transform=transform,
            **options,
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logistic_and_softmax_are_exact_to_an_ulp_or_two_and_alike_on_every_instruction_set(
    dtype: Any,
) -> None:
    rng = np.random.default_rng(5)
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        88.7,
        89.1,
        -87.5,
        -103.9,
        -104.1,
        709.7,
        710.1,
        -744.9,
        -745.2,
        -746.1,
        1e300,
        -1e300,
    ]
    with np.errstate(over="ignore"):
        z = np.concatenate([rng.normal(size=3000) * scale for scale in (0.01, 1, 10, 300)] + [special]).astype(dtype)
    ulp = np.finfo(dtype).eps
    seen = []
    for isa in _core.isas():
        with instruction_set(isa):
            seen.append(
                (
                    regress(z[:, None], [1], post_transform="LOGISTIC"),
                    classify(z[:, None], [0, 1, 2], [0] * 3, post_transform="SOFTMAX")[1],
                )
            )
    for logistic, scores in seen[1:]:
        np.testing.assert_array_equal(logistic, seen[0][0])
        np.testing.assert_array_equal(scores, seen[0][1])
    wide = z.astype(np.float64)
    want = expit(wide)
    normal = ~(want < 4 * np.finfo(dtype).tiny)
    np.testing.assert_allclose(seen[0][0][normal, 0], want[normal], rtol=3 * ulp)
    np.testing.assert_allclose(seen[0][0][~normal, 0], want[~normal], atol=4 * np.finfo(dtype).tiny)
    finite = np.abs(wide) < 1e30
    scores = softmax(wide[finite, None] * [0, 1, 2], axis=1)
    np.testing.assert_allclose(seen[0][1][finite], scores, rtol=2000 * ulp, atol=4 * ulp)
    assert np.isnan(seen[0][1][~np.isfinite(wide)]).all()


def test_softmax_zero_keeps_zeros_small() -> None:
    x = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    y = regress(x, np.eye(3), targets=3, post_transform="SOFTMAX_ZERO")
    powers = np.exp([0.0 - np.inf, 1.0 - 2.0, 0.0])
    np.testing.assert_allclose(y, [powers / powers.sum(), [0.5, 0.5, 0.5]], rtol=1e-12)


def test_probit_is_the_normal_quantile_to_some_thousandths() -> None:
    x = np.linspace(0.01, 0.99, 99)[:, None]
    np.testing.assert_allclose(regress(x, [1], post_transform="PROBIT"), ndtri(x), atol=8e-3)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {
                "coefficients": floats(1, 2, 3),
                "intercepts": floats(0, 0),
                "classlabels_ints": ints(0, 1),
            },
            "3 coefficients cannot be shared",
        ),
        (
            {
                "coefficients": floats(1, 2, 3),
                "intercepts": floats(0),
                "classlabels_ints": ints(0, 1, 2),
            },
            "one intercept for each of the 3",
        ),
        (
            {"intercepts": floats(0), "classlabels_ints": ints(0, 1)},
            "'coefficients' is missing",
        ),
        (
            {
                "coefficients": floats(1),
                "intercepts": floats(0),
                "classlabels_ints": ints(4),
            },
            "at least 2 class labels",
        ),
        (
            {
                "coefficients": floats(1, 1),
                "classlabels_ints": ints(0, 1),
                "classlabels_strings": ("a", "b"),
            },
            "exclude each other",
        ),
        (
            {
                "coefficients": floats(1, 1),
                "classlabels_ints": ints(0, 1),
                "post_transform": "SIGMOID",
            },
            "post_transform.*got 'SIGMOID'",
        ),
    ],
)
def test_classifiers_that_make_no_sense_are_refused_when_prepared(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidGraph, match=message):
        run("LinearClassifier", [np.ones((2, 2))], outputs=2, **attributes)


def test_a_wrong_width_is_refused() -> None:
    with pytest.raises(Fail, match=r"expected 2 columns .*got 1"):
        classify(np.ones((3, 1)), np.ones((2, 2)), [0, 0])
    with pytest.raises(Fail, match=r"expected 4 columns .*got 2"):
        classify(np.ones((3, 2)), np.ones((2, 2)), [1], classlabels_ints=ints(0, 1))
    with pytest.raises(Fail, match=r"expected 3 columns .*got 2"):
        regress(np.ones((3, 2)), np.ones(3))
    with pytest.raises(InvalidGraph, match="one intercept"):
        regress(np.ones((3, 2)), np.ones(2), intercepts=floats(1, 2))
    with pytest.raises(Fail, match="expected rows of features"):
        regress(np.ones((3, 2, 1)), np.ones(2))
