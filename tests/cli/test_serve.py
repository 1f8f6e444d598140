"""`sklort serve`: what it is told, and what it refuses. `tests/serving/test_server.py` has it running."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The command sets up the logs of its process, which here is the tests'."""
    loggers = [logging.getLogger(name) for name in ("sklort", "sklort.serving", "uvicorn")]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    yield
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)


def test_options_reach_the_server(run: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr("sklort.serving.server.serve", lambda models, **options: told.update(options, models=models))
    run(
        "serve",
        "a.onnx",
        "b=c.onnx",
        "--port",
        9000,
        "--batch-window",
        5,
        "--max-body",
        0.5,
        "--reload",
        0,
        "--access-log",
    )
    assert told["models"] == ["a.onnx", "b=c.onnx"]
    assert (told["host"], told["port"], told["batch_window"], told["look"], told["tell"]) == (
        "127.0.0.1",
        9000,
        0.005,
        None,
        True,
    )
    assert told["limits"].body == 2**19
    run("serve", "a.onnx")
    assert (told["port"], told["batch_window"], told["look"], told["tell"]) == (8000, None, 2, False)


def test_what_cannot_be_served(run: Any, root: Path, tmp_path: Path) -> None:
    assert "none.onnx: no such file or folder" in run("serve", tmp_path / "none.onnx", status=1).err
    assert "expected folders" in run("serve", tmp_path, status=1).err
    (tmp_path / "text.onnx").write_text("hello there")
    assert "is no ONNX model" in run("serve", tmp_path / "text.onnx", status=1).err
    assert "--log-level" in run("serve", "a.onnx", "--log-level", "loud", status=1).err
    run("serve", status=2)
    run("serve", "a.onnx", "--port", 70000, status=2)
