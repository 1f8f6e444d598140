"""OrtValues and bindings on `cuda`, streams and forks, over the stand-in."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.ensemble import RandomForestRegressor

import sklort
from sklort import OrtValue
from sklort.exceptions import DeviceReset, InvalidArgument, InvalidUse
from sklort.session.device import OrtAllocatorType, OrtMemoryInfo
from sklort.session.ort_value import copy_tensors
from tests.cuda import foreign
from tests.cuda.emulated_streams import EXTERNAL

CUDA = ["CUDAExecutionProvider"]
X, y = make_regression(300, 6, random_state=0)
X = X.astype(np.float32)
MODEL = RandomForestRegressor(6, max_depth=4, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def graph() -> bytes:
    return bytes(sklort.convert(MODEL, X).onnx_model_)


@pytest.fixture
def session(graph: bytes, cupy: Any) -> sklort.InferenceSession:
    return sklort.InferenceSession(graph, providers=CUDA)


@pytest.fixture
def want(graph: bytes) -> np.ndarray:
    return sklort.InferenceSession(graph).run(["prediction"], {"X": X})[0]


def name_of(session: sklort.InferenceSession) -> str:
    return session.get_inputs()[0].name


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_a_value_on_cuda(dtype: Any, cupy: Any) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)
    value = OrtValue.ortvalue_from_numpy(np.asfortranarray(array), "cuda", 0)
    assert value.device_name() == "cuda"
    assert value.is_tensor()
    assert value.has_value()
    assert value.shape() == [3, 4]
    assert value.tensor_size_in_bytes() == array.nbytes
    assert value.data_ptr() == value.held.data.ptr
    assert value.__dlpack_device__() == (2, 0)
    assert value.element_type() == OrtValue.ortvalue_from_numpy(array).element_type()
    assert value.data_type() == OrtValue.ortvalue_from_numpy(array).data_type()
    assert "on cuda" in repr(value)
    np.testing.assert_array_equal(value.numpy(), array)
    np.testing.assert_array_equal(np.asarray(value), array)
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(value, copy=False)
    assert np.shares_memory(cupy.from_dlpack(value)._array, value.held._array)
    assert np.shares_memory(cupy.asarray(value)._array, value.held._array)
    assert np.shares_memory(OrtValue.from_dlpack(value.held).held._array, value.held._array)
    again = pickle.loads(pickle.dumps(value))
    assert again.device_name() == "cuda"
    np.testing.assert_array_equal(again.numpy(), array)


def test_values_are_filled_copied_and_made_of_nothing(cupy: Any) -> None:
    value = OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32, "cuda", 0)
    np.testing.assert_array_equal(value.numpy(), np.zeros((2, 3)))
    rows = np.arange(6, dtype=np.float32)
    value.update_inplace(rows)
    np.testing.assert_array_equal(value.numpy(), rows.reshape(2, 3))
    value.update_inplace(OrtValue.ortvalue_from_numpy(-rows, "cuda", 0))
    np.testing.assert_array_equal(value.numpy(), -rows.reshape(2, 3))
    with pytest.raises(InvalidUse, match="expected elements of float32, got float64"):
        value.update_inplace(rows.astype(np.float64))
    here = OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    copy_tensors([value], [here])
    np.testing.assert_array_equal(here.numpy(), -rows.reshape(2, 3))
    here.update_inplace(value)
    info = OrtMemoryInfo("Cuda", OrtAllocatorType.ORT_ARENA_ALLOCATOR)
    assert OrtValue.ortvalue_from_shape_and_type([2], np.int64, memory_info=info).device_name() == "cuda"
    assert OrtValue.from_dlpack(foreign.WithInterface(rows)).device_name() == "cuda"
    with pytest.raises(InvalidUse, match="elements of object"):
        OrtValue.ortvalue_from_numpy(np.array(["a"]), "cuda", 0)
    with pytest.raises(InvalidUse, match="there is no GPU 3"):
        OrtValue.ortvalue_from_numpy(rows, "cuda", 3)
    with pytest.raises(InvalidUse, match="values lie on 'cpu' or 'cuda', not on 'npu'"):
        OrtValue.ortvalue_from_numpy(rows, "npu", 0)
    host = OrtValue.ortvalue_from_numpy(rows)
    assert not hasattr(host, "__cuda_array_interface__")
    assert host.device_name() == "cpu"


def test_without_a_gpu_a_value_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    with pytest.raises(InvalidUse, match="no memory on 'cuda' here, only on 'cpu': CuPy is not installed"):
        OrtValue.ortvalue_from_numpy(X, "cuda", 0)


def test_a_run_from_the_device_to_the_device_copies_nothing(session: Any, want: np.ndarray, cupy: Any) -> None:
    value = OrtValue.ortvalue_from_numpy(X, "cuda", 0)
    binding = session.io_binding()
    binding.bind_ortvalue_input(name_of(session), value)
    binding.bind_output("prediction", "cuda")
    session.run_with_iobinding(binding)
    del cupy.transfers[:]
    session.run_with_iobinding(binding)
    assert cupy.transfers == []
    (found,) = binding.get_outputs()
    assert found.device_name() == "cuda"
    np.testing.assert_array_equal(found.numpy(), want)
    (copied,) = binding.copy_outputs_to_cpu()
    assert type(copied) is np.ndarray
    np.testing.assert_array_equal(copied, want)
    (plain,) = session.run_with_ort_values(["prediction"], {name_of(session): value})
    assert plain.device_name() == "cuda"
    np.testing.assert_array_equal(plain.numpy(), want)


def test_memory_at_an_address(session: Any, want: np.ndarray, cupy: Any) -> None:
    rows, to = cupy.asarray(X), cupy.zeros(want.shape, want.dtype)
    binding = session.io_binding()
    binding.bind_input(name_of(session), "cuda", 0, np.float32, rows.shape, rows.data.ptr)
    binding.bind_output("prediction", "cuda", 0, want.dtype, want.shape, to.data.ptr)
    session.run_with_iobinding(binding)
    binding.synchronize_outputs()
    np.testing.assert_array_equal(to.get(), want)
    rows.fill(0)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(to.get(), session.run(["prediction"], {name_of(session): np.zeros_like(X)})[0])
    binding.bind_output("prediction", "cuda", 0, want.dtype, (3, 1), to.data.ptr)
    with pytest.raises(InvalidUse, match="the memory bound to it"):
        session.run_with_iobinding(binding)
    with pytest.raises(InvalidUse, match="must be the address of"):
        binding.bind_input(name_of(session), "cuda", 0, np.float32, rows.shape, 0)


@pytest.mark.parametrize("given", ["cpu", "cuda"])
@pytest.mark.parametrize("wanted", ["cpu", "cuda"])
def test_outputs_lie_where_they_are_bound(given: str, wanted: str, session: Any, want: np.ndarray, cupy: Any) -> None:
    binding = session.io_binding()
    binding.bind_ortvalue_input(name_of(session), OrtValue.ortvalue_from_numpy(X, given, 0))
    binding.bind_output("prediction", wanted)
    session.run_with_iobinding(binding)
    (found,) = binding.get_outputs()
    assert found.device_name() == wanted
    np.testing.assert_array_equal(found.numpy(), want)
    target = OrtValue.ortvalue_from_shape_and_type(list(want.shape), want.dtype, wanted, 0)
    binding.bind_ortvalue_output("prediction", target)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(target.numpy(), want)


def test_a_session_of_the_cpu(graph: bytes, want: np.ndarray, cupy: Any) -> None:
    session = sklort.InferenceSession(graph)
    binding = session.io_binding()
    with pytest.warns(UserWarning, match="runs on the CPU"):
        binding.bind_output("prediction", "cuda")
    binding.bind_ortvalue_input(name_of(session), OrtValue.ortvalue_from_numpy(X, "cuda", 0))
    with pytest.raises(InvalidUse, match="runs on the CPU"):
        session.run_with_iobinding(binding)
    binding.bind_cpu_input(name_of(session), X)
    target = OrtValue.ortvalue_from_shape_and_type(list(want.shape), want.dtype, "cuda", 0)
    binding.bind_ortvalue_output("prediction", target)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(target.numpy(), want)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_work_goes_to_the_current_stream(session: Any, want: np.ndarray, cupy: Any) -> None:
    """Nothing waits: the results are there when the stream of the caller is."""
    rows = cupy.asarray(X)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        found = session.run(["prediction"], {name_of(session): rows})[0]
    assert not np.array_equal(found._array, want), "the emulated stream is late"
    stream.synchronize()
    np.testing.assert_array_equal(found.get(), want)


def test_work_goes_to_the_stream_of_the_options(graph: bytes, want: np.ndarray, cupy: Any) -> None:
    options = {"user_compute_stream": "4711"}
    session = sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", options)])
    assert session.get_provider_options()["CUDAExecutionProvider"] == options
    rows = cupy.asarray(X)
    found = session.run(["prediction"], {name_of(session): rows})[0]
    assert not np.array_equal(found._array, want)
    (stream,) = EXTERNAL
    assert stream.ptr == 4711
    stream.synchronize()
    np.testing.assert_array_equal(found.get(), want)
    np.testing.assert_array_equal(session.run(["prediction"], {name_of(session): X})[0], want)
    with pytest.raises(InvalidArgument, match="'user_compute_stream' of CUDAExecutionProvider must be a number"):
        sklort.InferenceSession(graph, providers=[("CUDAExecutionProvider", {"user_compute_stream": "mine"})])


# --- forks ------------------------------------------------------------------------------------------------------------


def in_a_fork(function: Any) -> str:
    """What `function` raises in a child of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function()
            said = "nothing was raised"
        except BaseException as error:  # noqa: BLE001  whatever it is
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def test_a_fork_is_refused_with_the_remedy(session: Any, cupy: Any) -> None:
    name = name_of(session)
    session.run(None, {name: X})
    estimator = sklort.convert(MODEL, X, device="cuda")
    value = OrtValue.ortvalue_from_numpy(X, "cuda", 0)
    kept = pickle.dumps(session)
    for act in (
        lambda: session.run(None, {name: X}),
        lambda: session.run(None, {name: value}),
        lambda: estimator.predict(X),
        lambda: estimator.predict(value.held),
    ):
        said = in_a_fork(act)
        assert said.startswith(DeviceReset.__name__), said
        assert "CUDA does not survive a fork" in said
        assert "'spawn' or 'forkserver'" in said
    session.run(None, {name: X})
    # What is made in the child finds no GPU there: a value says so, a session warns and takes the CPU.
    for act, kind in (
        (lambda: OrtValue.ortvalue_from_numpy(X, "cuda", 0), "InvalidUse"),
        (lambda: pickle.loads(kept), "UserWarning"),
        (lambda: sklort.convert(MODEL, X, device="cuda"), "EPFail"),
    ):
        said = in_a_fork(act)
        assert said.startswith(kind), said
        assert "used by the process that this one was forked from" in said


def test_what_was_pickled_on_a_gpu_is_made_anew(session: Any, want: np.ndarray, cupy: Any) -> None:
    again = pickle.loads(pickle.dumps(session))
    assert again.get_providers() == session.get_providers()
    np.testing.assert_array_equal(again.run(["prediction"], {name_of(again): X})[0], want)
    assert again.compiled() is not session.compiled()
