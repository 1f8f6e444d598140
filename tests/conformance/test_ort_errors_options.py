"""Options, providers, profiles and background runs, asked wrongly: what onnxruntime swallows, dies of or prints.

More of each is in tests/session: test_options, test_changing, test_optimised, test_profiling, test_run_async, test_stopping.
"""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
import weakref

import numpy as np
import pytest

import sklort
from sklort.exceptions import Fail, InvalidArgument, InvalidUse, NoSuchFile
from sklort.session.inference_session import InferenceSession
from tests.conformance.malformed import Tried, check_words, model, node, refuses_to_load

X = np.array([[1, -2], [3, 4]], np.float32)


def plain() -> bytes:
    return model([node("Abs", "X")]).SerializeToString()


def options(**fields: object) -> sklort.SessionOptions:
    made = sklort.SessionOptions()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


# --- swallowed by onnxruntime --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"providers": ["NoExecutionProvider"]},
        {"providers": "CPUExecutionProvide"},
        {"providers": ["CPUExecutionProvider"], "provider_options": [{}, {}]},
        {"providers": [("CPUExecutionProvider",)]},
    ],
)
def test_mistakes_in_providers_warn_and_print_nothing(arguments, capfd):
    with pytest.warns(UserWarning, match="provider"):
        session = InferenceSession(plain(), **arguments)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert capfd.readouterr() == ("", "")


def test_warnings_point_at_the_caller():
    for call in (
        lambda: InferenceSession(plain(), providers=["NoExecutionProvider"]),
        lambda: InferenceSession(plain(), providers={1}),
        lambda: InferenceSession(plain(), no_such_keyword=1),
        lambda: InferenceSession(plain()).set_providers(["CoreMLExecutionProvider"]),
    ):
        with pytest.warns(UserWarning, match="no|not|must") as caught:
            call()
        assert [each.filename for each in caught] == [__file__]


def test_provider_options_without_providers_are_ignored():
    assert InferenceSession(plain(), provider_options=[{"a": 1}]).get_provider_options() == {"CPUExecutionProvider": {}}


def test_entries_that_nobody_knows_are_kept():
    made = options(intra_op_num_threads=-3)
    made.add_session_config_entry("session.of_my_own", "1")
    made.add_session_config_entry("session.load_model_format", "ONNX")
    session = InferenceSession(plain(), made)
    assert session.get_session_options().get_session_config_entry("session.of_my_own") == "1"
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], abs(X))


def test_another_format_of_models():
    made = sklort.SessionOptions()
    made.add_session_config_entry("session.load_model_format", "ORT")
    refuses_to_load(plain(), Fail, "'session.load_model_format' is 'ORT'", "ONNX", sess_options=made)


def test_a_profile_that_cannot_be_written(tmp_path):
    prefix = tmp_path / "absent" / "profile"
    made = options(enable_profiling=True, profile_file_prefix=prefix)
    refuses_to_load(plain(), NoSuchFile, "cannot write a profile", "no directory '.*absent'", sess_options=made)


# --- refused by both -----------------------------------------------------------------------------------------------------


def test_an_optimised_model_in_a_missing_directory(tmp_path):
    made = options(optimized_model_filepath=tmp_path / "absent" / "m.onnx")
    refuses_to_load(plain(), InvalidArgument, "cannot save", "no directory '.*absent'", sess_options=made)


@pytest.mark.parametrize("severity", [-2, 5, 99])
def test_a_log_severity_that_there_is_not(severity, capfd):
    made = options(log_severity_level=severity)
    refuses_to_load(plain(), InvalidUse, r"0 \(verbose\)", r"4 \(fatal\)", f"got {severity}", sess_options=made)
    assert issubclass(InvalidUse, RuntimeError)
    assert capfd.readouterr() == ("", "")


def test_threads_of_the_process():
    """There is one pool for all sessions, so there is nothing to refuse."""
    session = InferenceSession(plain(), options(use_per_session_threads=False, intra_op_num_threads=7))
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], abs(X))


def test_an_entry_that_is_not_set():
    for made, get in (
        (sklort.SessionOptions(), "get_session_config_entry"),
        (sklort.RunOptions(), "get_run_config_entry"),
    ):
        with pytest.raises(RuntimeError) as caught:
            getattr(made, get)("session.k")
        check_words(caught.value, ["no entry 'session.k'"])


