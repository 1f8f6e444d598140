"""The check for machines with a GPU, where there is none: its words, and its roads over the stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import gpu_check


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("sklort.providers.cuda.device.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="there is nothing to check: CuPy is not installed.*emulated only"):
        gpu_check.main(["--out", str(tmp_path / "out.json")])
    assert not (tmp_path / "out.json").exists()


def test_what_it_measures(cupy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    limits = gpu_check.ceilings(cupy, megabytes=1)
    assert {"copy on the device, B/s", "pinned host to device, B/s", "launch and wait, s"} < set(limits)
    assert all(value > 0 for value in limits.values())
    lines = gpu_check.measure(cupy, limits, {"learn": 300, "trees": 3}, (1, 300), gpu_check.Clock(100))
    assert [line.rows for line in lines] == [1, 300] * 7
    for line in lines:
        assert {"device", "host", "our CPU", "scikit-learn"} <= set(line.seconds)
        assert line.ceiling > 0
        assert line.error == 0 if "LogReg" not in line.model else line.error < 1e-5
    text = gpu_check.table(lines)
    assert "x scikit-learn" in text
    assert "RF 3 x d10, 10 classes" in text
    assert "cannot be measured" not in capsys.readouterr().out


def test_what_the_sanitizer_looks_at(cupy: Any) -> None:
    gpu_check.tiny()
    assert {"forest_rows", "forest_tile", "forest_wide", "linear"} <= set(cupy.launches)


def test_a_stage_without_time_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_check.Clock(3).stage("models", 60) == 0
    assert "models: left out, no time is left" in capsys.readouterr().out
    assert gpu_check.Clock(100).stage("models", 60) == 60
