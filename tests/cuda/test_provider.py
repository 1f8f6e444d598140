"""The provider from a session's point of view, over the stand-in: who runs what, what is copied, and what happens without a GPU."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort
from sklort.conversion import convert_model
from sklort.exceptions import DeviceReset, EPFail, Fail, InvalidArgument
from sklort.providers.cuda.device import Device, absent
from sklort.providers.cuda.provider import CudaProvider

CUDA = ["CUDAExecutionProvider", "CPUExecutionProvider"]
X, y = make_classification(600, 12, n_informative=8, n_classes=3, random_state=0)
X = X.astype(np.float32)


def models() -> dict[str, Any]:
    names = np.array(["no", "maybe", "yes"])
    forest = RandomForestClassifier(20, max_depth=6, random_state=0)
    return {
        "forest of classes": (forest.fit(X, y), True),
        "forest with text for labels": (RandomForestClassifier(12, max_depth=4, random_state=0).fit(X, names[y]), True),
        "forest of numbers": (RandomForestRegressor(20, max_depth=8, random_state=0).fit(X, X[:, 0] * y), False),
        "boosting": (GradientBoostingClassifier(n_estimators=15, random_state=0).fit(X, y == 1), True),
        "boosting of three classes": (GradientBoostingClassifier(n_estimators=8, random_state=0).fit(X, y), True),
        "logistic regression": (LogisticRegression(max_iter=500).fit(X, y), True),
        "scaled": (make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, names[y]), True),
    }


MODELS = models()


@pytest.fixture(scope="module")
def graphs() -> dict[str, Any]:
    return {name: convert_model(model, X[:5]).onnx_model for name, (model, _) in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_session_runs_whole_models(name: str, graphs: dict[str, Any], cupy: Any) -> None:
    there = sklort.InferenceSession(graphs[name], providers=CUDA)
    here = sklort.InferenceSession(graphs[name])
    assert there.get_providers() == CUDA
    feed = here.get_inputs()[0].name
    for count in (1, 2, 300, 600):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = there.run(None, {feed: X[:count]})
        for a, b in zip(found, here.run(None, {feed: X[:count]}), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape) if isinstance(a, np.ndarray) else a == b
            if isinstance(a, np.ndarray) and a.dtype.kind == "f" and "regression" not in name and name != "scaled":
                np.testing.assert_array_equal(a, b)  # sums and what is made of them: to the bit
            elif isinstance(a, np.ndarray) and a.dtype.kind == "f":
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
            elif isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, b)
    assert set(cupy.launches) & {"forest_rows", "linear"}


def test_explain_says_who_runs_what_and_what_is_copied(graphs: dict[str, Any], cupy: Any) -> None:
    text = str(sklort.InferenceSession(graphs["scaled"], providers=CUDA).explain())
    assert "CUDAExecutionProvider" in text
    assert "12 columns, 3 outputs of float32: one kernel; labels are strings: looked up on the host" in text
    assert "copies X to the device" in text
    assert "copies label to the host" in text
    text = str(sklort.InferenceSession(graphs["forest with text for labels"], providers=CUDA).explain())
    assert "12 trees" in text
    assert "a block of 256 threads for each row; tiles of 256 rows" in text


def test_rows_are_copied_once_and_nothing_else(graphs: dict[str, Any], cupy: Any) -> None:
    session = sklort.InferenceSession(graphs["forest of numbers"], providers=CUDA)
    session.run(None, {"X": X[:300]})
    del cupy.transfers[:]
    session.run(None, {"X": X[:300]})
    assert cupy.transfers == [("to the device", X[:300].nbytes), ("to the host", 300 * 8)]


def test_arrays_of_the_device_stay_there(graphs: dict[str, Any], cupy: Any) -> None:
    runner = sklort.InferenceSession(graphs["forest of numbers"], providers=CUDA).compiled()
    (want,) = runner.run([X[:50]])
    given = cupy.asarray(X[:50])
    del cupy.transfers[:]
    (found,) = runner.run([given])
    assert isinstance(found, cupy.ndarray)
    assert cupy.transfers == []
    np.testing.assert_array_equal(found.get(), want)


def test_what_a_kernel_does_not_take_the_cpu_does(graphs: dict[str, Any], cupy: Any) -> None:
    session = sklort.InferenceSession(graphs["forest of numbers"], providers=CUDA)
    runner = session.compiled()
    (found,) = runner.run([X[:9].astype(np.float16)])
    np.testing.assert_array_equal(found, runner.run([X[:9].astype(np.float16).astype(np.float32)])[0])
    assert "on the CPU: there are no kernels for float16 values" in str(session.explain())
    with pytest.raises(Fail, match="but the rows have 3 columns"):
        runner.run([X[:4, :3].copy()])


def test_the_forest_kernel_is_an_option(graphs: dict[str, Any], cupy: Any) -> None:
    answers = []
    for kernel in ("rows", "tile", "leaves", "wide"):
        session = sklort.InferenceSession(
            graphs["forest of numbers"], providers=[("CUDAExecutionProvider", {"forest_kernel": kernel})]
        )
        answers.append(session.run(None, {"X": X})[0])
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"forest_kernel": "fast"}, "there is no forest kernel 'fast'; choose one of: 'auto'"),
        ({"device_id": "-1"}, "'device_id' of CUDAExecutionProvider must be a number from 0 on, got '-1'"),
        ({"gpu_mem_limit": "5"}, "CUDAExecutionProvider has no option 'gpu_mem_limit'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, str], words: str, graphs: dict[str, Any], cupy: Any) -> None:
    with pytest.raises(InvalidArgument, match=words):
        sklort.InferenceSession(graphs["boosting"], providers=[("CUDAExecutionProvider", options)])


def test_a_run_is_ended_and_timed(graphs: dict[str, Any], cupy: Any) -> None:
    runner = sklort.InferenceSession(graphs["forest of numbers"], providers=CUDA).compiled()
    times: list[Any] = []
    runner.run([X[:300]], None, times)
    assert [time[0] for time in times] == list(range(len(runner.explain())))
    number, _, begin, end, read, made, fed, *_ = times[0]
    assert (number, begin <= end, read[0], made[0], fed) == (0, True, (1, [300, 12]), (11, [300, 1]), X[:300].nbytes)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Fail, match="the run was ended"):
        runner.run([X[:300]], stop)


def test_a_session_survives_pickling(graphs: dict[str, Any], cupy: Any) -> None:
    session = sklort.InferenceSession(graphs["boosting"], providers=CUDA)
    again = pickle.loads(pickle.dumps(session))
    assert again.get_providers() == CUDA
    for a, b in zip(session.run(None, {"X": X[:5]}), again.run(None, {"X": X[:5]}), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_forked_process_is_refused(graphs: dict[str, Any], cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sklort.InferenceSession(graphs["boosting"], providers=CUDA)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(DeviceReset, match="CUDA does not survive a fork"):
        session.run(None, {"X": X[:5]})


# --- without a GPU ----------------------------------------------------------------------------------------------------


def test_without_cupy_the_cpu_runs_it_with_a_warning(graphs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    with pytest.warns(
        UserWarning, match=r"CUDAExecutionProvider is left out: CuPy is not installed: pip install 'sklort"
    ):
        session = sklort.InferenceSession(graphs["boosting"], providers=CUDA)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.run(None, {"X": X[:5]})[0].shape == (5,)
    with pytest.raises(EPFail, match="CUDAExecutionProvider is required: CuPy is not installed"):
        sklort.InferenceSession(graphs["boosting"], providers=[("CUDAExecutionProvider", {"require": "1"})])


def test_reasons_for_absence(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert absent() is None
    assert absent(1) == "there is no GPU 1: there are 1, numbered from 0"
    monkeypatch.setattr(cupy.cuda, "is_available", lambda: False)
    assert "no GPU, or a driver that is too old" in str(absent())

    def broken() -> bool:
        raise OSError("libcuda.so.1: no such file")

    monkeypatch.setattr(cupy.cuda, "is_available", broken)
    assert absent() == "CuPy cannot be used: OSError: libcuda.so.1: no such file"
    provider = CudaProvider()
    assert provider.unavailable() == absent()


def test_cupy_is_not_imported_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, graphs: dict[str, Any]) -> None:
    class Refusing:
        def find_spec(self, name: str, *_: Any) -> None:
            assert name.split(".")[0] != "cupy"

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    session = sklort.InferenceSession(graphs["boosting"])
    assert session.run(None, {"X": X[:5]})[0].shape == (5,)


def test_the_device_says_what_it_is(cupy: Any) -> None:
    assert "emulated" in Device().name
