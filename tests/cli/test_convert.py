"""`sklort convert` and `sklort check`, from files to exit statuses."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import sklort
from sklort.exceptions import ParityError

X, y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and rows that the tests read."""
    place: Path = tmp_path_factory.mktemp("files")
    np.save(place / "X.npy", X)
    np.savez(place / "X.npz", X=X)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    joblib.dump(forest, place / "forest.joblib")
    joblib.dump(RandomForestClassifier(5, random_state=1).fit(X, y), place / "other.joblib")
    sklort.convert(forest, X).save(place / "forest.onnx")
    frame = pd.DataFrame(
        {"colour": ["red", "blue", "red", "green"] * 10, "size": np.arange(40.0), "price": np.arange(40)}
    )
    frame.to_csv(place / "cars.csv", index=False)
    frame[["size", "price", "colour"]].to_parquet(place / "cars.parquet")
    frame.to_feather(place / "cars.feather")
    encode = ColumnTransformer([("c", OneHotEncoder(), ["colour"]), ("s", StandardScaler(), ["size"])])
    model = make_pipeline(encode, LinearRegression()).fit(frame[["colour", "size"]], frame["price"])
    with open(place / "cars.pkl", "wb") as file:
        pickle.dump(model, file)
    return place


@pytest.mark.parametrize("rows", ["X.npy", "X.npz"])
def test_a_converted_model_gives_the_answers_of_the_original(run: Any, folder: Path, tmp_path: Path, rows: str) -> None:
    out = tmp_path / "forest.onnx"
    ran = run("convert", folder / "forest.joblib", "--data", folder / rows, "-o", out, "--allow-pickle")
    assert "RandomForestClassifier: compiled whole" in ran.out
    assert "predict_proba" in ran.out
    assert ran.err == ""
    forest = joblib.load(folder / "forest.joblib")
    np.testing.assert_array_equal(sklort.load(out).predict_proba(X), forest.predict_proba(X))
    assert [path.name for path in tmp_path.iterdir()] == ["forest.onnx"]


@pytest.mark.parametrize("rows", ["cars.csv", "cars.parquet", "cars.feather"])
def test_columns_are_found_by_name(run: Any, folder: Path, tmp_path: Path, rows: str) -> None:
    out = tmp_path / "cars.onnx"
    found = run("convert", folder / "cars.pkl", "--data", folder / rows, "-o", out, "--allow-pickle", "--json").json
    assert found["parity"]["ok"]
    assert found["parity"]["origins"]["given"] == 40
    assert found["compilation"]["ok"]
    assert found["bytes"] == out.stat().st_size
    again = run("check", folder / "cars.pkl", out, "--data", folder / rows, "--allow-pickle", "--json").json
    assert again["ok"]
    assert again["methods"][0]["rows"] >= 40


