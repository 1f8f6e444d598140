"""The trace of a session: who ran what, when, on what."""

from __future__ import annotations

import copy
import gc
import json
import os
import re
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import Fail, NoSuchFile, SessionError
from sklort.session import profiling
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from sklort.session.run_options import RunOptions
from tests.rules.test_fast_lane import frames_entered
from tests.session.test_options import SCALED, X, graph


def profiled(folder: Path, proto: Any, threads: int = 1, **arguments: Any) -> InferenceSession:
    options = SessionOptions()
    options.enable_profiling, options.intra_op_num_threads = True, threads
    options.profile_file_prefix = str(folder / "trace")
    return InferenceSession(proto, options, **arguments)


def read(session: InferenceSession) -> list[dict[str, Any]]:
    events = json.loads(Path(session.end_profiling()).read_text())
    for event in events:
        assert event.keys() == {"cat", "pid", "tid", "dur", "ts", "ph", "name", "args"}
        assert event["ph"] == "X"
        assert event["pid"] == os.getpid()
        assert min(event["dur"], event["ts"]) >= 0
        json.dumps(event)
    return events


def nodes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["cat"] == "Node"]


def test_the_name_of_the_file(tmp_path):
    session = profiled(tmp_path, graph(SCALED))
    (empty,) = tmp_path.iterdir()
    name = session.end_profiling()
    assert re.fullmatch(r"trace_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{1,3}\.json", Path(name).name)
    assert Path(name) == empty
    assert session.end_profiling() == ""
    assert InferenceSession(graph(SCALED)).end_profiling() == ""


def test_many_sessions_at_once_have_files_of_their_own(tmp_path):
    sessions = [profiled(tmp_path, graph(SCALED)) for _ in range(20)]
    assert len({session.end_profiling() for session in sessions}) == 20


def test_when_it_began(tmp_path):
    before = time.time_ns()
    session = profiled(tmp_path, graph(SCALED))
    assert before <= session.get_profiling_start_time_ns() <= time.time_ns()
    assert InferenceSession(graph(SCALED)).get_profiling_start_time_ns() == 0


def test_events_of_a_session_and_its_runs(tmp_path):
    proto = graph("a = Exp(X) c = Constant<value_floats = [2.0, 3.0]>() Y = Mul(a, c)")
    proto.graph.node[2].name = "scale"
    session = profiled(tmp_path, proto)
    for _ in range(2):
        np.testing.assert_allclose(session.run(None, {"X": X})[0], np.exp(X) * np.float32([2, 3]), rtol=1e-6)
    events = read(session)
    names = [event["name"] for event in events if event["cat"] == "Session"]
    assert names[:2] == ["model_loading_array", "session_initialization"]
    assert names[2:] == ["SequentialExecutor::Execute", "model_run"] * 2
    first, second = nodes(events)[:2]
    assert [event["name"] for event in nodes(events)] == ["Exp_0_kernel_time", "scale_kernel_time"] * 2
    assert first["args"] == {
        "op_name": "Exp",
        "provider": "CPUExecutionProvider",
        "node_index": "0",
        "input_type_shape": [{"float": [2, 2]}],
        "output_type_shape": [{"float": [2, 2]}],
        "activation_size": "16",
        "parameter_size": "0",
        "output_size": "16",
    }
    assert second["args"]["input_type_shape"] == [{"float": [2, 2]}, {"float": [2]}]
    assert (second["args"]["activation_size"], second["args"]["parameter_size"]) == ("16", "8")
    runs = [event for event in events if event["name"] == "model_run"]
    for event in nodes(events):
        assert any(r["ts"] <= event["ts"] and event["ts"] + event["dur"] <= r["ts"] + r["dur"] + 1 for r in runs)


