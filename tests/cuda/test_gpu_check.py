"""The check for machines with a GPU, where there is none: its words, and its roads over the stand-in."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from benchmarks import gpu_check, gpu_models, gpu_timing

KERNELS = {f"{kernel}, {dtype}" for kernel in ("tile", "ranks", "leaves") for dtype in ("float32", "float64")}


def test_it_ends_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    ended = []
    monkeypatch.setattr(gpu_timing.os, "_exit", ended.append)
    line = gpu_timing.Line("RF", 3, {"device": 1.0})
    gpu_timing.Clock(0.0).watch({"gpu": "none", "lines": [line]}, tmp_path / "out.json").join(10)
    assert ended == [3]
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["late"] and found["lines"][0]["rows"] == 3


def test_a_slow_rival_is_called_once() -> None:
    calls = []
    gpu_timing.on_host(lambda: calls.append(time.sleep(0.02)), seconds=0.01)
    assert len(calls) == 1


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="there is nothing to check: CuPy is not installed.*emulated only"):
        gpu_check.main(["--out", str(tmp_path / "out.json")])
    assert not (tmp_path / "out.json").exists()


def test_what_it_measures(cupy: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_timing, "ROUNDS", 1)
    limits = gpu_check.ceilings(cupy, megabytes=1)
    assert {"copy on the device, B/s", "pinned host to device, B/s", "launch and wait, s"} < set(limits)
    assert all(value > 0 for value in limits.values())
    lines: list[Any] = []
    gpu_models.measure(cupy, limits, {"learn": 300, "trees": 3}, (1, 300), gpu_timing.Clock(1000), lines)
    assert [line.rows for line in lines] == [1, 300] * 8
    for line in lines:
        assert {"device", "host", "bound", "graph", "our CPU", "scikit-learn"} <= set(line.seconds)
        assert line.ceiling > 0
        forest = line.model.startswith(("RF", "GB"))
        assert line.error == 0 if forest else line.error < 1e-5
        forest = forest and line.model.endswith(("d10", "d6"))
        assert set(line.kernels) == (KERNELS if forest and line.rows == 300 else set())
    text = gpu_models.table(lines)
    assert "x scikit-learn" in text
    assert "RF 3 x d10, 10 classes" in text
    assert "cannot be measured" not in capsys.readouterr().out


def test_what_the_sanitizer_looks_at(cupy: Any) -> None:
    gpu_check.tiny()
    assert {"forest_rows", "forest_tile", "forest_wide", "linear"} <= set(cupy.launches)


def test_a_stage_without_time_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_timing.Clock(3).stage("models", 60) == 0
    assert "models: left out, no time is left" in capsys.readouterr().out
    assert gpu_timing.Clock(100).stage("models", 60) == 60
