"""The server as a process: real sockets, the protocol's real client, signals, changed files, many threads."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sklort.serving import running
from tests.serving.conftest import Fitted
from tests.serving.test_repository import saved

triton = pytest.importorskip("tritonclient.http", reason="the protocol's client is not installed")

WITHOUT_SKLEARN = """
import sys
from sklort.cli.app import main

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "skl2onnx", "pandas"):
            raise ModuleNotFoundError(f"the server imports {name}", name=name)

sys.meta_path.insert(0, Refuse())
sys.exit(main(sys.argv[1:]))
"""


class Running(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


Start = Callable[..., Running]


@pytest.fixture(scope="module")
def start(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """``start(*arguments)``: `sklort serve` on a free port, in a process that cannot import scikit-learn."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> Running:
        log = tmp_path_factory.mktemp("server") / "log"
        command = [sys.executable, "-c", WITHOUT_SKLEARN, "serve", *map(str, arguments), "--port", "0", "--json"]
        with log.open("w") as errors:
            process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=errors, text=True)
        running.append(process)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip() == "}":
                break
        assert lines, log.read_text()
        found = Running(process, json.loads("".join(lines))["url"], log)
        status, _ = 0, None
        for _ in range(200):  # it listens; until the loop runs, connections wait
            try:
                connection = http.client.HTTPConnection(found.address, timeout=30)
                connection.request("GET", "/v2/health/ready")
                status = connection.getresponse().status
                connection.close()
                break
            except OSError:
                time.sleep(0.05)
        assert status == 200
        return found

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def server(start: Start, paths: dict[str, Path]) -> Running:
    return start(*paths.values(), "--batch-window", "0")


@pytest.fixture
def triton_client(server: Running) -> Iterator[Any]:
    client = triton.InferenceServerClient(server.address)
    yield client
    client.close()


def test_the_client_asks_about_the_server(triton_client: Any) -> None:
    assert triton_client.is_server_live()
    assert triton_client.is_server_ready()
    assert triton_client.is_model_ready("forest")
    assert triton_client.is_model_ready("forest", "1")
    assert not triton_client.is_model_ready("forrest")
    assert triton_client.get_server_metadata()["name"] == "sklort"
    assert triton_client.get_model_metadata("forest")["inputs"] == [{"name": "X", "datatype": "FP64", "shape": [-1, 6]}]


