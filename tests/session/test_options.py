"""Fields of options: defaults, types, and that each does what it says."""

from __future__ import annotations

import copy
import logging
import pickle
import weakref

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import sklort
from sklort.exceptions import Fail, InvalidArgument, InvalidUse
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.session.inference_session import InferenceSession
from sklort.session.options import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, SessionOptions
from sklort.session.run_options import RunOptions
from tests.session.test_inference_session import X, ops

DEFAULTS = {
    "graph_optimization_level": 99,
    "execution_mode": 0,
    "execution_order": 0,
    "intra_op_num_threads": 0,
    "inter_op_num_threads": 0,
    "use_per_session_threads": True,
    "enable_profiling": False,
    "profile_file_prefix": "onnxruntime_profile_",
    "optimized_model_filepath": "",
    "enable_mem_pattern": True,
    "enable_mem_reuse": True,
    "enable_cpu_mem_arena": True,
    "log_severity_level": -1,
    "log_verbosity_level": 0,
    "logid": "",
    "use_deterministic_compute": False,
}
RUN_DEFAULTS = {
    "log_severity_level": -1,
    "log_verbosity_level": 0,
    "logid": "",
    "only_execute_path_to_fetches": False,
    "terminate": False,
}


def graph(body: str, inputs: str = "float[N, 2] X", outputs: str = "float[N, 2] Y") -> onnx.ModelProto:
    return onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]> g ({inputs}) => ({outputs}) {{ {body} }}'
    )


SCALED = "c = Constant<value_floats = [2.0, 3.0]>() Y = Mul(X, c)"


@pytest.mark.parametrize(("kind", "defaults"), [(SessionOptions, DEFAULTS), (RunOptions, RUN_DEFAULTS)])
def test_defaults_are_onnxruntimes(kind, defaults):
    ort = pytest.importorskip("onnxruntime")
    theirs = getattr(ort, kind.__name__)()
    for name, value in defaults.items():
        assert getattr(kind(), name) == value, name
        given = getattr(theirs, name)
        assert int(given) == value if name.startswith(("graph", "execution")) else given == value, name


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("intra_op_num_threads", -1, -1),
        ("intra_op_num_threads", np.int64(2), 2),
        ("enable_profiling", 1, True),
        ("enable_mem_pattern", np.False_, False),
        ("graph_optimization_level", 1, GraphOptimizationLevel.ORT_ENABLE_BASIC),
        ("execution_mode", ExecutionMode.ORT_PARALLEL, 1),
        ("execution_order", 2, ExecutionOrder.MEMORY_EFFICIENT),
        ("log_severity_level", 99, 99),
        ("logid", "mine", "mine"),
    ],
)
def test_values_that_are_kept(name, value, kept):
    options = SessionOptions()
    setattr(options, name, value)
    assert getattr(options, name) == kept
    assert type(getattr(options, name)) is type(getattr(SessionOptions(), name))
    assert f"{name}=" in repr(options)


@pytest.mark.parametrize(
    ("kind", "name", "value", "error", "words"),
    [
        (SessionOptions, "intra_op_num_threads", 1.5, TypeError, "intra_op_num_threads must be an int, got float"),
        (SessionOptions, "intra_op_num_threads", 2**40, TypeError, "32 bits, got 1099511627776"),
        (SessionOptions, "enable_profiling", "yes", TypeError, "enable_profiling must be a bool, got str"),
        (SessionOptions, "logid", 3, TypeError, "logid must be a str, got int"),
        (SessionOptions, "profile_file_prefix", 3, TypeError, "profile_file_prefix must be a path, got int"),
        (SessionOptions, "graph_optimization_level", 7, ValueError, r"ORT_ENABLE_ALL \(99\), got 7"),
        (SessionOptions, "graph_optimization_level", "all", TypeError, "GraphOptimizationLevel or its number, got str"),
        (SessionOptions, "execution_mode", 2, ValueError, r"ORT_PARALLEL \(1\), got 2"),
        (SessionOptions, "intra_op_threads", 1, AttributeError, "intra_op_threads"),
        (RunOptions, "terminate", "now", TypeError, "terminate must be a bool, got str"),
        (RunOptions, "log_severity_level", "a", TypeError, "must be an int, got str"),
        (RunOptions, "training_mode", True, AttributeError, "training_mode"),
    ],
)
def test_values_that_are_refused(kind, name, value, error, words):
    options = kind()
    with pytest.raises(error, match=words):
        setattr(options, name, value)
    assert repr(options) == repr(kind())


