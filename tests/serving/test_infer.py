"""The Open Inference Protocol, tensors as JSON and as bytes, against the estimators themselves."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.serving.conftest import Client, Fitted, tensor

MATRICES = ["forest", "boosting", "truth", "short"]


def post(client: TestClient, name: str, body: Any, **options: Any) -> Any:
    return client.post(f"/v2/models/{name}/infer", json=body, **options)


def outputs(answer: Any) -> dict[str, np.ndarray[Any, Any]]:
    assert answer.status_code == 200, answer.text
    return {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in answer.json()["outputs"]}


def matrix(X: Any) -> dict[str, Any]:
    return tensor("X", X, "FP32" if X.dtype == np.float32 else "FP64")


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_the_answers_are_the_estimators(client: TestClient, fitted: dict[str, Fitted], name: str, rows: int) -> None:
    model, X, _ = fitted[name]
    for at in range(3):
        some = X[at : at + rows]
        found = outputs(post(client, name, {"inputs": [matrix(some)]}))
        assert (found["label"] == model.predict(some)).all()
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(some), rtol=0, atol=1e-6)
    assert list(found) == ["label", "probabilities"]


def test_columns_come_in_any_order_and_strings_as_texts(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, frame, _ = fitted["people"]
    some = frame[:5]
    inputs = [
        tensor("city", some[["city"]].to_numpy(), "BYTES"),
        tensor("age", some[["age"]].to_numpy(), "INT64"),
        tensor("married", some[["married"]].to_numpy(), "BOOL"),
        tensor("income", some[["income"]].to_numpy(), "FP64"),
    ]
    for ordered in (inputs, inputs[::-1], [inputs[i] for i in (1, 3, 0, 2)]):
        found = outputs(post(client, "people", {"inputs": ordered}))
        assert found["label"].tolist() == model.predict(some).tolist()
    one = [{**each, "shape": [1, 1], "data": each["data"][:1]} for each in (inputs[i] for i in (1, 3, 0, 2))]
    for _ in range(2):
        assert outputs(post(client, "people", {"inputs": one}))["label"].tolist() == model.predict(some[:1]).tolist()


def test_one_row_is_not_the_row_before(client: TestClient, fitted: dict[str, Fitted]) -> None:
    """Rows are written over each other in one place."""
    model, X, _ = fitted["forest"]
    for row in X[:50]:
        found = outputs(post(client, "forest", {"inputs": [matrix(row[None])]}))
        np.testing.assert_array_equal(found["probabilities"], model.predict_proba(row[None]))


def test_outputs_can_be_chosen_and_have_the_order_asked_for(client: TestClient, fitted: dict[str, Fitted]) -> None:
    X = fitted["forest"].X[:2]
    for names in (["probabilities"], ["log_probabilities", "label"], ["label", "log_probabilities"], ["label"]):
        for some in (X, X[:1], X[1:]):
            body = {"inputs": [matrix(some)], "outputs": [{"name": name} for name in names], "id": "seven"}
            answer = post(client, "forest", body)
            if "log_probabilities" in names and answer.status_code == 422:
                assert "binary_data" in answer.json()["error"]
                continue
            assert list(outputs(answer)) == names
            assert answer.json()["id"] == "seven"


def test_nested_data_and_null(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, X, _ = fitted["boosting"]
    some = X[:3].copy()
    some[1, 2] = np.nan
    data = [[None if np.isnan(v) else v for v in row] for row in some.tolist()]
    for shown in (data, [v for row in data for v in row]):
        body = {"inputs": [{"name": "X", "shape": [3, 6], "datatype": "FP64", "data": shown}]}
        found = outputs(post(client, "boosting", body))
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(some), atol=1e-12)
    row = {"name": "X", "shape": [1, 6], "datatype": "FP64", "data": data[1]}
    np.testing.assert_allclose(
        outputs(post(client, "boosting", {"inputs": [row]}))["probabilities"],
        model.predict_proba(some[1:2]),
        atol=1e-12,
    )


def test_whole_numbers_among_floats(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model = fitted["forest"].model
    body = {"inputs": [{"name": "X", "shape": [1, 6], "datatype": "FP64", "data": [1, 2, 3, -4, 0, 1]}]}
    found = outputs(post(client, "forest", body))
    np.testing.assert_array_equal(found["probabilities"], model.predict_proba([[1, 2, 3, -4, 0, 1]]))


ROW = [0.5] * 6
GOOD = {"name": "X", "shape": [1, 6], "datatype": "FP64", "data": ROW}
WRONG: list[tuple[Any, str | None, str]] = [
    ([], "body", "expected a JSON object"),
    ({}, "inputs", "expected a list"),
    ({"inputs": {}}, "inputs", "expected a list"),
    ({"inputs": []}, "inputs", "the input 'X' is missing"),
    ({"inputs": [7]}, "inputs[0]", "expected an object"),
    ({"inputs": [{}]}, "inputs[0].name", "there is no input None"),
    ({"inputs": [{**GOOD, "name": "x"}]}, "inputs[0].name", "did you mean 'X'?"),
    ({"inputs": [GOOD, GOOD]}, "inputs[1].name", "comes twice"),
    ({"inputs": [{**GOOD, "shape": [1, 5]}]}, "inputs[0].shape", "expected the shape [-1, 6], got [1, 5]"),
    ({"inputs": [{**GOOD, "shape": [6]}]}, "inputs[0].shape", "expected the shape"),
    ({"inputs": [{**GOOD, "shape": [-1, 6]}]}, "inputs[0].shape", "whole numbers from 0"),
    ({"inputs": [{**GOOD, "shape": [1] * 40}]}, "inputs[0].shape", "at most 32"),
    ({"inputs": [{**GOOD, "shape": [0, 2**70], "data": []}]}, "inputs[0].shape", "whole numbers from 0"),
    ({"inputs": [{**GOOD, "shape": [0, 6], "data": []}]}, "inputs[0].shape", "no rows"),
    ({"inputs": [{**GOOD, "shape": [2, 6]}]}, "inputs[0].data", "6 values for the shape [2, 6], which has 12"),
    ({"inputs": [{**GOOD, "shape": [10**9, 6]}]}, "inputs[0].shape", "at most 100000"),
    ({"inputs": [{**GOOD, "datatype": "FP32"}]}, "inputs[0].datatype", "expected FP64, got 'FP32'"),
    ({"inputs": [{**GOOD, "data": None}]}, "inputs[0].data", "expected a list"),
    ({"inputs": [{**GOOD, "data": "abcdef"}]}, "inputs[0].data", "expected a list"),
    ({"inputs": [{**GOOD, "data": [*ROW[:5], "1"]}]}, "inputs[0].data[5]", 'expected a number, got "1"'),
    ({"inputs": [{**GOOD, "data": [ROW[:5]]}]}, "inputs[0].data", "nested"),
    ({"inputs": [{**GOOD, "data": [[ROW]]}]}, "inputs[0].data", "nested"),
    ({"inputs": [{**GOOD, "data": [*ROW[:5], [1]]}]}, "inputs[0].data[5]", "got a list"),
    ({"inputs": [{**GOOD, "data": [*ROW[:4], 1e300, 1]}]}, "inputs[0].data[4]", "no magnitude beyond 3.4"),
    ({"inputs": [{**GOOD, "parameters": 3}]}, "inputs[0].parameters", "expected an object"),
    ({"inputs": [{**GOOD, "parameters": {"shared_memory_region": "a"}}]}, "inputs[0].parameters.shared_memory_region", "no such extension"),
    ({"inputs": [{**GOOD, "parameters": {"binary_data_size": 48}}]}, "inputs[0]", "expected one of them"),
    ({"inputs": [GOOD], "outputs": [{"name": "labels"}]}, "outputs[0].name", "did you mean 'label'?"),
    ({"inputs": [GOOD], "outputs": [{"name": "label"}] * 2}, "outputs[1].name", "asked for twice"),
    ({"inputs": [GOOD], "outputs": [{"name": "label", "parameters": {"classification": 2}}]}, "outputs[0].parameters.classification", "no such extension"),
    ({"inputs": [GOOD], "outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, "outputs[0].parameters.binary_data", "true or false"),
    ({"inputs": [GOOD], "id": 7}, "id", "expected a string"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "words"), WRONG, ids=[f"{field}: {words}" for _, field, words in WRONG])
def test_a_wrong_request_is_told_what_is_wrong(client: TestClient, body: Any, field: str, words: str) -> None:
    answer = post(client, "forest", body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["field"] == field
    assert words in answer.json()["error"]
    assert post(client, "forest", {"inputs": [GOOD]}).status_code == 200


def test_what_the_estimator_refuses_is_refused(client: TestClient) -> None:
    """LogisticRegression takes no NaN, from JSON or from bytes."""
    row: list[Any] = [*ROW[:3], None, *ROW[4:]]
    answer = post(client, "truth", {"inputs": [{**GOOD, "data": row}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs[0].data[3]")
    raw = np.array([[*ROW[:5], np.nan]]).tobytes()
    answer = binary(client, "truth", [raw], {"inputs": [{"name": "X", "shape": [1, 6], "datatype": "FP64"}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs[0].data[5]")


def test_a_number_that_float32_cannot_hold(client: TestClient) -> None:
    wide = {**GOOD, "datatype": "FP32", "data": [*ROW[:5], 1e39]}
    for tensors in ([wide], [{**wide, "shape": [2, 6], "data": ROW + wide["data"]}]):
        answer = post(client, "short", {"inputs": tensors})
        assert answer.status_code == 400
        assert "1e+39 is beyond the range of float32" in answer.json()["error"]


def test_words_that_stand_for_missing_strings(client: TestClient, fitted: dict[str, Fitted]) -> None:
    """In a graph they do; of a client they would be a text, or a secret."""
    some = fitted["people"].X[:1]
    inputs = [
        tensor("age", some[["age"]].to_numpy(), "INT64"),
        tensor("income", some[["income"]].to_numpy(), "FP64"),
        tensor("city", [["\ufdd0nan"]], "BYTES"),
        tensor("married", some[["married"]].to_numpy(), "BOOL"),
    ]
    answer = post(client, "people", {"inputs": inputs})
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs[2].data[0]")
    for value in (None, 3):
        inputs[2]["data"] = [value]
        answer = post(client, "people", {"inputs": inputs})
        assert (answer.status_code, answer.json()["field"]) == (400, "inputs[2].data[0]")


def test_rows_of_one_request_must_be_as_many(client: TestClient, fitted: dict[str, Fitted]) -> None:
    some = fitted["people"].X[:2]
    inputs = [
        tensor("city", some[["city"]].to_numpy(), "BYTES"),
        tensor("age", some[["age"]].to_numpy()[:1], "INT64"),
        tensor("married", some[["married"]].to_numpy(), "BOOL"),
        tensor("income", some[["income"]].to_numpy(), "FP64"),
    ]
    answer = post(client, "people", {"inputs": inputs})
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs[3].shape")  # `age` is the first input


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"inputs": NaN}', b"[" * 5000, b'{"inputs": 1}{}'])
def test_what_is_no_json(client: TestClient, body: bytes) -> None:
    answer = client.post("/v2/models/forest/infer", content=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "body")


def test_a_category_that_the_model_refuses(client: TestClient, fitted: dict[str, Fitted]) -> None:
    inputs = [tensor("city", [["Paris"], ["Atlantis"]], "BYTES")]
    answer = post(client, "strict", {"inputs": inputs})
    assert answer.status_code == 422
    assert "the model cannot compute these rows" in answer.json()["error"]


# -- bytes -----------------------------------------------------------------------------------------------------------


def binary(client: TestClient, name: str, raws: list[bytes], body: dict[str, Any], **headers: str) -> Any:
    for one, raw in zip(body["inputs"], raws, strict=True):
        one.setdefault("parameters", {})["binary_data_size"] = len(raw)
    head = json.dumps(body).encode()
    said = {"Inference-Header-Content-Length": str(len(head)), **headers}
    return client.post(f"/v2/models/{name}/infer", content=head + b"".join(raws), headers=said)


def parts(answer: Any) -> tuple[dict[str, Any], list[bytes]]:
    """The JSON of a binary answer, and the bytes of its tensors."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    head, tail = json.loads(answer.content[:length]), answer.content[length:]
    raws = []
    for one in head["outputs"]:
        size = one["parameters"]["binary_data_size"]
        raws.append(tail[:size])
        tail = tail[size:]
    assert tail == b""
    return head, raws


