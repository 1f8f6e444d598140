"""Estimators on a device, and rows that lie there, over the stand-in."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import OnnxEstimator
from sklort.exceptions import EPFail, InvalidArgument, ParityError, ScikitLearnAnswered, UnsupportedValue
from sklort.providers.cuda.worth import worth_from
from tests.cuda import foreign

X, y = make_classification(400, 8, n_informative=6, n_classes=3, random_state=0)
X32 = X.astype(np.float32)
WORDS = np.array(["no", "maybe", "yes"])
TWO = ColumnTransformer([("a", StandardScaler(), [0, 1, 2]), ("b", MinMaxScaler(), [3, 6])])


def made(model: Any, target: Any = y, rows: Any = X, **options: Any) -> OnnxEstimator:
    options = {"device": "cuda", **options}
    return OnnxEstimator.convert(model.fit(rows, target), rows, **options)


MODELS: dict[str, tuple[Any, Any]] = {
    "forest": (RandomForestClassifier(8, max_depth=5, random_state=0), y),
    "forest of words": (RandomForestClassifier(8, max_depth=5, random_state=0), WORDS[y]),
    "regression forest": (RandomForestRegressor(8, max_depth=5, random_state=0), X[:, 0] * y),
    "boosting": (HistGradientBoostingRegressor(max_iter=8, random_state=0), X[:, 0] * y),
    "logistic regression": (LogisticRegression(), y),
    "two classes": (LogisticRegression(), y == 1),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), y),
    "two branches": (make_pipeline(TWO, DecisionTreeClassifier(max_depth=4, random_state=0)), y),
    "scaler": (StandardScaler(), None),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", MODELS)
def test_answers_of_the_device_are_scikit_learns(name: str, dtype: Any, cupy: Any) -> None:
    model, target = MODELS[name]
    rows = X.astype(dtype)
    model = clone(model).fit(rows, target)
    fast = OnnxEstimator.convert(model, rows, device="cuda")
    assert fast.parity_report_.ok
    assert "CUDAExecutionProvider" in str(fast.compilation_)
    assert "device='cuda'" in repr(fast)
    for method in fast._lanes.methods:
        want = getattr(model, method)(rows[:300])
        here, there = getattr(fast, method)(rows[:300]), getattr(fast, method)(cupy.asarray(rows[:300]))
        assert type(here) is np.ndarray
        tolerance = 1e-12 if dtype == np.float64 else 2e-5
        if want.dtype.kind == "f":
            np.testing.assert_allclose(here, want, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(here, want)
        assert here.dtype == want.dtype
        if want.dtype.kind in "UO":
            assert type(there) is np.ndarray, "strings come back to the host"
        else:
            assert isinstance(there, cupy.ndarray)
            there = there.get()
        np.testing.assert_array_equal(there, here)
        assert (there.dtype, there.shape) == (want.dtype, want.shape)


@pytest.mark.parametrize("kind", [foreign.WithInterface, foreign.WithDlpack])
def test_arrays_of_other_libraries_are_read_where_they_lie(kind: Any, cupy: Any) -> None:
    fast = made(RandomForestRegressor(5, max_depth=4, random_state=0), X[:, 0])
    there = kind(X)
    fast.predict(there)
    del cupy.transfers[:]
    found = fast.predict(there)
    assert isinstance(found, cupy.ndarray)
    # What is copied: which columns take NaN, and whether a row was refused.
    assert cupy.transfers == [("to the device", 4 * X.shape[1]), ("to the host", 4)]
    np.testing.assert_array_equal(found.get(), fast.predict(X))


def test_other_dtypes_layouts_and_frames(cupy: Any) -> None:
    fast = made(RandomForestClassifier(5, max_depth=4, random_state=0))
    want = fast.predict(X)
    np.testing.assert_array_equal(fast.predict(cupy.asarray(X.T.copy()).T).get(), want)
    whole = np.round(10 * X).astype(np.int64)
    np.testing.assert_array_equal(fast.predict(cupy.asarray(whole)).get(), fast.predict(whole))
    np.testing.assert_array_equal(fast.predict_proba(cupy.asarray(X32)).get(), fast.predict_proba(X32))

    names = [f"c{i}" for i in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names)
    named = made(RandomForestClassifier(5, max_depth=4, random_state=0), rows=frame)
    np.testing.assert_array_equal(named.predict(foreign.DataFrame(X, names)).get(), want)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(cupy.asarray(X))
    with pytest.raises(ValueError, match="feature names"):
        named.predict(foreign.DataFrame(X, names[::-1]))


def test_what_scikit_learn_refuses_is_refused_there(cupy: Any) -> None:
    fast = made(LogisticRegression())
    spoilt = X.copy()
    spoilt[7, 3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fast.predict(cupy.asarray(spoilt))
    spoilt[7, 3] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fast.predict(cupy.asarray(spoilt))
    with pytest.raises(ValueError, match="X has 3 features"):
        fast.predict(cupy.asarray(X[:, :3].copy()))
    with pytest.raises(ValueError, match="Expected 2D array"):
        fast.predict(cupy.asarray(X[0]))
    with pytest.raises(ValueError, match="0 sample"):
        fast.predict(cupy.asarray(X[:0]))
    half = cupy.asarray(X.astype(np.float16))
    with pytest.warns(ScikitLearnAnswered, match="float16"):
        found = fast.predict(half)
    assert isinstance(found, cupy.ndarray), "what scikit-learn answered goes where X lies"
    taken = made(HistGradientBoostingRegressor(max_iter=5), X[:, 0])
    spoilt[7, 3] = np.nan
    np.testing.assert_array_equal(taken.predict(cupy.asarray(spoilt)).get(), taken.predict(spoilt))
    large = np.full((3, 8), 2**53 + 1)
    with pytest.warns(ScikitLearnAnswered):
        taken.predict(cupy.asarray(large))


def test_a_score_and_a_frame_are_made_on_the_host(cupy: Any) -> None:
    fast = made(LogisticRegression())
    assert fast.score(cupy.asarray(X), cupy.asarray(y)) == fast.score(X, y)
    scaler = made(StandardScaler(), None).set_output(transform="pandas")
    pd.testing.assert_frame_equal(scaler.transform(cupy.asarray(X)), scaler.transform(X))


def test_several_outputs_and_columns_left_out(cupy: Any) -> None:
    both = np.stack([y, y == 1], axis=1)
    fast = made(MultiOutputClassifier(DecisionTreeClassifier(max_depth=3, random_state=0)), both)
    found = fast.predict_proba(cupy.asarray(X))
    assert all(isinstance(each, cupy.ndarray) for each in found)
    for there, here in zip(found, fast.predict_proba(X), strict=True):
        np.testing.assert_array_equal(there.get(), here)
    chosen = made(SelectKBest(k=3))
    np.testing.assert_array_equal(chosen.transform(cupy.asarray(X)).get(), chosen.transform(X))


def test_a_cpu_estimator_says_how_to_take_rows_of_a_gpu(cupy: Any) -> None:
    fast = made(LogisticRegression(), device="cpu")
    there = cupy.asarray(X)
    with pytest.raises(UnsupportedValue, match=r"on a GPU.*device='cpu'\. set_params\(device='cuda'\)"):
        fast.predict(there)
    assert fast.set_params(device="cuda") is fast
    np.testing.assert_array_equal(fast.predict(there).get(), fast.predict(X))
    assert "CUDAExecutionProvider" in str(fast.compilation_)
    fast.set_params(device="cpu")
    assert "CUDAExecutionProvider" not in str(fast.compilation_)


def test_auto_takes_each_batch_where_it_is_faster(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = made(RandomForestClassifier(10, max_depth=6, random_state=0), device="auto")
    monkeypatch.setattr("sklort.estimator.programs.cores", lambda: 1)
    monkeypatch.setattr("sklort.providers.cuda.worth._LEVEL_NS", 10.0)
    monkeypatch.setattr("sklort.providers.cuda.worth._CALL_NS", 3e5)
    assert "a GPU for arrays that lie there" in str(fast.compilation_)
    assert fast.parity_report_.methods[0].rows == 2 * fast.parity_report_.rows, "both devices were compared"
    want = fast.estimator_.predict_proba(X)
    least = fast._lanes._program_there(("float64",), None).worth_from("predict_proba")
    assert 400 < least < 4000
    many = np.tile(X, (10, 1))
    for rows, expected in ((X[:1], False), (X, False), (many[: int(least) - 1], False), (many[: int(least)], True)):
        del cupy.launches[:]
        found = fast.predict_proba(rows)
        assert type(found) is np.ndarray
        assert bool(cupy.launches) == expected
        np.testing.assert_allclose(found[:1], want[:1], rtol=1e-12)
    del cupy.launches[:]
    assert isinstance(fast.predict_proba(cupy.asarray(X[:1])), cupy.ndarray)
    assert cupy.launches


def test_what_is_not_worth_the_way() -> None:
    assert worth_from(0, 30, 128, 1) is None, "a linear model: the copy alone takes longer"
    alone, many = worth_from(1000, 0, 128, 1), worth_from(1000, 0, 128, 8)
    assert alone is not None and many is not None and alone < many


def test_a_difference_on_the_device_is_an_error(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parity is checked where it will be computed: a kernel that is wrong is found, by "auto" too."""
    from sklort.providers.cuda.ops.tree_ensemble import Regressor

    right = Regressor.run

    def wrong(self: Any, inputs: list[Any], wanted: Any) -> list[Any]:
        found = right(self, inputs, wanted)
        found[0]._array[0] += 1
        return found

    monkeypatch.setattr(Regressor, "run", wrong)
    for device in ("cuda", "auto"):
        with pytest.raises(ParityError):
            made(RandomForestRegressor(3, max_depth=3, random_state=0), X[:, 0], device=device)
    assert made(RandomForestRegressor(3, max_depth=3, random_state=0), X[:, 0], device="cpu").parity_report_.ok


