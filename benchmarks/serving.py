"""Requests a second of the scoring service around sklort, scikit-learn and onnxruntime: same server, client and run.

    python -m benchmarks.serving                    prints the tables
    python -m benchmarks.serving --page docs        writes docs/serving_benchmark.md
    python -m benchmarks.serving --models boosting --rounds 3 --seconds 1

One process of uvicorn serves every model on every back-end, and nothing at all beside them; wrk asks for one row at a
time over loopback, the back-ends in turns. Answers are compared before anything is timed. Where there are two cores,
the server has one and the client the other.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.serving_models import MODELS, OTHER, OURS, ROWS, THEIRS, Served, backends, made, rows

NOTHING = "nothing"
"""The same server without a model: a body is read, and a constant answered."""
BATCHED = "sklort, --batch-window 0"
TITLES = {OURS: OURS, THEIRS: THEIRS, OTHER: OTHER, BATCHED: BATCHED, NOTHING: "nothing: uvicorn alone"}
CONNECTIONS = (1, 32)
AGREE = 1e-5
_MOUNTED = {BATCHED: "/batched"}

_LUA = """
local requests, at = {}, 0
for line in io.lines("%(bodies)s") do
  requests[#requests + 1] = wrk.format("POST", "%(path)s", {["Content-Type"] = "application/json"}, line)
end
request = function() at = at %% #requests + 1; return requests[at] end
done = function(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format('{"requests": %%d, "seconds": %%f, "errors": %%d, "p50": %%f, "p99": %%f}', summary.requests,
    summary.duration / 1e6, errors, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass
class Line:
    """What was measured of one back-end, round by round; times in microseconds."""

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def add(self, said: dict[str, float]) -> None:
        self.rates.append(said["requests"] / said["seconds"])
        self.p50.append(said["p50"])
        self.p99.append(said["p99"])


# -- the server --------------------------------------------------------------------------------------------------------


def host(told: Connection, files: Mapping[str, tuple[Path, Path]], cores: set[int] | None) -> None:
    """Serve until the process is ended; `told` gets the URL."""
    if cores:
        os.sched_setaffinity(0, cores)
    from sklort.serving.server import serve
    from sklort.serving.service import Service

    named: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    for served in MODELS:
        if served.key in files:
            kept, path = files[served.key]
            for name, backend in backends(pickle.loads(kept.read_bytes()), path, rows(served, ROWS)).items():
                named[f"{served.key}.{name}"] = backend
            ours[f"{served.key}.{OURS}"] = named[f"{served.key}.{OURS}"]
    alone, together = Service(named, look=None), Service(ours, look=None, batch_window=0.0)

    class Both(Service):
        """One application for all, so that the server is one."""

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] == "/nothing":
                await _nothing(receive, send)
            elif scope["type"] == "http" and scope["path"].startswith(_MOUNTED[BATCHED]):
                await together({**scope, "root_path": _MOUNTED[BATCHED]}, receive, send)
            else:
                await alone(scope, receive, send)

    serve(Both({}, look=None), port=0, log_level="warning", ready=lambda url, _: told.send(url))


_BODY = b'{"model":"nothing","version":"1","outputs":{"predict_proba":[[0.5123456789012345,0.4876543210987655]]}}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


async def _nothing(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


@contextmanager
def serving(files: Mapping[str, tuple[Path, Path]], cores: set[int] | None) -> Iterator[str]:
    """The server in a process of its own; yields its host and port."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for one row, threads only cost: nobody has more than one
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=host, args=(theirs, files, cores), daemon=True)
    process.start()
    theirs.close()
    try:
        yield str(ours.recv()).removeprefix("http://")
    finally:
        process.terminate()
        process.join(10)


# -- the client --------------------------------------------------------------------------------------------------------


def bodies(served: Served) -> list[str]:
    """Requests of one row each."""
    X = rows(served, ROWS)
    some = X.to_dict("records") if served.frame else X.tolist()
    return [json.dumps({"rows": [row]}, default=lambda value: value.item()) for row in some]


def path_of(key: str, name: str) -> str:
    """Where a back-end answers."""
    if name == NOTHING:
        return "/nothing"
    return f"{_MOUNTED.get(name, '')}/models/{key}.{OURS if name in _MOUNTED else name}/predict"


def answers(address: str, path: str, asked: Sequence[str]) -> Any:
    """The probabilities that are answered."""
    found = []
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        for body in asked:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            content = json.loads(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{path}: {content}")
            found.append(content["outputs"]["predict_proba"][0])
    return np.array(found)


def load_with_wrk(address: str, path: str, script: Path, connections: int, seconds: int, core: int | None) -> Any:
    """What wrk says of some seconds."""
    pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
    command = [*pinned, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    ran = subprocess.run([*command, f"http://{address}{path}"], capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout.splitlines()[-1])
    if said["errors"]:
        raise RuntimeError(f"{path}: {said['errors']:.0f} of {said['requests']:.0f} requests failed")
    return said


Measured = dict[tuple[str, int], dict[str, Line]]
"""By model and connections, then by back-end."""


def measure(folder: Path, keys: Sequence[str], rounds: int, seconds: int) -> Measured:
    """All rounds: in each, every back-end has its turn, and another one begins.

    Raises
    ------
    RuntimeError
        A back-end gives another answer, or none.
    """
    here = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    cores, core = ({here[0]}, here[1]) if len(here) > 1 else (None, None)
    files = {served.key: made(served, folder) for served in MODELS if served.key in keys}
    measured: Measured = {}
    with tempfile.TemporaryDirectory() as scratch, serving(files, cores) as address:
        for served in MODELS:
            if served.key not in keys:
                continue
            asked = bodies(served)
            names = _agreed(address, served.key, asked)
            written = Path(scratch) / f"{served.key}.txt"
            written.write_text("\n".join(asked) + "\n")
            for connections in CONNECTIONS:
                lines = measured[served.key, connections] = {name: Line() for name in names}
                for turn in range(-1, rounds):  # the first is not counted
                    for name in [*names[turn % len(names) :], *names[: turn % len(names)]]:
                        path = path_of(served.key, name)
                        script = Path(scratch) / "script.lua"
                        script.write_text(_LUA % {"bodies": written, "path": path})
                        said = load_with_wrk(address, path, script, connections, seconds if turn >= 0 else 1, core)
                        if name != NOTHING:  # what wrk left unanswered is computed before the next one begins
                            answers(address, path, asked[:4])
                        if turn >= 0:
                            lines[name].add(said)
                    print(f"{served.key}, {connections} connections: round {turn + 1} of {rounds}", file=sys.stderr)
    return measured


def _agreed(address: str, key: str, asked: Sequence[str]) -> list[str]:
    """The back-ends that are there, all of which answer what scikit-learn does."""
    truth = answers(address, path_of(key, THEIRS), asked)
    names = []
    for name in (OURS, THEIRS, OTHER, BATCHED):
        try:
            found = answers(address, path_of(key, name), asked)
        except RuntimeError:
            if name != OTHER:  # which need not be installed
                raise
            continue
        far = float(np.abs(found - truth).max())
        if not far <= AGREE:
            raise RuntimeError(f"{key}: {name} differs from scikit-learn by {far:.1e}")
        names.append(name)
    return [*names, NOTHING]


# -- the page ----------------------------------------------------------------------------------------------------------


def tables(measured: Measured) -> Iterator[str]:
    """The lines of the tables."""
    titles = {served.key: served.title for served in MODELS}
    for key in dict.fromkeys(key for key, _ in measured):
        yield from ("", f"## {titles[key]}", "")
        yield "| connections | back-end | requests a second: median (least to most) | sklort is faster by | p50 | p99 |"
        yield "|---|---|---|---|---|---|"
        for connections in CONNECTIONS:
            lines = measured[key, connections]
            ours = statistics.median(lines[OURS].rates)
            for name, line in lines.items():
                rate = statistics.median(line.rates)
                times = f"{ours / rate:.3g} ×" if name in (THEIRS, OTHER) else ""
                spread = f"{rate:,.0f} ({min(line.rates):,.0f} to {max(line.rates):,.0f})"
                p50, p99 = (_time(statistics.median(one)) for one in (line.p50, line.p99))
                yield f"| {connections} | {TITLES[name]} | {spread} | {times} | {p50} | {p99} |"


def _time(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g} ms" if microseconds >= 1000 else f"{microseconds:.0f} µs"


def share(measured: Measured) -> Iterator[str]:
    """What a request costs beside uvicorn, in a sentence for each model."""
    for key, connections in measured:
        if connections != max(CONNECTIONS):
            continue
        lines = measured[key, connections]
        ours, bare = (1e6 / statistics.median(lines[name].rates) for name in (OURS, NOTHING))
        rest = f"{(ours - bare) / ours:.0%} are the service and the model"
        yield f"- {key}: {ours:.1f} µs a request, of which uvicorn has {bare:.1f} µs: {rest}."


def page(measured: Measured, rounds: int, seconds: int) -> str:
    """The page."""
    about = machine.description()
    wrk = "wrk"
    if shutil.which(wrk):
        said = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False).stdout
        wrk = " ".join(said.split()[:2])
    versions = machine.versions("uvicorn", "httptools", "uvloop", "orjson")
    head = [
        "# The scoring service, measured",
        "",
        "Generated by `python -m benchmarks.serving --page docs`; nothing here is written by hand.",
        "",
        f"One process of uvicorn serves all back-ends; {wrk} asks for one row at a time over",
        f"loopback, by `POST /models/<name>/predict`, {ROWS} rows in turn: {rounds} rounds of {seconds} s for each,",
        "in turns; p50 and p99 are medians over the rounds. Before anything was timed, all back-ends gave",
        f"scikit-learn's probabilities to {AGREE:g}. They differ in one function, from arrays to arrays; HTTP, JSON,",
        "checks and metrics are the same. The server has one core, the client another, every library one thread.",
        "onnxruntime has the file that it runs faster, sklort's or skl2onnx's.",
        "",
        f"{about['processor']}; {about['system']}; {about['others']}; {versions}.",
        "",
        f"What a request costs with {max(CONNECTIONS)} connections:",
        "",
        *share(measured),
    ]
    return "\n".join([*head, *tables(measured)]) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, metavar="FOLDER", help="write serving_benchmark.md there")
    parser.add_argument("--models", default=",".join(served.key for served in MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of one turn")
    parser.add_argument("--cache", type=Path, default=Path("build/bench/serving"))
    options = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        parser.exit(1, "the load generator is missing: apt install wrk\n")
    measured = measure(options.cache, options.models.split(","), options.rounds, options.seconds)
    text = page(measured, options.rounds, options.seconds)
    print(text)
    if options.page:
        (options.page / "serving_benchmark.md").write_text(text)


if __name__ == "__main__":
    main()
