"""A saved estimator is opened without scikit-learn, and a damaged one not at all."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import OnnxEstimator
from sklort.estimator import persistence
from sklort.estimator.loading import LoadedModel
from sklort.exceptions import DamagedModel

X, y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "virginica"])[y]
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "skl2onnx", "scipy", "pandas", "joblib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import pickle
import numpy as np
import sklort

folder = sys.argv[1]
model = sklort.load(folder + "/model.onnx")
X = np.load(folder + "/X.npy")
answers = {method: getattr(model, method)(X) for method in %r}
again = pickle.loads(pickle.dumps(model))
assert np.array_equal(again.predict(X.tolist()), answers["predict"])
for bad, words in ((X[:, :2], "2 features instead of 4"), (X * np.nan, "NaN"), (X[0], "1 dimensions")):
    try:
        model.predict(bad)
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError(bad.shape)
assert not hasattr(model, "transform")
assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
assert model.n_features_in_ == 4
assert model.parity_report_.ok
assert "scikit-learn" in model.versions_
np.savez(folder + "/answers.npz", **answers)
"""


def test_a_process_without_scikit_learn(tmp_path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, WORDS)
    estimator = sklort.convert(model, X)
    estimator.save(tmp_path / "model.onnx")
    np.save(tmp_path / "X.npy", X)
    subprocess.run([sys.executable, "-c", WITHOUT % (METHODS,), str(tmp_path)], check=True)
    answers = np.load(tmp_path / "answers.npz")
    for method in METHODS:
        assert np.array_equal(answers[method], getattr(estimator, method)(X))


def test_a_loaded_model_is_like_the_estimator(tmp_path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = OnnxEstimator(DecisionTreeClassifier(random_state=0)).fit(frame, WORDS)
    estimator.save(tmp_path / "model.onnx")
    model = LoadedModel(tmp_path / "model.onnx")
    assert model.feature_names_in_.tolist() == list("abcd")
    assert np.array_equal(model.predict(frame), estimator.predict(frame))
    assert np.array_equal(LoadedModel.predict(model, frame), estimator.predict(frame))
    assert "classifier of 4 features: predict, predict_proba" in repr(model)
    assert np.array_equal(copy.deepcopy(model).predict(frame), estimator.predict(frame))
    with pytest.raises(AttributeError, match="the saved model offers predict"):
        model.transform


def test_the_parity_report_travels_along(tmp_path) -> None:
    estimator = OnnxEstimator(LinearRegression()).fit(X, y)
    estimator.save(tmp_path / "model.onnx")
    loaded = sklort.load(tmp_path / "model.onnx")
    assert loaded.parity_report_.as_dict() == estimator.parity_report_.as_dict()
    assert str(loaded.parity_report_) == str(estimator.parity_report_)
    assert loaded.versions_["sklort"] == sklort.__version__


def test_everything_else_in_the_file_is_guarded_by_the_digest() -> None:
    content = OnnxEstimator(LinearRegression()).fit(X, y).onnx_model_
    assert sklort.load(content).predict(X[:1]).shape == (1,)
    for place in (0, 20, len(content) // 2, len(content) - 90, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(DamagedModel, match="damaged or was changed|digest at its end is missing"):
            sklort.load(bytes(damaged))
    for length in (len(content) - 1, len(content) - 83, len(content) - 200):
        with pytest.raises(DamagedModel, match="cut off"):
            sklort.load(content[:length])
    with pytest.raises(DamagedModel):
        sklort.load(content + b"\x00")


def test_a_file_of_a_later_format_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(persistence, "FORMAT", 99)
    monkeypatch.setattr(persistence, "__version__", "7.1")
    content = OnnxEstimator(LinearRegression()).fit(X, y).onnx_model_
    monkeypatch.undo()
    with pytest.raises(ValueError, match="saved by sklort 7.1 in format 99.*pip install 'sklort>=7.1'"):
        sklort.load(content)


def test_a_file_from_before_missing_strings_opens() -> None:
    """Format 1 did not always say which strings may be missing, or how whole numbers are answered."""
    X, y = load_iris(return_X_y=True)
    estimator = sklort.convert(LogisticRegression(max_iter=500).fit(X, y), X)
    model = onnx.load_from_string(estimator.onnx_model_)
    for one in model.metadata_props:
        if one.key == "sklort.acceptance":
            said = json.loads(one.value)
            one.value = json.dumps({key: said[key] for key in said if key not in ("missing", "whole")})
    del model.metadata_props[-1]  # the digest
    old = persistence.sealed(model.SerializeToString())
    assert b"missing" not in old
    np.testing.assert_array_equal(sklort.load(old).predict_proba(X), estimator.predict_proba(X))


def test_a_pickle_of_another_version_warns() -> None:
    estimator = OnnxEstimator(LinearRegression()).fit(X, y)
    state = estimator.__getstate__()
    assert state["_sklort_version"] == sklort.__version__
    other = OnnxEstimator.__new__(OnnxEstimator)
    with pytest.warns(UserWarning, match="pickled by sklort 0.0.1 and is opened by .*save and sklort.load"):
        other.__setstate__({**state, "_sklort_version": "0.0.1"})
    assert np.array_equal(other.predict(X), estimator.predict(X))


@pytest.mark.parametrize("fitted", [True, False])
def test_cloudpickle(fitted) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    estimator = OnnxEstimator(LinearRegression())
    again = pickle.loads(cloudpickle.dumps(estimator.fit(X, y) if fitted else estimator))
    assert again.__sklearn_is_fitted__() is fitted
    if fitted:
        assert np.array_equal(again.predict(X), estimator.predict(X))
