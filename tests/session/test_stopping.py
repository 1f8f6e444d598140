"""Runs that are ended early: by `terminate`, from another thread, and by signals, on the main one.

Where a test says "endless" nothing else could end the run; elsewhere it would return an answer instead of the error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sklort.exceptions import Fail
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from sklort.session.run_options import RunOptions
from tests.conformance.malformed import outlives
from tests.session.test_options import SCALED, X, graph

WORDS = "the run was ended: 'terminate' is set"


def endless() -> onnx.ModelProto:
    """A loop of 2 ** 62 steps."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["v", "one"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, ["N", 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, ["N", 2]),
        ],
    )
    nodes = [helper.make_node("Loop", ["most", "", "X"], ["Y"], body=body)]
    proto = graph(SCALED)
    proto.graph.ClearField("node")
    proto.graph.node.extend(nodes)
    proto.graph.input.append(helper.make_tensor_value_info("most", TensorProto.INT64, []))
    proto.graph.initializer.append(helper.make_tensor("one", TensorProto.FLOAT, [], [1]))
    return proto


FOREVER = np.array(2**62)


def options_of(threads: int) -> SessionOptions:
    options = SessionOptions()
    options.intra_op_num_threads = threads
    return options


@pytest.fixture
def later() -> Iterator[Callable[[RunOptions], None]]:
    timers = []

    def start(options: RunOptions, seconds: float = 0.05) -> None:
        timers.append(threading.Timer(seconds, setattr, (options, "terminate", True)))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.cancel()
        timer.join()


SMALL = {
    "steps": (graph("a = Exp(X) Y = Log(a)"), None),
    "one step": (graph("Y = Abs(X)"), None),
    "reference": (graph("Y = Abs(X)"), ["ReferenceExecutionProvider"]),
    "two providers": (graph("a = Exp(X) b = Det(a) Y = Abs(b)", outputs="float Y"), None),
}


@pytest.mark.parametrize("name", SMALL)
def test_terminate_that_is_set_already(name):
    proto, providers = SMALL[name]
    session = InferenceSession(proto, providers=providers)
    expected = session.run(None, {"X": X})[0]
    options = RunOptions()
    np.testing.assert_array_equal(session.run(None, {"X": X}, options)[0], expected)
    options.terminate = True
    for _ in range(2):  # it stays set
        with pytest.raises(Fail, match=WORDS):
            session.run(None, {"X": X}, options)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], expected)
    options.terminate = False
    np.testing.assert_array_equal(session.run(None, {"X": X}, options)[0], expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_loop_is_ended_between_two_of_its_steps(threads, later):
    session = InferenceSession(endless(), options_of(threads))
    options = RunOptions()
    later(options)
    with pytest.raises(Fail, match=WORDS):
        session.run(None, {"X": X, "most": FOREVER}, options)
    np.testing.assert_array_equal(session.run(None, {"X": X, "most": np.array(5)})[0], X + 5)


def forest() -> tuple[onnx.ModelProto, np.ndarray]:
    from sklearn.ensemble import RandomForestRegressor  # here: the scripts below do without

    import sklort

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 8))
    model = RandomForestRegressor(60, max_depth=9, random_state=0, n_jobs=1).fit(rows, rng.normal(size=2000))
    return sklort.convert(model, rows, parity=False).onnx_model_, np.tile(rows, (1000, 1))


def neighbours() -> tuple[onnx.ModelProto, np.ndarray]:
    from sklearn.neighbors import KNeighborsRegressor

    import sklort

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 16))
    model = KNeighborsRegressor(5).fit(rows, rng.normal(size=4000))
    return sklort.convert(model, rows[:50], parity=False).onnx_model_, np.tile(rows, (100, 1))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [forest, neighbours])
def test_a_big_batch_is_ended_in_its_middle(make, threads, later):
    """One operator that shares its rows among threads, and a plan that runs block by block."""
    proto, rows = make()
    session = InferenceSession(proto, options_of(threads))
    name = session.get_inputs()[0].name
    expected = session.run(None, {name: rows[:300]})
    options, times = RunOptions(), []
    later(options)
    program = session.compiled()
    with pytest.raises(Fail, match=WORDS):
        program.run([rows], options.stop, times)
    if program.block_rows:
        assert 0 < sum(time[4][0][1][0] for time in times if time[0] == 0) < len(rows)
    later(options := RunOptions())
    with pytest.raises(Fail, match=WORDS):
        session.run(None, {name: rows}, options)
    for found, wanted in zip(session.run(None, {name: rows[:300]}), expected):
        np.testing.assert_array_equal(found, wanted)


