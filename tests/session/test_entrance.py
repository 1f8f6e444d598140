"""The short way into a session answers what it can, as the long one would, and leaves everything else to it."""

from __future__ import annotations

import inspect
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from unittest import mock

import numpy as np
import onnx
import pytest

from sklort.exceptions import Fail, InvalidArgument
from sklort.session.inference_session import InferenceSession

X = np.array([[1, -2], [3, 4]], np.float32)
BODY = "Y = Abs(X) Z = Neg(X)"


def session_of(
    body: str = BODY, inputs: str = "float[N, 2] X", outputs: str = "float Y, float Z", kind=InferenceSession
):
    text = f'<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]> g ({inputs}) => ({outputs}) {{ {body} }}'
    return kind(onnx.parser.parse_model(text))


def frames_of(call) -> int:
    """How many Python functions run inside `call`."""
    entered = -1  # `call` itself

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal entered
        entered += event == "call"

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def check(found: list[np.ndarray], given: np.ndarray) -> None:
    np.testing.assert_array_equal(found[0], abs(given))
    np.testing.assert_array_equal(found[1], -given)
    for one in found:
        assert type(one) is np.ndarray
        assert one.flags.c_contiguous and one.flags.writeable and one.flags.owndata


@pytest.mark.parametrize("names", [None, [], (), ["Y", "Z"], ("Y", "Z")], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 3000])
def test_plain_calls_enter_no_python(names, rows):
    session = session_of()
    given = np.resize(X, (rows, 2))
    check(session.run(names, {"X": given}), given)
    assert frames_of(lambda: session.run(names, {"X": given})) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda s, f: s.run(None, f, None),
        lambda s, f: s.run(None, f, run_options=None),
        lambda s, f: s.run(None, input_feed=f),
        lambda s, f: s.run(output_names=None, input_feed=f),
        lambda s, f: s.run(input_feed=f, output_names=["Y", "Z"]),
        lambda s, f: InferenceSession.run(s, None, f),
        lambda s, f: InferenceSession.run(self=s, output_names=None, input_feed=f),
        lambda s, f: s.run(*(None, f)),
        lambda s, f: s.run(["Y", "".join(["Z"])], f),
    ],
)
def test_every_way_of_calling(call):
    check(call(session_of(), {"X": X}), X)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.run(), "output_names"),
        (lambda s: s.run(None), "input_feed"),
        (lambda s: s.run(None, {"X": X}, None, None), "positional"),
        (lambda s: s.run(None, {"X": X}, output_names=None), "multiple values"),
        (lambda s: s.run(None, {"X": X}, option=None), "option"),
        (lambda s: InferenceSession.run(), "self"),
        (lambda s: InferenceSession.run(3, None, {"X": X}), None),
        (lambda s: InferenceSession.run(None, None), "input_feed"),
    ],
)
def test_wrong_calls_are_told_by_python(call, words):
    session = session_of()
    with pytest.raises((TypeError, AttributeError), match=words):
        call(session)
    check(session.run(None, {"X": X}), X)


def test_names_are_compared_by_their_text():
    session = session_of()
    name = "".join(["Y", ""])
    np.testing.assert_array_equal(session.run([name], {"".join(["X", ""]): X})[0], abs(X))
    first, again = session.run(["Z"], {"X": X}), session.run(["".join("Z")], {"X": X})
    np.testing.assert_array_equal(first, again)
    assert frames_of(lambda: session.run(["Z"], {"X": X})) == 0  # the first call made the program
    y, z, other = session.run(["Y", "Z", "Y"], {"X": X})
    np.testing.assert_array_equal(y, other)
    assert not np.shares_memory(y, other)
    np.testing.assert_array_equal(z, -X)


def test_more_selections_than_are_remembered():
    outputs = [f"Y{i}" for i in range(20)]
    session = session_of(" ".join(f"{y} = Abs(X)" for y in outputs), outputs=", ".join(f"float {y}" for y in outputs))
    for _ in range(2):
        for y in outputs:
            (found,) = session.run([y], {"X": X})
            np.testing.assert_array_equal(found, abs(X))


