"""`sklort tune`: which threads and which engine are the fastest for a model, here, on your rows."""

from __future__ import annotations

from hashlib import sha256
from json import dumps
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sklort.cli.options import AsJson, BatchSizes, DataFile, Drop, OnnxFile, Seconds, Text, numbers
from sklort.cli.output import emit, progress, show, table

if TYPE_CHECKING:
    from sklort.timing.race import Spread

WORTH = 0.95
"""Settings that need more than this share of the default's time are not worth setting: the next run may differ."""
DEFAULT = (0, "auto")

Settings = tuple[int, str]
"""Threads, 0 for the default, and the engine."""
Times = dict[int, dict[Settings, "Spread"]]


def tune(
    onnx: OnnxFile,
    data: DataFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the settings as JSON, for `sklort.tuned`."),
    ] = None,
    drop: Drop = None,
    text: Text = None,
    batch_sizes: BatchSizes = "1,100,10000",
    threads: Annotated[
        str | None, typer.Option(help="Numbers of threads to try, with commas between. By default 1 and all there are.")
    ] = None,
    seconds: Seconds = 2.0,
    json: AsJson = False,
) -> None:
    """Measure which threads and which engine for trees are the fastest on your rows, over all sizes of batches.

    Every setting gives the same answers, to the bit, and that is compared before they are timed.
    """
    from sklort.cli.racing import Contender, Field, engines_of, feed_and_sizes, our_session
    from sklort.cli.rows import read_rows
    from sklort.session.tuned import FORMAT, settings
    from sklort.timing.machine import cores, description
    from sklort.timing.race import short

    sizes = numbers(batch_sizes, "--batch-sizes")
    counts = numbers(threads, "--threads") if threads is not None else sorted({1, cores()})
    rows = read_rows(data, drop=drop or (), text=text)
    first = our_session(onnx)
    feed, sizes = feed_and_sizes(first, rows, sizes)
    tried: list[Settings] = [DEFAULT, *((count, engine) for count in counts for engine in ("auto", *engines_of(onnx)))]
    field = Field(feed, [Contender(engine, count, our_session(onnx, count, engine)) for count, engine in tried])
    field.check()
    if field.differs:
        raise ValueError(f"settings give other answers, which is a fault of sklort: {field.left_out}")
    times: Times = {}
    with progress("timing", len(sizes), quiet=json) as bar:
        for size in sizes:
            found = field.race(size, seconds)
            times[size] = {(one.threads, one.name): found[one.key] for one in field.contenders}
            bar.advance(bar.task_ids[0])
    chosen = choose(times)
    data_out: dict[str, Any] = {
        "sklort_tuned": FORMAT,
        "settings": settings(*chosen),
        "times_as_fast": {str(size): times[size][DEFAULT].median / times[size][chosen].median for size in sizes},
        "model": str(onnx),
        "model_sha256": sha256(onnx.read_bytes()).hexdigest(),
        "machine": description(),
        "measured": [
            {"rows": size, **settings(*one), **vars(spread)} for size in sizes for one, spread in times[size].items()
        ],
    }
    if output is not None:
        output.write_text(dumps(data_out, indent=1) + "\n", encoding="utf-8")
    if json:
        emit(data_out)
        return
    head = ["engine", "threads", *(f"{size:,} {'row' if size == 1 else 'rows'}" for size in sizes)]
    body = [
        [engine, count or "default", *(short(times[size][count, engine].median) for size in sizes)]
        for count, engine in tried
    ]
    show(table(head, body, right=range(1, len(head))), "", *field.checks, description(), "", _verdict(chosen, times))
    if output is not None:
        show(f'{output}: sklort.InferenceSession("{onnx}", **sklort.tuned("{output}"))')


def choose(times: Times) -> Settings:
    """The settings that are the fastest over all sizes; the default, unless others are clearly faster.

    Clearly is by medians and by minima, which are the two ends that noise moves least.
    """

    def share(one: Settings, key: str) -> float:
        """Of the default's time, the geometric mean over the sizes."""
        ratios = [getattr(spreads[one], key) / getattr(spreads[DEFAULT], key) for spreads in times.values()]
        return exp(sum(map(log, ratios)) / len(ratios))

    tried = list(next(iter(times.values())))
    best = min(tried, key=lambda one: share(one, "median"))
    return best if max(share(best, "median"), share(best, "minimum")) <= WORTH else DEFAULT


def _verdict(chosen: Settings, times: Times) -> str:
    if chosen == DEFAULT:
        return "Nothing is clearly faster than the default: there is nothing to set."
    count, engine = chosen
    gains = [
        f"{spreads[DEFAULT].median / spreads[chosen].median:.2f} × for {size:,} {'row' if size == 1 else 'rows'}"
        for size, spreads in times.items()
    ]
    return f"Fastest: {engine}, {count or 'default'} threads; as fast as the default: {', '.join(gains)}."