@pytest.mark.parametrize(
    ("kind", "add", "get"),
    [
        (SessionOptions, "add_session_config_entry", "get_session_config_entry"),
        (RunOptions, "add_run_config_entry", "get_run_config_entry"),
    ],
)
def test_entries(kind, add, get):
    options = kind()
    getattr(options, add)("some.key", "1")
    getattr(options, add)("some.key", "2")
    assert getattr(options, get)("some.key") == "2"
    with pytest.raises(InvalidUse, match=f"{kind.__name__} has no entry 'other' .*'some.key'"):
        getattr(options, get)("other")
    for key in ("", "a" * 1025):
        with pytest.raises(RuntimeError, match=f"1 to 1024 letters, got {len(key)}"):
            getattr(options, add)(key, "1")
    for key, value in ((1, "1"), ("a", 1)):
        with pytest.raises(TypeError, match="both str"):
            getattr(options, add)(key, value)
    with pytest.raises(TypeError, match="is a str"):
        getattr(options, get)(3)


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_options_travel(remake):
    options = SessionOptions()
    options.logid, options.graph_optimization_level = "mine", 1
    options.add_session_config_entry("k", "v")
    options.add_free_dimension_override_by_name("N", 4)
    options.add_initializer("c", np.array([1.0]))
    other = remake(options)
    assert (other.logid, other.graph_optimization_level, other.get_session_config_entry("k")) == ("mine", 1, "v")
    assert other.overrides.sizes == {"N": 4}
    assert list(other.overrides.constants) == ["c"]
    other.logid = "other"
    other.add_session_config_entry("k", "w")
    other.add_free_dimension_override_by_name("N", 5)
    assert (options.logid, options.get_session_config_entry("k"), options.overrides.sizes) == ("mine", "v", {"N": 4})
    assert weakref.ref(options)() is options

    run = RunOptions()
    run.terminate, run.logid = True, "run"
    run.add_run_config_entry("k", "v")
    again = remake(run)
    assert (again.terminate, again.logid, again.get_run_config_entry("k")) == (True, "run", "v")
    again.terminate = False
    assert run.terminate


def test_one_object_for_several_sessions():
    options = SessionOptions()
    first = InferenceSession(graph(SCALED), options)
    options.graph_optimization_level = 0
    second = InferenceSession(graph("a = Identity(X) Y = Abs(a)"), options)
    assert first.get_session_options().graph_optimization_level == 99
    assert ops(second) == ["Identity", "Abs"]


def test_fusion_begins_at_the_extended_level():
    body = "W = Constant<value = float[2, 2] {1, 2, 3, 4}>() a = MatMul(X, W) b = Relu(a) Y = Identity(b)"
    found = {}
    for level in GraphOptimizationLevel:
        options = SessionOptions()
        options.graph_optimization_level = level
        session = InferenceSession(graph(body), options)
        found[level.value] = ops(session)
        np.testing.assert_array_equal(session.run(None, {"X": X})[0], np.maximum(X @ [[1, 2], [3, 4]], 0))
    assert found[0] == ["MatMul", "Relu", "Identity"]
    assert found[1] == ["MatMul", "Relu"]
    assert found[2] == found[3] == found[99] == ["ai.sklort:DenseLayer"]


@pytest.mark.parametrize("threads", [0, 1, 3, -1])
@pytest.mark.parametrize("own", [True, False])
def test_thread_counts(threads, own):
    options = SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 2
    options.use_per_session_threads = own
    assert options.threads == (max(threads, 0) if own else 0)
    rows = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    found = InferenceSession(graph("a = Exp(X) Y = Log(a)"), options).run(None, {"X": rows})[0]
    expected = InferenceSession(graph("a = Exp(X) Y = Log(a)")).run(None, {"X": rows})[0]
    np.testing.assert_array_equal(found, expected)


# --- what is changed in the model ------------------------------------------------------------------------------------------