@pytest.mark.parametrize(
    ("change", "native"),
    [
        (np.asfortranarray, True),
        (lambda a: np.repeat(a, 2, axis=0)[::2], True),
        (lambda a: np.repeat(a, 2, axis=1)[:, ::2], True),
        (lambda a: a[::-1, ::-1], True),
        (lambda a: np.broadcast_to(a[:1], (3, 2)), True),
        (lambda a: _readonly(a), True),
        (lambda a: _unaligned(a), True),
        (lambda a: a.astype(">f4"), False),
        (lambda a: a.view(_Subclass), False),
        (lambda a: np.ma.masked_array(a), False),
        (lambda a: a.tolist(), False),
        (lambda a: a[:0], False),
    ],
)
def test_every_layout(change, native):
    session = session_of()
    given = change(X.copy())
    before = np.array(given)
    check(session.run(None, {"X": given}), before)
    np.testing.assert_array_equal(np.array(given), before)
    assert (frames_of(lambda: session.run(None, {"X": given})) == 0) == native


class _Subclass(np.ndarray):
    pass


def _readonly(array):
    array.flags.writeable = False
    return array


def _unaligned(array):
    return np.frombuffer(b"." + array.tobytes(), np.uint8)[1:].view(array.dtype).reshape(array.shape)


@pytest.mark.parametrize(
    ("feed", "error"),
    [
        ({}, ValueError),
        ({"x": X}, ValueError),
        ({1: X}, ValueError),
        ({"X": X, "Q": X}, InvalidArgument),
        ({"X": X.astype(np.float64)}, InvalidArgument),
        ({"X": X.astype(np.int32)}, InvalidArgument),
        ({"X": X[0]}, InvalidArgument),
        ({"X": X[None]}, InvalidArgument),
        ({"X": X[:, :1]}, InvalidArgument),
        ({"X": X.astype(object)}, InvalidArgument),
        ({"X": X.astype("M8[s]")}, Exception),
        ({"X": None}, ValueError),
        (None, TypeError),
        ([X], TypeError),
    ],
)
def test_errors_come_from_the_long_way_and_leave_the_session_usable(feed, error):
    session = session_of()
    with pytest.raises(error):
        session.run(None, feed)
    check(session.run(None, {"X": X}), X)
    with pytest.raises(InvalidArgument, match="no output 'y'"):
        session.run(["y"], {"X": X})
    for names in ("Y", [1], {"Y"}, [b"Y"]):
        with pytest.raises(TypeError, match="output_names"):
            session.run(names, {"X": X})
    check(session.run(None, {"X": X}), X)


def test_a_key_that_raises():
    class Key:
        def __hash__(self) -> int:
            return hash("X")

        def __eq__(self, other: object) -> bool:
            raise KeyError("never equal")

    session = session_of()
    with pytest.raises((KeyError, ValueError)):
        session.run(None, {Key(): X})
    check(session.run(None, {"X": X}), X)


def test_a_mapping_that_is_no_dict():
    class Feed(dict):
        pass

    check(session_of().run(None, Feed(X=X)), X)


def test_an_error_of_a_step_is_raised_and_the_next_call_answers():
    session = session_of("Y = Reshape(X, s) s = Constant<value_ints = [2, 2]>()", outputs="float Y")
    for _ in range(3):
        with pytest.raises(Fail, match="Reshape"):
            session.run(None, {"X": X[:1]})
        np.testing.assert_array_equal(session.run(None, {"X": X})[0], X)


def test_results_are_independent_of_each_other_and_of_later_calls():
    session = session_of()
    first = session.run(None, {"X": X})
    kept = [one.copy() for one in first]
    others = [session.run(None, {"X": X * i}) for i in range(50)]
    for one, copy in zip(first, kept):
        np.testing.assert_array_equal(one, copy)
    first[0][:] = 77
    check(session.run(None, {"X": X}), X)
    memory = [first, *others]
    assert not any(np.shares_memory(a[0], b[0]) for i, a in enumerate(memory) for b in memory[:i])


def test_several_inputs_and_strings():
    session = session_of(
        'Y = Add(A, B) Z = StringNormalizer<case_change_action = "UPPER">(S)',
        inputs="float[N, 1] A, float[N, 1] B, string[N] S",
        outputs="float Y, string Z",
    )
    a, b, s = X[:, :1], X[:, 1:], np.array(["x", "ü"], object)
    for text in (s, s.astype(str)):
        y, z = session.run(None, {"S": text, "A": a, "B": b})
        np.testing.assert_array_equal(y, a + b)
        assert z.tolist() == ["X", "Ü"]
    assert frames_of(lambda: session.run(None, {"S": s, "A": a, "B": b})) == 0
    with pytest.raises(InvalidArgument, match="calls both 'N'"):
        session.run(None, {"S": s, "A": a[:1], "B": b})
    with pytest.raises(ValueError, match="'S' are missing"):
        session.run(None, {"A": a, "B": b, "s": s})


