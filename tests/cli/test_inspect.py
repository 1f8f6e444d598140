"""`sklort inspect`: the model, who runs it, what it weighs, its graph as text and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sklort.cli.drawing import MOST_NODES
from sklort.cli.inspect import operators_of, weights_of
from sklort.graph.save import to_bytes
from sklort.graph.text import parse

IRIS = Path("sklort/datasets/logreg_iris.onnx")
HEAD = '<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 3]>'
SVG = "{http://www.w3.org/2000/svg}"


def test_json(run: Any, root: Path) -> None:
    found = run("inspect", root / IRIS, "--json").json
    assert found["operators"] == {"ai.onnx.ml:LinearClassifier": 1, "ai.onnx.ml:ZipMap": 1}
    assert found["inputs"] == [{"name": "float_input", "type": "tensor(float)", "shape": [3, 2]}]
    assert [node["provider"] for node in found["nodes"]] == ["CPUExecutionProvider"] * 2
    assert found["opsets"]["ai.onnx.ml"] == 1
    assert found["weights_bytes"] == sum(found["weights_bytes_by_node"].values()) > 0
    assert found["file_bytes"] == (root / IRIS).stat().st_size
    assert "graph" not in found
    assert "LinearClassifier" in run("inspect", root / IRIS, "--json", "--graph").json["graph"]


def test_text(run: Any, root: Path) -> None:
    out = run("inspect", root / IRIS).out
    assert "float_input" in out
    assert "ai.onnx.ml:LinearClassifier -> label, scores" in out
    assert "tensor(float)" in out


def test_the_graph_of_the_file_and_the_one_that_runs(run: Any, tmp_path: Path) -> None:
    text = f"{HEAD} g (float[N, 2] X) => (float[N, 2] Y) {{ A = Identity(X) Y = Abs(A) }}"
    (tmp_path / "a.onnx").write_bytes(to_bytes(parse(text)))
    assert "A = Identity(X)" in run("inspect", tmp_path / "a.onnx", "--graph").out
    assert "Identity" not in run("inspect", tmp_path / "a.onnx", "--graph", "--plan").out
    boxes = picture(run, tmp_path / "a.onnx", tmp_path)
    assert [box[0] for box in boxes] == ["X", "Identity", "Abs", "Y"]
    assert [box[0] for box in picture(run, tmp_path / "a.onnx", tmp_path, "--plan")] == ["X", "Abs", "Y"]


def picture(run: Any, model: Path, folder: Path, *flags: str) -> list[list[str]]:
    """The texts in each box of the picture."""
    assert "is drawn" in run("inspect", model, "--svg", folder / "a.svg", *flags).out
    tree = ElementTree.parse(folder / "a.svg")
    return [[text.text or "" for text in group.iter(f"{SVG}text")] for group in tree.iter(f"{SVG}g")]


def test_a_picture_has_a_box_for_each_node_and_its_provider(run: Any, root: Path, tmp_path: Path) -> None:
    boxes = picture(run, root / IRIS, tmp_path)
    titles = [box[0] for box in boxes]
    assert titles == ["float_input", "ai.onnx.ml:LinearClassifier", "ai.onnx.ml:ZipMap", "label", "probabilities"]
    page = (tmp_path / "a.svg").read_text()
    assert ">CPU<" in page
    assert page.count("<path") == 2 * 4  # a line and its head for each of four edges


def test_names_are_escaped_and_inner_graphs_are_counted(run: Any, tmp_path: Path) -> None:
    text = f"""{HEAD} g (bool c, float[N] X) => (float[N] Y) {{
        ["a<b>&c"] Y = If(c) <then_branch = t () => (float[N] T) {{ T = Abs(X) }},
                   else_branch = e () => (float[N] E) {{ E = Neg(X) }}>
    }}"""
    (tmp_path / "a.onnx").write_bytes(to_bytes(parse(text)))
    boxes = picture(run, tmp_path / "a.onnx", tmp_path)
    assert boxes[2][:4] == ["If", "a<b>&c", "then_branch: 1 nodes", "else_branch: 1 nodes"]
    assert operators_of(parse(text).graph) == ["If", "Abs", "Neg"]


def test_too_many_nodes_for_a_picture(run: Any, tmp_path: Path) -> None:
    steps = " ".join(f"V{i + 1} = Abs(V{i})" for i in range(MOST_NODES + 1))
    text = f"{HEAD} g (float[N] V0) => (float[N] V{MOST_NODES + 1}) {{ {steps} }}"
    (tmp_path / "a.onnx").write_bytes(to_bytes(parse(text)))
    assert "too many" not in run("inspect", tmp_path / "a.onnx").err
    assert "--plan" in run("inspect", tmp_path / "a.onnx", "--svg", tmp_path / "a.svg", status=1).err
    assert not (tmp_path / "a.svg").exists()


def test_weights_are_counted_once() -> None:
    text = f"""{HEAD} g (float[N, 2] X) => (float[N, 2] Y)
        <float[2] W = {{1, 2}}, float[2] Unused = {{1, 2}}>
        {{ A = Mul(X, W) Y = Add(A, W) }}"""
    graph = parse(text).graph
    found = weights_of(graph)
    assert found == {graph.nodes[0].label: 8, "constants that no node reads": 8}
    words = f'{HEAD} g (int64[N] X) => (string[N] Y) {{ Y = ai.onnx.ml.LabelEncoder<keys_int64s=[1, 2], values_strings=["ä", "bc"]>(X) }}'
    assert list(weights_of(parse(words).graph).values()) == [2 * 8 + 4]


def test_a_node_of_the_reference_provider_is_told(run: Any, tmp_path: Path) -> None:
    text = '<ir_version: 10, opset_import: ["": 17]> g (float[N, 4] X) => (float[N, 4] Y) { Y = MeanVarianceNormalization<axes=[0]>(X) }'
    (tmp_path / "a.onnx").write_bytes(to_bytes(parse(text)))
    found = run("inspect", tmp_path / "a.onnx", "--json").json["nodes"]
    if {node["provider"] for node in found} == {"CPUExecutionProvider"}:
        pytest.skip("it has a native kernel by now")
    assert any(node["refusals"] for node in found)


def test_what_is_no_model(run: Any, root: Path, tmp_path: Path) -> None:
    assert "no model file" in run("inspect", tmp_path / "none.onnx", status=1).err
    (tmp_path / "text.onnx").write_text("hello there")
    assert "is no ONNX model" in run("inspect", tmp_path / "text.onnx", status=1).err
    (tmp_path / "cut.onnx").write_bytes((root / IRIS).read_bytes()[:200])
    run("inspect", tmp_path / "cut.onnx", status=1)
    (tmp_path / "empty.onnx").write_bytes(b"")
    run("inspect", tmp_path / "empty.onnx", status=1)
    rng = np.random.default_rng(0)
    content = (root / IRIS).read_bytes()
    for _ in range(60):  # damaged anywhere: a sentence or an answer, never a traceback
        broken = bytearray(content)
        broken[rng.integers(len(broken))] = rng.integers(256)
        (tmp_path / "broken.onnx").write_bytes(broken)
        ran = run("inspect", tmp_path / "broken.onnx", "--json", status=None)
        assert ran.status in (0, 1)
