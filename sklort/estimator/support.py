"""What of a model is compiled and what scikit-learn runs: told before a conversion, and kept after it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

COMPILED = "compiled"
FALLEN = "scikit-learn"


@dataclass(frozen=True)
class Step:
    """One part of a model.

    Attributes
    ----------
    path : str
        Names that lead to it, joined by "__" as in `set_params`.
    model : str
        Its class.
    runs : {"compiled", "scikit-learn"}
    where : str
        The provider that runs it, or "scikit-learn".
    reason : str
        Why it is not compiled; empty where it is.
    seconds : tuple of (int, float)
        For a part that is not compiled: numbers of rows, and how long scikit-learn takes for so many.
    """

    path: str
    model: str
    runs: str
    where: str = ""
    reason: str = ""
    seconds: tuple[tuple[int, float], ...] = ()

    @property
    def cost(self) -> str:
        """The time scikit-learn takes for this part, in words."""
        return in_words(self.seconds)


def in_words(seconds: tuple[tuple[int, float], ...]) -> str:
    """Times for numbers of rows, e.g. "90 µs for 1 row, 1.5 ms for 2,000 rows"."""
    return ", ".join(f"{_spoken(took)} for {rows:,} {'row' if rows == 1 else 'rows'}" for rows, took in seconds)


def _spoken(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.0f} µs"


@dataclass(frozen=True)
class SupportReport:
    """What of a model is compiled, step by step.

    Attributes
    ----------
    model : str
    steps : tuple of Step
    handed_over : tuple of str
        Methods of the model that no graph offers: scikit-learn answers them, with a warning at the call.
    notes : tuple of str
        Who wrote the graphs, and where they fall short of scikit-learn's precision.
    """

    model: str
    steps: tuple[Step, ...]
    handed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step is compiled."""
        return not self.fallen

    @property
    def fallen(self) -> tuple[Step, ...]:
        """The steps that scikit-learn runs."""
        return tuple(step for step in self.steps if step.runs == FALLEN)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {
            "model": self.model,
            "ok": self.ok,
            "steps": [{**vars(step), "seconds": [list(pair) for pair in step.seconds]} for step in self.steps],
            "handed_over": list(self.handed_over),
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """The report in one line."""
        compiled = len(self.steps) - len(self.fallen)
        if self.ok:
            return f"{self.model}: compiled whole"
        return f"{self.model}: {compiled} of {len(self.steps)} steps compiled, the others run in scikit-learn"

    def _lines(self) -> list[tuple[str, str, str, str]]:
        return [
            (step.path, step.model, step.where or step.runs, ". ".join(t for t in (step.reason, step.cost) if t))
            for step in self.steps
        ]

    def _remarks(self) -> list[str]:
        remarks = list(self.notes)
        if self.handed_over:
            remarks.append(f"answered by scikit-learn: {', '.join(self.handed_over)}")
        return remarks

    def __str__(self) -> str:
        lines = [("step", "model", "runs on", "why, and what it costs"), *self._lines()]
        if all(not line[3] for line in lines[1:]):
            lines = [(*line[:3], "") for line in lines]
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        table = ["  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[3]]) for line in lines]
        return "\n".join([self.summary(), *(line.rstrip() for line in table), *self._remarks()])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{one}</th>" for one in ("step", "model", "runs on", "why, and what it costs"))
        rows = "".join(
            f'<tr class="{"sklort-fallen" if step.runs == FALLEN else "sklort-compiled"}">'
            + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in line)
            + "</tr>"
            for step, line in zip(self.steps, self._lines(), strict=True)
        )
        remarks = "".join(f"<li>{escape(one)}</li>" for one in self._remarks())
        tail = f"<ul>{remarks}</ul>" if remarks else ""
        return f"<table><caption>{escape(self.summary())}</caption><tr>{heads}</tr>{rows}</table>{tail}"
