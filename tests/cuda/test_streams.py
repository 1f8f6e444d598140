"""Chunks on two streams and graphs of small batches, over the stand-in: its streams are late, so that a wait that is missing
shows as a wrong answer."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort
from sklort.exceptions import Fail
from sklort.providers.cuda import chunks, graphs
from sklort.providers.cuda.device import Device
from tests.cuda import emulated_streams

X, y = make_classification(900, 10, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
WORDS = np.array(["no", "maybe", "yes"])
MODELS: dict[str, tuple[Any, Any]] = {
    "forest": (RandomForestRegressor(10, max_depth=5, random_state=0), X[:, 0] * y),
    "forest of classes": (RandomForestClassifier(10, max_depth=5, random_state=0), y),
    "forest of words": (RandomForestClassifier(10, max_depth=5, random_state=0), WORDS[y]),
    "scaled, words": (make_pipeline(StandardScaler(), LogisticRegression()), WORDS[y]),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), y),
    "scaled forest": (make_pipeline(StandardScaler(), RandomForestRegressor(5, max_depth=4, random_state=0)), X[:, 0]),
}


@pytest.fixture(scope="module")
def graphs_of() -> dict[str, bytes]:
    return {name: bytes(sklort.convert(m.fit(X, t), X).onnx_model_) for name, (m, t) in MODELS.items()}


def session_of(model: bytes, **options: str) -> sklort.InferenceSession:
    return sklort.InferenceSession(model, providers=[("CUDAExecutionProvider", {"require": "1", **options})])


def feed(session: sklort.InferenceSession, rows: Any) -> dict[str, Any]:
    return {session.get_inputs()[0].name: rows}


def same(found: list[Any], want: list[Any]) -> None:
    for a, b in zip(found, want, strict=True):
        a = a.get() if hasattr(a, "get") else a
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


# --- chunks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Rows of a chunk."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 70 * X[0].nbytes)
    return 70


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_in_chunks_is_the_batch(
    name: str, graphs_of: dict[str, bytes], small_chunks: int, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(graphs_of[name])
    for rows in (X, X[: 3 * small_chunks], np.asfortranarray(X[: 4 * small_chunks + 1]), X[::2]):
        with monkeypatch.context() as whole:
            whole.setattr(chunks, "CHUNK_BYTES", 1 << 40)
            want = session.run(None, feed(session, rows))
        del cupy.transfers[:]
        same(session.run(None, feed(session, rows)), want)
        if name == "forest of words":  # the CPU takes part: the batch goes whole
            continue
        sent = [size for way, size in cupy.transfers if way == "to the device"]
        assert sum(sent) == rows.nbytes
        assert len(sent) == -(-len(rows) // small_chunks)


def test_small_batches_and_arrays_of_the_device_go_whole(
    graphs_of: dict[str, bytes], small_chunks: int, cupy: Any
) -> None:
    session = session_of(graphs_of["forest"])
    for rows in (X[: 3 * small_chunks - 1], cupy.asarray(X)):
        del cupy.transfers[:]
        session.run(None, feed(session, rows))
        assert len(cupy.transfers) <= 2 + len(session.get_outputs())


def test_two_callers_at_once(graphs_of: dict[str, bytes], small_chunks: int, cupy: Any) -> None:
    session = session_of(graphs_of["forest"])
    want = session.run(None, feed(session, X))
    with session.compiled()._chunks._lock:  # somebody else is at it
        same(session.run(None, feed(session, X)), want)


def test_a_run_in_chunks_is_ended(graphs_of: dict[str, bytes], small_chunks: int, cupy: Any) -> None:
    runner = session_of(graphs_of["forest"]).compiled()
    stop = threading.Event()
    right = runner._chunks._compute

    def first_only(values: list[Any]) -> list[Any]:
        stop.set()
        return right(values)

    runner._chunks._compute = first_only
    with pytest.raises(Fail, match="the run was ended"):
        runner.run([X], stop)
    runner._chunks._compute = right
    same(runner.run([X]), runner.run([X]))


FAULTS = {
    "nobody waits before pinned memory is written again": ("finish", lambda self: _taken_without_waiting(self)),
    "answers are taken before they came": ("finish", lambda self: _waited_too_late(self)),
}


def _taken_without_waiting(turn: Any) -> None:
    for to, staged in turn.waiting:
        to[...] = staged
    turn.waiting, turn._taken = [], 0


def _waited_too_late(turn: Any) -> None:
    for to, staged in turn.waiting:
        to[...] = staged
    turn.stream.synchronize()
    turn.waiting, turn._taken = [], 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_missing_wait_is_seen(
    name: str, graphs_of: dict[str, bytes], small_chunks: int, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' own test: without a wait, the emulated streams give wrong answers."""
    session = session_of(graphs_of["forest"])
    want = sklort.InferenceSession(graphs_of["forest"]).run(None, feed(session, X))
    attribute, fault = FAULTS[name]
    monkeypatch.setattr(chunks._Turn, attribute, fault)
    found = session.run(None, feed(session, X))
    assert not all(np.array_equal(a, b) for a, b in zip(found, want, strict=True))


def test_memory_of_another_stream_is_seen(cupy: Any) -> None:
    """Given back by one stream while another one still has work with it: CuPy's pool would hand it out again."""
    first, second = (cupy.cuda.Stream(non_blocking=True) for _ in range(2))
    with first:
        array = cupy.zeros(4, np.float32)
    first.synchronize()
    with second:
        made = array.copy()
    del array
    with pytest.raises(RuntimeError, match="given back while a stream other than its own"):
        second.synchronize()
    del made


