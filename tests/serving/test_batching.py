"""Requests that are computed together: the same answers, and nobody pays for a neighbour's fault."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import onnx.parser
import pytest

from sklort.serving import Service
from tests.serving.conftest import Fitted, records

Body = dict[str, Any]


def ask(service: Service, requests: list[tuple[str, Body]]) -> list[httpx.Response]:
    """All of them at the same time, on one event loop."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(service)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return list(await asyncio.gather(*(client.post(url, json=body) for url, body in requests)))

    return asyncio.run(run())


def batches(service: Service, name: str) -> int:
    """How many times something was computed."""
    return sum(service.meters.batch(name, "1").counts)


@pytest.mark.parametrize("window", [0.0, 0.005])
@pytest.mark.parametrize("name", ["forest", "boosting", "truth", "two", "scaler", "axes"])
def test_answers_are_the_same(fitted: dict[str, Fitted], name: str, window: float) -> None:
    X, path = fitted[name].X, fitted[name].path
    requests = []
    for at, rows in enumerate([1, 1, 3, 1, 20, 1, 1, 2] * 4):
        requests.append((f"/models/{name}/predict", {"rows": X[at : at + rows].tolist()}))
    alone = ask(Service(path, look=None), requests)
    service = Service(path, look=None, batch_window=window)
    together = ask(service, requests)
    assert [one.content for one in together] == [one.content for one in alone]
    assert {one.status_code for one in together} == {200}
    assert batches(service, name) < len(requests) / 2


def test_other_outputs_and_other_protocols_are_other_batches(fitted: dict[str, Fitted]) -> None:
    frame, path = fitted["people"].X, fitted["people"].path
    requests = []
    for at in range(24):
        body: Body = {"rows": records(frame[at : at + 1])}
        if at % 3:
            body["outputs"] = [["predict"], ["predict_proba"]][at % 3 - 1]
        requests.append(("/models/people/predict", body))
    alone = ask(Service(path, look=None), requests)
    together = ask(Service(path, look=None, batch_window=0.005), requests)
    assert [one.content for one in together] == [one.content for one in alone]


@pytest.mark.parametrize("window", [0.0, 0.005])
def test_one_bad_row_fails_alone(fitted: dict[str, Fitted], window: float) -> None:
    """A category that the model refuses is found only when all rows are computed together."""
    path = fitted["strict"].path
    cities = ["Paris", "Atlantis", "Rome", "Oslo", "Utopia", "Paris"]
    row = {"age": 1, "income": 1.0, "note": "a", "married": True}
    requests = [("/models/strict/predict", {"rows": [{**row, "city": city}]}) for city in cities]
    service = Service(path, look=None, batch_window=window)
    found = ask(service, requests)
    assert [one.status_code for one in found] == [200, 422, 200, 200, 422, 200]
    alone = ask(Service(path, look=None), requests)
    assert [one.content for one in found] == [one.content for one in alone]


def test_what_is_refused_by_its_values_never_joins(fitted: dict[str, Fitted]) -> None:
    path = fitted["truth"].path
    rows: list[list[Any]] = [[0.1] * 6, [None] * 6, ["x"] * 6, [0.2] * 6, [0.3] * 5]
    requests = [("/models/truth/predict", {"rows": [row]}) for row in rows]
    found = ask(Service(path, look=None, batch_window=0.0), requests)
    assert [one.status_code for one in found] == [200, 400, 400, 200, 400]
    limited = fitted["forest"].path  # a magnitude is looked at last
    rows = [[0.1] * 6, [1e300] * 6, [0.2] * 6]
    requests = [("/models/forest/predict", {"rows": [row]}) for row in rows]
    found = ask(Service(limited, look=None, batch_window=0.0), requests)
    assert [one.status_code for one in found] == [200, 400, 200]


def test_a_full_batch_waits_no_longer(fitted: dict[str, Fitted]) -> None:
    X, path = fitted["forest"].X, fitted["forest"].path
    body = {"rows": np.tile(X, (4, 1)).tolist()}  # 1200 rows
    service = Service(path, look=None, batch_window=600.0)
    (found,) = ask(service, [("/models/forest/predict", body)])
    assert found.status_code == 200


def test_a_graph_whose_rows_are_not_independent_is_never_batched(tmp_path: Path) -> None:
    """Each row minus the mean of its batch: what is right depends on what came together."""
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    centred (float[N, 2] a) => (float[N, 2] b) { mean = ReduceMean <axes = [0]> (a)  b = Sub(a, mean) }"""
    path = tmp_path / "centred.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    service = Service(path, look=None, batch_window=0.005)
    requests = [("/models/centred/predict", {"rows": [[at, 1], [0, 0]]}) for at in range(8)]
    found = ask(service, requests)
    assert [one.json()["outputs"]["b"][0] for one in found] == [[at / 2, 0.5] for at in range(8)]
    assert batches(service, "centred") == 0


def test_a_graph_by_rows_is_batched(tmp_path: Path) -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    twice (float[N, 2] a) => (float[N, 2] b) { b = Add(a, a) }"""
    path = tmp_path / "twice.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    service = Service(path, look=None, batch_window=0.005)
    found = ask(service, [("/models/twice/predict", {"rows": [[at, 1]]}) for at in range(8)])
    assert [one.json()["outputs"]["b"] for one in found] == [[[2 * at, 2]] for at in range(8)]
    assert batches(service, "twice") == 1
