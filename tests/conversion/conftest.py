"""Comparing a converted model with scikit-learn, through onnx.reference, sklort and, where it is installed, onnxruntime."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from sklort import InferenceSession
from sklort.conversion import Conversion, convert_model


def feeds(conversion: Conversion, X: Any) -> dict[str, np.ndarray]:
    """X as the named arrays the graph takes."""
    given = {}
    for i in conversion.inputs:
        values = np.asarray(X) if i.columns is None else X[list(i.columns)].to_numpy()
        given[i.name] = values.astype(i.dtype).reshape(len(values), -1)
    return given


def reference_answers(conversion: Conversion, X: Any) -> dict[str, np.ndarray]:
    names = [o.name for o in conversion.onnx_model.graph.output]
    results = ReferenceEvaluator(conversion.onnx_model).run(None, feeds(conversion, X))
    by_name = dict(zip(names, results, strict=True))
    return {method: by_name[name] for method, name in conversion.outputs.items()}


def onnxruntime_answers(conversion: Conversion, X: Any, absent: tuple[str, ...] = ()) -> dict[str, np.ndarray] | None:
    """None where onnxruntime is not installed, or has no kernel for one of the operators of `absent`."""
    try:
        import onnxruntime
    except ImportError:
        return None
    if {node.op_type for node in conversion.onnx_model.graph.node} & set(absent):
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented):
            onnxruntime.InferenceSession(conversion.onnx_model.SerializeToString())
        return None
    session = onnxruntime.InferenceSession(conversion.onnx_model.SerializeToString())
    return {m: session.run([name], feeds(conversion, X))[0] for m, name in conversion.outputs.items()}


def native_answers(conversion: Conversion, X: Any) -> dict[str, np.ndarray]:
    """sklort's, every node on a native kernel."""
    session = InferenceSession(conversion.onnx_model.SerializeToString())
    assert {node.provider for node in session.explain().nodes} <= {"CPUExecutionProvider"}, session.explain()
    return {m: session.run([name], feeds(conversion, X))[0] for m, name in conversion.outputs.items()}


def expected_answers(model: Any, X: Any, methods: Any) -> dict[str, np.ndarray]:
    answers = {}
    for method in methods:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = getattr(model, method)(X)
        if isinstance(answer, list):
            widest = max(part.shape[1] for part in answer)
            answer = np.stack([np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in answer])
        answers[method] = answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)
    return answers


class Check:
    """Convert a fitted model and hold its answers against scikit-learn's.

    `rtol` is for the numbers of onnx.reference; with 0 they must be equal to the last bit. The runtimes, which sum in
    another order, are allowed 1e-12 in float64 and 1e-5 in float32, and must give the same labels. `absent` names the
    operators that onnxruntime has no kernel of for the types of the model.
    """

    def __call__(
        self,
        model: Any,
        X: Any,
        *,
        methods: set[str] | None = None,
        rtol: float = 0.0,
        atol: float = 0.0,
        absent: tuple[str, ...] = (),
    ) -> Conversion:
        conversion = convert_model(model, X)
        onnx.checker.check_model(conversion.onnx_model, full_check=True)
        assert conversion.onnx_model.ir_version <= 10
        assert {i.name for i in conversion.onnx_model.graph.input} == {i.name for i in conversion.inputs}
        if methods is not None:
            assert set(conversion.outputs) == methods
        expected = expected_answers(model, X, conversion.outputs)
        compare(reference_answers(conversion, X), expected, rtol, atol)
        wide = all(e.dtype != np.float32 for e in expected.values())
        loose = max(rtol, 1e-12 if wide else 1e-5), max(atol, 1e-12 if wide else 1e-5)
        compare(native_answers(conversion, X), expected, *loose)
        second = onnxruntime_answers(conversion, X, absent)
        if second is not None:
            for one in (
                second,
                expected,
            ):  # onnxruntime's Sigmoid of small numbers has few digits: not their logarithms
                if "predict_log_proba" in one:
                    one["predict_log_proba"] = np.exp(one["predict_log_proba"])
            compare(second, expected, *loose)
        return conversion


def compare(got: dict[str, np.ndarray], expected: dict[str, np.ndarray], rtol: float, atol: float) -> None:
    for method, want in expected.items():
        have = got[method]
        assert have.shape == want.shape, method
        if have.dtype.kind in "OU" or want.dtype.kind in "OUSb" or have.dtype.kind == "i":
            assert (have.astype(want.dtype) == want).all(), method
        else:
            assert have.dtype == want.dtype, method
            np.testing.assert_allclose(have, want, rtol=rtol, atol=atol, err_msg=method)


@pytest.fixture
def check() -> Check:
    return Check()


@pytest.fixture
def answers() -> Any:
    """onnx.reference's answers: callable(conversion, X) -> dict by method."""
    return reference_answers
