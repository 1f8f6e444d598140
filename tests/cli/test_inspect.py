"""`sklort inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

IRIS = Path("sklort/datasets/logreg_iris.onnx")


def test_json(run: Any, root: Path) -> None:
    found = run("inspect", root / IRIS, "--json").json
    assert found["operators"] == {"ai.onnx.ml:LinearClassifier": 1, "ai.onnx.ml:ZipMap": 1}
    assert found["inputs"] == [{"name": "float_input", "type": "tensor(float)", "shape": [3, 2]}]
    assert [node["provider"] for node in found["nodes"]] == ["CPUExecutionProvider"] * 2


def test_text(run: Any, root: Path) -> None:
    out = run("inspect", root / IRIS).out
    assert "float_input" in out
    assert "ai.onnx.ml:LinearClassifier -> label, scores" in out


def test_what_is_no_model(run: Any, root: Path, tmp_path: Path) -> None:
    assert "no model file" in run("inspect", tmp_path / "none.onnx", status=1).err
    (tmp_path / "text.onnx").write_text("hello there")
    assert "is no ONNX model" in run("inspect", tmp_path / "text.onnx", status=1).err
    (tmp_path / "cut.onnx").write_bytes((root / IRIS).read_bytes()[:200])
    run("inspect", tmp_path / "cut.onnx", status=1)