def test_many_python_objects_are_ended_in_their_middle(later):
    """Dicts of ZipMap and strings are made with the GIL held; other threads come in between."""
    proto = graph(
        "Z = ZipMap<classlabels_int64s = [1, 2]>(X)".replace("ZipMap", "ai.onnx.ml.ZipMap"),
        outputs="seq(map(int64, float)) Z",
    )
    session = InferenceSession(proto)
    options = RunOptions()
    rows = np.ones((1_500_000, 2), np.float32)
    later(options)
    with pytest.raises(Fail, match=WORDS):
        for _ in range(100):  # a fast machine ends the first one before
            session.run(None, {"X": rows}, options)
    assert session.run(None, {"X": X[:1]})[0] == [{1: 1.0, 2: -2.0}]


def test_only_the_runs_with_these_options_end(later):
    session = InferenceSession(endless())
    ended, options, found = RunOptions(), RunOptions(), []
    thread = threading.Thread(
        target=lambda: found.append(session.run(None, {"X": X, "most": np.array(300_000)}, options))
    )
    thread.start()
    later(ended)
    with pytest.raises(Fail, match=WORDS):
        session.run(None, {"X": X, "most": FOREVER}, ended)
    thread.join()
    np.testing.assert_array_equal(found[0][0], X + 300_000)


SCRIPT = """
import os, signal, sys, threading
import numpy as np
from sklort.session.inference_session import InferenceSession
from sklort.session.run_options import RunOptions
from tests.session.test_options import X, graph
from tests.session.test_stopping import FOREVER, endless, neighbours, options_of

session = InferenceSession(endless(), options_of(int({threads})))
feed = {{"X": X, "most": FOREVER}}

def good():
    np.testing.assert_array_equal(session.run(None, {{"X": X, "most": np.array(3)}})[0], X + 3)

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_in_an_endless_run(threads):
    printed = outlives(
        SCRIPT.format(threads=threads)
        + """
for call in (
    lambda: session.run(None, feed),
    lambda: session.run(None, feed, RunOptions()),
    lambda: session.compiled().run([X, FOREVER]),
    lambda: session.run_with_ort_values(None, feed),
):
    threading.Timer(0.1, interrupt).start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted")
    good()
"""
    )
    assert printed.split() == ["interrupted"] * 4


def test_ctrl_c_ends_the_main_thread_and_leaves_others_running():
    printed = outlives(
        SCRIPT.format(threads=2)
        + """
options = RunOptions()
def work():
    try:
        session.run(None, feed, options)
    except RuntimeError as error:
        print(error.text)
worker = threading.Thread(target=work)
worker.start()
threading.Timer(0.1, interrupt).start()
try:
    session.run(None, feed)
except KeyboardInterrupt:
    print("interrupted", worker.is_alive())
good()
options.terminate = True
worker.join()
good()
"""
    )
    assert printed.splitlines()[0] == "interrupted True"
    assert printed.splitlines()[1].startswith(WORDS)


def test_a_handler_that_raises_nothing_is_called_during_the_run_and_may_run_the_session():
    printed = outlives(
        SCRIPT.format(threads=2)
        + """
proto, rows = neighbours()
big = InferenceSession(proto, options_of(2))
name = big.get_inputs()[0].name
rows = rows[:30_000]
expected = big.run(None, {name: rows})[0]
seen = []
def handle(number, frame):
    seen.append(np.array_equal(big.run(None, {name: rows[:600]})[0], expected[:600]))
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
same, runs = True, 0
while runs < 3 or len(seen) < 7 and runs < 1000:
    same, runs = same and np.array_equal(big.run(None, {name: rows})[0], expected), runs + 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(same, all(seen), len(seen) > 6)
"""
    )
    assert printed.split() == ["True"] * 3


def test_ctrl_c_while_dicts_are_made():
    printed = outlives(
        SCRIPT.format(threads=1)
        + """
proto = graph("Z = ai.onnx.ml.ZipMap<classlabels_int64s = [1, 2]>(X)", outputs="seq(map(int64, float)) Z")
session = InferenceSession(proto)
rows = np.ones((3_000_000, 2), np.float32)
threading.Timer(0.3, interrupt).start()
try:
    print(len(session.run(None, {"X": rows})[0]))
except KeyboardInterrupt:
    print("interrupted")
print(session.run(None, {"X": X[:1]})[0])
"""
    )
    assert printed.splitlines() == ["interrupted", "[{1: 1.0, 2: -2.0}]"]
