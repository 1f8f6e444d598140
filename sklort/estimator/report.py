"""What a comparison with scikit-learn found, as data, as a table and as a chart."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SMALLEST, LARGEST = -18, 3
"""Powers of ten between which differences are counted; the ends stand for all beyond them."""
_DIFFERENCES = ("max_abs", "max_rel")


@dataclass(frozen=True)
class Failure:
    """One row on which the two disagree."""

    origin: str
    row: int
    expected: str
    got: str


@dataclass
class MethodParity:
    """The comparison of one method.

    Attributes
    ----------
    rows : int
        Rows compared.
    handed_over : int
        Rows sklort does not compute: the scikit-learn model answers them, with a warning.
    label_mismatches : int
        Rows whose label (or other exact value) differs.
    beyond_tolerance : int
        Rows with a number further away than the tolerance.
    max_abs, max_rel : float
        Largest ``|a - b|`` and largest ``|a - b| / |a|`` where `a`, scikit-learn's answer, is not zero.
    failures : list of Failure
        The first few rows that disagree.
    wrong_origins : list of str
        Where rows that disagree came from.
    equal : int
        Numbers that are the same to the last bit.
    decades : dict of int to int
        The other numbers, counted by the power of ten of ``|a - b| / max(1, |a|)``.
    """

    method: str
    rows: int = 0
    handed_over: int = 0
    label_mismatches: int = 0
    beyond_tolerance: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    wrong_origins: list[str] = field(default_factory=list)
    equal: int = 0
    decades: dict[int, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.label_mismatches and not self.beyond_tolerance

    def add(self, other: MethodParity) -> None:
        """Take another comparison of the same method into this one."""
        for name in ("rows", "handed_over", "label_mismatches", "beyond_tolerance", "equal"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.max_abs, self.max_rel = max(self.max_abs, other.max_abs), max(self.max_rel, other.max_rel)
        self.failures += other.failures
        self.wrong_origins += [each for each in other.wrong_origins if each not in self.wrong_origins]
        for power, n in other.decades.items():
            self.decades[power] = self.decades.get(power, 0) + n

    def count(self, gaps: Array) -> None:
        """Add differences, each relative to ``max(1, |a|)``, to `equal` and `decades`."""
        apart = gaps[gaps != 0]
        self.equal += gaps.size - apart.size
        with np.errstate(all="ignore"):
            powers = np.floor(np.log10(np.nan_to_num(apart, nan=np.inf, posinf=np.inf)))
        for power, n in zip(*np.unique(np.clip(powers, SMALLEST, LARGEST), return_counts=True), strict=True):
            self.decades[int(power)] = self.decades.get(int(power), 0) + int(n)


@dataclass
class ParityReport:
    """How the converted model compares with its original.

    Labels must be equal. A number passes when ``|a - b| <= tolerance * max(1, |a|)``, `a` being scikit-learn's;
    NaN equals NaN, an infinity equals only itself. Logarithms of probabilities are compared as the probabilities they
    stand for: the logarithm of a probability near zero shows nothing but its rounding.

    Attributes
    ----------
    model : str
        What was converted.
    tolerance : float
    methods : list of MethodParity
    origins : dict of str to int
        Where the rows came from, e.g. ``{"given": 2000, "thresholds": 1500, "NaN": 5}``.
    seconds : float
    """

    model: str
    tolerance: float
    methods: list[MethodParity] = field(default_factory=list)
    origins: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def with_other(self, other: ParityReport) -> ParityReport:
        """This report and that of the same rows on another device, as one."""
        known = {one.method: one for one in self.methods}
        for one in other.methods:
            known[one.method].add(one)
        self.seconds += other.seconds
        return self

    @property
    def ok(self) -> bool:
        """Whether every method passed."""
        return all(one.ok for one in self.methods)

    @property
    def rows(self) -> int:
        return sum(self.origins.values())

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON, which has no infinity: "inf" stands for a boundless difference."""
        data = {"ok": self.ok, **asdict(self)}
        for one in data["methods"]:
            one.update({key: one[key] if np.isfinite(one[key]) else "inf" for key in _DIFFERENCES})
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ParityReport:
        """The report that `as_dict` made plain, also after a way through JSON."""
        methods = [
            MethodParity(
                **{
                    **one,
                    **{key: float(one[key]) for key in _DIFFERENCES},
                    "failures": [Failure(**failure) for failure in one["failures"]],
                    "decades": {int(power): n for power, n in one["decades"].items()},
                }
            )
            for one in data["methods"]
        ]
        return cls(**{**{key: data[key] for key in ("model", "tolerance", "origins", "seconds")}, "methods": methods})

    def plot(self, ax: Any = None) -> Any:
        """A chart of the differences: how many numbers of each method are how far from scikit-learn's.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Drawn on; a new figure by default. Needs matplotlib, which `sklort[plot]` brings.

        Returns
        -------
        matplotlib Axes
        """
        if ax is None:
            try:
                from matplotlib import pyplot
            except ImportError as error:
                raise ImportError("a plot needs matplotlib: pip install 'sklort[plot]'") from error
            _, ax = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
        numeric = [one for one in self.methods if one.equal or one.decades]
        powers = sorted({power for one in numeric for power in one.decades} | {round(float(np.log10(self.tolerance)))})
        low = powers[0] - 2
        width = 0.8 / max(1, len(numeric))
        for k, one in enumerate(numeric):
            places = [low, *one.decades]
            counts = [one.equal, *one.decades.values()]
            shifted = [place + 0.5 + (k - (len(numeric) - 1) / 2) * width for place in places]
            ax.bar(shifted, counts, width=width, label=one.method)
        limit = float(np.log10(self.tolerance))
        ax.axvline(limit, color="black", linestyle="--", linewidth=1, label=f"tolerance {self.tolerance:g}")
        labels: dict[float, str] = {low + 0.5: "equal"}
        labels.update({power: f"$10^{{{power}}}$" for power in range(low + 2, powers[-1] + 2)})
        step = max(1, len(labels) // 12)
        shown = [low + 0.5, *list(labels)[1::step]]
        ax.set_xticks(shown, [labels[place] for place in shown])
        ax.set_yscale("log")
        ax.set_xlabel("|a - b| / max(1, |a|)")
        ax.set_ylabel("numbers")
        ax.set_title(f"{self.model}: sklort against scikit-learn")
        ax.legend()
        return ax

    def _table(self) -> tuple[list[str], list[list[str]]]:
        head = ["method", "rows", "label mismatches", "max |a-b|", "max |a-b|/|a|", "beyond tolerance", ""]
        body = [
            [
                one.method,
                f"{one.rows:,}",
                str(one.label_mismatches),
                f"{one.max_abs:.1e}",
                f"{one.max_rel:.1e}",
                str(one.beyond_tolerance),
                "equal" if one.ok else "DIFFERS",
            ]
            for one in self.methods
        ]
        return head, body

    def _summary(self) -> str:
        origins = ", ".join(f"{count:,} {word}" for word, count in self.origins.items())
        return f"{self.model}: {self.rows:,} rows ({origins}), tolerance {self.tolerance:g}"

    def __str__(self) -> str:
        head, body = self._table()
        widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
        lines = [self._summary()]
        for line in [head, *body]:
            cells = [
                line[0].ljust(widths[0]),
                *(cell.rjust(w) for cell, w in zip(line[1:-1], widths[1:-1], strict=True)),
            ]
            lines.append("  ".join([*cells, line[-1]]).rstrip())
        for one in self.methods:
            if one.handed_over:
                lines.append(f"{one.method}: {one.handed_over:,} rows are left to scikit-learn")
            lines += [
                f"{one.method}, {f.origin} row {f.row}: scikit-learn {f.expected}, sklort {f.got}" for f in one.failures
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, body = self._table()
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        failed = "".join(
            f"<li>{escape(one.method)}, {escape(f.origin)} row {f.row}: "
            f"scikit-learn {escape(f.expected)}, sklort {escape(f.got)}</li>"
            for one in self.methods
            for f in one.failures
        )
        tail = f"<ul>{failed}</ul>" if failed else ""
        return f"<table><caption>{escape(self._summary())}</caption><tr>{heads}</tr>{rows}</table>{tail}"
