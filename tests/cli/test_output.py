"""JSON, tables and sizes."""

from __future__ import annotations

import json

import pytest

from sklort.cli.output import emit, show, size, table


def test_json_has_no_numbers_that_json_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": [float("inf"), -float("inf")], "b": {"c": float("nan")}, "d": (1.5, None, True, "x")})
    assert json.loads(capsys.readouterr().out) == {
        "a": ["inf", "-inf"],
        "b": {"c": "nan"},
        "d": [1.5, None, True, "x"],
    }


def test_what_is_shown_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    line = "[bold]not markup[/bold] :smile: " + "x" * 300
    show(line, table(("name", "n"), [("[red]", 1), ("y" * 200, 20)], right=[1]))
    out = capsys.readouterr().out.splitlines()
    assert out[0] == line
    assert [row.split() for row in out[1:]] == [["name", "n"], ["[red]", "1"], ["y" * 200, "20"]]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1400, "1.4 kB"), (2_500_000, "2.5 MB"), (5 * 10**9, "5 GB")]
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text