def test_bytes_in_and_out(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, X, _ = fitted["forest"]
    body = {
        "inputs": [{"name": "X", "shape": [9, 6], "datatype": "FP64"}],
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "log_probabilities"}, {"name": "label"}],
    }
    head, (logs, labels) = parts(binary(client, "forest", [X[:9].tobytes()], body))
    assert [one["shape"] for one in head["outputs"]] == [[9, 3], [9]]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(np.frombuffer(logs).reshape(9, 3), model.predict_log_proba(X[:9]), atol=1e-12)
    assert np.frombuffer(labels, dtype=np.int64).tolist() == model.predict(X[:9]).tolist()


def test_texts_in_and_out(client: TestClient, fitted: dict[str, Fitted]) -> None:
    model, frame, _ = fitted["people"]
    some = frame[:4]
    texts = b"".join(len(t.encode()).to_bytes(4, "little") + t.encode() for t in some["city"])
    raws = [
        some["age"].to_numpy().tobytes(),
        some["income"].to_numpy().tobytes(),
        texts,
        some["married"].to_numpy().tobytes(),
    ]
    body = {
        "inputs": [
            {"name": name, "shape": [4, 1], "datatype": datatype}
            for name, datatype in (("age", "INT64"), ("income", "FP64"), ("city", "BYTES"), ("married", "BOOL"))
        ],
        "outputs": [{"name": "label", "parameters": {"binary_data": True}}],
    }
    _, (raw,) = parts(binary(client, "people", raws, body))
    found = []
    while raw:
        size = int.from_bytes(raw[:4], "little")
        found.append(raw[4 : 4 + size].decode())
        raw = raw[4 + size :]
    assert found == model.predict(some).tolist()


