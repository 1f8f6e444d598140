"""Random operators follow the seed of the process, unless they have their own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from sklort.session.environment import set_seed
from sklort.session.inference_session import InferenceSession

X = np.full((200, 3), 0.5, np.float32)

DRAWS = {
    "RandomNormal": "Y = RandomNormal<shape = [200, 3]>()",
    "RandomNormalLike": "Y = RandomNormalLike(X)",
    "RandomUniform": "Y = RandomUniform<shape = [200, 3]>()",
    "RandomUniformLike": "Y = RandomUniformLike(X)",
    "Bernoulli": "Y = Bernoulli(X)",
    "Dropout": "r = Constant<value = float {0.5}>() t = Constant<value = bool {1}>() Y = Dropout(X, r, t)",
}


def session_of(body: str, opset: int = 17, outputs: str = "float Y") -> InferenceSession:
    text = f'<ir_version: 10, opset_import: ["": {opset}]> g (float[N, 3] X) => ({outputs}) {{ {body} }}'
    return InferenceSession(onnx.parser.parse_model(text))


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_begins_the_numbers_anew(name):
    session = session_of(DRAWS[name])
    set_seed(7)
    first, second = (session.run(None, {"X": X})[0] for _ in range(2))
    set_seed(7)
    again = session.run(None, {"X": X})[0]
    set_seed(8)
    other = session.run(None, {"X": X})[0]
    np.testing.assert_array_equal(again, first)
    assert (first != second).any()
    assert (first != other).any()


@pytest.mark.parametrize("seed", [0, -5, 2**31, 2**63, -(2**63)])
def test_every_integer_is_a_seed(seed):
    session = session_of(DRAWS["RandomNormal"])
    set_seed(seed)
    first = session.run(None, {"X": X})[0]
    set_seed(np.int64(seed) if abs(seed) < 2**62 else seed)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], first)


def test_the_numbers_have_their_distributions():
    set_seed(0)
    big = np.full((20_000, 3), 0.3, np.float32)
    for body, mean, deviation in [
        ("Y = RandomNormalLike<mean = 2.0, scale = 3.0>(X)", 2, 3),
        ("Y = RandomUniformLike<low = -1.0, high = 3.0>(X)", 1, 4 / 12**0.5),
        ("Y = Bernoulli(X)", 0.3, 0.21**0.5),
    ]:
        found = session_of(body).run(None, {"X": big})[0]
        assert found.mean() == pytest.approx(mean, abs=0.05)
        assert found.std() == pytest.approx(deviation, abs=0.05)


def test_a_node_with_a_seed_is_not_concerned():
    session = session_of("Y = RandomNormal<shape = [200, 3], seed = 3.0>()")
    set_seed(1)
    first = session.run(None, {"X": X})[0]
    set_seed(2)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], first)


@pytest.mark.parametrize("opset", [7, 9, 10])
def test_old_dropouts_drop_nothing(opset):
    for body, outputs in [
        ("Y = Dropout<ratio = 0.9>(X)", "float Y"),
        ("Y, M = Dropout<ratio = 0.9>(X)", "float Y, bool M"),
    ]:
        found = session_of(body, opset, outputs).run(None, {"X": X})
        np.testing.assert_array_equal(found[0], X)
        assert all(mask.all() for mask in found[1:])