def test_a_size_is_fixed_by_name():
    options = SessionOptions()
    options.add_free_dimension_override_by_name("N", 3)
    options.add_free_dimension_override_by_name("unknown", 7)
    session = InferenceSession(graph(SCALED), options)
    assert session.get_inputs()[0].shape == [3, 2]
    assert session.get_outputs()[0].shape == [3, 2]
    np.testing.assert_array_equal(session.run(None, {"X": np.ones((3, 2), np.float32)})[0], [[2, 3]] * 3)
    with pytest.raises(InvalidArgument, match="dimension 0 is 2, expected 3"):
        session.run(None, {"X": X})
    travelled = pickle.loads(pickle.dumps(session))
    assert travelled.get_inputs()[0].shape == [3, 2]
    for wrong in ("3", 1.5, None):
        with pytest.raises(TypeError, match="the size must be an int"):
            options.add_free_dimension_override_by_name("N", wrong)


def test_a_negative_size_leaves_the_name():
    options = SessionOptions()
    options.add_free_dimension_override_by_name("N", -3)
    assert InferenceSession(graph(SCALED), options).get_inputs()[0].shape == ["N", 2]


def test_a_size_is_fixed_by_what_it_denotes():
    proto = graph(SCALED)
    proto.graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    options = SessionOptions()
    options.add_free_dimension_override_by_denotation("DATA_BATCH", 2)
    options.add_free_dimension_override_by_denotation("DATA_CHANNEL", 9)
    session = InferenceSession(proto, options)
    assert session.get_inputs()[0].shape == [2, 2]
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], X * np.float32([2, 3]))
    ort = pytest.importorskip("onnxruntime")
    theirs = ort.SessionOptions()
    theirs.add_free_dimension_override_by_denotation("DATA_BATCH", 2)
    assert ort.InferenceSession(proto.SerializeToString(), theirs).get_inputs()[0].shape == [2, 2]


def with_initializer() -> onnx.ModelProto:
    proto = graph("Y = Mul(X, c)")
    proto.graph.initializer.append(helper.make_tensor("c", TensorProto.FLOAT, [2], [2, 3]))
    return proto


@pytest.mark.parametrize("wrap", [lambda array: array, sklort.OrtValue.ortvalue_from_numpy])
def test_an_initializer_is_replaced(wrap):
    options = SessionOptions()
    options.add_initializer("c", wrap(np.array([5, 6], np.float32)))
    session = InferenceSession(with_initializer(), options)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], X * np.float32([5, 6]))
    travelled = pickle.loads(pickle.dumps(session))
    np.testing.assert_array_equal(travelled.run(None, {"X": X})[0], X * np.float32([5, 6]))


def test_what_cannot_replace_an_initializer():
    options = SessionOptions()
    options.add_initializer("c", np.array([5.0, 6.0]))
    with pytest.raises(InvalidArgument, match=r"initializer 'c' is a tensor\(float\), .* float64"):
        InferenceSession(with_initializer(), options)
    for wrong in ([1.0], 3, None):
        with pytest.raises(TypeError, match="OrtValue or a NumPy array"):
            options.add_initializer("c", wrong)
    options = SessionOptions()
    options.add_initializer("d", np.array([5, 6], np.float32))
    with pytest.warns(UserWarning, match="no initializer 'd'"):
        session = InferenceSession(with_initializer(), options)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], X * np.float32([2, 3]))


def test_external_data_from_memory():
    proto = with_initializer()
    stored = proto.graph.initializer[0]
    stored.ClearField("float_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="absent.bin")
    with pytest.raises(Fail, match=r"absent\.bin"):
        InferenceSession(proto)
    options = SessionOptions()
    options.add_external_initializers(["c"], [np.array([5, 6], np.float32)])
    found = InferenceSession(proto, options).run(None, {"X": X})[0]
    np.testing.assert_array_equal(found, X * np.float32([5, 6]))
    for array in (np.array([5.0, 6.0]), np.array([5, 6, 7], np.float32)):
        options.add_external_initializers(["c"], [array])
        with pytest.raises(InvalidArgument, match=r"'c': expected a tensor\(float\) of shape \[2\]"):
            InferenceSession(proto, options)
    with pytest.raises(TypeError, match="as many values as names"):
        options.add_external_initializers(["c"], [])


def test_libraries_of_operators(tmp_path):
    options = SessionOptions()
    with pytest.raises(Fail, match="no library of operators at '/absent.so'"):
        options.register_custom_ops_library("/absent.so")
    library = tmp_path / "ops.so"
    library.write_bytes(b"")
    with pytest.raises(NotImplementedHere, match="cannot be loaded here"):
        options.register_custom_ops_library(library)
    assert not options.has_providers()


# --- the log -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [99, -2, 5])
def test_a_severity_that_there_is_not(severity, capfd):
    options = SessionOptions()
    options.log_severity_level = severity
    with pytest.raises(RuntimeError, match=f"0 \\(verbose\\).* got {severity}"):
        InferenceSession(graph(SCALED), options)
    run = RunOptions()
    run.log_severity_level = severity
    session = InferenceSession(graph(SCALED))
    with pytest.raises(InvalidUse, match=f"got {severity}"):
        session.run(None, {"X": X}, run)
    session.run(None, {"X": X})
    assert capfd.readouterr() == ("", "")


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "sklort"]