def test_some_outputs_as_bytes_and_some_not(client: TestClient) -> None:
    body = {
        "inputs": [GOOD],
        "outputs": [{"name": "label"}, {"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    answer = client.post("/v2/models/forest/infer", json=body)
    length = int(answer.headers["inference-header-content-length"])
    label, probabilities = json.loads(answer.content[:length])["outputs"]
    assert label["data"]
    assert "data" not in probabilities
    assert np.frombuffer(answer.content[length:]).sum() == pytest.approx(1)


SHORT = {"inputs": [{"name": "X", "shape": [1, 6], "datatype": "FP64"}]}


@pytest.mark.parametrize(
    ("raw", "headers", "field", "words"),
    [
        (bytes(40), {}, "inputs[0].parameters.binary_data_size", "40 bytes for the shape [1, 6]"),
        (bytes(48), {"Inference-Header-Content-Length": "9999"}, "Inference-Header-Content-Length", "at most"),
        (bytes(48), {"Inference-Header-Content-Length": "-1"}, "Inference-Header-Content-Length", "at most"),
        (bytes(48), {"Inference-Header-Content-Length": "3"}, "body", "no JSON"),
        (bytes(48), {"Content-Encoding": "br"}, "Content-Encoding", "gzip and deflate"),
    ],
)
def test_wrong_bytes(client: TestClient, raw: bytes, headers: dict[str, str], field: str, words: str) -> None:
    body = {"inputs": [dict(SHORT["inputs"][0])]}
    answer = binary(client, "forest", [raw], body, **headers)
    assert 400 <= answer.status_code < 500
    assert answer.json()["field"] == field
    assert words in answer.json()["error"]


def test_bytes_too_many_or_too_few(client: TestClient) -> None:
    head = json.dumps({"inputs": [{**SHORT["inputs"][0], "parameters": {"binary_data_size": 48}}]}).encode()
    said = {"Inference-Header-Content-Length": str(len(head))}
    for tail, field in ((bytes(49), "body"), (bytes(47), "inputs[0].parameters.binary_data_size")):
        answer = client.post("/v2/models/forest/infer", content=head + tail, headers=said)
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_texts_that_are_no_texts(client: TestClient) -> None:
    for shape, raw, words in (
        ([1, 1], b"\x09\0\0\0Paris", "end within element 0"),
        ([1, 1], b"\x05\0\0\0Paris!", "1 bytes more than 1 elements"),
        ([1, 1], b"\x02\0\0\0\xff\xff", "element 0 is no UTF-8"),
        ([90_000, 1], b"\x05\0\0\0Paris", "9 bytes for 90000 elements"),
        ([2, 1], b"\x05\0\0\0Paris", "end before element 1"),
    ):
        body = {"inputs": [{"name": "city", "shape": shape, "datatype": "BYTES"}]}
        answer = binary(client, "strict", [raw], body)
        assert (answer.status_code, answer.json()["field"]) == (400, "inputs[0].parameters.binary_data_size")
        assert words in answer.json()["error"]
    good = b"".join(len(one).to_bytes(4, "little") + one for one in (b"Paris", b"Rome"))
    assert (
        binary(
            client, "strict", [good], {"inputs": [{"name": "city", "shape": [2, 1], "datatype": "BYTES"}]}
        ).status_code
        == 200
    )


def test_spaces_behind_the_json_are_a_tensor(client: TestClient, fitted: dict[str, Fitted]) -> None:
    """Bytes that JSON would take for white space are still the bytes of a tensor."""
    model = fitted["forest"].model
    X = np.frombuffer(b" " * 48).reshape(1, 6)
    found = outputs(binary(client, "forest", [X.tobytes()], {"inputs": [dict(SHORT["inputs"][0])]}))
    np.testing.assert_array_equal(found["probabilities"], model.predict_proba(X))


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_compressed_bodies(client: TestClient, serving: Client, fitted: dict[str, Fitted], squeeze: Any) -> None:
    encoding = "gzip" if squeeze is gzip.compress else "deflate"
    url, body = "/v2/models/forest/infer", json.dumps({"inputs": [GOOD]}).encode()
    answer = client.post(url, content=squeeze(body), headers={"Content-Encoding": encoding})
    assert outputs(answer)["label"].shape == (1,)
    answer = client.post(url, content=squeeze(body)[:-5], headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    answer = client.post(url, content=b"\x07" + body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    bomb = squeeze(b" " * (20 * 2**20))
    answer = client.post(url, content=bomb, headers={"Content-Encoding": encoding})
    assert answer.status_code == 413
