"""The two charts of the page: one panel for each family, all engines in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.engines import ESTIMATOR, NARROW, OTHER, SESSION, TWO_THREADS
from benchmarks.plots import GRID, INK, SOFT, rows_text, seconds_text
from benchmarks.record import Record
from sklort.timing.comparison import COLOURS, OTHERS

COLUMNS = 3
ORIGINAL = "the original"
OURS = {SESSION: COLOURS["sklort"], ESTIMATOR: "#6aa9e9"}
FIXED = {**OURS, OTHER: COLOURS["onnxruntime"], ORIGINAL: COLOURS["scikit-learn"]}
HIDDEN = (TWO_THREADS, NARROW)
"""In the tables only."""


def ratios(records: Sequence[Record], path: Path) -> None:
    """For each family and batch, how many times as fast as onnxruntime everybody is."""
    _panels(records, path, "Times as fast as onnxruntime, one thread", _bars)


def times_for_one_row(records: Sequence[Record], path: Path) -> None:
    """For each family, the time of a call divided by its rows."""
    _panels(records, path, "Time for one row, one thread", _lines)


def _panels(
    records: Sequence[Record], path: Path, title: str, draw: Callable[[Axes, Record, dict[str, str]], None]
) -> None:
    colours = _colours(records)
    lines = -(-len(records) // COLUMNS)
    # An image that is the same when the figures are.
    with mpl.rc_context({"svg.hashsalt": "sklort", "font.size": 9, "svg.fonttype": "none"}):
        figure, grid = plt.subplots(
            lines, COLUMNS, figsize=(4.2 * COLUMNS, 2.7 * lines + 0.9), squeeze=False, layout="constrained"
        )
        for axes, record in zip(grid.flat, records, strict=False):
            draw(axes, record, colours)
            _frame(axes, record)
        for axes in list(grid.flat)[len(records) :]:
            axes.set_axis_off()
        _legend(figure, title, colours)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _named(record: Record, name: str) -> str:
    return ORIGINAL if name == record.library else name


def _shown(record: Record) -> list[str]:
    return [name for name in record.engines() if name not in HIDDEN]


def _colours(records: Sequence[Record]) -> dict[str, str]:
    """One for each engine, the same in all panels."""
    found = dict.fromkeys(_named(record, name) for record in records for name in _shown(record))
    spare = iter(OTHERS * 3)
    known = {name: colour for name, colour in FIXED.items() if name in found}
    return known | {name: next(spare) for name in found if name not in known}


def _bars(axes: Axes, record: Record, colours: dict[str, str]) -> None:
    names = [name for name in _shown(record) if name != OTHER]
    names.sort(key=lambda name: list(colours).index(_named(record, name)))
    sizes = list(record.times)
    width = 0.84 / max(1, len(names))
    for place, name in enumerate(names):
        at = [index + (place - (len(names) - 1) / 2) * width for index in range(len(sizes))]
        ratios = [record.ratio(size, OTHER, name) for size in sizes]
        heights = [float("nan") if ratio is None else ratio - 1 for ratio in ratios]
        bars = axes.bar(at, heights, width * 0.92, bottom=1, color=colours[_named(record, name)])
        if name in OURS:
            labels = ["" if ratio is None else f"{ratio:.{int(ratio < 9.5)}f}" for ratio in ratios]
            axes.bar_label(bars, labels, fontsize=6.5, color=SOFT, padding=1)
    axes.axhline(1, color=COLOURS["onnxruntime"], linewidth=1.2)
    axes.set_xticks(range(len(sizes)), [rows_text(size, None) for size in sizes])
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.margins(y=0.12)


def _lines(axes: Axes, record: Record, colours: dict[str, str]) -> None:
    for name in sorted(_shown(record), key=lambda name: name in OURS):
        sizes = [size for size in record.times if name in record.times[size]]
        spreads = [record.times[size][name] for size in sizes]
        colour = colours[_named(record, name)]
        low, high = (
            [getattr(s, key) / size for s, size in zip(spreads, sizes, strict=True)] for key in ("minimum", "maximum")
        )
        axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0)
        middle = [s.median / size for s, size in zip(spreads, sizes, strict=True)]
        axes.plot(sizes, middle, color=colour, linewidth=2 if name in OURS else 1.3, marker="o", markersize=3.5)
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(list(record.times), [rows_text(size, None) for size in record.times])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(seconds_text))


def _frame(axes: Axes, record: Record) -> None:
    axes.set_title(fill(record.title, 56), loc="left", fontsize=9, color=INK)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(True, axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=SOFT, labelsize=8)
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(figure: Figure, title: str, colours: dict[str, str]) -> None:
    marks = [Line2D([], [], color=colour, linewidth=5) for colour in colours.values()]
    figure.legend(
        marks,
        list(colours),
        loc="outside upper left",
        ncols=len(colours),
        frameon=False,
        title=f"{title}, by rows in one call",
        title_fontproperties={"size": 13, "weight": "bold"},
        alignment="left",
    )