def test_weights_are_there_for_every_stream(graphs_of: dict[str, bytes], cupy: Any) -> None:
    """They are copied on the stream that is current when a session is made, or when a dtype first comes."""
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(3)]
    for name in MODELS:
        want = sklort.InferenceSession(graphs_of[name]).run(None, feed(sklort.InferenceSession(graphs_of[name]), X))
        with streams[0]:
            session = session_of(graphs_of[name])
        given = cupy.asarray(X)
        for stream in streams[1:]:
            with stream:
                found = session.run(None, feed(session, given))
            stream.synchronize()
            for a, b in zip(found, want, strict=True):
                a = a.get() if hasattr(a, "get") else a
                assert a.shape == b.shape
                if a.dtype.kind == "f":
                    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
                else:
                    np.testing.assert_array_equal(a, b)


# --- graphs -----------------------------------------------------------------------------------------------------------


def count_of_launches(cupy: Any, session: Any, rows: Any) -> int:
    """Launches that Python makes: a graph makes none."""
    del cupy.launches[:]
    session.run(None, feed(session, rows))
    return len(cupy.launches)


@pytest.mark.parametrize("where", ["host", "device"])
@pytest.mark.parametrize("name", ["forest", "forest of classes", "scaled"])
def test_a_batch_that_comes_again_becomes_a_graph(
    name: str, where: str, graphs_of: dict[str, bytes], cupy: Any
) -> None:
    plain, session = session_of(graphs_of[name]), session_of(graphs_of[name], enable_cuda_graph="1")
    place = cupy.asarray if where == "device" else np.asarray
    for count in (7, 300):
        for turn in range(5):
            rows = np.roll(X, turn, axis=0)[:count].copy()
            want = plain.run(None, feed(plain, rows))
            found = session.run(None, feed(session, place(rows)))
            assert all((type(each) is np.ndarray) == (where == "host") for each in found)
            same(found, want)
        assert count_of_launches(cupy, session, place(X[:count])) == 0
        assert count_of_launches(cupy, session, place(X[: count + 1])) > 0
    kept = [session.run(None, feed(session, place(X[i : i + 7]))) for i in range(3)]
    for i, found in enumerate(kept):  # answers have memory of their own
        same(found, plain.run(None, feed(plain, X[i : i + 7])))


def test_graphs_are_not_made_unless_asked_for(graphs_of: dict[str, bytes], cupy: Any) -> None:
    session = session_of(graphs_of["forest"])
    assert all(count_of_launches(cupy, session, X[:7]) > 0 for _ in range(5))


def test_what_asks_the_host_has_no_graph(graphs_of: dict[str, bytes], cupy: Any) -> None:
    for name, reason in (("forest of words", "on the CPU"), ("scaled, words", "no CUDA graph: it asks the host")):
        session = session_of(graphs_of[name], enable_cuda_graph="1")
        want = session.run(None, feed(session, X[:7]))
        for _ in range(5):
            same(session.run(None, feed(session, X[:7])), want)
        assert count_of_launches(cupy, session, X[:7]) > 0
        assert reason in str(session.explain())


def test_graphs_on_several_streams(graphs_of: dict[str, bytes], cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share memory: each waits for the one before, on the device."""
    monkeypatch.setattr(emulated_streams, "interleaved", True)
    session = session_of(graphs_of["forest"], enable_cuda_graph="1")
    plain = session_of(graphs_of["forest"])
    for _ in range(3):
        session.run(None, feed(session, X[:9]))
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(3)]
    given = [cupy.asarray(X[i : i + 9]) for i in range(6)]
    found = []
    for i, rows in enumerate(given):
        with streams[i % 3]:
            found.append(session.run(None, feed(session, rows)))
    for stream in streams[::-1]:
        stream.synchronize()
    for i, each in enumerate(found):
        same(each, plain.run(None, feed(plain, X[i : i + 9])))


def test_a_graph_that_nobody_waits_for_is_seen(
    graphs_of: dict[str, bytes], cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' own test: streams that do not wait for one another overwrite what is in use."""
    monkeypatch.setattr(emulated_streams.Stream, "wait_event", lambda self, event: None)
    with pytest.raises(AssertionError):
        test_graphs_on_several_streams(graphs_of, cupy, monkeypatch)


def test_the_oldest_graph_goes(graphs_of: dict[str, bytes], cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST", 2)
    monkeypatch.setattr(graphs, "AFTER", 1)
    session = session_of(graphs_of["forest"], enable_cuda_graph="1")
    want = {count: session_of(graphs_of["forest"]).run(None, feed(session, X[:count])) for count in (3, 4, 5)}
    for count in (3, 4, 3, 5, 3, 4, 5):
        same(session.run(None, feed(session, X[:count])), want[count])
    assert len(session.compiled()._graphs._graphs) == 2


def test_what_may_not_happen_in_a_capture_is_an_error_of_the_stand_in(cupy: Any) -> None:
    stream = cupy.cuda.Stream(non_blocking=True)
    array = cupy.zeros(4, np.float32)
    for act in (lambda: cupy.zeros(4, np.float32), array.get, stream.synchronize):
        with stream:
            stream.begin_capture()
            try:
                with pytest.raises(RuntimeError, match="StreamCaptureUnsupported"):
                    act()
            finally:
                stream.end_capture()
    assert not Device().captures
