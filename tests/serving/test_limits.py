"""What one client may take of a server: bytes, rows, time; and that a refusal disturbs nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import SessionError
from sklort.serving import Limits, Service
from sklort.serving.model import Answer, Column, Computer
from sklort.serving.tensors import Port
from tests.serving.conftest import Client

FP64 = np.dtype(np.float64)


class Slow:
    """A model that computes as long as a test wants, and tells where."""

    inputs = (Port("X", "FP64", FP64, (-1, 2)),)
    outputs = (Port("Y", "FP64", FP64, (-1,)),)
    columns = (Column("0", 0, 0), Column("1", 0, 1))
    named = extra = False
    known: frozenset[str] = frozenset()
    answers = {"predict": Answer("Y", lambda raw: raw)}  # noqa: RUF012
    usual = ("predict",)
    classes = None
    manners = None
    by_rows = True
    about: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.threads: list[str] = []
        self.terminated = threading.Event()

    def compute(self, outputs: tuple[str, ...]) -> Computer:
        def run(values: list[Any], options: Any = None) -> list[Any]:
            self.threads.append(threading.current_thread().name)
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                if options is not None and options.terminate:
                    self.terminated.set()
                    raise SessionError("ended")
                time.sleep(0.001)
            return [values[0].sum(axis=1)]

        return Computer(run, run)


ROWS = {"rows": [[1, 2]]}


def test_a_long_body(serving: Client, paths: dict[str, Path]) -> None:
    client = serving(paths["forest"], limits=Limits(body=500))
    good = {"rows": [[0.5] * 6]}
    for url in ("/models/forest/predict", "/v2/models/forest/infer"):
        answer = client.post(url, content=b" " * 501)
        assert (answer.status_code, answer.json()["field"]) == (413, "body")

    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    answer = client.post("/models/forest/predict", content=parts())  # without a length, in parts
    assert (answer.status_code, answer.json()["field"]) == (413, "body")
    assert client.post("/models/forest/predict", json=good).status_code == 200


def test_a_body_in_parts(serving: Client, paths: dict[str, Path]) -> None:
    client = serving(paths["forest"])

    def parts() -> Iterator[bytes]:
        yield from (b'{"rows":', b" [[1,2,3,", b"4,5,6]]}")

    assert client.post("/models/forest/predict", content=parts()).status_code == 200


def test_many_rows(serving: Client, paths: dict[str, Path]) -> None:
    client = serving(paths["forest"], limits=Limits(rows=3))
    for rows, status in ((3, 200), (4, 413)):
        assert client.post("/models/forest/predict", json={"rows": [[0.5] * 6] * rows}).status_code == status
        tensor = {"name": "X", "shape": [rows, 6], "datatype": "FP64", "data": [0.5] * 6 * rows}
        answer = client.post("/v2/models/forest/infer", json={"inputs": [tensor]})
        assert answer.status_code == status
    assert answer.json()["field"] == "inputs[0].shape"


def test_a_run_that_takes_too_long_is_ended(serving: Client) -> None:
    model = Slow(0.01)
    client = serving({"slow": model}, limits=Limits(seconds=0.2), threads=1)
    assert client.post("/models/slow/predict", json=ROWS).json()["outputs"] == {"predict": [3.0]}
    model.seconds = 60
    answer = client.post("/models/slow/predict", json=ROWS)
    assert answer.status_code == 504
    assert "0.2 s" in answer.json()["error"]
    assert model.terminated.wait(5)  # the thread is free again
    model.seconds = 0
    assert client.post("/models/slow/predict", json=ROWS).status_code == 200


def test_what_is_long_runs_in_a_thread_and_what_is_short_does_not(serving: Client) -> None:
    long, short = Slow(0.01), Slow(0)
    client = serving({"long": long, "short": short})
    for name in ("long", "short"):
        for _ in range(3):
            client.post(f"/models/{name}/predict", json=ROWS)
    assert all(name.startswith("sklort") for name in long.threads[2:])  # two to warm up
    assert not any(name.startswith("sklort") for name in short.threads[2:])
    assert len(long.threads) == len(short.threads) == 5


def test_a_client_that_leaves(paths: dict[str, Path]) -> None:
    """No answer is sent to it, and nothing is raised."""
    service = Service(paths["forest"], look=None)
    sent: list[Any] = []

    async def leave(messages: list[dict[str, Any]]) -> None:
        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/models/forest/predict", "root_path": "", "headers": []}
        await service(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(leave([{"type": "http.disconnect"}]))
    asyncio.run(leave([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]))
    assert sent == []


def test_a_client_that_stops_in_the_middle(paths: dict[str, Path]) -> None:
    service = Service(paths["forest"], look=None, limits=Limits(seconds=0.05))
    sent: list[Any] = []

    async def stop() -> None:
        messages = [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive() -> dict[str, Any]:
            if not messages:
                await asyncio.sleep(60)
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/models/forest/predict", "root_path": "", "headers": []}
        await service(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(stop())
    assert sent[0]["status"] == 408


def test_a_fault_of_ours_is_told_to_the_log_and_not_to_the_client(
    serving: Client, caplog: pytest.LogCaptureFixture
) -> None:
    model = Slow(0)
    client = serving({"slow": model})
    model.seconds = None  # type: ignore[assignment]
    answer = client.post("/models/slow/predict", json=ROWS)
    assert (answer.status_code, answer.json()) == (500, {"error": "the server failed; its log says why"})
    assert "TypeError" in caplog.text


def test_limits_must_be_more_than_zero() -> None:
    for name in ("body", "rows", "seconds"):
        with pytest.raises(ValueError, match=f"{name}=0"):
            Limits(**{name: 0})
