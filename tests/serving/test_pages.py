"""Health, metadata, metrics, the description."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from sklort.serving import Service
from sklort.serving.logs import JsonLines
from tests.serving.conftest import Client


def test_health_and_metadata(client: TestClient) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    for path in (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/forest/ready",
        "/v2/models/forest/versions/1/ready",
    ):
        assert client.get(path).status_code == 200
    for path in ("/v2/models/people", "/v2/models/people/versions/1"):
        found = client.get(path).json()
        assert (found["name"], found["versions"], found["platform"]) == ("people", ["1"], "onnx")
        assert found["inputs"][2] == {"name": "city", "datatype": "BYTES", "shape": [-1, 1]}
        assert found["outputs"][:2] == [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
        ]
    about = client.get("/models/people").json()
    assert [one["name"] for one in about["columns"]] == ["age", "income", "city", "married"]
    assert about["classes"] == ["no", "yes"]
    assert len(client.get("/models").json()["models"]) > 5


@pytest.mark.parametrize("path", ["/v2/models/forrest", "/v2/models/forrest/ready", "/models/forrest"])
def test_a_model_that_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "did you mean 'forest'?" in answer.json()["error"]


def test_requests_to_nobody(client: TestClient) -> None:
    for path in ("/v2/models/forrest/infer", "/models/forrest/predict"):
        answer = client.post(path, json={})
        assert (answer.status_code, "did you mean" in answer.json()["error"]) == (404, True)
    answer = client.post("/models/forest/versions/9/predict", json={})
    assert "has no version '9'; it has: 1" in answer.json()["error"]
    assert client.get("/v2/models/forest/infer").status_code == 405
    assert client.post("/v2").status_code == 405
    assert client.get("/else").json() == {"error": "Not Found"}


def test_openapi(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    for path, methods in found["paths"].items():
        if "post" not in methods:
            assert client.get(path).status_code == 200, path
            continue
        example = methods["post"]["requestBody"]["content"]["application/json"]["example"]
        answer = client.post(path, json=example)
        assert answer.status_code == (422 if "strict" in path else 200), (path, answer.text)
    row = found["paths"]["/models/people/versions/1/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert row["schema"]["properties"]["rows"]["items"]["required"] == ["age", "income", "city", "married"]


def test_the_page_fetches_nothing(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "/models/people/versions/1/predict" in answer.text
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    assert client.get("/").url.path == "/docs"


def test_metrics(serving: Client, paths: dict[str, Path]) -> None:
    client = serving(paths["forest"], batch_window=0.0)
    for row in ([1] * 6, [2] * 6, [3] * 5):
        client.post("/models/forest/predict", json={"rows": [row]})
    client.post("/models/forest/predict", json={"rows": [[1] * 6] * 7})
    answer = client.get("/metrics")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}

    def value(family: str, suffix: str, **labels: str) -> float:
        for sample in families[family].samples:
            if sample.name == family + suffix and labels.items() <= sample.labels.items():
                return sample.value
        raise AssertionError((family, suffix, labels))

    label = {"model": "forest", "version": "1", "route": "predict"}
    assert value("sklort_requests", "_total", status="200", **label) == 3
    assert value("sklort_requests", "_total", status="400", **label) == 1
    assert value("sklort_rows", "_total", **label) == 9
    assert value("sklort_request_seconds", "_count", **label) == 4
    assert value("sklort_request_seconds", "_bucket", le="+Inf", **label) == 4
    assert value("sklort_batch_requests", "_count", model="forest", version="1") == 3
    assert value("sklort_model_loaded", "", model="forest") > 1e9
    assert "process_resident_memory_bytes" in families


def test_every_request_can_be_logged(serving: Client, paths: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="sklort.serving")
    client = serving(paths["forest"], tell=True)
    caplog.clear()
    client.post("/models/forest/predict", json={"rows": [[1] * 6] * 2})
    client.post("/models/forest/predict", json={})
    told: list[Any] = [
        json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "sklort.serving"
    ]
    assert [(one["message"], one["status"], one["rows"]) for one in told] == [("request", 200, 2), ("request", 400, 0)]
    assert told[0]["path"] == "/models/forest/predict"
    assert told[0]["seconds"] > 0


def test_a_traceback_is_one_line() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        record = logging.LogRecord(
            "a", logging.ERROR, __file__, 1, "it %s", ("broke",), (KeyError, error, error.__traceback__)
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert found["message"] == "it broke"
    assert "KeyError" in found["traceback"]


def test_a_service_can_begin_again(paths: dict[str, Path]) -> None:
    """As an application does in its own tests, over and over."""
    service = Service(paths["forest"])
    for _ in range(3):
        with TestClient(service) as client:
            for rows in (1, 2000):  # in the loop, and in a thread
                answer = client.post("/models/forest/predict", json={"rows": [[1] * 6] * rows})
                assert answer.status_code == 200


def test_inside_another_application(paths: dict[str, Path]) -> None:
    service = Service(paths["forest"], look=None)
    app = Starlette(routes=[Mount("/scoring", service)], lifespan=service.lifespan)
    with TestClient(app) as client:
        assert client.get("/scoring/v2/health/live").status_code == 200
        answer = client.post("/scoring/models/forest/predict", json={"rows": [[1] * 6]})
        assert answer.status_code == 200, answer.text
        described = client.get("/scoring/openapi.json").json()
        assert described["servers"] == [{"url": "/scoring"}]
        assert "/scoring/models/forest/versions/1/predict" in client.get("/scoring/docs").text
        assert client.post("/models/forest/predict", json={}).status_code == 404
