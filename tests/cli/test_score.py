"""`sklort score`: what it prints, and its errors; what it does is tested in tests/scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import sklort

pytest.importorskip("pyarrow")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``model.onnx`` and ``rows.parquet``, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(500, 3)), columns=list("abc"))
    model = LogisticRegression().fit(rows, rows.a > rows.b)
    sklort.convert(model, rows).save("model.onnx")
    rows.assign(id=range(500)).to_parquet("rows.parquet", row_group_size=100)
    return tmp_path


def test_it_scores_and_says_so(run: Any, here: Path) -> None:
    ran = run("score", "model.onnx", "rows.parquet", "-o", "out", "--keep", "id", "--part-rows", 100)
    assert ran.out.startswith(f"{here / 'out'}: 500 rows; ")
    assert ran.out.rstrip().endswith("rows/s")
    assert ran.err == ""
    assert pd.read_parquet("out").columns.tolist() == ["id", "prediction"]
    again = run("score", "model.onnx", "rows.parquet", "-o", "out", "--keep", "id", "--part-rows", 100)
    assert again.out == f"{here / 'out'}: complete already, 500 rows\n"


def test_json(run: Any, here: Path) -> None:
    options = ("--method", "predict_proba", "--method", "predict", "--columns", "a,b,c", "--prefix", "m_")
    ran = run("score", "model.onnx", "rows.parquet", "-o", "out.parquet", *options, "--json")
    assert ran.json["rows"] == ran.json["rows_now"] == 500
    assert ran.json["output"] == str(here / "out.parquet")
    columns = pd.read_parquet("out.parquet").columns.tolist()
    assert columns == ["m_probability_False", "m_probability_True", "m_prediction"]


def test_everything_may_be_kept(run: Any, here: Path) -> None:
    run("score", "model.onnx", "rows.parquet", "-o", "out", "--keep", "all")
    assert pd.read_parquet("out").columns.tolist() == ["a", "b", "c", "id", "prediction"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.onnx", "rows.parquet", "-o", "out"], "none.onnx: No such file or directory"),
        (["model.onnx", "none*", "-o", "out"], "none*: no such file or folder, and no file that the pattern matches"),
        (
            ["model.onnx", "rows.parquet", "-o", "out", "--method", "fit"],
            "the model has no method 'fit': it has predict",
        ),
        (["model.onnx", "rows.parquet", "-o", "rows.parquet"], "rows.parquet is both input and output"),
        (["model.onnx", "rows.parquet", "-o", "out", "--keep", "day"], "column 'day': is to be kept and is missing"),
        (["model.onnx", "rows.parquet", "-o", "out", "--compression", "zip"], "compression is one of zstd, snappy"),
        (["rows.parquet", "rows.parquet", "-o", "out"], "rows.parquet: 2"),
    ],
)
def test_errors_are_one_line(run: Any, here: Path, arguments: list[str], complaint: str) -> None:
    assert complaint in run("score", *arguments, status=1).err
    assert not (here / "out").exists()


def test_a_bad_row_is_one_line(run: Any, here: Path) -> None:
    rows = pd.read_parquet("rows.parquet")
    rows.loc[321, "b"] = None
    rows.to_parquet("rows.parquet", row_group_size=100)
    ran = run("score", "model.onnx", "rows.parquet", "-o", "out", status=1)
    assert ran.err == (
        f"sklort: {here / 'rows.parquet'}, row group 3, row 321, column 'b': a missing value, which the model refuses: "
        "fill it, or leave the row out\n"
    )


@pytest.mark.parametrize("wrong", [["--engine", "spark"], ["--workers", "0"], ["--batch-rows", "0"]])
def test_a_wrong_call_is_two(run: Any, here: Path, wrong: list[str]) -> None:
    run("score", "model.onnx", "rows.parquet", "-o", "out", *wrong, status=2)
