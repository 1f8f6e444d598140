"""Bindings, OrtValues, devices and backends in wrong hands: what kills onnxruntime, each in a process of its own, and what
it refuses or gets wrong. Rows A3 to A6 and those of section E that are not about options, threads or profiling."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import sklort
from sklort import backend
from sklort.exceptions import InvalidArgument, InvalidUse, UnsupportedValue
from tests.conformance.malformed import DOUBLE, FLOAT, STRING, check_words, ml_node, model, node, outlives

X = np.array([[1, -2], [3, 4]], np.float32)

PREFACE = """
import gc
import numpy as np
import sklort
from sklort import OrtValue
from sklort.exceptions import *
from tests.conformance.malformed import FLOAT, model, node
session = sklort.InferenceSession(model([node("Abs", "X")]))
X = np.array([[1, -2], [3, 4]], np.float32)

def refused(kind, call):
    try:
        call()
    except kind as error:
        assert isinstance(error, RuntimeError), repr(error)
        return str(error)
    raise AssertionError("accepted")

def fill_memory():
    gc.collect()
    return [np.full(1 << 20, 7.0) for _ in range(8)] + [np.full(n, 7.0, np.float32) for n in range(1, 300)]
"""


def refuses(kind: type[BaseException], call, *words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind, repr(caught.value)
    check_words(caught.value, words)


def absolute(**inputs) -> sklort.InferenceSession:
    return sklort.InferenceSession(model([node("Abs", "X")], inputs or None))


# --- what kills onnxruntime ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view", ["value.numpy()", "np.asarray(value)", "np.from_dlpack(value)", "OrtValue.from_dlpack(value).numpy()"]
)
def test_a_view_outlives_the_array_and_the_value(view):
    outlives(
        PREFACE
        + f"""
for count in (4, 1_000_000):
    array = np.arange(count, dtype=np.float64)
    value = OrtValue.ortvalue_from_numpy(array)
    view = {view}
    assert np.shares_memory(view, array)
    del array, value
    noise = fill_memory()
    assert (view == np.arange(count)).all()
"""
    )


def test_what_is_bound_outlives_its_owner():
    outlives(
        PREFACE
        + """
binding = session.io_binding()
binding.bind_cpu_input("X", np.full((100_000, 2), -3, np.float32))
target = np.zeros((100_000, 2), np.float32)
binding.bind_ortvalue_output("Y", OrtValue.ortvalue_from_numpy(target))
owner = session
del session
noise = fill_memory()
owner.run_with_iobinding(binding)
assert (target == 3).all()
results = [value.numpy() for value in binding.get_outputs()]
del binding, owner, target
noise = fill_memory()
assert (results[0] == 3).all()
"""
    )


def test_results_before_the_first_run():
    outlives(
        PREFACE
        + """
binding = session.io_binding()
assert binding.copy_outputs_to_cpu() == []
binding.bind_output("Y")
assert "'Y' has no value yet" in refused(InvalidUse, binding.copy_outputs_to_cpu)
(value,) = binding.get_outputs()
assert not value.has_value() and not value.is_tensor()
for method in ("numpy", "shape", "data_type", "element_type", "data_ptr", "tensor_size_in_bytes", "__dlpack__"):
    assert "no value" in refused(InvalidUse, getattr(value, method))
binding.bind_cpu_input("X", X)
session.run_with_iobinding(binding)
assert (binding.copy_outputs_to_cpu()[0] == abs(X)).all()
binding.bind_output("Y")
refused(InvalidUse, binding.copy_outputs_to_cpu)
"""
    )


def test_null_pointers():
    outlives(
        PREFACE
        + """
binding = session.io_binding()
for address in (0, -1):
    refused(ValueError, lambda: binding.bind_input("X", "cpu", 0, np.float32, [2, 2], address))
    refused(ValueError, lambda: binding.bind_output("Y", "cpu", 0, np.float32, [2, 2], address))
binding.bind_input("X", "cpu", 0, np.float32, [2, 2], X.ctypes.data)
binding.bind_output("Y")
session.run_with_iobinding(binding)
assert (binding.copy_outputs_to_cpu()[0] == abs(X)).all()
"""
    )


def test_updates_of_another_dtype():
    outlives(
        PREFACE
        + """
