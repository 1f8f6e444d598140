"""What becomes of the figures: records, their file, the page, and the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import engines, machine, report, run
from benchmarks.record import Book, Record, geometric_mean
from sklort.timing.race import Spread


def spread(seconds: float) -> Spread:
    return Spread(seconds / 2, seconds, seconds * 2, 5, 1)


def record(key: str, session: float, *, rival: float | None = None) -> Record:
    row = {
        "scikit-learn": spread(1.0),
        engines.ESTIMATOR: spread(0.05),
        engines.SESSION: spread(session),
        engines.OTHER: spread(0.8),
    }
    if rival is not None:
        row["tl2cgen"] = spread(rival)
    refused = {} if rival is not None else {"tl2cgen": "a <wrong> answer."}
    return Record(
        key,
        f"model {key}",
        "group",
        "scikit-learn",
        "2 nodes",
        {1: row, 100: dict(row)},
        refused,
        {"tl2cgen": "odd"},
        {"session": 1234},
    )


def test_ratios() -> None:
    one = record("a", 0.1)
    assert one.ratio(1, engines.OTHER, engines.SESSION) == pytest.approx(8)
    assert one.ratio(1, "nobody", engines.SESSION) is None
    assert one.ratio(7, engines.OTHER, engines.SESSION) is None
    assert one.fastest(1, ["scikit-learn", engines.OTHER]) == engines.OTHER
    assert geometric_mean([2.0, None, 8.0]) == pytest.approx(4)
    assert geometric_mean([None]) is None


@pytest.mark.parametrize(("ratio", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (0.876, "0.88"), (None, "")])
def test_times(ratio: float | None, text: str) -> None:
    assert report.times(ratio) == text


def test_the_page() -> None:
    text = report.page([record("a", 0.1), record("b", 0.4, rival=0.2)], {"processor": "a fast one"})
    assert "| processor | a fast one |" in text
    assert (
        "| model a | 8.00 | 8.00 |\n| model b | 2.00 | 2.00 |\n| **group: geometric mean** | **4.00** | **4.00** |"
        in text
    )
    assert "| model b | 4.00 (tl2cgen) | 4.00 (tl2cgen) |" in text
    assert "| model a | 1,234 |" in text
    assert "| session | 100 ms (50.0 ms to 200 ms) | 100 ms (50.0 ms to 200 ms) |" in text
    assert "- tl2cgen has no time: a \\<wrong> answer.\n- tl2cgen: odd.\n" in text
    assert "Two threads" not in text  # nobody was timed with two


def test_the_book_keeps_what_is_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "measured.json"
    Book(path, {"processor": "x"}).add(record("a", 0.1))
    assert Book(path, {"processor": "x"}).records(["a", "b"]) == ([record("a", 0.1)], ["b"])
    assert Book(path, {"processor": "y"}).records(["a"]) == ([], ["a"])


def test_the_machine_is_described() -> None:
    here = machine.description()
    assert all(here.values())
    assert "scikit-learn " in here["others"]


@pytest.mark.filterwarnings("ignore")
def test_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    words = ["--quick", "--family", "linear,knn", "--sizes", "1,20", "--seconds", "0", "--no-rivals", "--no-counts"]
    assert run.main([*words, "--cache", str(tmp_path / "cache"), "--page", str(tmp_path / "docs")]) == 0
    said = capsys.readouterr().out
    assert "linear: LogisticRegression, 64 features, 10 classes; 2 nodes" in said
    assert "without gb3" in said
    assert {path.name for path in (tmp_path / "docs" / "img").iterdir()} == {
        "ratio_to_onnxruntime.svg",
        "time_per_row.svg",
    }
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert "| LogisticRegression, 64 features, 10 classes |" in page
    assert run.main([*words, "--measured", "--cache", str(tmp_path / "cache"), "--page", str(tmp_path / "docs")]) == 0
    assert (tmp_path / "docs" / "benchmarks.md").read_text() == page


def test_an_unknown_family(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--family", "gb4"])
    assert "no family gb4; there are gb3, " in capsys.readouterr().err
