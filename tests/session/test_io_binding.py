"""Bindings: what a run reads and where it writes, beside `run` on the same graphs and beside onnxruntime's bindings."""

from __future__ import annotations

import threading

import numpy as np
import onnx
import pytest

from sklort.exceptions import Fail, InvalidUse, SessionError
from sklort.session.inference_session import InferenceSession
from sklort.session.io_binding import IOBinding, SessionIOBinding
from sklort.session.options import SessionOptions
from sklort.session.ort_value import OrtValue
from sklort.session.run_options import RunOptions

X = np.array([[1, -2], [3, 4]], np.float32)


def proto_of(body: str, inputs: str = "float[N, 2] X", outputs: str = "float Y") -> bytes:
    text = f'<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]> g ({inputs}) => ({outputs}) {{ {body} }}'
    return onnx.parser.parse_model(text).SerializeToString()


TWO = proto_of("Y = Abs(X) Z = Neg(X)", outputs="float Y, float Z")


def session_of(*arguments, **keywords) -> InferenceSession:
    return InferenceSession(proto_of(*arguments, **keywords))


def test_inputs_are_read_where_they_lie():
    session = session_of("Y = Abs(X)")
    binding = session.io_binding()
    array = X.copy()
    binding.bind_cpu_input("X", array)
    binding.bind_output("Y")
    for factor in (1, -3):
        array *= factor
        session.run_with_iobinding(binding)
        np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], abs(array))
    value = OrtValue.ortvalue_from_numpy(X.copy())
    binding.bind_ortvalue_input("X", value)
    value.update_inplace(np.full((2, 2), -8, np.float32))
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == 8).all()


def test_what_cannot_be_read_where_it_lies_is_read_when_bound():
    session = session_of("Y = Abs(X)")
    binding = session.io_binding()
    binding.bind_output("Y")
    for array in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.astype(">f4")):
        binding.bind_cpu_input("X", array)
        array[...] = 77
        session.run_with_iobinding(binding)
        np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], abs(X))


def test_results_without_memory_of_their_own_are_new_in_every_run():
    session = session_of("Y = Abs(X)")
    binding = session.io_binding()
    binding.bind_output("Y")
    kept = []
    for rows in (1, 3, 3, 0, 2000):
        binding.bind_cpu_input("X", np.full((rows, 2), -rows, np.float32))
        session.run_with_iobinding(binding)
        kept.append((rows, binding.get_outputs()[0]))
    for rows, value in kept:
        np.testing.assert_array_equal(value.numpy(), np.full((rows, 2), rows, np.float32))


def test_results_are_written_into_bound_memory():
    session = InferenceSession(TWO)
    binding = session.io_binding()
    array, raw = np.empty((2, 2), np.float32), np.empty((2, 2), np.float32)
    target = OrtValue.ortvalue_from_numpy(array)
    source = X.copy()
    binding.bind_input("X", "cpu", 0, 1, source.shape, source.ctypes.data)
    binding.bind_ortvalue_output("Z", target)
    binding.bind_output("Y", "cpu", 0, np.float32, [2, 2], raw.ctypes.data)
    for factor in (1, 5):
        source *= factor
        session.run_with_iobinding(binding)
        np.testing.assert_array_equal(array, -source)
        np.testing.assert_array_equal(raw, abs(source))
        assert binding.get_outputs()[0] is target
        z, y = binding.copy_outputs_to_cpu()
        np.testing.assert_array_equal([z, y], [-source, abs(source)])
        assert not np.shares_memory(z, array)
        assert not np.shares_memory(y, raw)


def test_an_output_over_its_own_input():
    session = session_of("Y = Add(X, X)", inputs="float[N] X")
    binding = session.io_binding()
    value = OrtValue.ortvalue_from_numpy(np.arange(1, 5000, dtype=np.float32))
    binding.bind_ortvalue_input("X", value)
    binding.bind_ortvalue_output("Y", value)
    for _ in range(3):
        session.run_with_iobinding(binding)
    np.testing.assert_array_equal(value.numpy(), 8 * np.arange(1, 5000))


