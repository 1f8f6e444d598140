"""Pickles, copies and files."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import types

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import OnnxEstimator

X, y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def estimator():
    return OnnxEstimator(LogisticRegression(max_iter=1000)).fit(X, WORDS)


def by_joblib(one, path):
    joblib.dump(one, path / "model.joblib")
    return joblib.load(path / "model.joblib")


@pytest.mark.parametrize(
    "through",
    [
        lambda one, _: pickle.loads(pickle.dumps(one)),
        lambda one, _: copy.copy(one),
        lambda one, _: copy.deepcopy(one),
        lambda one, path: by_joblib(one, path),
        lambda one, _: pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(one)))),
    ],
    ids=["pickle", "copy", "deepcopy", "joblib", "twice"],
)
def test_round_trip(estimator, through, tmp_path) -> None:
    again = through(estimator, tmp_path)
    assert again is not estimator
    assert "_lanes" not in vars(again)
    assert np.array_equal(again.predict(X), estimator.predict(X))
    assert np.array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert again.onnx_model_ == estimator.onnx_model_
    assert again.parity_report_.as_dict() == estimator.parity_report_.as_dict()
    assert again.get_params()["estimator__max_iter"] == 1000
    with pytest.raises(ValueError, match="X has 3 features, but LogisticRegression is expecting 4"):
        again.predict(X[:, :3])


def test_unfitted_round_trip() -> None:
    again = pickle.loads(pickle.dumps(OnnxEstimator(LogisticRegression())))
    assert not again.__sklearn_is_fitted__()
    assert hasattr(again, "predict_proba")


def test_another_process(estimator, tmp_path) -> None:
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(estimator))
    np.save(tmp_path / "X.npy", X)
    code = (
        "import pickle, sys, numpy as np\n"
        "folder = sys.argv[1]\n"
        "one = pickle.load(open(folder + '/model.pickle', 'rb'))\n"
        "np.save(folder + '/answer.npy', one.predict(np.load(folder + '/X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert np.array_equal(np.load(tmp_path / "answer.npy"), estimator.predict(X))


def test_save_and_load(estimator, tmp_path) -> None:
    path = tmp_path / "model.onnx"
    estimator.save(path)
    loaded = sklort.load(path)
    assert loaded.estimator_ is None
    assert is_classifier(loaded)
    assert loaded.classes_.dtype == estimator.classes_.dtype
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        got, expected = getattr(loaded, method)(X), getattr(estimator, method)(X)
        assert got.dtype == expected.dtype
        assert np.array_equal(got, expected)
    assert not hasattr(loaded, "transform")
    assert loaded.score(X, WORDS) == estimator.score(X, WORDS)
    assert loaded.n_features_in_ == 4
    again = pickle.loads(pickle.dumps(loaded))
    assert np.array_equal(again.predict(X), loaded.predict(X))
    with pytest.raises(ValueError, match="nothing to fit"):
        loaded.fit(X, y)


@pytest.mark.parametrize(
    ("Z", "words"),
    [
        (X[:, :3], "X has 3 features, but OnnxEstimator is expecting 4 features as input"),
        (X[0], "Expected 2D array, got 1D array instead"),
        (X[:0], "Found array with 0 sample"),
        (np.full((1, 4), np.nan), "Input X contains NaN"),
        (np.full((1, 4), np.inf), "Input X contains infinity"),
        ([["a", "b", "c", "d"]], "not compatible with arrays of bytes/strings"),
    ],
)
def test_a_loaded_model_refuses_in_scikit_learns_words(estimator, tmp_path, Z, words) -> None:
    estimator.save(tmp_path / "model.onnx")
    loaded = sklort.load(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=words):
        loaded.predict(Z)
    assert np.array_equal(loaded.predict(X), estimator.predict(X))


def test_a_loaded_model_casts_and_warns_only_where_it_loses(tmp_path) -> None:
    short = OnnxEstimator(LinearRegression()).fit(X.astype(np.float32), y)
    short.save(tmp_path / "model.onnx")
    loaded = sklort.load(tmp_path / "model.onnx")
    with pytest.warns(UserWarning, match="float64 is cast to float32"):
        got = loaded.predict(X)
    np.testing.assert_allclose(got, short.predict(X), rtol=1e-4, atol=1e-4)
    long = OnnxEstimator(LinearRegression()).fit(X, y)
    long.save(tmp_path / "model.onnx")
    np.testing.assert_allclose(
        sklort.load(tmp_path / "model.onnx").predict(X.astype(np.float32)), long.predict(X), atol=1e-4
    )


def test_a_loaded_model_makes_no_other_number_of_one(tmp_path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"rooms": np.arange(20) % 5, "size": np.linspace(0, 1, 20)})
    model = make_pipeline(ColumnTransformer([("all", StandardScaler(), ["rooms", "size"])]), LinearRegression())
    estimator = OnnxEstimator(model).fit(frame, frame.rooms * 2.0)
    estimator.save(tmp_path / "model.onnx")
    loaded = sklort.load(tmp_path / "model.onnx")
    with pytest.warns(UserWarning, match="float64 is cast to int64"):
        np.testing.assert_array_equal(loaded.predict(frame.astype(float)), estimator.predict(frame))
    for rooms in (3.5, np.nan, 1e30):
        with pytest.raises(ValueError, match="int64 cannot hold|contains NaN"):
            loaded.predict(frame.assign(rooms=rooms))
    np.testing.assert_array_equal(loaded.predict(frame), estimator.predict(frame))


def test_load_frames_by_name(tmp_path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = OnnxEstimator(DecisionTreeClassifier(random_state=0)).fit(frame, y > 0)
    estimator.save(tmp_path / "model.onnx")
    loaded = sklort.load(tmp_path / "model.onnx")
    assert list(loaded.feature_names_in_) == list("abcd")
    assert loaded.predict(frame).dtype == np.bool_
    assert np.array_equal(loaded.predict(frame), estimator.predict(frame))
    with pytest.raises(ValueError, match="Feature names"):
        loaded.predict(frame.rename(columns={"a": "z"}))


def test_any_onnx_model_of_one_matrix() -> None:
    from sklort.conversion import convert_model

    model = StandardScaler().fit(X)
    content = convert_model(model, X).onnx_model.SerializeToString()
    loaded = sklort.load(content)
    assert hasattr(loaded, "transform")
    np.testing.assert_allclose(loaded.transform(X), model.transform(X), rtol=1e-12)


def test_onnxruntime_opens_the_file(tmp_path) -> None:
    ort = pytest.importorskip("onnxruntime")
    estimator = OnnxEstimator(LinearRegression()).fit(X, y)
    estimator.save(tmp_path / "model.onnx")
    session = ort.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(got.ravel(), estimator.predict(X), rtol=1e-12)


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_a_method_travels_as_that_of_the_estimator(estimator, pickler, method):
    """``joblib.delayed(estimator.predict)`` and ``pool.map(estimator.predict, parts)`` pickle it."""
    expected = getattr(estimator, method)(X)
    for one in (estimator, pickle.loads(pickle.dumps(estimator)), sklort.load(estimator.onnx_model_)):
        asked = pickler.loads(pickler.dumps(getattr(one, method)))
        assert asked.__name__ == method
        np.testing.assert_array_equal(asked(X), expected)
        with pytest.raises(ValueError, match="NaN"):
            asked(np.full_like(X, np.nan))


@pytest.mark.parametrize("model", [DecisionTreeClassifier(random_state=0), NearestNeighbors()], ids=str)
def test_a_method_that_is_compiled_when_it_is_called_travels(model):
    name = "apply" if hasattr(model, "apply") else "kneighbors"
    rows = np.random.default_rng(0).normal(size=(60, 4))  # no two of which are equally far from a third
    model.fit(rows, np.arange(60) % 3)
    expected = getattr(model, name)(rows)
    estimator = sklort.convert(model, rows)
    ones = [estimator, pickle.loads(pickle.dumps(estimator))]
    if name == "kneighbors":
        ones.append(sklort.load(estimator.onnx_model_))
    for one in ones:
        getattr(one, name)(rows)
        asked = pickle.loads(pickle.dumps(getattr(one, name)))
        for got, want in zip(asked(rows), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-7)


def test_a_method_that_scikit_learn_answers_travels(recwarn):
    def doubled(rows):
        return np.sort(rows * 2)

    doubled.__module__, doubled.__qualname__ = __name__, "doubled"
    sys.modules.setdefault(__name__, types.ModuleType(__name__)).doubled = doubled
    model = make_pipeline(FunctionTransformer(doubled), LogisticRegression(max_iter=1000)).fit(X, WORDS)
    compiled = sklort.convert(model, X)
    asked = pickle.loads(pickle.dumps(compiled.predict))
    assert (asked(X) == model.predict(X)).all()