def test_what_is_said_depends_on_the_severity(caplog):
    caplog.set_level(logging.DEBUG, "sklort")
    for severity, levels in [
        (0, {logging.DEBUG, logging.INFO, logging.WARNING}),
        (1, {logging.INFO, logging.WARNING}),
        (2, {logging.WARNING}),
        (3, set()),
    ]:
        caplog.clear()
        options = SessionOptions()
        options.log_severity_level, options.logid = severity, "mine"
        InferenceSession(graph("Y = Det(X)", outputs="float Y"), options)
        found = said(caplog)
        assert {level for level, _ in found} == levels
        assert all(message.startswith("mine: ") for _, message in found)
    assert not caplog.records


def test_what_has_no_native_kernel_is_a_warning(caplog):
    InferenceSession(graph("Y = Det(X)", outputs="float Y"))
    assert said(caplog) == [(logging.WARNING, "without a native kernel, and slow: Det")]
    caplog.clear()
    InferenceSession(graph(SCALED))
    assert said(caplog) == []


def test_the_log_of_a_run(caplog):
    caplog.set_level(logging.DEBUG, "sklort")
    session = InferenceSession(graph(SCALED), SessionOptions())
    options = RunOptions()
    options.logid, options.log_severity_level = "morning", 0
    caplog.clear()
    session.run(None, {"X": X}, options)
    ((level, message),) = said(caplog)
    assert level == logging.DEBUG
    assert message.startswith("morning: Y in ")
    caplog.clear()
    options.log_severity_level = 1
    session.run(None, {"X": X}, options)
    assert said(caplog) == []


def test_a_verbose_session_tells_of_plain_runs_too(caplog):
    caplog.set_level(logging.DEBUG, "sklort")
    options = SessionOptions()
    options.log_severity_level = 0
    session = InferenceSession(graph(SCALED), options)
    caplog.clear()
    session.run(None, {"X": X})
    assert [message[:5] for _, message in said(caplog)] == ["Y in "]


def test_nothing_is_printed_where_no_logging_is_configured(capfd):
    options = SessionOptions()
    options.log_severity_level = 0
    InferenceSession(graph("Y = Det(X)", outputs="float Y"), options).run(None, {"X": X})
    assert capfd.readouterr() == ("", "")


# --- options of a run ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{}, 3, "options", SessionOptions()])
def test_what_is_no_run_options(wrong):
    session = InferenceSession(graph(SCALED))
    for call in (
        lambda: session.run(None, {"X": X}, wrong),
        lambda: session.run(None, {"X": X}, run_options=wrong),
        lambda: session.run_async(None, {"X": X}, print, None, wrong),
    ):
        with pytest.raises(TypeError, match=f"run_options must be .* got {type(wrong).__name__}$"):
            call()
    np.testing.assert_array_equal(session.run(None, {"X": X}, None)[0], X * np.float32([2, 3]))


def test_a_run_with_options_gives_the_bits_of_one_without():
    session = InferenceSession(graph("a = Exp(X) Y = Tanh(a)"))
    rows = np.random.default_rng(1).normal(size=(30_000, 2)).astype(np.float32)
    options = RunOptions()
    options.only_execute_path_to_fetches = True
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    np.testing.assert_array_equal(session.run(None, {"X": rows}, options)[0], session.run(None, {"X": rows})[0])
