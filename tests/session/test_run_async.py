"""Runs in the background."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import InvalidArgument, UnsupportedValue
from sklort.session.background import Crew
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from sklort.session.run_options import RunOptions
from tests.conformance.malformed import outlives
from tests.session.test_options import SCALED, X, graph
from tests.session.test_stopping import FOREVER, endless

SECONDS = 60


class Heard:
    """What callbacks were told."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Any], Any, str]] = []
        self.threads: list[threading.Thread] = []
        self._come = threading.Semaphore(0)

    def __call__(self, found: list[Any], data: Any, error: str) -> None:
        self.calls.append((found, data, error))
        self.threads.append(threading.current_thread())
        self._come.release()

    def wait(self, count: int = 1) -> list[tuple[list[Any], Any, str]]:
        for _ in range(count):
            assert self._come.acquire(timeout=SECONDS)
        return self.calls


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_results_come_on_another_thread(threads):
    options = SessionOptions()
    options.intra_op_num_threads = threads
    session, heard, data = InferenceSession(graph(SCALED), options), Heard(), object()
    assert session.run_async(["Y"], {"X": X}, heard, data) is None
    ((found, given, error),) = heard.wait()
    np.testing.assert_array_equal(found[0], X * np.float32([2, 3]))
    assert given is data
    assert error == ""
    assert heard.threads[0] is not threading.current_thread()
    assert heard.threads[0].daemon


def test_many_at_once():
    session, heard = InferenceSession(graph(SCALED)), Heard()
    for i in range(200):
        session.run_async(None, {"X": np.full((i + 1, 2), i, np.float32)}, heard, i)
    for found, i, error in heard.wait(200):
        assert error == ""
        np.testing.assert_array_equal(found[0], np.full((i + 1, 2), i) * np.float32([2, 3]))
    assert sorted(i for _, i, _ in heard.calls) == list(range(200))


FAULTS = {
    "another dtype": (None, {"X": X.astype(float)}, "input 'X' has dtype float64"),
    "another rank": (None, {"X": X[0]}, "'X' has 1 dimensions"),
    "an input too many": (None, {"X": X, "Q": X}, "no input 'Q'"),
    "an unknown output": (["Z"], {"X": X}, "no output 'Z'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_go_to_the_callback(name):
    outputs, feed, words = FAULTS[name]
    session, heard = InferenceSession(graph(SCALED)), Heard()
    session.run_async(outputs, feed, heard, 7)
    ((found, data, error),) = heard.wait()
    assert (found, data) == ([], 7)
    assert words in error


def test_a_node_that_fails():
    session, heard = InferenceSession(graph("s = Constant<value_ints = [7]>() Y = Reshape(X, s)")), Heard()
    session.run_async(None, {"X": X}, heard, None)
    ((found, _, error),) = heard.wait()
    assert found == []
    assert error.startswith("Reshape")


def test_terminate():
    session, heard, options = InferenceSession(endless()), Heard(), RunOptions()
    session.run_async(None, {"X": X, "most": FOREVER}, heard, None, options)
    options.terminate = True
    ((found, _, error),) = heard.wait()
    assert found == []
    assert "terminate" in error


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ((None, {"Z": X}, print, None), ValueError, "'X' are missing"),
        ((None, {"X": "text"}, print, None), UnsupportedValue, "'X' takes a NumPy array"),
        ((None, None, print, None), TypeError, "input_feed as a dict"),
        (("Y", {"X": X}, print, None), TypeError, "output_names must"),
        ((None, {"X": X}, None, None), TypeError, "callback must be callable, got NoneType"),
    ],
)
def test_what_is_raised_at_once(arguments, kind, words):
    session = InferenceSession(graph(SCALED))
    with pytest.raises(kind, match=words) as caught:
        session.run_async(*arguments)
    assert not isinstance(caught.value, InvalidArgument) or isinstance(caught.value, UnsupportedValue)


def test_a_callback_that_raises(monkeypatch):
    told, come = [], threading.Event()
    monkeypatch.setattr(sys, "unraisablehook", lambda report: (told.append(report.exc_value), come.set()))

    def callback(found: list[Any], data: Any, error: str) -> None:
        raise KeyError("mine")

    session = InferenceSession(graph(SCALED))
    session.run_async(None, {"X": X}, callback, None)
    assert come.wait(SECONDS)
    assert repr(told[0]) == "KeyError('mine')"
    heard = Heard()
    session.run_async(None, {"X": X}, heard, None)
    assert len(heard.wait()) == 1


def test_a_callback_that_raises_is_told_of_on_stderr():
    printed = outlives(
        """
import contextlib, io, sys, threading
from sklort.session.inference_session import InferenceSession
from tests.session.test_options import SCALED, X, graph

session, done = InferenceSession(graph(SCALED)), threading.Event()
def callback(found, data, error):
    done.set()
    raise KeyError("mine")
with contextlib.redirect_stderr(io.StringIO()) as heard:
    session.run_async(None, {"X": X}, callback, None)
    assert done.wait(60)
    again = threading.Event()
    session.run_async(None, {"X": X}, lambda *_: again.set(), None)
    assert again.wait(60)
    while "KeyError: 'mine'" not in heard.getvalue():
        pass
print("callback_of_run_async" in heard.getvalue(), "KeyError: 'mine'" in heard.getvalue())
print(threading.excepthook is threading.__excepthook__)
"""
    )
    assert printed.split() == ["True"] * 3


def test_a_callback_may_run_the_session():
    session, heard = InferenceSession(graph(SCALED)), Heard()
    session.run_async(None, {"X": X}, lambda found, data, _: session.run_async(None, {"X": found[0]}, heard, data), 3)
    ((found, data, _),) = heard.wait()
    np.testing.assert_array_equal(found[0], X * np.float32([4, 9]))
    assert data == 3


def test_session_and_arrays_live_until_the_end_and_no_longer():
    session, heard = InferenceSession(graph("a = Exp(X) Y = Tanh(a)")), Heard()
    rows = np.ones((200_000, 2), np.float32)
    alive = weakref.ref(session), weakref.ref(rows)
    session.run_async(None, {"X": rows}, heard, None)
    del session, rows
    ((found, _, error),) = heard.wait()
    assert error == ""
    np.testing.assert_allclose(found[0], np.tanh(np.e), rtol=1e-6)
    for _ in range(300):  # the thread that called back lets go of them soon, long before it ends for want of work
        gc.collect()
        if not any(each() for each in alive):
            break
        threading.Event().wait(0.01)
    assert not any(each() for each in alive)


def test_a_crew_never_has_more_threads_than_it_may():
    crew, go, seen, done = Crew(most=3), threading.Event(), set(), threading.Semaphore(0)

    def task() -> None:
        seen.add(threading.get_ident())
        go.wait(SECONDS)
        done.release()

    for _ in range(20):
        crew.do(task)
    go.set()
    for _ in range(20):
        assert done.acquire(timeout=SECONDS)
    assert 1 <= len(seen) <= 3
