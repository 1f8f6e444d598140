"""Everything that is measured, from one program: ``make bench``, or ``python -m benchmarks.run`` from the root.

Each family - see `families` - is run by the original model, by `OnnxEstimator`, by `InferenceSession` and by whatever
else is installed, on one thread, in turns, each after its answers were compared with the original's. Fitted models are
kept in ``build/bench``, so that only the first run takes long.

While working on a kernel: ``python -m benchmarks.run --family gb3,rf8 --sizes 1,10000 --no-rivals``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import engines, families, store
from benchmarks.timing import Spread, race, times_faster

SIZES = (1, 100, 10_000, 100_000)


def measure(
    fitted: store.Fitted, sizes: tuple[int, ...], seconds: float, *, others: bool = True
) -> tuple[dict[int, dict[str, Spread]], dict[str, str]]:
    """Times of each engine for each number of rows, and a sentence for each engine that has none."""
    family = fitted.family
    times: dict[int, dict[str, Spread]] = {}
    with engines.one_thread():
        found, refused = engines.engines(fitted, others=others)
        for size in sizes:
            if size > family.most_rows:
                continue
            rows = fitted.table.rows[:size]
            times[size] = race(
                {name: engine(rows) for name, engine in found.items() if name not in refused},
                disagreement=engines.disagreement(family.tolerance),
                seconds=seconds,
                rounds=3,
                settings=engines.SETTINGS,
                refused=refused,
            )
    return times, refused


def show(family: families.Family, times: dict[int, dict[str, Spread]], refused: dict[str, str]) -> str:
    """A family's times as text: how many times as fast as onnxruntime, and the median with its range."""
    lines = [f"{family.key}: {family.title}"]
    for size, spreads in times.items():
        base = spreads.get(engines.OTHER, spreads[family.library])
        lines.append(f"  {size:,} rows")
        for name, spread in spreads.items():
            lines.append(f"    {name:28}{times_faster(base, spread):>10}  {spread}")
    lines += [f"  {name}: {sentence}" for name, sentence in refused.items()]
    return "\n".join(lines)


def main() -> None:
    known = families.families()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default=",".join(known), help="keys, with commas between; all: %(default)s")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="rows of a call (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each family and size (%(default)s)")
    parser.add_argument("--no-rivals", action="store_true", help="only scikit-learn, onnxruntime and sklort")
    parser.add_argument("--quick", action="store_true", help="tiny models: to see it run, not to believe its figures")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"), help="folder of fitted models (%(default)s)")
    arguments = parser.parse_args()
    unknown = [key for key in arguments.family.split(",") if key not in known]
    if unknown:
        parser.error(f"no family {', '.join(unknown)}; there are {', '.join(known)}")
    sizes = tuple(int(size) for size in arguments.sizes.split(","))
    for key in arguments.family.split(","):
        family = known[key].small() if arguments.quick else known[key]
        fitted = store.fitted(family, arguments.cache, print)
        print(show(family, *measure(fitted, sizes, arguments.seconds, others=not arguments.no_rivals)), flush=True)


if __name__ == "__main__":
    main()
