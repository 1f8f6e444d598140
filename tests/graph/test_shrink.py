"""Packed attributes have the values they had, and a session can still do all it could."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

import sklort
from sklort.graph.ir import Attribute, AttributeKind
from sklort.graph.shrink import LEAST_BYTES, Shrunk

COUNT = LEAST_BYTES
RNG = np.random.default_rng(0)
EXTREMES = np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).min, -1, 0, 1])

VALUES = {
    "counted": (AttributeKind.INTS, np.arange(COUNT)),
    "restarting": (AttributeKind.INTS, np.arange(COUNT) % 1000),
    "anything": (AttributeKind.INTS, RNG.integers(-(2**63), 2**63 - 1, COUNT)),
    "extremes": (AttributeKind.INTS, RNG.choice(EXTREMES, COUNT)),
    "floats": (AttributeKind.FLOATS, RNG.choice(np.float32([0.0, -0.0, np.nan, np.inf, 1e-45]), COUNT)),
    "doubles": (AttributeKind.TENSOR, RNG.normal(size=(COUNT // 4, 4))),
    "unsigned": (AttributeKind.TENSOR, RNG.integers(0, 2**64 - 1, COUNT, dtype=np.uint64)),
    "booleans": (AttributeKind.TENSOR, RNG.random(COUNT) < 0.5),
    "words": (AttributeKind.STRINGS, tuple(RNG.choice(["BRANCH_LEQ", "LEAF", ""], COUNT).tolist())),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_packed_attribute_has_the_value_it_had(name: str) -> None:
    kind, value = VALUES[name]
    packed = Shrunk.of(Attribute(kind, value))
    assert packed is not None
    assert packed.kind is kind
    for _ in range(2):
        got = packed.value
        assert type(got) is type(value)
        if kind is AttributeKind.STRINGS:
            assert got == value
        else:
            assert (got.dtype, got.shape) == (value.dtype, value.shape)
            assert got.tobytes() == value.tobytes()


def test_small_and_other_attributes_stay_as_they_are() -> None:
    assert Shrunk.of(Attribute(AttributeKind.INTS, np.arange(10))) is None
    assert Shrunk.of(Attribute(AttributeKind.INT, 3)) is None
    assert Shrunk.of(Attribute(AttributeKind.STRINGS, tuple(map(str, range(COUNT))))) is None
    assert Shrunk.of(Attribute(AttributeKind.TENSOR, np.array(["a"] * COUNT, dtype=object))) is None


def test_a_session_of_packed_attributes_plans_saves_and_travels() -> None:
    X, y = make_classification(3000, 8, flip_y=0.4, random_state=0)
    model = RandomForestClassifier(30, random_state=0).fit(X, y)
    X = X.astype(np.float32)
    session = sklort.InferenceSession(to_onnx(model, X[:1], options={"zipmap": False}))
    tree = session._model.graph.nodes[0]
    assert any(isinstance(each, Shrunk) for each in tree.attributes.values())
    label, probabilities = session.run(None, {"X": X})
    np.testing.assert_array_equal(session.run(["probabilities"], {"X": X})[0], probabilities)
    again = pickle.loads(pickle.dumps(session))
    np.testing.assert_array_equal(again.run(None, {"X": X})[1], probabilities)
    np.testing.assert_array_equal(again.run(None, {"X": X})[0], label)
