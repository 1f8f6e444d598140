"""The plots: written to a file, no window opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sklort.timing.comparison import COLOURS, OTHERS

INK, SOFT, GRID = "#22272e", "#6b7280", "#e6e8eb"

Times = Mapping[int, Mapping[str, Mapping[str, float]]]
"""Rows -> engine -> `Spread` as a dict."""

NOTE = "medians; bands from the fastest to the slowest round; in blue, how many times faster than scikit-learn"


def times_by_rows(models: Mapping[str, Times], path: Path, *, title: str) -> None:
    """One panel for each model: time against rows, a line for each engine, and how much faster sklort is.

    Parameters
    ----------
    models : mapping of str to (rows -> engine -> Spread as a dict)
    path : Path
        The image to write; the suffix chooses the format.
    title : str
    """
    columns = min(3, len(models))
    lines = -(-len(models) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(4.5 * columns, 3.6 * lines + 0.8),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    panels = list(grid.flat)
    for axes, (name, times) in zip(panels, models.items(), strict=False):
        _panel(axes, name, times)
    for axes in panels[len(models) :]:
        axes.set_axis_off()
    for column in range(columns):
        last = max(index for index in range(len(models)) if index % columns == column)
        panels[last].set_xlabel("rows in one call", color=SOFT)
        panels[last].tick_params(labelbottom=True)
    figure.suptitle(title, x=0.01, ha="left", fontsize=15, fontweight="bold", color=INK)
    figure.text(0.99, 0.985, NOTE, ha="right", va="top", fontsize=9.5, color=SOFT)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axes: Axes, name: str, times: Times) -> None:
    sizes = list(times)
    engines = list(times[sizes[0]])
    spare = iter(OTHERS)
    for engine in sorted(engines, key=lambda engine: engine == "sklort"):
        colour = COLOURS.get(engine) or next(spare)
        medians = [times[size][engine]["median"] for size in sizes]
        low, high = ([times[size][engine][key] for size in sizes] for key in ("minimum", "maximum"))
        axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
        weight = 2.4 if engine == "sklort" else 1.6
        axes.plot(sizes, medians, color=colour, linewidth=weight, marker="o", markersize=weight + 2)
    _label_lines(axes, times, sizes, engines)
    for size in sizes:
        ours, theirs = times[size]["sklort"]["median"], times[size]["scikit-learn"]["median"]
        axes.annotate(
            f"{theirs / ours:.0f}×" if theirs >= 9.5 * ours else f"{theirs / ours:.1f}×",
            (size, min(row["median"] for row in times[size].values())),
            xytext=(0, -15),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            fontweight="bold",
            color=COLOURS["sklort"],
        )
    _frame(axes, name, sizes)


def _label_lines(axes: Axes, times: Times, sizes: list[int], engines: list[str]) -> None:
    """The engine's name before the left end of its line, pushed clear of the one below."""
    first = sizes[0]
    below = 0.0
    for engine in sorted(engines, key=lambda engine: times[first][engine]["median"]):
        below = max(times[first][engine]["median"], below * 2.8)
        colour = COLOURS.get(engine, SOFT)
        axes.text(first * 0.6, below, engine, color=colour, fontsize=10, fontweight="bold", ha="right", va="center")


def _frame(axes: Axes, name: str, sizes: list[int]) -> None:
    axes.set(xscale="log", yscale="log", xlim=(sizes[0] * 0.008, sizes[-1] * 2.2), ylim=(3e-7, 30))
    axes.set_title(name.replace("->", "\N{RIGHTWARDS ARROW}").replace(", ", "\n"), loc="left", fontsize=11, color=INK)
    axes.xaxis.set_major_locator(FixedLocator([float(size) for size in sizes]))
    axes.yaxis.set_major_locator(FixedLocator([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(rows_text))
    axes.yaxis.set_major_formatter(FuncFormatter(seconds_text))
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=SOFT, labelsize=9)
    for side in axes.spines.values():
        side.set_visible(False)


def seconds_text(value: float, _: Any) -> str:
    """A label of an axis of times."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if value >= 0.999 * size:
            return f"{value / size:.0f} {unit}"
    return ""


def rows_text(value: float, _: Any) -> str:
    """A label of an axis of rows."""
    return f"{value / 1000:.0f}k" if value >= 1000 else f"{value:.0f}"