def test_no_inputs_at_all():
    session = session_of("Y = Constant<value_floats = [1.0, 2.0]>()", inputs="", outputs="float Y")
    assert session.run(None, {})[0].tolist() == [1, 2]


def test_outputs_that_are_no_plain_arrays():
    session = session_of(
        "L, S = ai.onnx.ml.LinearClassifier<coefficients = [1.0, 1.0, -1.0, -1.0], intercepts = [0.0, 0.0], "
        'classlabels_strings = ["no", "yes"], post_transform = "SOFTMAX">(X) Z = ai.onnx.ml.ZipMap<classlabels_strings = ["no", "yes"]>(S)',
        outputs="string L, seq(map(string, float)) Z",
    )
    label, scores = session.run(None, {"X": X})
    assert label.dtype == object and set(label) <= {"no", "yes"}
    assert [sorted(row) for row in scores] == [["no", "yes"]] * 2


def test_it_looks_like_the_method_it_is():
    session = session_of()
    for method in (InferenceSession.run, session.run):
        assert method.__name__ == "run"
        assert method.__qualname__ == "InferenceSession.run"
        assert method.__doc__.startswith("Compute outputs.")
        assert "input_feed" in inspect.getdoc(method)
    assert list(inspect.signature(InferenceSession.run).parameters) == [
        "self",
        "output_names",
        "input_feed",
        "run_options",
    ]
    assert list(inspect.signature(session.run).parameters) == ["output_names", "input_feed", "run_options"]
    assert inspect.ismethod(session.run)
    assert inspect.isroutine(InferenceSession.run)
    assert "Compute outputs." in _help(InferenceSession)
    assert "Compute outputs." in _help(session.run)
    assert session.run.__self__ is session
    assert session.run == session.run
    assert pickle.loads(pickle.dumps(InferenceSession.run)) is InferenceSession.run
    check(pickle.loads(pickle.dumps(session.run))(None, {"X": X}), X)


def _help(thing) -> str:
    import pydoc

    return pydoc.plain(pydoc.render_doc(thing))


def test_subclasses_and_patches():
    class Counting(InferenceSession):
        count = 0

        def run(self, output_names, input_feed, run_options=None):
            self.count += 1
            return super().run(output_names, input_feed, run_options)

    session = session_of(kind=Counting)
    check(session.run(None, {"X": X}), X)
    assert session.count == 1
    plain = session_of()
    with mock.patch.object(InferenceSession, "run", autospec=True, return_value=[]) as patched:
        assert plain.run(None, {"X": X}) == []
        patched.assert_called_once()
    plain.run = lambda *_: "mine"
    assert plain.run(None, {"X": X}) == "mine"
    del plain.run
    check(plain.run(None, {"X": X}), X)


def test_a_session_that_never_started():
    with pytest.raises(AttributeError):
        InferenceSession.__new__(InferenceSession).run(None, {"X": X})


@pytest.mark.parametrize("rows", [1, 700])
def test_threads_at_once(rows):
    session = session_of("A = Abs(X) B = Sqrt(A) Y = Mul(B, B) Z = Neg(A)")
    batches = [np.full((rows, 2), i, np.float32) for i in range(8)]
    names = [None, ["Y"], ["Z", "Y"], ["Y", "Z"], ["Z"], ["Y", "Y"]]

    def work(i: int) -> bool:
        given, wanted = batches[i % 8], names[i % 6]
        found = session.run(wanted, {"X": given})
        expected = {"Y": given, "Z": -given}
        return all(
            np.allclose(one, expected[name], rtol=1e-6) for one, name in zip(found, wanted or ["Y", "Z"], strict=True)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(2000)))


def test_the_feed_may_change_while_a_program_runs():
    session = session_of()
    feed = {"X": np.ones((400_000, 2), np.float32)}

    def replace(_: int) -> None:
        feed["X"] = np.ones((400_000, 2), np.float32)

    with ThreadPoolExecutor(4) as pool:
        swaps = pool.map(replace, range(40))
        for _ in range(20):
            y, z = session.run(None, feed)
            assert y.min() == y.max() == 1
            assert z.min() == z.max() == -1
        list(swaps)
