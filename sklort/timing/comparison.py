"""The times of several ways of computing the same thing, as data, as a table and as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from operator import attrgetter
from typing import Any

from sklort.timing.race import Spread, short, times_faster

COLOURS = {"sklort": "#0b62c4", "scikit-learn": "#e07b00", "onnxruntime": "#7a7f87"}
OTHERS = ("#2f8f5b", "#8a4fbf", "#b8336a", "#c2a100", "#00909e", "#7b4f2c", "#e05fa5")


@dataclass(frozen=True)
class Timing:
    """One way, with so many rows in a call and so many threads.

    Attributes
    ----------
    name : str
    rows : int
        In one call.
    threads : int or None
        That a call may use; None where nobody knows.
    spread : Spread
    """

    name: str
    rows: int
    threads: int | None
    spread: Spread

    @property
    def rows_per_second(self) -> float:
        """Rows answered in a second, one call after the other, by the median."""
        return self.rows / self.spread.median if self.spread.median else float("inf")


@dataclass(frozen=True)
class Comparison:
    """What a race found. Prints as a table, and is one in a notebook.

    All that have the same number of rows and of threads took turns in the same run, after their answers were compared.

    Attributes
    ----------
    title : str
        What was computed.
    baseline : str
        The name that ratios refer to.
    timings : tuple of Timing
    checks : tuple of str
        How the answers were compared before, and what was found.
    left_out : dict of str to str
        Who has no time, and why: it differs, it fails, it is not installed.
    machine : str
    """

    title: str
    baseline: str
    timings: tuple[Timing, ...]
    checks: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    machine: str = ""

    @property
    def names(self) -> list[str]:
        """Everybody with a time."""
        return list(dict.fromkeys(one.name for one in self.timings))

    def of(self, name: str, rows: int, threads: int | None = None) -> Timing:
        """The time of `name`; with `threads` None the first one there is.

        Raises
        ------
        KeyError
            It has none.
        """
        for one in self.timings:
            if (one.name, one.rows) == (name, rows) and threads in (None, one.threads):
                return one
        raise KeyError(f"no time of {name!r} for {rows:,} rows; there are {', '.join(self.names) or 'none'}")

    def against(self, timing: Timing) -> Timing | None:
        """The baseline that `timing` raced with: the same rows, and the same place among the numbers of threads."""
        base = [one for one in self.timings if (one.name, one.rows) == (self.baseline, timing.rows)]
        same = [one for one in base if one.threads == timing.threads]
        return next(iter(same or base), None)

    def speedup(self, name: str, rows: int, threads: int | None = None) -> float:
        """How many times as long as `name` the baseline takes, by the medians."""
        timing = self.of(name, rows, threads)
        base = self.against(timing)
        if base is None:
            raise KeyError(f"no time of {self.baseline!r} for {rows:,} rows")
        return base.spread.median / timing.spread.median

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, ready for JSON; times in seconds."""
        return {
            "title": self.title,
            "baseline": self.baseline,
            "timings": self.records(),
            "checks": list(self.checks),
            "left_out": dict(self.left_out),
            "machine": self.machine,
        }

    def records(self) -> list[dict[str, Any]]:
        """One dict for each time."""
        found = []
        for one in self.timings:
            base, spread = self.against(one), one.spread
            found.append(
                {
                    "name": one.name,
                    "rows": one.rows,
                    "threads": one.threads,
                    **vars(spread),
                    "rows_per_second": one.rows_per_second,
                    "speedup": base.spread.median / spread.median if base and spread.median else None,
                }
            )
        return found

    def to_pandas(self) -> Any:
        """A data frame of `records`."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def plot(self, ax: Any = None) -> Any:
        """A chart: the time of a row against the rows of a call, or dots where all calls have as many rows.

        Bands, and the lines through dots, reach from the fastest call to p99, or to the slowest where there is no p99.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Drawn on; a new figure by default. Needs matplotlib, which `sklort[plot]` brings.

        Returns
        -------
        matplotlib Axes
        """
        try:
            from matplotlib import pyplot
            from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
        except ImportError as error:
            raise ImportError("a plot needs matplotlib: pip install 'sklort[plot]'") from error
        if ax is None:
            _, ax = pyplot.subplots(figsize=(7, 4), layout="constrained")
        spare = iter(OTHERS * (1 + len(self.timings) // len(OTHERS)))
        colours = {name: COLOURS.get(name) or next(spare) for name in self.names}
        many = len({one.threads for one in self.timings}) > 1
        ax.set_title(self.title)
        ax.set_axisbelow(True)
        if len({one.rows for one in self.timings}) == 1:
            self._dots(ax, colours, many)
            time = ax.xaxis
        else:
            self._lines(ax, colours, many)
            ax.xaxis.set_major_locator(FixedLocator(sorted({float(one.rows) for one in self.timings})))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            time = ax.yaxis
        time.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        ax.grid(True, axis=time.axis_name, color="#e6e8eb", linewidth=0.8)
        return ax

    def _lines(self, ax: Any, colours: dict[str, str], many: bool) -> None:
        lines = dict.fromkeys((one.name, one.threads) for one in self.timings)
        styles = dict(zip(dict.fromkeys(threads for _, threads in lines), ("-", "--", ":", "-.") * len(lines)))
        for name, threads in lines:
            points = sorted((one for one in self.timings if (one.name, one.threads) == (name, threads)), key=_rows)
            sizes = [one.rows for one in points]
            low, middle, high = (
                [time(one.spread) / one.rows for one in points]
                for time in (attrgetter("minimum"), attrgetter("median"), _slow)
            )
            ax.fill_between(sizes, low, high, color=colours[name], alpha=0.15, linewidth=0)
            label = f"{name}, {_threads(threads)}" if many else name
            ax.plot(sizes, middle, styles[threads], color=colours[name], marker="o", markersize=4, label=label)
        ax.set(xscale="log", yscale="log", xlabel="rows in one call", ylabel="time for one row")
        ax.legend(frameon=False)

    def _dots(self, ax: Any, colours: dict[str, str], many: bool) -> None:
        for place, one in enumerate(reversed(self.timings)):
            spread = one.spread
            reach = [[spread.median - spread.minimum], [_slow(spread) - spread.median]]
            ax.errorbar(spread.median, place, xerr=reach, fmt="o", color=colours[one.name], capsize=3)
            ax.annotate(short(spread.median), (spread.median, place), (0, 8), textcoords="offset points", ha="center")
        labels = [f"{one.name}, {_threads(one.threads)}" if many else one.name for one in reversed(self.timings)]
        ax.set_yticks(range(len(labels)), labels)
        ax.margins(x=0.1, y=0.25)
        rows = self.timings[0].rows
        ax.set(xscale="log", xlabel=f"time of a call with {rows:,} {'row' if rows == 1 else 'rows'}")

    # -- as a table --------------------------------------------------------------------------------------------------

    def _table(self) -> tuple[list[str], list[list[str]]]:
        quantiles = any(one.spread.p95 is not None for one in self.timings)
        head = ["rows", "", "threads", "p50", *(["p95", "p99"] if quantiles else []), "fastest", "slowest", "rows/s"]
        body = []
        for one in sorted(self.timings, key=_rows):
            spread, base = one.spread, self.against(one)
            ratio = times_faster(base.spread, spread) if base is not None and base.spread is not spread else ""
            tails = [short(t) if t is not None else "-" for t in (spread.p95, spread.p99)] if quantiles else []
            threads = "?" if one.threads is None else str(one.threads)
            ends = [short(spread.minimum), short(spread.maximum)]
            line = [f"{one.rows:,}", one.name, threads, short(spread.median), *tails, *ends]
            body.append([*line, _count(one.rows_per_second), ratio])
        return [*head, f"against {self.baseline}"], body

    def _remarks(self) -> list[str]:
        left_out = [f"{name} has no time: {reason}" for name, reason in self.left_out.items()]
        return [*self.checks, *left_out, *([self.machine] if self.machine else [])]

    def __str__(self) -> str:
        head, body = self._table()
        widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
        lines = [self.title]
        lines += ["  ".join(_aligned(line, widths)).rstrip() for line in [head, *body]]
        return "\n".join([*lines, *self._remarks()])

    def _repr_html_(self) -> str:
        head, body = self._table()
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
        remarks = "".join(f"<li>{escape(one)}</li>" for one in self._remarks())
        tail = f"<ul>{remarks}</ul>" if remarks else ""
        return f"<table><caption>{escape(self.title)}</caption><tr>{heads}</tr>{rows}</table>{tail}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Cells side by side; all but the names are numbers."""
    return [cell.ljust(width) if i == 1 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))]


def _rows(one: Timing) -> int:
    return one.rows


def _slow(spread: Spread) -> float:
    return spread.maximum if spread.p99 is None else spread.p99


def _threads(threads: int | None) -> str:
    return "threads unknown" if threads is None else f"{threads} {'thread' if threads == 1 else 'threads'}"


def _count(rate: float) -> str:
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g}{unit}"
    return f"{rate:.3g}"


def _tick(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= 0.999 * size:
            return f"{seconds / size:g} {unit}"
    return ""
