"""What a race found, as a table, as data and as a chart."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from sklort.timing.comparison import Comparison, Timing
from sklort.timing.race import Spread


def spread(seconds: float, **tails: float) -> Spread:
    return Spread(seconds / 2, seconds, seconds * 4, 7, 10, **tails)


@pytest.fixture
def found() -> Comparison:
    return Comparison(
        "Forest.predict",
        "scikit-learn",
        (
            Timing("scikit-learn", 1, 1, spread(4e-4, p95=5e-4, p99=6e-4)),
            Timing("sklort", 1, 1, spread(2e-6, p95=3e-6, p99=4e-6)),
            Timing("scikit-learn", 1000, 1, spread(8e-3)),
            Timing("sklort", 1000, 1, spread(1e-3)),
            Timing("scikit-learn", 1, 2, spread(3e-4)),
            Timing("sklort", 1, 2, spread(1e-6)),
            Timing("<other>", 1, None, spread(1e-5)),
        ),
        ("500 rows compared",),
        {"onnxruntime": "its answers differ"},
        "a machine",
    )


def test_ratios_are_of_those_that_raced_together(found: Comparison) -> None:
    assert found.speedup("sklort", 1) == found.speedup("sklort", 1, 1) == pytest.approx(200)
    assert found.speedup("sklort", 1, 2) == pytest.approx(300)
    assert found.speedup("sklort", 1000) == pytest.approx(8)
    assert found.speedup("<other>", 1) == pytest.approx(40)
    with pytest.raises(KeyError, match="no time of 'sklort' for 7 rows"):
        found.speedup("sklort", 7)


def test_table(found: Comparison) -> None:
    lines = str(found).splitlines()
    assert lines[0] == "Forest.predict"
    assert lines[1].split()[-2:] == ["against", "scikit-learn"]
    row = next(line for line in lines if "sklort" in line and line.startswith("    1"))
    assert row.split("  ")[-1].strip() == "200 ×"
    assert [cell.strip() for cell in row.split("  ") if cell.strip()][3:-1] == [
        "2.00 µs",
        "3.00 µs",
        "4.00 µs",
        "1.00 µs",
        "8.00 µs",
        "500 k",
    ]
    thousand = next(line for line in lines if line.startswith("1,000  sklort"))
    assert thousand.split()[3:7] == ["1.00", "ms", "-", "-"]
    assert lines[-3:] == ["500 rows compared", "onnxruntime has no time: its answers differ", "a machine"]


def test_html_is_whole_and_escaped(found: Comparison) -> None:
    page = found._repr_html_()
    assert "&lt;other&gt;" in page
    open_tags: list[str] = []

    class Checked(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Checked().feed(page)
    assert open_tags == []
    assert page.count("<tr>") == 1 + len(found.timings)


def test_data(found: Comparison) -> None:
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["baseline"] == "scikit-learn"
    assert data["left_out"] == {"onnxruntime": "its answers differ"}
    assert data["timings"][1] == {
        "name": "sklort",
        "rows": 1,
        "threads": 1,
        "minimum": 1e-6,
        "median": 2e-6,
        "maximum": 8e-6,
        "rounds": 7,
        "calls": 10,
        "p95": 3e-6,
        "p99": 4e-6,
        "rows_per_second": 500_000.0,
        "speedup": pytest.approx(200.0),
    }


def test_frame(found: Comparison) -> None:
    frame = found.to_pandas()
    assert len(frame) == 7
    assert frame.loc[frame.name.eq("sklort") & frame.rows.eq(1000), "speedup"].item() == pytest.approx(8)


def test_plot(found: Comparison) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    axes = found.plot()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [
        "scikit-learn, 1 thread",
        "sklort, 1 thread",
        "scikit-learn, 2 threads",
        "sklort, 2 threads",
        "<other>, threads unknown",
    ]
    line = next(one for one in axes.get_lines() if one.get_label() == "sklort, 1 thread")
    assert list(line.get_xdata()) == [1, 1000]
    assert list(line.get_ydata()) == [2e-6, 1e-6]
    assert found.plot(axes) is axes
    pyplot.close(axes.figure)


def test_one_size_is_drawn_as_dots(found: Comparison) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    one_size = Comparison(found.title, found.baseline, found.timings[:2])
    axes = one_size.plot()
    assert [box.lines[0].get_xdata()[0] for box in axes.containers] == [2e-6, 4e-4]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["sklort", "scikit-learn"]
    pyplot.close(axes.figure)


def test_without_any_time() -> None:
    empty = Comparison("nothing", "a", (), left_out={"b": "fails"})
    assert "b has no time: fails" in str(empty)
    assert empty.to_dict()["timings"] == []
    with pytest.raises(KeyError):
        empty.of("a", 1)