def test_saved_loaded_and_pickled(cupy: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = made(RandomForestClassifier(5, max_depth=4, random_state=0))
    fast.save(tmp_path / "model.onnx")
    for device in ("cpu", "cuda", "auto"):
        again = sklort.load(tmp_path / "model.onnx", device=device)
        np.testing.assert_array_equal(again.predict(X), fast.predict(X))
        if device != "cpu":
            np.testing.assert_array_equal(again.predict(cupy.asarray(X)).get(), fast.predict(X))
    kept = pickle.dumps(fast)
    np.testing.assert_array_equal(pickle.loads(kept).predict(cupy.asarray(X)).get(), fast.predict(X))
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    stranded = pickle.loads(kept)
    with pytest.raises(EPFail, match=r"device='cuda' needs a GPU: CuPy is not installed.*set_params\(device='cpu'\)"):
        stranded.predict(X)
    assert "device='cuda'" in repr(stranded)
    assert "needs a GPU" in stranded._repr_html_()
    with pytest.raises(EPFail):
        clone(stranded).fit(X, y)
    stranded.set_params(device="cpu")
    np.testing.assert_array_equal(stranded.predict(X), fast.estimator_.predict(X))
    with pytest.raises(EPFail):
        stranded.set_params(device="cuda")
    np.testing.assert_array_equal(stranded.predict(X), fast.estimator_.predict(X))


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch, cupy: Any) -> None:
    there = cupy.asarray(X)
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    with pytest.raises(EPFail, match="device='cuda' needs a GPU: CuPy is not installed: pip install 'sklort"):
        OnnxEstimator(LinearRegression(), device="cuda").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = OnnxEstimator(LinearRegression(), device="auto").fit(X, y)
    np.testing.assert_allclose(fast.predict(X), fast.estimator_.predict(X))
    assert "GPU" not in str(fast.compilation_)
    with pytest.raises(UnsupportedValue, match="'auto' found no GPU"):
        fast.predict(there)
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda' or 'auto', got 'gpu'"):
        OnnxEstimator(LinearRegression(), device="gpu").fit(X, y)


