"""`sklort bench` and `sklort tune`: who races, what is compared before, what comes out. Times are not judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import sklort
from sklort.cli import racing
from sklort.cli.rows import feed_of, read_rows
from sklort.cli.tune import DEFAULT, choose
from sklort.exceptions import InvalidUse
from sklort.graph.save import to_bytes
from sklort.graph.text import parse
from sklort.providers.cpu import FOREST_ENGINES
from sklort.timing.race import Spread

X, y = load_iris(return_X_y=True)
QUICK = ["--seconds", "0", "--batch-sizes", "1,30"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and rows that the tests read."""
    place: Path = tmp_path_factory.mktemp("files")
    np.save(place / "X.npy", X)
    trees = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y)
    joblib.dump(trees, place / "trees.joblib")
    joblib.dump(GradientBoostingClassifier(n_estimators=4, random_state=0).fit(X, y), place / "other.joblib")
    sklort.convert(trees, X).save(place / "trees.onnx")
    frame = pd.DataFrame({"colour": ["red", "blue", "red", "green"] * 10, "size": np.arange(40.0)})
    frame.assign(price=1).to_csv(place / "cars.csv", index=False)
    iris = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    named = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(iris, y)
    sklort.convert(named, iris).save(place / "named.onnx")
    iris.assign(target=y)[["target", "d", "c", "b", "a"]].to_csv(place / "iris.csv", index=False)
    foreign = parse(
        '<ir_version: 10, opset_import: ["": 17]> g (float[N, 1] a, string[N, 1] b) => (float[N, 1] A, string[N, 1] B) { A = Abs(a) B = Identity(b) }'
    )
    (place / "foreign.onnx").write_bytes(to_bytes(foreign))
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good film", "bad film"] * 5, [1, 0] * 5)
    sklort.convert(texts, np.array(["good film", "bad film"], dtype=object)).save(place / "texts.onnx")
    pd.DataFrame({"text": ["good film", "bad film"], "n": [1, 2]}).to_csv(place / "texts.csv", index=False)
    encode = ColumnTransformer([("c", OneHotEncoder(), ["colour"]), ("s", "passthrough", ["size"])])
    sklort.convert(make_pipeline(encode, LinearRegression()).fit(frame, frame["size"]), frame).save(place / "cars.onnx")
    fixed = parse('<ir_version: 10, opset_import: ["": 17]> g (float[3, 2] X) => (float[3, 2] Y) { Y = Abs(X) }')
    (place / "fixed.onnx").write_bytes(to_bytes(fixed))
    np.save(place / "two.npy", np.arange(8.0).reshape(4, 2))
    return place


def names(found: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(one["name"] for one in found["timings"]))


def test_sessions_race_for_each_batch_and_number_of_threads(run: Any, folder: Path) -> None:
    pytest.importorskip("onnxruntime")
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy", *QUICK, "--threads", "1,2"]
    found = run(*call, "--json").json
    assert names(found) == ["sklort", "onnxruntime"]
    assert found["baseline"] == "onnxruntime"
    assert {(one["rows"], one["threads"]) for one in found["timings"]} == {(1, 1), (1, 2), (30, 1), (30, 2)}
    assert len(found["timings"]) == 8
    assert found["checks"][0].startswith("150 rows compared: ")
    assert found["left_out"] == {}
    text = run(*call).out
    assert "p50" in text
    assert "against onnxruntime" in text


def test_without_rivals_sklort_stands_alone(run: Any, folder: Path) -> None:
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy", *QUICK, "--no-rivals"]
    found = run(*call, "--json").json
    assert names(found) == ["sklort"] == [found["baseline"]]
    engines = run(*call, "--engines", "--json").json
    assert set(names(engines)) - {"sklort"} <= {f"sklort, {engine}" for engine in FOREST_ENGINES}
    assert "sklort, interleaved-walk" in names(engines)
    assert engines["checks"] == ["150 rows compared: 0.0e+00 apart at most"]


def test_a_provider_must_be_here(run: Any, folder: Path) -> None:
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy", *QUICK, "--no-rivals", "--provider"]
    assert "is not available here" in run(*call, "TensorrtExecutionProvider", status=1).err
    assert names(run(*call, "CPUExecutionProvider", "--json").json) == ["sklort", "sklort, CPU"]


def test_against_the_model(run: Any, folder: Path, tmp_path: Path) -> None:
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy", "--allow-pickle", *QUICK, "--against"]
    found = run(*call, folder / "trees.joblib", "--no-rivals", "--plot", tmp_path / "a.svg", "--json").json
    assert names(found) == ["scikit-learn", "sklort"]
    assert found["title"] == "GradientBoostingClassifier.predict_proba"
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert run(*call, folder / "trees.joblib", "--method", "predict", "--json").json["title"].endswith(".predict")
    assert "nothing is timed" in run(*call, folder / "other.joblib", status=1).err
    assert "have no method transform" in run(*call, folder / "trees.joblib", "--method", "transform", status=1).err


