"""Rows and columns as JSON, against the estimators themselves."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx.parser
import pandas as pd
import pytest
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from starlette.testclient import TestClient

import sklort
from tests.serving.conftest import Client, Fitted, people, records


def post(client: TestClient, name: str, body: Any) -> Any:
    return client.post(f"/models/{name}/predict", json=body)


def answers(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["outputs"]
    return found


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_records_and_columns(client: TestClient, fitted: dict[str, Fitted], rows: int) -> None:
    model, frame, _ = fitted["people"]
    some = frame[:rows]
    listed = records(some)
    for row in listed[::2]:  # a column that is dropped in the pipeline may be missing
        del row["note"]
    bodies = (
        {"rows": listed},
        {"rows": [dict(reversed(row.items())) for row in listed]},
        {"columns": some.to_dict("list")},
    )
    for body in bodies:
        for _ in range(2):
            answer = post(client, "people", body)
            found = answers(answer)
            assert found["predict"] == model.predict(some).tolist()
            np.testing.assert_allclose(found["predict_proba"], model.predict_proba(some), atol=1e-12)
            assert answer.json()["classes"] == ["no", "yes"]
            assert list(found) == ["predict", "predict_proba"]


def test_one_row_after_the_other(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, frame, _ = fitted["people"]
    used = frame[["age", "income", "city", "married"]]
    for at in range(60):
        found = answers(post(client, "people", {"rows": records(used[at : at + 1])}))
        np.testing.assert_allclose(found["predict_proba"], model.predict_proba(frame[at : at + 1]), atol=1e-12)


@pytest.mark.parametrize("name", ["forest", "boosting", "truth", "two", "both", "scaler", "axes"])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_for_models_without_names(client: TestClient, fitted: dict[str, Fitted], name: str, rows: int) -> None:
    model, X, _ = fitted[name]
    some = X[5 : 5 + rows]
    found = answers(post(client, name, {"rows": some.tolist()}))
    for method, answer in found.items():
        expected = getattr(model, method)(some)
        if isinstance(expected, list):
            assert len(expected) == len(answer)
            for mine, theirs in zip(answer, expected):
                np.testing.assert_allclose(mine, theirs, atol=1e-12)
        else:
            np.testing.assert_allclose(np.array(answer, dtype=float), expected.astype(float), atol=1e-12)
            assert np.shape(answer) == expected.shape
    assert "predict" in found or "transform" in found


def test_labels_keep_their_type(client: TestClient, fitted: dict[str, Fitted]) -> None:
    found = post(client, "truth", {"rows": fitted["truth"].X[:4].tolist()})
    assert set(map(type, answers(found)["predict"])) == {bool}
    assert found.json()["classes"] == [False, True]


def test_texts(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model = fitted["texts"].model
    texts = ["a good film", "so bad", "é"]
    for body in ({"rows": texts}, {"rows": [[text] for text in texts]}):
        assert answers(post(client, "texts", body))["predict"] == model.predict(texts).tolist()
    for text in texts:
        assert answers(post(client, "texts", {"rows": [text]}))["predict"] == model.predict([text]).tolist()


def test_null_is_a_missing_value(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, X, _ = fitted["boosting"]
    row: list[Any] = X[0].tolist()
    row[3] = None
    expected = model.predict_proba([[np.nan if v is None else v for v in row]])
    np.testing.assert_allclose(
        answers(post(client, "boosting", {"rows": [row]}))["predict_proba"], expected, atol=1e-12
    )


def test_answers_can_be_chosen(client: TestClient, fitted: dict[str, Fitted]) -> None:
    frame = fitted["people"].X[:1]
    for names in (["predict_proba"], ["decision_function", "predict"], ["predict"]):
        for _ in range(2):
            body = {"rows": records(frame), "outputs": names}
            assert list(answers(post(client, "people", body))) == names


GOOD = {"age": 40, "income": 5e4, "city": "Rome", "married": True}
WRONG: list[tuple[Any, str, str]] = [
    (3, "body", "expected a JSON object"),
    ({}, "rows", "either rows or columns"),
    ({"rows": [GOOD], "columns": {}}, "rows", "either rows or columns"),
    ({"row": GOOD}, "row", "did you mean 'rows'?"),
    ({"rows": GOOD}, "rows", "expected a list"),
    ({"rows": []}, "rows", "no rows"),
    ({"rows": [[1, 2, 3, 4]]}, "rows[0]", "expected an object"),
    ({"rows": [GOOD, 3]}, "rows[1]", "expected an object"),
    ({"rows": [GOOD, {k: v for k, v in GOOD.items() if k != "age"}]}, "rows[1].age", "missing"),
    ({"rows": [{("Age" if k == "age" else k): v for k, v in GOOD.items()}]}, "rows[0].age", "did you mean 'Age'?"),
    ({"rows": [GOOD, {**GOOD, "age": "40"}]}, "rows[1].age", 'expected a whole number (int64), got "40"'),
    ({"rows": [{**GOOD, "age": 40.5}]}, "rows[0].age", "whole number"),
    ({"rows": [{**GOOD, "age": 2**63}]}, "rows[0].age", "beyond the range of int64"),
    ({"rows": [{**GOOD, "age": None}]}, "rows[0].age", "got null"),
    ({"rows": [{**GOOD, "income": None}]}, "rows[0].income", "no missing value here"),
    ({"rows": [GOOD, {**GOOD, "income": [1]}]}, "rows[1].income", "got a list"),
    ({"rows": [{**GOOD, "city": 7}]}, "rows[0].city", "expected a string, got 7"),
    ({"rows": [{**GOOD, "city": "\ufdd0nan"}]}, "rows[0].city", "stands for a missing one"),
    ({"rows": [GOOD, {**GOOD, "city": "\ufdd0None"}]}, "rows[1].city", "stands for a missing one"),
    ({"rows": [{**GOOD, "married": 1}]}, "rows[0].married", "true or false"),
    ({"rows": [{**GOOD, "married": "no"}]}, "rows[0].married", "true or false"),
    ({"rows": [GOOD], "outputs": []}, "outputs", "none is named"),
    ({"rows": [GOOD], "outputs": ["predict", "probability"]}, "outputs[1]", "there is no answer 'probability'"),
    ({"rows": [GOOD], "outputs": ["predict", "predict"]}, "outputs[1]", "twice"),
    ({"columns": {**{k: [v] for k, v in GOOD.items()}, "city": ["Rome", "Oslo"]}}, "columns.city", "2 values, where 'age' has 1"),
    ({"columns": {k: [v, v] for k, v in GOOD.items()} | {"age": [1, "x"]}}, "columns.age[1]", "whole number"),
    ({"columns": {k: [] for k in GOOD}}, "columns", "no rows"),
    ({"columns": [GOOD]}, "columns", "expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "words"), WRONG, ids=[f"{field}: {words}" for _, field, words in WRONG])
def test_a_wrong_request_is_told_what_is_wrong(client: TestClient, body: Any, field: str, words: str) -> None:
    answer = post(client, "people", body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["field"] == field
    assert words in answer.json()["error"]
    assert answers(post(client, "people", {"rows": [GOOD]}))["predict"] == ["no"]


def test_columns_that_the_model_does_not_know(client: TestClient, fitted: dict[str, Fitted]) -> None:
    """A ColumnTransformer leaves them aside, a plain estimator refuses them: so here."""
    assert post(client, "people", {"rows": [{**GOOD, "shoe": 44}]}).status_code == 200
    row = dict.fromkeys("abcdef", 0.5)
    expected = fitted["named"].model.predict(pd.DataFrame([row]))
    np.testing.assert_allclose(answers(post(client, "named", {"rows": [row]}))["predict"], expected)
    answer = post(client, "named", {"rows": [{**row, "A": 1}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "rows[0].A")
    answer = post(client, "named", {"rows": [[0.5] * 6]})
    assert answer.status_code == 400  # numbers without names could be in any order


def test_numbers_without_names(client: TestClient) -> None:
    for rows, field in (([[1, 2]], "rows[0]"), ([[1] * 6, [1] * 5], "rows[1]"), ([[1] * 6, ["x"] * 6], "rows[1][0]")):
        answer = post(client, "forest", {"rows": rows})
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    answer = post(client, "forest", {"rows": [[1, 2, 3, 4, 5, 1e39]]})
    assert (answer.status_code, answer.json()["field"]) == (400, "rows[0][5]")
    answer = post(client, "forest", {"rows": [{"0": 1}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "rows[0]")


# -- files that sklort did not write -----------------------------------------------------------------------------------

TWO_INPUTS = """
<ir_version: 8, opset_import: ["" : 17]>
two (float[N, 2] a, int64[N, 1] b, string[N] c) => (float[N, 2] sum, string[N] same) {
  d = Cast <to = 1> (b)
  sum = Add(a, d)
  same = Identity(c)
}"""
FREE = """
<ir_version: 8, opset_import: ["" : 17]>
free (float[N, M] a) => (float[N, M] twice) { twice = Add(a, a) }"""


@pytest.fixture
def plain(tmp_path: Path, serving: Client) -> TestClient:
    for name, text in (("two", TWO_INPUTS), ("free", FREE)):
        (tmp_path / f"{name}.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    X = np.array([[0, 1], [1, 0], [2, 2]], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapped = to_onnx(LogisticRegression().fit(X, [3, 4, 5]), X)
    (tmp_path / "mapped.onnx").write_bytes(mapped.SerializeToString())
    return serving([tmp_path / "two.onnx", tmp_path / "free.onnx", f"zip={tmp_path / 'mapped.onnx'}"])


def test_a_plain_graph_is_asked_by_the_names_of_its_inputs(plain: TestClient) -> None:
    rows = [{"a": [1, 2], "b": 3, "c": "x"}, {"a": [0.5, 0], "b": -1, "c": "y"}]
    found = answers(post(plain, "two", {"rows": rows}))
    assert found == {"sum": [[4.0, 5.0], [-0.5, -1.0]], "same": ["x", "y"]}
    answer = post(plain, "two", {"rows": [rows[0], {**rows[1], "a": [1]}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "rows[1].a")
    answer = post(plain, "two", {"rows": [{**rows[1], "a": [1, "x"]}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "rows[0].a[1]")


def test_sizes_that_share_a_name(plain: TestClient) -> None:
    inputs = [
        {"name": "a", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]},
        {"name": "b", "shape": [1, 1], "datatype": "INT64", "data": [1]},
        {"name": "c", "shape": [2], "datatype": "BYTES", "data": ["x", "y"]},
    ]
    answer = plain.post("/v2/models/two/infer", json={"inputs": inputs})
    assert answer.status_code == 422
    assert "N" in answer.json()["error"]


def test_a_width_that_is_free_needs_tensors(plain: TestClient) -> None:
    answer = post(plain, "free", {"rows": [[1, 2]]})
    assert answer.status_code == 400
    assert "only tensors" in answer.json()["error"]
    body = {"inputs": [{"name": "a", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]}]}
    found = plain.post("/v2/models/free/infer", json=body).json()["outputs"]
    assert found == [{"name": "twice", "datatype": "FP32", "shape": [2, 1], "data": [2.0, 4.0]}]


def test_an_answer_that_is_no_tensor(plain: TestClient) -> None:
    """A ZipMap's list of dictionaries has no name in the protocol, but JSON has one."""
    found = answers(post(plain, "zip", {"rows": [[0, 1], [2, 2]]}))
    assert [set(one) for one in found["output_probability"]] == [{"3", "4", "5"}] * 2
    assert found["output_label"] == [3, 5]
    outputs = [one["name"] for one in plain.get("/v2/models/zip").json()["outputs"]]
    assert outputs == ["output_label"]