# --- sessions ---------------------------------------------------------------------------------------------------------


def session_of(model: Any, target: Any, **options: Any) -> sklort.InferenceSession:
    return sklort.InferenceSession(sklort.convert(model.fit(X32, target), X32).onnx_model_, **options)


CUDA = ["CUDAExecutionProvider"]


def test_a_session_takes_arrays_of_a_gpu(cupy: Any) -> None:
    session = session_of(RandomForestClassifier(5, max_depth=4, random_state=0), y, providers=CUDA)
    name = session.get_inputs()[0].name
    want = session.run(None, {name: X32})
    for given in (cupy.asarray(X32), foreign.WithInterface(X32), foreign.WithDlpack(X32)):
        for there, here in zip(session.run(None, {name: given}), want, strict=True):
            assert isinstance(there, cupy.ndarray)
            np.testing.assert_array_equal(there.get(), here)
    with pytest.raises(InvalidArgument, match=r"has dtype float64 on a GPU, expected tensor\(float\)"):
        session.run(None, {name: cupy.asarray(X)})
    with pytest.raises(InvalidArgument, match="dimension 1 is 3, expected 8"):
        session.run(None, {name: cupy.asarray(X32[:, :3].copy())})
    session.set_providers(["CPUExecutionProvider"])
    with pytest.raises(InvalidArgument, match="runs on the CPU: make it with providers="):
        session.run(None, {name: cupy.asarray(X32)})


