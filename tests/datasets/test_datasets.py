"""The example models are those of the text beside this file, and have the faces of onnxruntime's."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import sklort
from tests.datasets.write_examples import EXAMPLES, make


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_file_is_the_model_of_its_text(name):
    assert onnx.load(sklort.datasets.get_example(name)) == make(name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_inputs_and_outputs_are_those_of_onnxruntimes_example(name):
    datasets = pytest.importorskip("onnxruntime.datasets")
    import onnxruntime

    ours = sklort.InferenceSession(sklort.datasets.get_example(name))
    theirs = onnxruntime.InferenceSession(datasets.get_example(name))
    for one, other in ((ours.get_inputs(), theirs.get_inputs()), (ours.get_outputs(), theirs.get_outputs())):
        assert [(arg.name, arg.type, arg.shape) for arg in one] == [(arg.name, arg.type, arg.shape) for arg in other]


@pytest.mark.parametrize("name", EXAMPLES)
def test_onnxruntime_gives_the_same_answers(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = sklort.datasets.get_example(name)
    rng = np.random.default_rng(0)
    sessions = [sklort.InferenceSession(path), onnxruntime.InferenceSession(path)]
    (arg,) = sessions[0].get_inputs()
    for _ in range(20):
        feed = {arg.name: rng.uniform(1, 8, arg.shape).astype(np.float32)}
        ours, theirs = (session.run(None, feed) for session in sessions)
        for one, other in zip(ours, theirs):
            if isinstance(one, np.ndarray):
                np.testing.assert_allclose(one, other, rtol=1e-6)
            else:
                assert [row.keys() for row in one] == [row.keys() for row in other]
                for row, expected in zip(one, other):
                    np.testing.assert_allclose(list(row.values()), list(expected.values()), rtol=1e-5)


def test_the_irises_are_told_apart():
    from sklearn.datasets import load_iris

    features, target = load_iris(return_X_y=True)
    session = sklort.InferenceSession(sklort.datasets.get_example("logreg_iris.onnx"))
    found = [
        session.run(["label"], {"float_input": rows})[0] for rows in np.split(features[:, :2].astype(np.float32), 50)
    ]
    assert np.mean(np.concatenate(found) == target) > 0.8


def test_unknown_examples():
    with pytest.raises(FileNotFoundError, match="did you mean 'mul_1.onnx'"):
        sklort.datasets.get_example("mul1.onnx")
    with pytest.raises(FileNotFoundError, match="'logreg_iris.onnx', 'mul_1.onnx', 'sigmoid.onnx'"):
        sklort.datasets.get_example("../_version.py")