def test_who_differs_has_no_time_and_the_status_says_so(
    run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong:
        def __init__(self, *_: object) -> None:
            self.real = sklort.InferenceSession(folder / "trees.onnx")

        def run(self, names: Any, feed: Any) -> Any:
            labels, *rest = self.real.run(names, feed)
            return [labels + 1, *rest]

    monkeypatch.setattr(racing, "onnxruntime_session", Wrong)
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy", *QUICK]
    found = run(*call, "--json", status=1).json
    assert names(found) == ["sklort"]
    assert "labels differ" in found["left_out"]["onnxruntime"]
    assert "onnxruntime has no time: its answers differ" in run(*call, status=1).out


def test_columns_become_inputs_by_name(run: Any, folder: Path) -> None:
    found = run("bench", folder / "cars.onnx", "--data", folder / "cars.csv", *QUICK, "--json").json
    assert "sklort" in names(found)
    assert len(found["timings"]) == 2 * len(names(found))


def test_columns_of_a_matrix_are_found_by_name(folder: Path) -> None:
    session = racing.our_session(folder / "named.onnx")
    (found,) = feed_of(read_rows(folder / "iris.csv"), session).values()
    np.testing.assert_array_equal(found, X)


def test_inputs_of_other_makers(run: Any, folder: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"b": ["x", "y"], "c": [0, 0], "a": [1, -2]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    session = racing.our_session(folder / "foreign.onnx")
    found = feed_of(read_rows(tmp_path / "a.csv"), session)
    assert found["a"].dtype == np.float32
    assert found["a"].tolist() == [[1.0], [-2.0]]
    assert found["b"].tolist() == [["x"], ["y"]]
    np.savez(tmp_path / "a.npz", a=found["a"].astype(float), b=np.array([["x"], ["y"]]), more=X)
    again = feed_of(read_rows(tmp_path / "a.npz"), session)
    assert {name: array.tolist() for name, array in again.items()} == {k: v.tolist() for k, v in found.items()}
    run("bench", folder / "foreign.onnx", "--data", tmp_path / "a.csv", *QUICK)
    assert (
        "lacks the column 'a'"
        in run("bench", folder / "foreign.onnx", "--data", tmp_path / "a.csv", "--drop", "a", status=1).err
    )
    assert (
        "give columns by these names" in run("bench", folder / "foreign.onnx", "--data", folder / "X.npy", status=1).err
    )


def test_texts(run: Any, folder: Path) -> None:
    call = ["bench", folder / "texts.onnx", "--data", folder / "texts.csv", *QUICK]
    assert len(run(*call, "--text", "text", "--no-rivals", "--json").json["timings"]) == 2
    assert "has 2 columns" in run(*call, status=1).err


def test_a_model_of_a_fixed_batch(run: Any, folder: Path) -> None:
    found = run("bench", folder / "fixed.onnx", "--data", folder / "two.npy", *QUICK, "--json", "--no-rivals").json
    assert [one["rows"] for one in found["timings"]] == [3]


def test_tune_measures_every_engine_and_its_settings_can_be_used(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "trees.json"
    call = ["tune", folder / "trees.onnx", "--data", folder / "X.npy", *QUICK, "--threads", "1,2"]
    text = run(*call, "-o", out).out
    assert "compare-all" in text
    found = json.loads(out.read_text())
    tried = {(one["intra_op_num_threads"], one["forest_engine"]) for one in found["measured"]}
    engines = racing.engines_of(folder / "trees.onnx")
    assert "interleaved-walk" in engines
    assert tried == {DEFAULT, *((count, engine) for count in (1, 2) for engine in ("auto", *engines))}
    assert {one["rows"] for one in found["measured"]} == {1, 30}
    session = sklort.InferenceSession(folder / "trees.onnx", **sklort.tuned(out))
    plain = sklort.InferenceSession(folder / "trees.onnx")
    feed = {session.get_inputs()[0].name: X}
    for ours, theirs in zip(session.run(None, feed), plain.run(None, feed)):
        np.testing.assert_array_equal(ours, theirs)
    raced = run("bench", *call[1:4], *QUICK, "--tuned", out, "--json").json
    assert "sklort, tuned" in names(raced)
    assert run(*call, "--json").json["sklort_tuned"] == 1


def test_settings_reach_the_session(tmp_path: Path, folder: Path) -> None:
    found = {"sklort_tuned": 1, "settings": {"intra_op_num_threads": 1, "forest_engine": "interleaved-walk"}}
    (tmp_path / "a.json").write_text(json.dumps(found))
    with pytest.warns(UserWarning, match="another machine"):
        session = sklort.InferenceSession(folder / "trees.onnx", **sklort.tuned(tmp_path / "a.json"))
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_provider_options()["CPUExecutionProvider"]["forest_engine"] == "interleaved-walk"
    assert "interleaved-walk" in str(session.explain())
    assert "gather-walk" not in str(session.explain())


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        '{"sklort_tuned": 2, "settings": {"intra_op_num_threads": 1, "forest_engine": "auto"}}',
        '{"sklort_tuned": 1, "settings": {"intra_op_num_threads": -1, "forest_engine": "auto"}}',
        '{"sklort_tuned": 1, "settings": {"intra_op_num_threads": true, "forest_engine": "auto"}}',
        '{"sklort_tuned": 1, "settings": {"intra_op_num_threads": 1, "forest_engine": "warp"}}',
    ],
)
def test_settings_that_are_none(tmp_path: Path, content: str, run: Any, folder: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InvalidUse, match="sklort tune"):
        sklort.tuned(path)
    ran = run("bench", folder / "trees.onnx", "--data", folder / "X.npy", "--tuned", path, status=1)
    assert "sklort tune" in ran.err
    with pytest.raises(FileNotFoundError):
        sklort.tuned(tmp_path / "none.json")


def spread(median: float, minimum: float | None = None) -> Spread:
    return Spread(median if minimum is None else minimum, median, median, 3, 1)


def test_the_default_stays_unless_others_are_clearly_faster() -> None:
    fast, near, noisy = (1, "compare-all"), (2, "auto"), (1, "gather-walk")
    times = {1: {DEFAULT: spread(1.0), near: spread(0.97)}, 9: {DEFAULT: spread(2.0), near: spread(1.96)}}
    assert choose(times) == DEFAULT
    times[1][noisy], times[9][noisy] = spread(0.8, 1.0), spread(1.6, 2.0)  # faster by medians alone
    assert choose(times) == DEFAULT
    times[1][fast], times[9][fast] = spread(1.1), spread(0.5)  # a little slower here, much faster there
    assert choose(times) == fast


def test_the_engines_are_those_of_the_native_module(folder: Path) -> None:
    with pytest.raises(ValueError, match="there is no forest engine") as caught:
        racing.our_session(folder / "trees.onnx", engine="warp")
    assert all(repr(engine) in str(caught.value) for engine in FOREST_ENGINES)
    assert str(caught.value).count("'") == 2 * (len(FOREST_ENGINES) + 2)


@pytest.mark.parametrize("command", ["bench", "tune"])
def test_wrong_files_and_calls(run: Any, folder: Path, tmp_path: Path, command: str) -> None:
    model, rows = folder / "trees.onnx", folder / "X.npy"
    assert "no model file" in run(command, tmp_path / "none.onnx", "--data", rows, status=1).err
    (tmp_path / "text.onnx").write_text("hello there")
    assert "is no ONNX model" in run(command, tmp_path / "text.onnx", "--data", rows, status=1).err
    assert "No such file" in run(command, model, "--data", tmp_path / "none.npy", status=1).err
    assert "whole numbers of 1 or more" in run(command, model, "--data", rows, "--batch-sizes", "0", status=2).err
    assert "whole numbers of 1 or more" in run(command, model, "--data", rows, "--threads", "two", status=2).err
    np.save(tmp_path / "wide.npy", X[:, :3])
    assert "no rows that the model takes" in run(command, model, "--data", tmp_path / "wide.npy", status=1).err
    np.save(tmp_path / "none.npy", X[:0])
    assert "has no rows" in run(command, model, "--data", tmp_path / "none.npy", status=1).err
    np.save(tmp_path / "words.npy", np.array([["a", "b", "c", "d"]]))
    assert "no rows that the model takes" in run(command, model, "--data", tmp_path / "words.npy", status=1).err
    cars = folder / "cars.onnx"
    assert "no rows that the model takes" in run(command, cars, "--data", rows, status=1).err
    assert (
        "lacks the column 'size'" in run(command, cars, "--data", folder / "cars.csv", "--drop", "size", status=1).err
    )
    np.savez(tmp_path / "a.npz", colour=X, other=X)
    assert "has no array 'size'" in run(command, cars, "--data", tmp_path / "a.npz", status=1).err


def test_options_that_exclude_each_other(run: Any, folder: Path) -> None:
    call = ["bench", folder / "trees.onnx", "--data", folder / "X.npy"]
    assert "--against is for estimators" in run(*call, "--against", folder / "trees.joblib", "--engines", status=2).err
    assert "needs --against" in run(*call, "--method", "predict", status=2).err
    assert "--allow-pickle" in run(*call, "--against", folder / "trees.joblib", status=1).err
    assert "Format 'txt' is not supported" in run(*call, *QUICK, "--plot", "a.txt", status=1).err