for have, give in [(np.float32, np.int32), (np.float64, np.float32), (np.int64, np.bool_), (np.float32, object)]:
    array = np.ones(50_000, have)
    value = OrtValue.ortvalue_from_numpy(array)
    other = np.full(50_000, 5).astype(str if give is object else give)
    for source in (other, OrtValue.ortvalue_from_numpy(other)):
        assert str(np.dtype(have)) in refused(InvalidArgument, lambda: value.update_inplace(source))
    assert (array == 1).all()
value.update_inplace(np.full(50_000, 5, np.float32))
assert (array == 5).all()
value.update_inplace(np.full(50_000, 6, ">f4"))
assert (array == 6).all()
"""
    )


# --- bindings -----------------------------------------------------------------------------------------------------------


def test_unknown_names():
    binding = absolute(temperature=(FLOAT, ["N", 2]), X=(FLOAT, ["N", 2])).io_binding()
    value = sklort.OrtValue.ortvalue_from_numpy(X.copy())
    for bind in (
        lambda: binding.bind_cpu_input("temprature", X),
        lambda: binding.bind_ortvalue_input("temprature", value),
        lambda: binding.bind_input("temprature", "cpu", 0, np.float32, [2, 2], X.ctypes.data),
    ):
        refuses(InvalidUse, bind, "no input 'temprature'", "did you mean 'temperature'")
    for bind in (
        lambda: binding.bind_output("y"),
        lambda: binding.bind_ortvalue_output("y", value),
        lambda: binding.bind_output("y", "cpu", 0, np.float32, [2, 2], X.ctypes.data),
    ):
        refuses(InvalidUse, bind, "no output 'y'", "did you mean 'Y'")


def test_runs_that_cannot_be():
    session = absolute()
    binding = session.io_binding()
    refuses(InvalidUse, lambda: session.run_with_iobinding(binding), "no output is bound")
    binding.bind_output("Y")
    refuses(InvalidUse, lambda: session.run_with_iobinding(binding), "'X' are missing")
    for wrong, words in [
        (X.astype(np.float64), ["input 'X' has dtype float64", r"expected tensor\(float\)"]),
        (X[0], ["'X' has 1 dimensions"]),
        (np.ones((2, 3), np.float32), ["'X' has shape", "dimension 1 is 3, expected 2"]),
    ]:
        binding.bind_cpu_input("X", wrong)
        refuses(InvalidUse, lambda: session.run_with_iobinding(binding), *words)
    binding.bind_cpu_input("X", X)
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], abs(X))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.zeros((2, 2)), ["'Y' is an array of float32", "float64"]),
        (np.zeros((3, 2), np.float32), [r"shape \(2, 2\)", r"shape \(3, 2\)"]),
        (np.zeros(4, np.float32), [r"shape \(2, 2\)", r"shape \(4,\)"]),
        (np.zeros((1, 2, 2), np.float32), [r"shape \(2, 2\)", r"shape \(1, 2, 2\)"]),
    ],
)
def test_memory_that_does_not_fit_a_result_is_not_touched(target, words):
    session = sklort.InferenceSession(
        model([node("Neg", "X", out=["Z"], name="m"), node("Abs", "X")], outputs={"Z": FLOAT, "Y": FLOAT})
    )
    binding = session.io_binding()
    binding.bind_cpu_input("X", X)
    fits = np.zeros((2, 2), np.float32)
    binding.bind_ortvalue_output("Z", sklort.OrtValue.ortvalue_from_numpy(fits))
    binding.bind_ortvalue_output("Y", sklort.OrtValue.ortvalue_from_numpy(target))
    refuses(InvalidUse, lambda: session.run_with_iobinding(binding), *words)
    assert not target.any()
    assert not fits.any()


def test_memory_for_what_is_no_tensor():
    scores = ml_node("ZipMap", "X", classlabels_strings=["a", "b"])
    kind = sklort.InferenceSession(model([scores], outputs={"Y": _rows()}))
    binding = kind.io_binding()
    binding.bind_cpu_input("X", X)
    binding.bind_ortvalue_output("Y", sklort.OrtValue.ortvalue_from_numpy(np.zeros((2, 2), np.float32)))
    refuses(InvalidUse, lambda: kind.run_with_iobinding(binding), "'Y' is a seq", "cannot be written into a tensor")
    binding.bind_output("Y")
    kind.run_with_iobinding(binding)
    assert binding.copy_outputs_to_cpu() == [[{"a": 1.0, "b": -2.0}, {"a": 3.0, "b": 4.0}]]


def _rows():
    from onnx import helper

    return helper.make_sequence_type_proto(
        helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, None))
    )


def test_memory_that_is_read_only():
    array = np.zeros((2, 2), np.float32)
    array.flags.writeable = False
    value = sklort.OrtValue.ortvalue_from_numpy(array)
    binding = absolute().io_binding()
    refuses(InvalidUse, lambda: binding.bind_ortvalue_output("Y", value), "'Y'", "read-only")
    refuses(InvalidUse, lambda: value.update_inplace(X), "read-only")
    refuses(InvalidUse, lambda: sklort.copy_tensors([sklort.OrtValue.ortvalue_from_numpy(X)], [value]), "read-only")
    assert not value.numpy().flags.writeable


def test_another_sessions_binding():
    binding = absolute().io_binding()
    refuses(ValueError, lambda: absolute().run_with_iobinding(binding), "another session's", r"io_binding\(\)")
    refuses(TypeError, lambda: absolute().run_with_iobinding({"X": X}), "IOBinding", "dict")


def test_what_cannot_be_bound():
    binding = absolute().io_binding()
    refuses(UnsupportedValue, lambda: binding.bind_cpu_input("X", [[1.0, 2.0]]), "NumPy array", "list")
    refuses(UnsupportedValue, lambda: binding.bind_cpu_input("X", X.astype("M8[s]")), "datetime64")
    refuses(TypeError, lambda: binding.bind_ortvalue_input("X", X), "OrtValue", "ndarray")
    refuses(TypeError, lambda: binding.bind_ortvalue_output("Y", X), "OrtValue", "ndarray")
    refuses(ValueError, lambda: binding.bind_output("Y", buffer_ptr=X.ctypes.data), "element_type and shape")
    refuses(ValueError, lambda: binding.bind_output("Y", "cpu", 0, np.float32, None, X.ctypes.data), "shape")
    refuses(TypeError, lambda: binding.bind_input("X", "cpu", 0, np.float32, [2, 2], X), "address", "ndarray")
    refuses(InvalidUse, lambda: binding.bind_input("X", "cpu", 0, np.float32, [-2, 2], X.ctypes.data), "negative")
    refuses(InvalidUse, lambda: binding.bind_input("X", "cpu", 0, str, [2], X.ctypes.data), "[Ss]trings")
    refuses(
        InvalidUse, lambda: binding.bind_input("X", "cuda", 0, np.float32, [2, 2], X.ctypes.data), "'cpu'", "'cuda'"
    )
    with pytest.warns(UserWarning, match="'Y' will not be on 'cuda'"):
        binding.bind_output("Y", "cuda")


def test_strings_are_bound():
    session = sklort.InferenceSession(model([node("Identity", "X")], {"X": (STRING, ["N"])}, {"Y": STRING}))
    binding = session.io_binding()
    target = sklort.OrtValue.ortvalue_from_shape_and_type([3], str)
    binding.bind_ortvalue_output("Y", target)
    for texts in (
        np.array(["a", "bé", ""]),
        np.array(["a", "bé", ""], object),
        np.char.encode(["a", "bé", ""], "utf-8"),
    ):
        binding.bind_cpu_input("X", texts)
        session.run_with_iobinding(binding)
        assert target.numpy().tolist() == ["a", "bé", ""] == binding.copy_outputs_to_cpu()[0].tolist()


# --- OrtValues and devices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [[1.0], 3.0, np.float32(3), None, "text", (1,), memoryview(X)])
def test_values_of_what_is_no_array(wrong):
    refuses(UnsupportedValue, lambda: sklort.OrtValue.ortvalue_from_numpy(wrong), "NumPy array", type(wrong).__name__)
    refuses(TypeError, lambda: sklort.OrtValue.ortvalue_from_numpy(X).update_inplace(wrong), type(wrong).__name__)


def test_arrays_that_onnx_has_no_type_for():
    for wrong in (np.zeros(2, "M8[s]"), np.zeros(2, np.longdouble), np.zeros(2, [("a", "f4")])):
        refuses(UnsupportedValue, lambda wrong=wrong: sklort.OrtValue.ortvalue_from_numpy(wrong), "elements of")
    masked = np.ma.masked_array(X, X < 0)
    refuses(UnsupportedValue, lambda: sklort.OrtValue.ortvalue_from_numpy(masked), "masked")


def test_shapes_and_types_that_cannot_be():
    make = sklort.OrtValue.ortvalue_from_shape_and_type
    refuses(InvalidUse, lambda: make([2, -1], np.float32), "negative", r"\(2, -1\)")
    refuses(TypeError, lambda: make(3, np.float32), "shape must be a list")
    for wrong in (99, 0, -1, 22, "float33", None, object()):
        refuses(InvalidUse, lambda wrong=wrong: make([2], wrong), "element type|NumPy type")
    with pytest.raises(MemoryError):
        make([1 << 40, 1 << 40], np.float32)
    refuses(
        InvalidUse,
        lambda: sklort.OrtValue.ortvalue_from_numpy_with_onnx_type(np.zeros(2, np.uint32), 16),
        "2 bytes",
        "uint32",
    )


def test_devices_that_are_not_there():
    for wrong in ("CPU", "Cuda", "tpu", "", None, 3):
        refuses(InvalidArgument, lambda wrong=wrong: sklort.OrtDevice.make(wrong, 0), "there is no device", "'cpu'")
    refuses(InvalidArgument, lambda: sklort.OrtValue.ortvalue_from_numpy(X, "CPU"), "did you mean 'cpu'")
    refuses(InvalidUse, lambda: sklort.OrtValue.ortvalue_from_numpy(X, "cuda"), "'cpu'", "'cuda'")
    refuses(InvalidUse, lambda: sklort.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "cuda"), "'cuda'")
    info = sklort.OrtMemoryInfo("Cuda", sklort.OrtAllocatorType.ORT_DEVICE_ALLOCATOR)
    make = sklort.OrtValue.ortvalue_from_shape_and_type
    refuses(InvalidUse, lambda: make([2], np.float32, memory_info=info), "'cuda'")
    info = absolute().get_input_memory_infos()[0]
    assert make([2], np.float32, memory_info=info).shape() == [2]


def test_a_list_of_dicts_is_no_tensor():
    session = sklort.InferenceSession(
        model([ml_node("ZipMap", "X", classlabels_strings=["a", "b"])], outputs={"Y": _rows()})
    )
    (value,) = session.run_with_ort_values(None, {"X": sklort.OrtValue.ortvalue_from_numpy(X)})
    assert not value.is_tensor()
    assert not value.is_tensor_sequence()
    assert value.has_value()
    assert value.data_type() == "seq(map(string,tensor(float)))"
    assert value.held == [{"a": 1.0, "b": -2.0}, {"a": 3.0, "b": 4.0}]
    for method in ("numpy", "shape", "element_type", "data_ptr", "tensor_size_in_bytes", "__dlpack__", "__array__"):
        refuses(InvalidUse, getattr(value, method), "only a tensor", r"is a seq\(map\(string,tensor\(float\)\)\)")


def test_values_in_a_feed_are_checked_like_arrays():
    session = absolute()
    for run in (session.run, session.run_with_ort_values):
        wrong = sklort.OrtValue.ortvalue_from_numpy(X.astype(np.float64))
        refuses(InvalidArgument, lambda run=run, wrong=wrong: run(None, {"X": wrong}), "input 'X' has dtype float64")
        empty = session.io_binding()
        empty.bind_output("Y")
        refuses(ValueError, lambda run=run, empty=empty: run(None, {"X": empty.get_outputs()[0]}), "input 'X' is None")
    refuses(TypeError, lambda: session.run_with_ort_values(None, [X]), "input_feed as a dict")


def test_dlpack_of_what_it_refuses_elsewhere():
    flags = np.array([[True, False], [False, True], [True, True]])
    value = sklort.OrtValue.ortvalue_from_numpy(flags)
    assert np.from_dlpack(value).dtype == np.bool_
    assert np.shares_memory(np.from_dlpack(value), flags)
    for odd in (flags.T, flags[::2], np.asfortranarray(X), X[:, ::-1], X[:, 1]):
        taken = sklort.OrtValue.from_dlpack(odd)
        np.testing.assert_array_equal(taken.numpy(), odd)
        assert taken.numpy().flags.c_contiguous
    refuses(TypeError, lambda: sklort.OrtValue.from_dlpack([1.0]), "__dlpack__", "list")
    texts = sklort.OrtValue.ortvalue_from_numpy(np.array(["a"]))
    refuses(InvalidUse, texts.__dlpack__, "tensor of numbers", r"tensor\(string\)")
    refuses(InvalidUse, texts.data_ptr, "tensor of numbers")


def test_values_and_what_a_session_says_are_pickled_and_copied():
    session = absolute()
    for value in (X, np.array(["a", "b"]), np.array(3), np.zeros((0, 2), bool)):
        before = sklort.OrtValue.ortvalue_from_numpy(value)
        for after in (pickle.loads(pickle.dumps(before)), copy.deepcopy(before)):
            np.testing.assert_array_equal(after.numpy(), value)
            assert after.data_type() == before.data_type()
            assert not np.shares_memory(after.numpy(), value)
    for thing in (session.get_inputs()[0], session.get_modelmeta()):
        assert pickle.loads(pickle.dumps(thing)) == thing == copy.deepcopy(thing)


def test_copying_between_values():
    of = sklort.OrtValue.ortvalue_from_numpy
    targets = [np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)]
    values = [of(each) for each in targets]
    refuses(InvalidUse, lambda: sklort.copy_tensors([of(X)], values), "1 sources and 2 targets")
    refuses(InvalidUse, lambda: sklort.copy_tensors([of(X), of(X[0])], values), r"shape \(2,\)", r"\(2, 2\)")
    refuses(InvalidUse, lambda: sklort.copy_tensors([of(X), of(X.astype(float))], values), "float64", "float32")
    assert not np.any(targets)
    sklort.copy_tensors([of(X), of(X)], values)
    np.testing.assert_array_equal(targets, [X, X])


# --- the process, and backends ------------------------------------------------------------------------------------------


def test_severities_and_seeds():
    for wrong in (99, 5, -1):
        refuses(
            InvalidUse, lambda wrong=wrong: sklort.set_default_logger_severity(wrong), r"0 \(verbose\), .* 4 \(fatal\)"
        )
    for wrong in ("a", 1.5, None):
        refuses(TypeError, lambda wrong=wrong: sklort.set_default_logger_severity(wrong), "severity must be an int")
        refuses(TypeError, lambda wrong=wrong: sklort.set_seed(wrong), "seed must be an int")


def test_backends():
    two = model([node("Add", "A", "B")], {"A": (FLOAT, [2, 2]), "B": (FLOAT, [2, 2])})
    refuses(InvalidUse, lambda: backend.prepare(two, "TPU"), "'TPU' is not supported")
    refuses(InvalidUse, lambda: backend.prepare(two, optimized_model_filepath="x.onnx"), "'optimized_model_filepath'")
    refuses(InvalidUse, lambda: backend.prepare(two, enable_profiling=True), "may not set 'enable_profiling'")
    with pytest.warns(UserWarning, match="no field 'intra_op_threads': ignored; did you mean 'intra_op_num_threads'"):
        rep = backend.prepare(two, intra_op_threads=1)
    refuses(InvalidUse, lambda: rep.run([X, X], terminate=True), "may not set 'terminate'")
    refuses(InvalidUse, lambda: rep.run(X), r"2 inputs \(A, B\)", "ndarray")
    refuses(IndexError, lambda: rep.run([X]), r"2 inputs \(A, B\), got 1")
    refuses(ValueError, lambda: rep.run([X, X, X]), r"2 inputs \(A, B\), got 3")
    refuses(InvalidArgument, lambda: rep.run([X, X.astype(float)]), "input 'B' has dtype float64")
    for inputs in ([X, X], (X, X), {"B": X, "A": X}):
        np.testing.assert_array_equal(rep.run(inputs)[0], X + X)


def test_doubles_are_not_narrowed_into_bound_floats():
    session = sklort.InferenceSession(model([node("Abs", "X")], {"X": (DOUBLE, ["N"])}, {"Y": DOUBLE}))
    binding = session.io_binding()
    binding.bind_cpu_input("X", np.array([1e300, -2.0]))
    target = np.zeros(2, np.float32)
    binding.bind_output("Y", "cpu", 0, np.float32, [2], target.ctypes.data)
    refuses(InvalidUse, lambda: session.run_with_iobinding(binding), "float64", "float32")
    assert not target.any()