@pytest.mark.parametrize("rows", [10, 50_000])
@pytest.mark.parametrize("profiled", [False, True])
def test_large_results_and_small_ones_are_written_alike(rows, profiled, tmp_path):
    options = SessionOptions()
    options.enable_profiling, options.profile_file_prefix = profiled, str(tmp_path / "profile")
    session = InferenceSession(TWO, options)
    source = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    y, z = session.run(None, {"X": source})
    memory = np.zeros((3, rows, 2), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("X", source)
    for target in (memory[0], source):  # the second time over the input itself
        binding.bind_ortvalue_output("Z", OrtValue.ortvalue_from_numpy(memory[1]))
        binding.bind_ortvalue_output("Y", OrtValue.ortvalue_from_numpy(target))
        session.run_with_iobinding(binding, RunOptions())
        np.testing.assert_array_equal(target, y)
        np.testing.assert_array_equal(memory[1], z)
        assert binding.get_outputs()[1].data_ptr() == target.ctypes.data
    assert not memory[2].any()
    binding.bind_ortvalue_output("Y", OrtValue.ortvalue_from_numpy(memory[2, 1:]))
    with pytest.raises(InvalidUse, match="'Y' is an array of float32 with shape"):
        session.run_with_iobinding(binding)
    assert not memory[2].any()
    if profiled:
        session.end_profiling()


def test_outputs_that_no_native_kernel_makes_are_written_too():
    session = InferenceSession(TWO, providers=["ReferenceExecutionProvider"])
    source, target = np.ones((20_000, 2), np.float32), np.zeros((20_000, 2), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("X", source)
    binding.bind_ortvalue_output("Z", OrtValue.ortvalue_from_numpy(target))
    session.run_with_iobinding(binding)
    assert (target == -1).all()


def test_a_failing_run_changes_nothing():
    session = session_of("Y = Reshape(X, s)", inputs="float[N] X, int64[1] s")
    binding = session.io_binding()
    target = np.zeros(4, np.float32)
    shape = np.array([4])
    binding.bind_cpu_input("X", np.ones(4, np.float32))
    binding.bind_cpu_input("s", shape)
    binding.bind_ortvalue_output("Y", OrtValue.ortvalue_from_numpy(target))
    session.run_with_iobinding(binding)
    binding.bind_cpu_input("X", np.full(4, 2, np.float32))
    shape[0] = 3
    with pytest.raises(Fail, match="Reshape"):
        session.run_with_iobinding(binding)
    assert (target == 1).all()
    assert (binding.copy_outputs_to_cpu()[0] == 1).all()
    shape[0] = 4
    session.run_with_iobinding(binding)
    assert (target == 2).all()


def test_order_binding_again_and_forgetting():
    session = InferenceSession(TWO)
    binding = session.io_binding()
    binding.bind_cpu_input("X", X)
    for name in ("Z", "Y", "Z"):
        binding.bind_output(name)
    session.run_with_iobinding(binding)
    z, y = binding.copy_outputs_to_cpu()
    np.testing.assert_array_equal([z, y], [-X, abs(X)])
    binding.synchronize_inputs()
    binding.synchronize_outputs()
    binding.bind_output("Z")
    assert [value.has_value() for value in binding.get_outputs()] == [False, True]
    binding.clear_binding_outputs()
    assert binding.get_outputs() == [] == binding.copy_outputs_to_cpu()
    binding.clear_binding_inputs()
    binding.bind_output("Y")
    with pytest.raises(InvalidUse, match="'X' are missing"):
        session.run_with_iobinding(binding)


def test_only_what_is_bound_is_computed():
    session = session_of("Y = Abs(X) Z = Reshape(X, s) s = Constant<value_ints = [7]>()", outputs="float Y, float Z")
    binding = session.io_binding()
    binding.bind_cpu_input("X", X)
    binding.bind_output("Y")
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], abs(X))
    binding.bind_output("Z")
    with pytest.raises(SessionError, match="Reshape"):
        session.run_with_iobinding(binding)


def test_constants_may_be_bound():
    text = """<ir_version: 10, opset_import: ["": 17]>
    g (float[N] X, float[1] W = {2}) => (float Y) { Y = Mul(X, W) }"""
    session = InferenceSession(onnx.parser.parse_model(text))
    assert [arg.name for arg in session.get_overridable_initializers()] == ["W"]
    binding = session.io_binding()
    binding.bind_cpu_input("X", np.ones(3, np.float32))
    binding.bind_output("Y")
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == 2).all()
    binding.bind_cpu_input("W", np.array([5], np.float32))
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == 5).all()


def test_maps_and_sequences():
    vectors = session_of(
        'Y = ai.onnx.ml.DictVectorizer<string_vocabulary=["a", "b"]>(X)', inputs="map(string, float) X"
    )
    binding = vectors.io_binding()
    binding.bind_ortvalue_input("X", OrtValue({"b": 2.0}, "map(string,float)"))
    binding.bind_output("Y")
    vectors.run_with_iobinding(binding)
    assert binding.copy_outputs_to_cpu()[0].tolist() == [[0, 2]]
    parts = session_of("Y = SequenceConstruct(X, X)", outputs="seq(float[]) Y")
    (value,) = parts.run_with_ort_values(None, {"X": OrtValue.ortvalue_from_numpy(X)})
    assert (value.is_tensor(), value.is_tensor_sequence(), value.data_type()) == (False, True, "seq(tensor(float))")
    joined = session_of("Y = ConcatFromSequence<axis=0>(X)", inputs="seq(float[]) X")
    np.testing.assert_array_equal(joined.run(None, {"X": value})[0], np.concatenate([X, X]))


