"""`OnnxEstimator.benchmark`: who takes part, what is compared before, and what is said of it. Times are not judged."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import sklort
from sklort.estimator import benchmark as module
from sklort.exceptions import FallbackWarning, ParityError
from sklort.providers.cpu import thread_limit

X, y = load_iris(return_X_y=True)
QUICK: dict[str, Any] = {"batch_sizes": (1, 40), "seconds": 0.0}


@pytest.fixture(scope="module")
def forest() -> Any:
    return RandomForestClassifier(5, random_state=0, n_jobs=2).fit(X, y)


@pytest.fixture(scope="module")
def fast(forest: Any) -> Any:
    return sklort.convert(forest, X)


def test_both_are_timed_for_every_batch(fast: Any) -> None:
    found = fast.benchmark(X, **QUICK)
    assert [(one.name, one.rows) for one in found.timings] == [
        ("scikit-learn", 1),
        ("sklort", 1),
        ("scikit-learn", 40),
        ("sklort", 40),
    ]
    assert found.title == "RandomForestClassifier.predict_proba"
    assert found.baseline == "scikit-learn"
    assert found.checks == ("150 rows compared: equal within 1e-12, 0.0e+00 apart at most",)
    assert all(one.spread.minimum > 0 for one in found.timings)
    assert "RandomForestClassifier" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_method_and_batches_larger_than_x(fast: Any) -> None:
    found = fast.benchmark(X[:7], batch_sizes=[20], method="predict", seconds=0)
    assert found.title.endswith(".predict")
    assert [one.rows for one in found.timings] == [20, 20]


def test_threads_are_held_and_given_back(fast: Any, forest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    real = module.race

    def spy(runners: Any, **options: Any) -> Any:
        racing = runners["scikit-learn"][0].args[0]
        assert racing is not forest  # the user's model stays as it is
        seen.append((thread_limit(), racing.n_jobs))
        return real(runners, **options)

    monkeypatch.setattr(module, "race", spy)
    before = thread_limit()
    found = fast.benchmark(X, batch_sizes=[3], threads=[1, 2], seconds=0)
    assert seen == [(1, 1), (2, 2)]
    assert [one.threads for one in found.timings] == [1, 1, 2, 2]
    assert thread_limit() == before
    assert forest.n_jobs == 2


def test_n_jobs_of_every_part(forest: Any) -> None:
    vote = VotingClassifier([("a", RandomForestClassifier(2, n_jobs=4)), ("b", LogisticRegression())], n_jobs=4)
    copied = module._with_n_jobs(make_pipeline(StandardScaler(), vote).fit(X, y), 1)
    assert copied[-1].n_jobs == 1
    assert [getattr(one, "n_jobs", None) for one in copied[-1].estimators_] == [1, 1]
    assert vote.n_jobs == 4


def test_onnxruntime_runs_the_same_graph(fast: Any) -> None:
    pytest.importorskip("onnxruntime")
    found = fast.benchmark(X, onnxruntime=True, threads=1, **QUICK)
    assert found.names == ["scikit-learn", "sklort", "onnxruntime"]
    assert found.checks[1].startswith("onnxruntime: ")
    assert found.left_out == {}


def test_onnxruntime_where_it_is_not_installed(fast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    found = fast.benchmark(X, onnxruntime=True, **QUICK)
    assert "onnxruntime" not in found.names
    assert "pip install onnxruntime" in found.left_out["onnxruntime"]


def test_frames(fast: Any) -> None:
    pytest.importorskip("onnxruntime")
    frame = pd.DataFrame({"colour": ["red", "blue", "red", "green"] * 5, "size": np.arange(20.0)})
    encode = ColumnTransformer([("c", OneHotEncoder(), ["colour"]), ("s", "passthrough", ["size"])])
    model = make_pipeline(encode, LinearRegression()).fit(frame, frame["size"] * 2)
    found = sklort.convert(model, frame).benchmark(frame, onnxruntime=True, **QUICK)
    assert found.title == "Pipeline.predict"
    assert found.names == ["scikit-learn", "sklort", "onnxruntime, its inputs made before"]


def test_a_difference_is_raised_before_anything_is_timed(
    forest: Any, fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "race", lambda *_, **__: pytest.fail("timed"))
    other = RandomForestClassifier(5, random_state=1).fit(X, y)
    with pytest.raises(ParityError, match="nothing is timed") as caught:
        fast.benchmark(X, against=other, **QUICK)
    assert not caught.value.report.ok


def test_a_difference_in_one_batch_is_raised(forest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = sklort.convert(forest, X)
    monkeypatch.setattr(module, "agreement", lambda *_: type("A", (), {"difference": "1 of 3 labels differ"}))
    with pytest.raises(ParityError, match="40 rows: 1 of 3 labels differ"):
        fast.benchmark(X, batch_sizes=[40], seconds=0)


def test_loaded_estimators_are_told_the_model(forest: Any, fast: Any) -> None:
    loaded = sklort.load(fast.onnx_model_)
    with pytest.raises(ValueError, match="against=model"):
        loaded.benchmark(X)
    assert loaded.benchmark(X, against=forest, **QUICK).names == ["scikit-learn", "sklort"]


def test_what_scikit_learn_answers_is_said() -> None:
    model = make_pipeline(FunctionTransformer(_odd), LinearRegression()).fit(X, y)
    with pytest.warns(FallbackWarning):
        hybrid = sklort.convert(model, X)
    found = hybrid.benchmark(X, onnxruntime=True, **QUICK)
    assert found.names == ["scikit-learn", "sklort"]
    assert "onnxruntime" in found.left_out


def _odd(values: Any) -> Any:
    return np.asarray([sorted(row) for row in values])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"batch_sizes": ()}, "batch_sizes must be"),
        ({"batch_sizes": (0,)}, "batch_sizes must be"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"method": "transform"}, "have no method transform"),
    ],
)
def test_wrong_calls(fast: Any, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fast.benchmark(X, **wrong)
    with pytest.raises(ValueError, match="no rows"):
        fast.benchmark(X[:0])
