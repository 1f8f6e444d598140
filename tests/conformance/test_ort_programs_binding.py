"""Programs that onnxruntime's users write with values, bindings and backends, run on both modules: one text, the same ends.

They are our own words for what its documentation shows; the module is called `ort` in each.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from tests.conformance.malformed import FLOAT, ML, model, node


@pytest.fixture(scope="module")
def irises() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def classifier(irises) -> tuple[Any, bytes]:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = irises
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    proto = skl2onnx.to_onnx(fitted, X[:1], options={"zipmap": False}, target_opset={"": 17, ML: 3})
    return fitted, proto.SerializeToString()


def sums() -> bytes:
    return model([node("Add", "A", "B")], {"A": (FLOAT, ["N", 2]), "B": (FLOAT, ["N", 2])}).SerializeToString()


# --- values -------------------------------------------------------------------------------------------------------------


def test_a_value_made_from_an_array(ort):
    X = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    value = ort.OrtValue.ortvalue_from_numpy(X)
    assert value.device_name() == "cpu"
    assert value.shape() == [2, 4]
    assert value.data_type() == "tensor(float)"
    assert value.element_type() == 1
    assert value.is_tensor()
    assert value.has_value()
    assert value.data_ptr() == X.ctypes.data
    assert value.tensor_size_in_bytes() == 32
    np.testing.assert_array_equal(value.numpy(), X)
    np.testing.assert_array_equal(np.asarray(value), X)


def test_a_value_is_fed(ort, classifier, irises):
    fitted, proto = classifier
    session = ort.InferenceSession(proto, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: ort.OrtValue.ortvalue_from_numpy(irises[0])}
    label, probabilities = session.run(None, feed)
    np.testing.assert_array_equal(label, fitted.predict(irises[0]))
    np.testing.assert_allclose(probabilities, fitted.predict_proba(irises[0]), atol=1e-5)


def test_values_in_and_values_out(ort, classifier, irises):
    fitted, proto = classifier
    session = ort.InferenceSession(proto, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = {session.get_inputs()[0].name: ort.OrtValue.ortvalue_from_numpy(irises[0])}
    results = session.run_with_ort_values(names[::-1], feed)
    assert [value.data_type() for value in results] == ["tensor(float)", "tensor(int64)"]
    assert results[0].shape() == [150, 3]
    np.testing.assert_array_equal(results[1].numpy(), fitted.predict(irises[0]))


def test_a_value_is_changed_in_place(ort):
    value = ort.OrtValue.ortvalue_from_shape_and_type([3, 2], np.float32)
    address = value.data_ptr()
    new = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    value.update_inplace(new)
    np.testing.assert_array_equal(value.numpy(), new)
    value.update_inplace(ort.OrtValue.ortvalue_from_numpy(-new))
    np.testing.assert_array_equal(value.numpy(), -new)
    assert value.data_ptr() == address


def test_types_by_their_number(ort):
    import onnx

    value = ort.OrtValue.ortvalue_from_shape_and_type([4], onnx.TensorProto.BFLOAT16)
    assert (value.element_type(), value.data_type(), value.shape()) == (16, "tensor(bfloat16)", [4])
    value = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(np.zeros(4, np.uint16), onnx.TensorProto.FLOAT16)
    assert value.numpy().dtype == np.float16


def test_values_are_shared_by_dlpack(ort):
    X = np.arange(6, dtype=np.float64).reshape(2, 3)
    value = ort.OrtValue.ortvalue_from_numpy(X)
    assert value.__dlpack_device__() == (1, 0)
    seen = np.from_dlpack(value)
    X[0, 0] = 50
    assert seen[0, 0] == 50
    back = ort.OrtValue.from_dlpack(X)
    assert back.data_ptr() == X.ctypes.data
    assert back.data_type() == "tensor(double)"


# --- bindings -----------------------------------------------------------------------------------------------------------


def test_bound_by_name_and_copied_back(ort, classifier, irises):
    fitted, proto = classifier
    session = ort.InferenceSession(proto, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, irises[0])
    for output in session.get_outputs():
        binding.bind_output(output.name)
    session.run_with_iobinding(binding)
    label, probabilities = binding.copy_outputs_to_cpu()
    np.testing.assert_array_equal(label, fitted.predict(irises[0]))
    np.testing.assert_allclose(probabilities, fitted.predict_proba(irises[0]), atol=1e-5)


def test_memory_bound_by_its_address(ort):
    session = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    A = np.arange(6, dtype=np.float32).reshape(3, 2)
    b = ort.OrtValue.ortvalue_from_numpy(np.full((3, 2), 10, np.float32))
    y = ort.OrtValue.ortvalue_from_shape_and_type([3, 2], np.float32)
    binding = session.io_binding()
    binding.bind_input("A", "cpu", 0, np.float32, A.shape, A.ctypes.data)
    binding.bind_input(
        name="B",
        device_type=b.device_name(),
        device_id=0,
        element_type=np.float32,
        shape=b.shape(),
        buffer_ptr=b.data_ptr(),
    )
    binding.bind_output(
        name="Y",
        device_type=y.device_name(),
        device_id=0,
        element_type=np.float32,
        shape=y.shape(),
        buffer_ptr=y.data_ptr(),
    )
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(y.numpy(), A + 10)


def test_a_loop_that_allocates_nothing(ort):
    session = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    step = np.ones((2, 2), np.float32)
    state = np.zeros((2, 2), np.float32)
    result = np.zeros((2, 2), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("A", state)
    binding.bind_cpu_input("B", step)
    binding.bind_ortvalue_output("Y", ort.OrtValue.ortvalue_from_numpy(result))
    for turn in range(1, 6):
        session.run_with_iobinding(binding)
        assert (result == turn).all()
        state[...] = result


def test_a_result_is_the_next_models_input(ort):
    first = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    second = ort.InferenceSession(model([node("Neg", "X")]).SerializeToString(), providers=["CPUExecutionProvider"])
    X = np.array([[1, 2], [3, 4]], np.float32)
    binding = first.io_binding()
    binding.bind_cpu_input("A", X)
    binding.bind_cpu_input("B", X)
    binding.bind_output("Y")
    first.run_with_iobinding(binding)
    (between,) = binding.get_outputs()
    after = second.io_binding()
    after.bind_ortvalue_input("X", between)
    after.bind_output("Y")
    second.run_with_iobinding(after)
    np.testing.assert_array_equal(after.get_outputs()[0].numpy(), -2 * X)


def test_bindings_are_cleared_and_made_again(ort):
    session = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for scale in (1, 2):
        binding.clear_binding_inputs()
        binding.clear_binding_outputs()
        binding.bind_cpu_input("A", np.full((2, 2), scale, np.float32))
        binding.bind_cpu_input("B", np.full((2, 2), scale, np.float32))
        binding.bind_output("Y", "cpu")
        binding.synchronize_inputs()
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        assert (binding.copy_outputs_to_cpu()[0] == 2 * scale).all()


def test_a_binding_of_another_session(ort):
    sessions = [ort.InferenceSession(sums(), providers=["CPUExecutionProvider"]) for _ in range(2)]
    with pytest.raises(ValueError):
        sessions[0].run_with_iobinding(sessions[1].io_binding())


def test_what_goes_wrong_is_a_runtime_error(ort):
    session = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    X = np.ones((2, 2), np.float32)
    with pytest.raises(RuntimeError):
        binding.bind_cpu_input("nobody", X)
    with pytest.raises(RuntimeError):
        binding.bind_cpu_input("A", [[1.0, 2.0]])
    with pytest.raises(ValueError):
        binding.bind_output("Y", buffer_ptr=X.ctypes.data)
    with pytest.raises(RuntimeError):
        session.run_with_iobinding(binding)
    binding.bind_cpu_input("A", X.astype(np.float64))
    binding.bind_cpu_input("B", X)
    binding.bind_output("Y")
    with pytest.raises(RuntimeError):
        session.run_with_iobinding(binding)
    binding.bind_cpu_input("A", X)
    binding.bind_ortvalue_output("Y", ort.OrtValue.ortvalue_from_shape_and_type([5, 2], np.float32))
    with pytest.raises(RuntimeError):
        session.run_with_iobinding(binding)
    binding.bind_output("Y")
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == 2).all()


# --- backends -----------------------------------------------------------------------------------------------------------


def test_a_backend_runs_inputs_by_position(ort):
    rep = ort.backend.prepare(sums(), "CPU")
    A, B = np.ones((2, 2), np.float32), np.full((2, 2), 3, np.float32)
    np.testing.assert_array_equal(rep.run([A, B])[0], A + B)
    (Y,) = ort.backend.run(sums(), [A, B], "CPU")
    np.testing.assert_array_equal(Y, A + B)
    with pytest.raises(IndexError):
        rep.run([A])
    with pytest.raises(RuntimeError):
        rep.run(A)


def test_a_backend_of_an_example(ort):
    X = np.arange(6, dtype=np.float32).reshape(3, 2)
    path = ort.datasets.get_example("mul_1.onnx")
    rep = ort.backend.prepare(path, device="CPU", intra_op_num_threads=1, graph_optimization_level=_level(ort))
    (Y,) = rep.run(X)
    np.testing.assert_array_equal(
        Y, ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"X": X})[0]
    )
    assert ort.backend.prepare(rep) is rep
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(ort.backend.prepare(session).run([X])[0], Y)


def _level(ort: Any) -> Any:
    return ort.GraphOptimizationLevel.ORT_ENABLE_BASIC


def test_devices_and_fields_of_backends(ort):
    assert ort.backend.supports_device("CPU")
    assert not ort.backend.supports_device("cpu")
    assert not ort.backend.supports_device("TPU")
    assert ort.backend.is_compatible(None)
    assert ort.backend.is_compatible(None, "CPU")
    with pytest.raises(RuntimeError):
        ort.backend.prepare(sums(), "TPU")
    with pytest.raises(RuntimeError):
        ort.backend.prepare(sums(), "CPU", enable_profiling=True)
    with pytest.raises(RuntimeError):
        ort.backend.prepare(sums(), "CPU").run([np.ones((1, 2), np.float32)] * 2, terminate=True)


# --- the module ---------------------------------------------------------------------------------------------------------


def test_what_the_module_says_of_itself(ort):
    assert ort.get_device() in ("CPU", "GPU")
    assert ort.get_available_providers()[-1] == "CPUExecutionProvider"
    assert ort.get_all_providers()[-1] == "CPUExecutionProvider"
    assert ort.__version__ == ort.get_version_string()
    assert ort.package_name
    assert ort.get_build_info()
    assert ort.set_seed(0) is None
    assert ort.has_collective_ops() is False
    with pytest.raises(TypeError):
        ort.set_seed("zero")
    with pytest.raises(RuntimeError):
        ort.set_default_logger_severity(99)
    ort.disable_telemetry_events()
    ort.enable_telemetry_events()


def test_memory_of_inputs_and_outputs(ort):
    session = ort.InferenceSession(sums(), providers=["CPUExecutionProvider"])
    for infos, count in ((session.get_input_memory_infos(), 2), (session.get_output_memory_infos(), 1)):
        assert len(infos) == count
        for info in infos:
            assert (info.name, info.device_id) == ("Cpu", 0)
            assert info.allocator_type == ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
            assert info.mem_type == ort.OrtMemType.DEFAULT
    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_DEVICE_ALLOCATOR, 0, ort.OrtMemType.CPU_INPUT)
    assert (info.name, info.mem_type) == ("Cpu", ort.OrtMemType.CPU_INPUT)


def test_errors_are_caught_by_their_names(ort):
    state = importlib.import_module(f"{ort.__name__}.capi.onnxruntime_pybind11_state")
    example = ort.datasets.get_example("logreg_iris.onnx")
    session = ort.InferenceSession(example, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    with pytest.raises(state.InvalidArgument):
        session.run(None, {name: np.ones((3, 2))})
    with pytest.raises(state.InvalidArgument):
        session.run(None, {name: np.ones((3, 5), np.float32)})
    with pytest.raises(state.InvalidArgument):
        session.run(["nothing"], {name: np.ones((3, 2), np.float32)})
    with pytest.raises(ValueError):
        session.run(None, {"nothing": np.ones((3, 2), np.float32)})
    with pytest.raises(state.NoSuchFile):
        ort.InferenceSession("nowhere.onnx", providers=["CPUExecutionProvider"])
    with pytest.raises(state.InvalidProtobuf):
        ort.InferenceSession(b"nothing", providers=["CPUExecutionProvider"])
    with pytest.raises(FileNotFoundError):
        ort.datasets.get_example("nothing.onnx")