def test_missing_values_where_the_model_takes_them(tmp_path: Path, serving: Client) -> None:
    """In one column an imputer waits for them, in the other nobody does."""
    frame, rich = people()
    columns = ColumnTransformer(
        [
            ("filled", SimpleImputer(), ["income"]),
            ("not", "passthrough", ["wealth"]),
            ("city", OneHotEncoder(), ["city"]),
        ]
    )
    frame = frame.assign(wealth=frame.income * 2)
    model = make_pipeline(columns, LogisticRegression(max_iter=2000)).fit(frame[["income", "wealth", "city"]], rich)
    sklort.convert(model, frame[["income", "wealth", "city"]]).save(tmp_path / "gaps.onnx")
    client = serving(tmp_path / "gaps.onnx")
    rows = records(frame[["income", "wealth", "city"]][:4])
    for row in rows[::2]:
        row["income"] = None
    for some in (*([row] for row in rows), rows):
        expected = model.predict_proba(pd.DataFrame(some).astype({"income": float}))
        np.testing.assert_allclose(answers(post(client, "gaps", {"rows": some}))["predict_proba"], expected, atol=1e-12)
    for row in ({**rows[0], "wealth": None}, {**rows[0], "city": None}):
        answer = post(client, "gaps", {"rows": [row]})
        assert (answer.status_code, answer.json()["field"].split(".")[0]) == (400, "rows[0]")
    assert post(client, "gaps", {"rows": rows[:1]}).status_code == 200