def test_what_the_cpu_computes_in_between_ends_where_it_began(cupy: Any) -> None:
    """A part of the plan that no kernel takes: the copies are placed by the plan."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    session = session_of(model, WORDS[y], providers=CUDA)
    name = session.get_inputs()[0].name
    labels, scores, *_ = session.run(None, {name: cupy.asarray(X32)})
    assert labels.dtype == object
    assert isinstance(scores, cupy.ndarray)
    np.testing.assert_array_equal(labels, session.run(None, {name: X32})[0])


def test_an_array_on_another_gpu_is_refused(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(RandomForestClassifier(3, max_depth=3, random_state=0), y, providers=CUDA)
    given = cupy.asarray(X32)
    monkeypatch.setattr(cupy.ndarray, "device", property(lambda _: cupy.cuda.Device(1)))
    with pytest.raises(InvalidArgument, match="lies on GPU 1, and the session runs on GPU 0"):
        session.run(None, {session.get_inputs()[0].name: given})


def test_a_model_in_parts_moves_with_its_parts(cupy: Any) -> None:
    from sklearn.preprocessing import FunctionTransformer

    model = make_pipeline(StandardScaler(), FunctionTransformer(_by_hand), LogisticRegression()).fit(X, y)
    with pytest.warns(sklort.FallbackWarning):
        fast = OnnxEstimator.convert(model, X, device="cuda")
    assert "CUDAExecutionProvider" in str(fast.compilation_)
    np.testing.assert_array_equal(fast.predict(X), model.predict(X))
    fast.set_params(device="cpu")
    assert "CUDAExecutionProvider" not in str(fast.compilation_)
    np.testing.assert_array_equal(fast.predict(X), model.predict(X))


def _by_hand(rows: Any) -> Any:
    return np.array([[float(str(value)) for value in row] for row in rows])


def test_leaves_on_the_device(cupy: Any) -> None:
    """A method that is compiled when it is first called, with rows on the device."""
    fast = made(RandomForestRegressor(5, max_depth=4, random_state=0), X[:, 0])
    found = fast.apply(cupy.asarray(X))
    assert isinstance(found, cupy.ndarray)
    np.testing.assert_array_equal(found.get(), fast.estimator_.apply(X))