def test_a_library_of_operators_that_is_not_there():
    with pytest.raises(Fail) as caught:
        sklort.SessionOptions().register_custom_ops_library("/absent.so")
    check_words(caught.value, ["no library of operators at '/absent.so'"])


@pytest.mark.parametrize("wrong", [{}, {"terminate": True}, 1, "options"])
def test_run_options_that_are_none(wrong):
    tried = Tried(model([node("Abs", "X")]), {"X": X}, abs(X))
    with pytest.raises(TypeError) as caught:
        tried.session.run(None, {"X": X}, wrong)
    check_words(caught.value, [f"run_options must be a sklort.RunOptions or None, got {type(wrong).__name__}$"])
    tried.check_alive()


def test_terminate():
    tried = Tried(model([node("Abs", "X")]), {"X": X}, abs(X))
    ended = sklort.RunOptions()
    ended.terminate = True
    with pytest.raises(Fail) as caught:
        tried.session.run(None, {"X": X}, ended)
    check_words(caught.value, ["run was ended", "'terminate'"])
    tried.check_alive()


# --- accepted, or mended -------------------------------------------------------------------------------------------------


def test_levels_by_number():
    assert options(graph_optimization_level=1).graph_optimization_level is (
        sklort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    )


def test_a_failed_change_of_providers_leaves_the_session():
    tried = Tried(model([node("Abs", "X")]), {"X": X}, abs(X))
    for wrong in (["NoExecutionProvider"], {1}, [("CPUExecutionProvider", 3)]):
        with pytest.raises(RuntimeError) as caught:
            tried.session.set_providers(wrong)
        assert isinstance(caught.value, ValueError)
        tried.check_alive()
        assert tried.session.get_inputs()[0].name == "X"


def test_background_runs_with_one_thread_and_callbacks_that_fail(monkeypatch):
    session = InferenceSession(plain(), options(intra_op_num_threads=1))
    told, done = [], threading.Semaphore(0)
    monkeypatch.setattr("sys.unraisablehook", lambda report: (told.append(report.exc_type), done.release()))

    def callback(found: list, data: object, error: str) -> None:
        told.append((len(found), data, error))
        done.release()
        if data == "raise":
            raise KeyError("no")

    for feed, data in (({"X": X}, 1), ({"X": X.astype(np.float64)}, 2), ({"X": X}, "raise")):
        session.run_async(None, feed, callback, data)
        assert done.acquire(timeout=60)
    assert done.acquire(timeout=60)
    assert told[0] == (1, 1, "")
    assert told[1][:2] == (0, 2)
    assert told[1][2].startswith("the input 'X' has dtype float64")
    assert told[2:] == [(1, "raise", ""), KeyError]
    with pytest.raises(ValueError, match="'X' are missing"):
        session.run_async(None, {}, callback, None)


def test_what_travels():
    """Sessions, options and descriptions are pickled, copied and weakly referred to."""
    session = InferenceSession(plain())
    for thing in (
        session,
        sklort.SessionOptions(),
        sklort.RunOptions(),
        session.get_inputs()[0],
        session.get_modelmeta(),
    ):
        for other in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing), copy.copy(thing)):
            assert type(other) is type(thing)
            if isinstance(thing, (sklort.NodeArg, sklort.ModelMetadata)):
                assert other == thing
        assert weakref.ref(thing)() is thing
    assert {*session.get_inputs(), *session.get_inputs()} == set(session.get_inputs())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for other in (pickle.loads(pickle.dumps(session)), copy.deepcopy(session), copy.copy(session)):
            np.testing.assert_array_equal(other.run(None, {"X": X})[0], abs(X))
            assert other.get_inputs() == session.get_inputs()


def test_what_is_read_only_and_what_is_a_copy():
    session = InferenceSession(plain())
    with pytest.raises(AttributeError):
        session.get_inputs()[0].name = "Z"
    meta = session.get_modelmeta()
    meta.producer_name, meta.custom_metadata_map["k"] = "other", "v"
    assert session.get_modelmeta().producer_name == ""
    assert session.get_modelmeta().custom_metadata_map == {}