@pytest.mark.parametrize("learnt", [None, np.nan, "both", "neither"])
def test_missing_strings_are_those_that_the_model_learnt(tmp_path: Path, serving: Client, learnt: Any) -> None:
    """JSON has one null, Python None and NaN, and scikit-learn tells one from the other."""
    frame, rich = people()
    cities = frame["city"].to_numpy(dtype=object)
    if learnt != "neither":
        cities[::7] = np.nan if learnt == "both" else learnt
    if learnt == "both":
        cities[::5] = None
    frame = pd.DataFrame({"income": frame.income, "city": pd.Series(cities, dtype=object)})
    columns = ColumnTransformer(
        [("scaled", StandardScaler(), ["income"]), ("city", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, rich)
    sklort.convert(model, frame).save(tmp_path / "gaps.onnx")
    client = serving(tmp_path / "gaps.onnx")
    row = {"income": 5e4, "city": None}
    expected = frame[:1].assign(income=5e4, city=pd.Series([np.nan if learnt is np.nan else None], dtype=object))
    for rows in ([row], [{**row, "city": "Rome"}, row]):
        answer = post(client, "gaps", {"rows": rows})
        if learnt == "both":
            assert (answer.status_code, answer.json()["field"]) == (400, f"rows[{len(rows) - 1}].city")
            assert "tells apart" in answer.json()["error"]
        else:
            found = answers(answer)["predict_proba"][-1]
            np.testing.assert_allclose(found, model.predict_proba(expected)[0], atol=1e-12)


def test_a_missing_string_that_the_model_refuses(client: TestClient) -> None:
    for rows in ([{"city": None}], [{"city": "Rome"}, {"city": None}]):
        answer = post(client, "strict", {"rows": rows})
        assert (answer.status_code, answer.json()["field"]) == (400, f"rows[{len(rows) - 1}].city")
