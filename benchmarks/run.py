"""Everything that is measured, from one program: ``make bench``, or ``python -m benchmarks.run`` from the root.

Each family - see `families` - is run by the original model, by `OnnxEstimator`, by `InferenceSession` and by whatever
else is installed, on one thread, in turns, each after its answers were compared with the original's. Fitted models are
kept in ``build/bench``, so that only the first run takes long.

While working on a kernel: ``python -m benchmarks.run --family gb3,rf8 --sizes 1,10000 --no-rivals``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import counting, engines, families, machine, report, store
from benchmarks.record import TURNS, Book, Record
from sklort.timing.race import Spread, race, times_faster

SIZES = (1, 100, 10_000, 100_000)


def measure(fitted: store.Fitted, sizes: Sequence[int], seconds: float, *, others: bool, counted: bool) -> Record:
    """Times of each engine for each number of rows, and the instructions of ours for one."""
    family, rows = fitted.family, fitted.table.rows
    times: dict[int, dict[str, Spread]] = {}
    instructions: dict[str, int] = {}
    with engines.one_thread():
        found, refused = engines.engines(fitted, others=others)
        remarks = engines.remarks(fitted, found)
        for size in sizes:
            if size <= family.most_rows:
                parts = [rows[first : first + size] for first in range(0, max(1, min(TURNS, len(rows) - size)), size)]
                times[size] = race(
                    {name: [*map(engine, parts)] for name, engine in found.items() if name not in refused},
                    disagreement=engines.disagreement(family.tolerance),
                    seconds=seconds,
                    rounds=3,
                    settings=engines.SETTINGS,
                    refused=refused,
                )
        for name in (engines.ESTIMATOR, engines.SESSION):
            if counted and name in found:
                with suppress(counting.NotCounted):
                    instructions[name] = counting.instructions(found[name](rows[:1]))
    return Record(
        family.key,
        family.title,
        family.group,
        family.library,
        str(fitted.size),
        times,
        refused=refused,
        remarks={name: sentence for name, sentence in remarks.items() if name not in refused},
        instructions=instructions,
    )


def show(record: Record) -> str:
    """A family as text: how many times as fast as onnxruntime each engine is, by medians and by minima, and its times.

    Minima are nearer to the truth on a machine that is busy with other things.
    """
    lines = [f"{record.key}: {record.title}; {record.size}"]
    for size, spreads in record.times.items():
        base = spreads.get(engines.OTHER, spreads[record.library])
        lines.append(f"  {size:,} rows")
        for name, spread in spreads.items():
            least = f"{base.minimum / spread.minimum:.3g} ×"
            lines.append(f"    {name:28}{times_faster(base, spread):>10}{least:>12}  {spread}")
    lines += [f"  {name}: {number:,} instructions for one row" for name, number in record.instructions.items()]
    lines += [f"  {name}: {sentence}" for name, sentence in [*record.refused.items(), *record.remarks.items()]]
    return "\n".join(lines)


def parser_of(keys: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default=",".join(keys), help="keys, with commas between; all: %(default)s")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="rows of a call (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each family and size (%(default)s)")
    parser.add_argument("--no-rivals", action="store_true", help="only the original, onnxruntime and sklort")
    parser.add_argument("--no-counts", action="store_true", help="count no instructions")
    parser.add_argument("--quick", action="store_true", help="tiny models: to see it run, not to believe its figures")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"), help="folder of fitted models (%(default)s)")
    parser.add_argument("--page", type=Path, metavar="FOLDER", help="write benchmarks.md and its plots there")
    parser.add_argument("--measured", action="store_true", help="measure nothing: write the page of what was kept")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    known = families.families()
    parser = parser_of(known)
    arguments = parser.parse_args(words)
    keys = arguments.family.split(",")
    unknown = [key for key in keys if key not in known]
    if unknown:
        parser.error(f"no family {', '.join(unknown)}; there are {', '.join(known)}")
    sizes = tuple(int(size) for size in arguments.sizes.split(","))
    here = machine.description()
    book = Book(arguments.cache / ("quick.json" if arguments.quick else "measured.json"), here)
    wrong = []
    for key in [] if arguments.measured else keys:
        family = known[key].small() if arguments.quick else known[key]
        fitted = store.fitted(family, arguments.cache, print)
        others, counted = not arguments.no_rivals, not arguments.no_counts
        record = measure(fitted, sizes, arguments.seconds, others=others, counted=counted)
        print(show(record), flush=True)
        book.add(record)
        # That a model cannot be converted is known before; an answer of ours that differs is a fault.
        faults = {name for name, sentence in record.refused.items() if sentence != fitted.refusal} | {*record.remarks}
        wrong += [f"{key}, {name}" for name in engines.OURS if name in faults]
    if arguments.page is not None:
        records, missing = book.records(known)
        report.write(records, arguments.page, here)
        print(f"{arguments.page / 'benchmarks.md'} is written" + (f", without {', '.join(missing)}" if missing else ""))
    if wrong:
        print(f"sklort gave a wrong answer, or none: {'; '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