@pytest.mark.parametrize("binary_in", [True, False], ids=["bytes in", "JSON in"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["bytes out", "JSON out"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_client_infers(
    triton_client: Any, fitted: dict[str, Fitted], binary_in: bool, binary_out: bool, compression: str | None
) -> None:
    for name in ("forest", "boosting", "people"):
        model, X, _ = fitted[name]
        some = X[:5]
        if name == "people":
            kinds = {
                "age": ("INT64", np.int64),
                "income": ("FP64", np.float64),
                "city": ("BYTES", object),
                "married": ("BOOL", np.bool_),
            }
            arrays = {column: (kind, some[[column]].to_numpy(dtype=dtype)) for column, (kind, dtype) in kinds.items()}
        else:
            arrays = {"X": ("FP64", some)}
        inputs = []
        for column, (kind, values) in arrays.items():
            inputs.append(triton.InferInput(column, list(values.shape), kind))
            inputs[-1].set_data_from_numpy(values, binary_data=binary_in)
        wanted = [triton.InferRequestedOutput(output, binary_data=binary_out) for output in ("label", "probabilities")]
        found = triton_client.infer(
            name, inputs, outputs=wanted, request_id="seven", request_compression_algorithm=compression
        )
        assert found.get_response()["id"] == "seven"
        labels = [one.decode() if isinstance(one, bytes) else one for one in found.as_numpy("label").tolist()]
        assert labels == model.predict(some).tolist()
        np.testing.assert_allclose(found.as_numpy("probabilities"), model.predict_proba(some), atol=1e-12)


def test_the_client_names_no_outputs(triton_client: Any, fitted: dict[str, Fitted]) -> None:
    model, X, _ = fitted["forest"]
    one = triton.InferInput("X", [1, 6], "FP64")
    one.set_data_from_numpy(X[:1])
    found = triton_client.infer("forest", [one])
    np.testing.assert_array_equal(found.as_numpy("probabilities"), model.predict_proba(X[:1]))


def test_the_client_is_told_what_is_wrong(triton_client: Any, fitted: dict[str, Fitted]) -> None:
    one = triton.InferInput("X", [1, 5], "FP64")
    one.set_data_from_numpy(fitted["forest"].X[:1, :5])
    with pytest.raises(triton.InferenceServerException, match=r"inputs\[0\]\.shape: expected the shape"):
        triton_client.infer("forest", [one])


def test_eight_threads_get_their_own_answers(server: Running, fitted: dict[str, Fitted]) -> None:
    """Good rows, bad rows and large batches at the same time, on connections that stay open."""
    model, X, _ = fitted["forest"]
    expected = model.predict_proba(X)

    def client(number: int) -> int:
        connection = http.client.HTTPConnection(server.address, timeout=60)
        good = 0
        for turn in range(40):
            at = (number * 40 + turn) % 250
            rows = [1, 1, 1, 50][turn % 4]
            body: dict[str, Any] = {"rows": X[at : at + rows].tolist(), "outputs": ["predict_proba"]}
            if turn % 5 == number % 5:
                body["rows"][-1][2] = "no number"
            connection.request("POST", "/models/forest/predict", json.dumps(body))
            answer = connection.getresponse()
            found = json.loads(answer.read())
            if turn % 5 == number % 5:
                assert (answer.status, found["field"]) == (400, f"rows[{rows - 1}][2]")
                continue
            assert answer.status == 200, found
            np.testing.assert_array_equal(found["outputs"]["predict_proba"], expected[at : at + rows])
            good += 1
        connection.close()
        return good

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(client, range(8))) == [32] * 8


def test_nonsense_on_the_wire_disturbs_nobody(server: Running) -> None:
    host, port = server.address.split(":")
    for raw in (
        b"\x16\x03\x01\x02",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST /models/forest/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(raw)
    assert server.post("/models/forest/predict", {"rows": [[1] * 6]})[0] == 200


def test_requests_in_one_piece_are_answered_in_order(server: Running, fitted: dict[str, Fitted]) -> None:
    """Pipelined on several connections at once, so that answers are gathered; the last one asks to close."""
    model, X, _ = fitted["forest"]
    host, port = server.address.split(":")

    def request(at: int, more: str = "") -> bytes:
        body = json.dumps({"rows": X[at : at + 1].tolist(), "outputs": ["predict_proba"]})
        return f"POST /models/forest/predict HTTP/1.1\r\nHost: a\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(6)]
        for number, one in enumerate(connections):
            one.sendall(request(number) + request(number + 10) + request(number + 20, "Connection: close\r\n"))
        for number, one in enumerate(connections):
            stream = one.makefile("rb")
            for at in (number, number + 10, number + 20):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += stream.read(1)
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                found = json.loads(stream.read(length))["outputs"]["predict_proba"]
                np.testing.assert_array_equal(found, model.predict_proba(X[at : at + 1]))
            assert stream.read() == b""


def test_the_log_is_lines_of_json(server: Running) -> None:
    loaded = [one for one in server.events() if one["message"] == "model loaded"]
    assert {one["model"] for one in loaded} >= {"forest", "people"}
    assert not [one for one in server.events() if one["level"] == "error"]


def test_requests_in_flight_end_before_the_server_does(start: Start, fitted: dict[str, Fitted]) -> None:
    model, X, path = fitted["forest"]
    server = start(path)
    host, port = server.address.split(":")
    body = json.dumps({"rows": X[:2].tolist(), "outputs": ["predict_proba"]}).encode()
    head = (
        f"POST /models/forest/predict HTTP/1.1\r\nHost: {server.address}\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(3)]
        for one in connections:
            one.sendall(head.encode())
            assert one.recv(100).startswith(b"HTTP/1.1 100")  # the request is being read
            one.sendall(body[:20])
        server.process.send_signal(signal.SIGTERM)
        _wait_until_nobody_listens(host, int(port))
        for one in connections:
            one.sendall(body[20:])
            answer = http.client.HTTPResponse(one)
            answer.begin()
            assert answer.status == 200
            found = json.loads(answer.read())["outputs"]["predict_proba"]
            np.testing.assert_array_equal(found, model.predict_proba(X[:2]))
    assert server.process.wait(30) in (0, -signal.SIGTERM)
    messages = [one["message"] for one in server.events()]
    assert "Application shutdown complete." in messages
    assert not [one for one in server.events() if one["level"] == "error"]


def _wait_until_nobody_listens(host: str, port: int) -> None:
    while True:
        try:
            with socket.create_connection((host, port), timeout=30):
                time.sleep(0.01)
        except OSError:
            return


def test_a_changed_file_is_loaded_while_requests_run(start: Start, tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", 1)
    server = start(path, "--reload", "0.05")
    answers: list[float] = []
    failures: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            status, found = server.post("/models/m/predict", {"rows": [[0, 0]]})
            if status == 200:
                answers.append(found["outputs"]["predict"][0])
            else:
                failures.append(found)

    client = threading.Thread(target=ask)
    client.start()
    try:
        for value in (2, 3):
            path.write_bytes(b"broken")
            time.sleep(0.2)
            saved(path, value)
            deadline = time.monotonic() + 60
            while (not answers or answers[-1] != value) and time.monotonic() < deadline:
                time.sleep(0.01)
    finally:
        stop.set()
        client.join()
    assert failures == []
    assert sorted(set(answers)) == [1, 2, 3]
    assert answers == sorted(answers)
    messages = [one["message"] for one in server.events()]
    assert messages.count("model loaded") == 3
    assert "model not loaded, the one before goes on" in messages


def test_a_port_that_is_taken(server: Running, root: Path, paths: dict[str, Path]) -> None:
    port = server.address.rpartition(":")[2]
    command = [sys.executable, "-m", "sklort.cli", "serve", str(paths["forest"]), "--port", port]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "--port chooses another" in ran.stderr.splitlines()[-1]


def test_a_server_in_a_thread(fitted: dict[str, Fitted]) -> None:
    model, X, path = fitted["forest"]
    with running(path, look=None) as url:
        client = triton.InferenceServerClient(url.removeprefix("http://"))
        one = triton.InferInput("X", [3, 6], "FP64")
        one.set_data_from_numpy(X[:3])
        found = client.infer("forest", [one]).as_numpy("probabilities")
        client.close()
    np.testing.assert_array_equal(found, model.predict_proba(X[:3]))
    with running(path) as url:  # ended as soon as begun
        pass
    with pytest.raises(OSError):
        socket.create_connection((url.split("//")[1].split(":")[0], int(url.rsplit(":", 1)[1])), timeout=5)
