"""The table of conversion times: small models, and a limit that stops skl2onnx at once."""

from __future__ import annotations

import pytest

from benchmarks import conversion


def test_a_line_of_the_table():
    model = conversion.Model("small", conversion._extra_trees(40, 3))
    line = conversion.measure(model, 0.0)
    assert isinstance(line, conversion.Line)
    assert line.nodes == 3 * (2 * 40 - 1)
    assert min(line.graph, line.whole, line.checked) > 0
    assert line.other == "more than 0, stopped"
    text = conversion.page([line], ["a sentence"], {"processor": "one"})
    assert "| small | 237 |" in text and "- a sentence" in text and "| processor | one |" in text


def test_copies_of_a_tree_are_counted_once():
    fitted, X = conversion._classes(30, 2)()
    graph = conversion.convert_model(fitted, X).onnx_model.graph
    assert conversion._nodes_of(graph) == sum(tree.tree_.node_count for tree in fitted.estimators_)


def test_what_is_not_installed_is_told():
    def absent():
        raise ImportError("no", name="nowhere")

    assert conversion.measure(conversion.Model("m", absent), 1.0) == "m: nowhere is not installed"


def test_unknown_models(capsys):
    with pytest.raises(SystemExit):
        conversion.main(["--models", "none"])
    assert "no model none" in capsys.readouterr().err
