"""onnx's backend interface: its own test runner takes ours, and every form of model is prepared."""

from __future__ import annotations

import io
import unittest
import warnings

import numpy as np
import pytest

import sklort
from sklort import backend
from tests.conformance.malformed import FLOAT, model, node

X = np.array([[1, -2], [3, 4]], np.float32)
ABSOLUTE = model([node("Abs", "X")])


def test_onnxs_own_runner_takes_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its cases overflow and divide by zero on purpose
        from onnx.backend.test import BackendTest

        runner = BackendTest(backend, __name__)
    for pattern in (
        "test_abs_cpu",
        "test_add_.*_cpu",
        "test_string_concat.*_cpu",
        "test_ai_onnx_ml_label_encoder_.*_cpu",
    ):
        runner.include(pattern)
    result = unittest.TextTestRunner(io.StringIO()).run(runner.test_suite)
    assert result.wasSuccessful(), [text for _, text in (*result.errors, *result.failures)]
    assert result.testsRun - len(result.skipped) > 10


@pytest.mark.parametrize(
    "form",
    [
        lambda path: ABSOLUTE,
        lambda path: ABSOLUTE.SerializeToString(),
        lambda path: str(path),
        lambda path: path,
        lambda path: sklort.InferenceSession(str(path)),
        lambda path: backend.prepare(str(path)),
    ],
    ids=["proto", "bytes", "str", "path", "session", "rep"],
)
def test_every_form_of_model(form, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(ABSOLUTE.SerializeToString())
    for inputs in (X, [X], (X,), {"X": X}):
        np.testing.assert_array_equal(backend.prepare(form(path)).run(inputs)[0], abs(X))
        np.testing.assert_array_equal(backend.run(form(path), inputs, "CPU")[0], abs(X))


def test_fields_reach_the_session_and_the_run():
    rep = backend.prepare(ABSOLUTE, "CPU", intra_op_num_threads=1, logid="mine", only_execute_path_to_fetches=True)
    options = rep._session.get_session_options()
    assert (options.intra_op_num_threads, options.logid) == (1, "mine")
    np.testing.assert_array_equal(rep.run([X], log_severity_level=3, intra_op_num_threads=1)[0], abs(X))
    with pytest.raises(TypeError, match="intra_op_num_threads"):
        backend.prepare(ABSOLUTE, intra_op_num_threads="two")


def test_a_dict_is_the_value_of_a_map_where_the_model_takes_one():
    from onnx import TensorProto, helper

    words = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, None))
    proto = model(
        [node("DictVectorizer", "X", domain="ai.onnx.ml", string_vocabulary=["a", "b"])], {"X": words}, {"Y": FLOAT}
    )
    assert backend.prepare(proto).run({"b": 2.0})[0].tolist() == [[0, 2]]
    assert backend.prepare(proto).run({"X": {"b": 2.0}})[0].tolist() == [[0, 2]]


def test_devices():
    assert backend.supports_device("CPU")
    assert backend.supports_device("CUDA") == backend.supports_device("GPU") == (sklort.get_device() == "GPU")
    assert not backend.supports_device("cpu")
    assert backend.is_compatible(ABSOLUTE)
    assert not backend.is_compatible(ABSOLUTE, "TPU")
    with pytest.raises(NotImplementedError, match="make_model"):
        backend.run_node(ABSOLUTE.graph.node[0], [X])