def test_a_model_from_a_file(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(graph(SCALED).SerializeToString())
    assert read(profiled(tmp_path, path))[0]["name"] == "model_loading_uri"


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_of_rows_have_events_of_their_own(tmp_path, threads):
    """A batch that is cut: every row is in one event of each step, and no thread does two things at once."""
    rows = np.random.default_rng(0).normal(size=(60_000, 2)).astype(np.float32)
    proto = graph("a = Exp(X) b = Log(a) Y = Tanh(b)")
    session = profiled(tmp_path, proto, threads)
    assert session.compiled().block_rows > 0
    found = session.run(None, {"X": rows})[0]
    np.testing.assert_array_equal(found, InferenceSession(proto).run(None, {"X": rows})[0])
    events = nodes(read(session))
    assert len(events) > 3
    for index, op in enumerate(["Exp", "Log", "Tanh"]):
        mine = [event for event in events if event["args"]["node_index"] == str(index)]
        assert {event["args"]["op_name"] for event in mine} == {op}
        shapes = [event["args"]["input_type_shape"][0]["float"] for event in mine]
        assert sum(shape[0] for shape in shapes) == len(rows)
    for thread in {event["tid"] for event in events}:
        mine = sorted((e for e in events if e["tid"] == thread), key=lambda e: (e["ts"], e["dur"]))
        assert all(a["ts"] + a["dur"] <= b["ts"] + 1 for a, b in pairwise(mine))
    assert 1 <= len({event["tid"] for event in events}) <= threads


def test_several_providers_and_values_that_are_no_tensors(tmp_path):
    proto = graph("a = Exp(X) s = SequenceConstruct(a, a) b = SequenceAt(s, z) Y = Det(b)", outputs="float Y")
    proto.graph.input.extend(graph(SCALED, inputs="int64 z").graph.input)
    session = profiled(tmp_path, proto)
    session.run(None, {"X": X, "z": np.array(0)})
    events = nodes(read(session))
    assert [e["args"]["op_name"] for e in events] == ["Exp", "SequenceConstruct", "SequenceAt", "Det"]
    assert [e["args"]["node_index"] for e in events] == ["0", "1", "2", "3"]
    assert events[-1]["args"]["provider"] == "ReferenceExecutionProvider"
    assert events[-1]["args"]["input_type_shape"] == [{"float": [2, 2]}]
    assert events[-1]["args"]["activation_size"] == "16"
    assert events[1]["args"]["output_type_shape"] == []
    assert events[2]["args"]["input_type_shape"] == [{"int64": []}]


def test_a_run_that_fails_has_events_too(tmp_path):
    session = profiled(tmp_path, graph("a = Exp(X) s = Constant<value_ints = [7]>() Y = Reshape(a, s)"))
    with pytest.raises(SessionError, match="Reshape"):
        session.run(None, {"X": X})
    events = read(session)
    assert [event["args"]["op_name"] for event in nodes(events)] == ["Exp"]
    assert events[-1]["name"] == "model_run"


def test_what_is_not_asked_for_is_not_in_the_trace(tmp_path):
    """Selective output: asked for the label, a classifier does not compute probabilities."""
    body = (
        "s = ai.onnx.ml.Scaler<offset = [1.0, 2.0], scale = [1.0, 2.0]>(X) "
        "L, p = ai.onnx.ml.LinearClassifier<coefficients = [1.0, 2.0, -1.0, -2.0], intercepts = [0.0, 0.0], "
        'classlabels_ints = [0, 1]>(s) P = ai.onnx.ml.Normalizer<norm = "L1">(p)'
    )
    proto = graph(body, outputs="int64 L, float P")
    for level, labels in ((0, ["Scaler", "LinearClassifier"]), (99, ["LinearModel"])):
        options = SessionOptions()
        options.enable_profiling, options.graph_optimization_level = True, level
        options.profile_file_prefix = str(tmp_path / "trace")
        session = InferenceSession(proto, options)
        label, _ = session.run(None, {"X": X})
        np.testing.assert_array_equal(session.run(["L"], {"X": X})[0], label)
        runs: list[list[str]] = [[]]
        for event in read(session):
            if event["name"] == "model_run":
                runs.append([])
            elif event["cat"] == "Node":
                runs[-1].append(event["args"]["op_name"])
        assert runs[:2] == [[*labels, "Normalizer"], labels]
        plan = session._programs.get(("L",)).plan
        (part,) = [placed.part for placed in plan.parts]
        assert [sum(slot >= 0 for slot in step.outputs) for step in part.steps[-1:]] == [1]


def test_after_the_end_the_session_is_fast_again(tmp_path):
    session = profiled(tmp_path, graph(SCALED))
    call = lambda: session.run(None, {"X": X})
    assert len(frames_entered(call)) > 1
    assert len(nodes(read(session))) == 1
    assert len(frames_entered(call)) == 1  # the lambda


def test_async_runs_and_runs_with_options_are_in_the_trace(tmp_path):
    session = profiled(tmp_path, graph(SCALED))
    done = threading.Event()
    session.run_async(None, {"X": X}, lambda *_: done.set(), None)
    assert done.wait(60)
    session.run(None, {"X": X}, RunOptions())
    events = nodes(read(session))
    assert len(events) == 2
    assert len({event["tid"] for event in events}) == 2


def test_the_file_is_written_when_the_session_goes(tmp_path):
    session = profiled(tmp_path, graph(SCALED))
    session.run(None, {"X": X})
    del session
    gc.collect()
    (path,) = tmp_path.iterdir()
    assert len(nodes(json.loads(path.read_text()))) == 1


def test_a_copy_has_a_trace_of_its_own(tmp_path):
    session = profiled(tmp_path, graph(SCALED))
    other = copy.deepcopy(session)
    session.run(None, {"X": X})
    assert len(nodes(read(other))) == 0
    assert len(nodes(read(session))) == 1


def test_a_prefix_that_cannot_be_written(tmp_path):
    with pytest.raises(
        NoSuchFile, match=r"no directory '.*absent'; make it, or set SessionOptions.profile_file_prefix"
    ):
        profiled(tmp_path / "absent", graph(SCALED))
    (tmp_path / "file").write_text("")
    with pytest.raises(Fail, match=r"cannot write a profile to '.*file/trace_.*json'"):
        profiled(tmp_path / "file", graph(SCALED))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_any_more(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    session = profiled(folder, graph(SCALED))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(Fail, match="cannot write the profile"):
        session.end_profiling()
    session.run(None, {"X": X})


def test_there_is_an_end_to_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "MOST_EVENTS", 7)
    session = profiled(tmp_path, graph(SCALED))
    for _ in range(10):
        session.run(None, {"X": X})
    assert len(read(session)) == 7