def test_ort_values_in_and_out():
    session = InferenceSession(TWO)
    value = OrtValue.ortvalue_from_numpy(X)
    for feed in ({"X": value}, {"X": X}):
        z, y = session.run_with_ort_values(["Z", "Y"], feed)
        np.testing.assert_array_equal(z.numpy(), -X)
        np.testing.assert_array_equal(y.numpy(), abs(X))
    assert [each.data_type() for each in session.run_with_ort_values(None, {"X": value})] == ["tensor(float)"] * 2
    np.testing.assert_array_equal(session.run(["Y"], {"X": value})[0], abs(X))
    (again,) = session.run_with_ort_values(["Y"], {"X": z})
    np.testing.assert_array_equal(again.numpy(), abs(X))
    assert not np.shares_memory(again.numpy(), X)


def test_several_threads_with_a_binding_each():
    session = session_of("Y = Mul(X, X)", inputs="float[N] X")
    wrong = []

    def work(number: int) -> None:
        binding = session.io_binding()
        array, target = np.full(3000, number, np.float32), np.zeros(3000, np.float32)
        binding.bind_cpu_input("X", array)
        binding.bind_ortvalue_output("Y", OrtValue.ortvalue_from_numpy(target))
        for turn in range(50):
            array[...] = number + turn
            session.run_with_iobinding(binding)
            if not (target == (number + turn) ** 2).all():
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_names_and_memory_of_a_session():
    assert SessionIOBinding is IOBinding
    session = InferenceSession(TWO)
    assert [info.name for info in session.get_input_memory_infos()] == ["Cpu"]
    assert [info.device_id for info in session.get_output_memory_infos()] == [0, 0]
    assert repr(session.get_input_memory_infos()[0]) == "OrtMemoryInfo('Cpu', ORT_ARENA_ALLOCATOR, 0, DEFAULT)"


def test_any_order_of_calls_ends_as_in_onnxruntime():
    """Random programs on both. Where onnxruntime's result would depend on memory it reuses, copies are compared."""
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    pairs = [(InferenceSession(TWO), OrtValue), (onnxruntime.InferenceSession(TWO), onnxruntime.OrtValue)]
    arrays = [X, np.asfortranarray(X), X[::-1], X.astype(np.float64), X[0]]
    compared = 0
    for _ in range(60):
        calls = [(rng.choice(CALLS), int(rng.integers(0, 100))) for _ in range(12)]
        ends = [list(outcomes(calls, session, make, arrays)) for session, make in pairs]
        assert ends[0] == ends[1], calls
        compared += sum(isinstance(each, list) for each in ends[0])
    assert compared > 100


CALLS = ["input", "input", "value", "output", "output", "target", "change", "run", "run", "clear"]


def outcomes(calls, session, make, arrays):
    """What each run of this program gives; "refused" for one that fails. The same array never belongs to both runtimes."""
    binding, bound, targets = session.io_binding(), None, {}
    for call, number in calls:
        name, array = "YZ"[number % 2], arrays[number % len(arrays)].copy(order="K")
        if call == "input":
            bound = array
            binding.bind_cpu_input("X", array)
        elif call == "value":
            bound = np.ascontiguousarray(array)
            binding.bind_ortvalue_input("X", make.ortvalue_from_numpy(bound))
        elif call == "output":
            binding.bind_output(name)
            targets[name] = None
        elif call == "target":
            targets[name] = np.zeros((2, 2) if number % 3 else (2,), np.float32 if number % 5 else np.float64)
            binding.bind_ortvalue_output(name, make.ortvalue_from_numpy(targets[name]))
        elif call == "change" and bound is not None:
            bound *= 2
        elif call == "clear" and number % 3 == 0:
            (binding.clear_binding_inputs if number % 2 else binding.clear_binding_outputs)()
            if number % 2 == 0:
                targets = {}
        elif call == "run":
            try:
                session.run_with_iobinding(binding)
            except RuntimeError:
                yield "refused"
                continue
            yield [array.tolist() for array in binding.copy_outputs_to_cpu()]
            yield [None if target is None else target.tolist() for target in targets.values()]