def test_skops_files_are_opened_with_the_types_that_are_trusted(run: Any, folder: Path, tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    skops.dump(model, tmp_path / "plain.skops")
    out = tmp_path / "plain.onnx"
    run("convert", tmp_path / "plain.skops", "--data", folder / "X.npy", "-o", out)
    np.testing.assert_array_equal(sklort.load(out).predict(X), model.predict(X))
    skops.dump(make_pipeline(FunctionTransformer(np.log1p), model).fit(X, y), tmp_path / "log.skops")
    call = ["convert", tmp_path / "log.skops", "--data", folder / "X.npy", "-o", out]
    strange = skops.get_untrusted_types(file=tmp_path / "log.skops")
    if strange:
        refused = run(*call, status=1)
        assert " ".join(f"--trust {name}" for name in strange) in refused.err
    run(*call, *(word for name in strange for word in ("--trust", name)))
    (tmp_path / "broken.skops").write_bytes(b"PK nothing")
    assert "cannot be read as a skops file" in run("convert", tmp_path / "broken.skops", *call[2:], status=1).err


def test_a_pickle_is_not_opened_without_the_flag(run: Any, folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    for name in ("bomb.pkl", "bomb.joblib", "bomb", "bomb.bin"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        call = ["convert", tmp_path / name, "--data", folder / "X.npy", "-o", tmp_path / "x.onnx"]
        assert "--allow-pickle" in run(*call, status=1).err
    assert not (tmp_path / "exploded").exists()
    assert "--allow-pickle" in run("check", tmp_path / "bomb.pkl", folder / "forest.onnx", *call[2:4], status=1).err
    assert not (tmp_path / "exploded").exists()


def test_steps_without_onnx_form(run: Any, folder: Path, tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(_odd), LinearRegression()).fit(X, y)
    joblib.dump(model, tmp_path / "odd.joblib")
    call = ["convert", tmp_path / "odd.joblib", "--data", folder / "X.npy", "--allow-pickle", "-o"]
    assert "FunctionTransformer" in run(*call, tmp_path / "odd.onnx", status=1).err
    told = run(*call, tmp_path / "odd.onnx", "--fallback", "warn", status=1)
    assert "sklort: warning: scikit-learn runs what cannot be converted" in told.err
    assert "an ONNX file cannot hold a step that runs in scikit-learn" in told.err
    assert not (tmp_path / "odd.onnx").exists()
    run(*call, tmp_path / "fast.joblib", "--fallback", "warn")
    np.testing.assert_allclose(joblib.load(tmp_path / "fast.joblib").predict(X), model.predict(X), rtol=1e-12)


def _odd(values: Any) -> Any:
    return np.asarray([sorted(row) for row in values])


def test_a_difference_writes_nothing(run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forest, other = joblib.load(folder / "forest.joblib"), joblib.load(folder / "other.joblib")
    report = sklort.check_parity(other, sklort.convert(forest, X), X)

    def fail(*_: Any, **__: Any) -> Any:
        raise ParityError("two\nlines", report)

    monkeypatch.setattr("sklort.estimator.convert.convert", fail)
    out = tmp_path / "x.onnx"
    call = ["convert", folder / "forest.joblib", "--data", folder / "X.npy", "-o", out, "--allow-pickle"]
    ran = run(*call, status=1)
    assert "DIFFERS" in ran.out
    assert "nothing is written" in ran.err
    assert run(*call, "--json", status=1).json["parity"]["ok"] is False
    assert not out.exists()


def test_check_tells_by_its_status(run: Any, folder: Path) -> None:
    rest = [folder / "forest.onnx", "--data", folder / "X.npy", "--allow-pickle"]
    same = run("check", folder / "forest.joblib", *rest)
    assert "agrees with" in same.out
    assert "threshold" in same.out  # rows made from the model took part
    assert "threshold" not in run("check", folder / "forest.joblib", *rest, "--given-rows-only").out
    differs = run("check", folder / "other.joblib", *rest, status=1)
    assert "DIFFERS FROM" in differs.out
    assert differs.err == ""
    assert run("check", folder / "other.joblib", *rest, "--json", status=1).json["ok"] is False


def test_check_of_a_file_from_elsewhere(run: Any, folder: Path, tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    forest = joblib.load(folder / "forest.joblib")
    X32 = X.astype(np.float32)
    np.save(tmp_path / "X32.npy", X32)
    made = skl2onnx.to_onnx(forest, X32, options={"zipmap": False}, target_opset=18)
    (tmp_path / "theirs.onnx").write_bytes(made.SerializeToString())
    call = ["--data", tmp_path / "X32.npy", "--allow-pickle", "--given-rows-only"]
    assert "agrees with" in run("check", folder / "forest.joblib", tmp_path / "theirs.onnx", *call).out
    assert "DIFFERS" in run("check", folder / "other.joblib", tmp_path / "theirs.onnx", *call, status=1).out


def test_texts(run: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["good film", "bad film", "a good one", "bad, bad"] * 5, "liked": [1, 0, 1, 0] * 5})
    frame.to_csv(tmp_path / "films.csv", index=False)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["text"], frame["liked"])
    joblib.dump(model, tmp_path / "films.joblib")
    out = tmp_path / "films.onnx"
    rest = ["--data", tmp_path / "films.csv", "--text", "text", "--allow-pickle"]
    run("convert", tmp_path / "films.joblib", "-o", out, *rest)
    run("check", tmp_path / "films.joblib", out, *rest)
    assert list(sklort.load(out).predict(np.array(["good", "bad"], dtype=object))) == [1, 0]


def test_what_is_wrong_with_files(run: Any, folder: Path, tmp_path: Path) -> None:
    good = {"model": folder / "forest.joblib", "data": folder / "X.npy", "output": tmp_path / "x.onnx"}

    def complaint(status: int = 1, flags: tuple[str, ...] = ("--allow-pickle",), **wrong: Path) -> str:
        files = good | wrong
        call = ["convert", files["model"], "--data", files["data"], "-o", files["output"], *flags]
        error: str = run(*call, status=status).err
        assert not (tmp_path / "x.onnx").exists()
        return error

    assert complaint(model=tmp_path / "none.pkl") == f"sklort: {tmp_path / 'none.pkl'}: No such file or directory\n"
    assert complaint(data=tmp_path / "none.csv") == f"sklort: {tmp_path / 'none.csv'}: No such file or directory\n"
    assert "is an ONNX model" in complaint(model=folder / "forest.onnx")
    assert "rows are read from .npy" in complaint(data=folder / "forest.onnx")
    assert "the suffix must be .onnx" in complaint(2, output=tmp_path / "x.txt")
    assert "No such file" in complaint(output=tmp_path / "none" / "x.onnx")
    (tmp_path / "cut.joblib").write_bytes((folder / "forest.joblib").read_bytes()[:300])
    assert "cannot be unpickled" in complaint(model=tmp_path / "cut.joblib")
    joblib.dump({"a": 1}, tmp_path / "dict.joblib")
    assert "holds a dict" in complaint(model=tmp_path / "dict.joblib")
    joblib.dump(RandomForestClassifier(), tmp_path / "unfitted.joblib")
    assert "not fitted" in complaint(model=tmp_path / "unfitted.joblib")
    (tmp_path / "gone.pkl").write_bytes(b"cno_such_module\nThing\n.")
    assert "needs the module 'no_such_module'" in complaint(model=tmp_path / "gone.pkl")
    np.save(tmp_path / "objects.npy", np.array([["a", 1]], dtype=object))
    assert "would have to be unpickled" in complaint(data=tmp_path / "objects.npy")
    for name in ("text.npy", "text.npz", "text.parquet", "text.feather", "empty.csv"):
        (tmp_path / name).write_text("" if name == "empty.csv" else "hello")
        assert "cannot be read as" in complaint(data=tmp_path / name)
    np.save(tmp_path / "wide.npy", np.zeros((5, 9)))
    assert "9 features" in complaint(data=tmp_path / "wide.npy")
    np.savez(tmp_path / "two.npz", a=X, b=X)
    assert "several arrays, 'a', 'b'" in complaint(data=tmp_path / "two.npz")


def test_what_is_wrong_with_columns(run: Any, folder: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(folder / "cars.csv")
    frame.rename(columns={"size": "sizes"}).to_csv(tmp_path / "other.csv", index=False)
    call = ["convert", folder / "cars.pkl", "--allow-pickle", "-o", tmp_path / "x.onnx", "--data"]
    error = run(*call, tmp_path / "other.csv", status=1).err
    assert "lacks the column 'size'" in error
    assert "did you mean 'sizes'?" in error
    assert "lacks the column 'age'" in run(*call, folder / "cars.csv", "--drop", "age", status=1).err
    pd.DataFrame(X).assign(target=y).to_csv(tmp_path / "iris.csv", index=False)
    call = ["convert", folder / "forest.joblib", "--allow-pickle", "-o", tmp_path / "x.onnx", "--data"]
    assert "has 5 columns" in run(*call, tmp_path / "iris.csv", status=1).err
    run(*call, tmp_path / "iris.csv", "--drop", "target")
    assert "has no names of columns" in run(*call, folder / "X.npy", "--drop", "target", status=1).err


def test_damaged_and_foreign_files_in_check(run: Any, folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "forest.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(content)
    rest = ["--data", folder / "X.npy", "--allow-pickle"]
    assert "damaged" in run("check", folder / "forest.joblib", tmp_path / "damaged.onnx", *rest, status=1).err
    assert "No such file" in run("check", folder / "forest.joblib", tmp_path / "none.onnx", *rest, status=1).err
    wide = ["--data", tmp_path / "wide.npy", "--allow-pickle"]
    np.save(tmp_path / "wide.npy", np.zeros((5, 9)))
    assert "features" in run("check", folder / "forest.joblib", folder / "forest.onnx", *wide, status=1).err
    buffer = io.BytesIO()
    np.save(buffer, X[:0])
    (tmp_path / "none.npy").write_bytes(buffer.getvalue())
    run(
        "check",
        folder / "forest.joblib",
        folder / "forest.onnx",
        "--data",
        tmp_path / "none.npy",
        "--allow-pickle",
        status=1,
    )
