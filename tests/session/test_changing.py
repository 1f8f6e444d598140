"""A session that is changed while it lives: its providers, and what it falls back on."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest

from sklort.exceptions import EPFail, Fail, InvalidUse
from sklort.session.explain import AssignedNode
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from tests.rules.test_fast_lane import frames_entered
from tests.session.test_options import SCALED, X, graph

CPU, REFERENCE = "CPUExecutionProvider", "ReferenceExecutionProvider"
SCALED_X = X * np.float32([2, 3])


def providers_of(session: InferenceSession) -> set[str]:
    return {node.provider for node in session.explain().nodes}


def test_other_providers():
    session = InferenceSession(graph(SCALED))
    inputs = session.get_inputs()
    for names, first in [([REFERENCE], REFERENCE), ([CPU], CPU), ([REFERENCE, CPU], REFERENCE), (None, CPU), ([], CPU)]:
        session.set_providers(names)
        assert providers_of(session) == {first}
        np.testing.assert_array_equal(session.run(None, {"X": X})[0], SCALED_X)
        np.testing.assert_array_equal(session.run(["Y"], {"X": X})[0], SCALED_X)
    assert session.get_providers() == [CPU]
    assert session.get_inputs() is inputs
    assert frames_entered(lambda: session.run(None, {"X": X}))[1:] == []


def test_options_of_providers():
    session = InferenceSession(graph(SCALED))
    session.set_providers([CPU], [{"forest_engine": "auto", "n": 3}])
    assert session.get_provider_options() == {CPU: {"forest_engine": "auto", "n": "3"}}
    session.set_providers([(REFERENCE, {"a": 1}), CPU])
    assert session.get_provider_options() == {REFERENCE: {"a": "1"}, CPU: {}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((["OtherExecutionProvider"],), "no provider 'OtherExecutionProvider'"),
        (([REFERENCE, "cpuexecutionprovider"],), "did you mean 'CPUExecutionProvider'"),
        (({1},), "must be a list"),
        (([CPU], [{}, {}]), "list of 1 dicts"),
        (([(CPU, 3)],), "must be a dict, got int"),
        (([3],), "got 3"),
        (([CPU], [{"forest_engine": "none"}]), "none"),
    ],
)
def test_a_mistake_leaves_the_session_as_it_was(arguments, words):
    session = InferenceSession(graph(SCALED), providers=[REFERENCE])
    with pytest.raises((InvalidUse, ValueError), match=words) as caught:
        session.set_providers(*arguments)
    assert isinstance(caught.value, ValueError)
    assert session.get_providers() == [REFERENCE, CPU]
    assert [arg.name for arg in session.get_inputs()] == ["X"]
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], SCALED_X)


def test_a_known_provider_that_is_not_here_warns():
    session = InferenceSession(graph(SCALED))
    with pytest.warns(UserWarning, match="'CoreMLExecutionProvider' is not available here"):
        session.set_providers(["CoreMLExecutionProvider", REFERENCE])
    assert session.get_providers() == [REFERENCE, CPU]


@pytest.mark.parametrize(
    "arguments", [{"providers": ["OtherExecutionProvider"]}, {"providers": {1}}, {"providers": [(CPU, 3)]}]
)
def test_without_fallback_a_mistake_in_the_providers_is_an_error(arguments):
    with pytest.raises(InvalidUse):
        InferenceSession(graph(SCALED), enable_fallback=0, **arguments)


def test_runs_go_on_while_providers_change():
    session = InferenceSession(graph("a = Abs(X) Y = Neg(a)"))
    stop, wrong = threading.Event(), []

    def work() -> None:
        while not stop.is_set():
            if not np.array_equal(session.run(["Y"], {"X": X})[0], -abs(X)):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(20):
        session.set_providers([REFERENCE if i % 2 == 0 else CPU])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def breaking(session: InferenceSession, times: int) -> list[str]:
    """The first runs of `session` meet a provider that breaks down."""
    execute, calls = session._execute, []

    def broken(*arguments):
        calls.append(",".join(session.get_providers()))
        if len(calls) <= times:
            raise EPFail("the device is gone")
        return execute(*arguments)

    session._execute = broken
    session._entrance = None
    return calls


def test_a_provider_that_breaks_down():
    session = InferenceSession(graph(SCALED), providers=[REFERENCE])
    calls = breaking(session, 1)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], SCALED_X)
    assert calls == [f"{REFERENCE},{CPU}", CPU]

    session = InferenceSession(graph(SCALED), providers=[REFERENCE])
    calls = breaking(session, 1)
    session.disable_fallback()
    with pytest.raises(EPFail, match="device is gone"):
        session.run(None, {"X": X})
    session.enable_fallback()
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], SCALED_X)
    assert session.get_providers() == [REFERENCE, CPU]


def test_which_provider_runs_which_nodes():
    options = SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    proto = graph("a = Exp(X) b = Det(a) c = Neg(b) Y = Abs(c)", outputs="float Y")
    proto.graph.node[0].name = "first"
    parts = InferenceSession(proto, options).get_provider_graph_assignment_info()
    assert [part.ep_name for part in parts] == [CPU, REFERENCE, CPU]
    assert parts[0].get_nodes() == [AssignedNode("first", "", "Exp")]
    assert [node.op_type for node in parts[2].get_nodes()] == ["Neg", "Abs"]
    with pytest.raises(Fail, match=r"record_ep_graph_assignment_info' = '1'"):
        InferenceSession(proto).get_provider_graph_assignment_info()


def test_what_outlives_the_session():
    session = InferenceSession(graph(SCALED))
    gone = weakref.ref(session)
    (found,), given, meta = session.run(None, {"X": X}), session.get_inputs()[0], session.get_modelmeta()
    del session
    assert gone() is None
    np.testing.assert_array_equal(found, SCALED_X)
    assert (given.name, meta.graph_name) == ("X", "g")
