"""A model with flipped bits or cut short never ends the process: it loads and runs, or raises one of sklort's errors."""

from __future__ import annotations

import pytest

from tests.conformance.malformed import outlives

SCRIPT = """
import faulthandler
import warnings

import numpy as np
import onnx

from sklort.exceptions import SklortError
from sklort.session.inference_session import InferenceSession
from tests.conformance.malformed import FLOAT, INT64, STRING, ml_node, model, node, tensor
from tests.conformance.test_ort_errors_loading import tree

faulthandler.enable()
warnings.simplefilter("ignore")
rng = np.random.default_rng({seed})
features = {{"X": (FLOAT, ["N", 2])}}
seeds = [
    (model([ml_node("TreeEnsembleRegressor", "X", **tree())]), {{"X": np.ones((3, 2), np.float32)}}),
    (
        model(
            [
                ml_node("Scaler", "X", out=["a"], offset=[1.0, 2.0], scale=[1.0, 3.0]),
                node("MatMul", "a", "w", out=["b"], name="m"),
                node("Concat", "b", "X", out=["Y"], name="c", axis=1),
            ],
            initializers=[tensor("w", np.ones((2, 3)))],
        ),
        {{"X": np.ones((3, 2), np.float32)}},
    ),
    (
        model(
            [
                ml_node("LabelEncoder", "X", out=["a"], keys_strings=["a", "b"], values_int64s=[0, 1]),
                node("Gather", "t", "a", name="g", axis=0),
            ],
            {{"X": (STRING, ["N"])}},
            initializers=[tensor("t", [[1, 2], [3, 4]])],
        ),
        {{"X": np.array(["a", "b"], object)}},
    ),
]
loaded = refused = 0
for case in range({cases}):
    proto, feed = seeds[case % len(seeds)]
    data = bytearray(proto.SerializeToString())
    if rng.random() < 0.15:
        del data[rng.integers(len(data)) :]
    else:
        for at in rng.integers(len(data), size=rng.choice([1, 1, 1, 2, 3])):
            data[at] ^= 1 << int(rng.integers(8)) if rng.random() < 0.7 else int(rng.integers(1, 256))
    print(case, end=" ", flush=True)
    try:
        session = InferenceSession(bytes(data))
    except SklortError:
        refused += 1
        continue
    loaded += 1
    try:
        session.run(None, {{arg.name: value for arg, value in zip(session.get_inputs(), feed.values())}})
    except (SklortError, ValueError):  # ValueError: a damaged model may ask for inputs that nobody feeds
        pass
print()
assert loaded and refused, (loaded, refused)
for proto, feed in seeds:
    InferenceSession(proto).run(None, feed)
"""


@pytest.mark.parametrize("seed", range(2))
def test_damaged_models(seed):
    outlives(SCRIPT.format(seed=seed, cases=150))
