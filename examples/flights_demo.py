"""Five models of late flights: trained, converted, checked on every row, and timed against scikit-learn.

    make demo                              or, with the package and its extra `demo` installed:
    python -m examples.flights_demo        from the checkout's root

Each model learns from 100,000 flights whether one arrives more than 15 minutes late. `sklort.convert` writes it as
ONNX, compares the two on rows given and on rows made to break it, and compiles it. Then both score all 336,776
flights, and both are timed. onnxruntime joins, on the same ONNX model, where it is installed. What is printed is also
written to demo-output/, as a plot and as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import sklearn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklort
from benchmarks import flights, plots, rivals
from sklort.timing.race import Spread, race, short, times_faster

SIZES = (1, 100, 10_000, 100_000)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
TOLERANCE = 1e-12
QUICK_ROWS = 3000
STAGES = ("training", "converting", "checking every flight", *(f"timing {size:,}" for size in SIZES))


@dataclass(frozen=True)
class Case:
    """A model to fit, and the X it takes."""

    name: str
    model: Any
    X: Any


@dataclass(frozen=True)
class Check:
    """Both models on all flights.

    Attributes
    ----------
    rows, label_mismatches : int
    max_difference : float
        Largest ``|a - b|`` of a probability, divided by the largest probability of its row.
    max_own_difference : float
        Largest ``|a - b| / |a|``. scikit-learn computes one class of two as ``1 - p``: when that is tiny it carries the
        rounding of `p`, so relative to itself its last digits are noise in scikit-learn already.
    """

    rows: int
    label_mismatches: int
    max_difference: float
    max_own_difference: float

    @property
    def passed(self) -> bool:
        return self.label_mismatches == 0 and self.max_difference <= TOLERANCE

    def __str__(self) -> str:
        return (
            f"all {self.rows:,} flights: {self.label_mismatches} label mismatches; probabilities differ by at most "
            f"{self.max_difference:.1e} relative to their row, {self.max_own_difference:.1e} to themselves"
        )


def cases(data: flights.Flights) -> list[Case]:
    """The models of the demo; the sizes leave time for everything within three minutes on two cores."""

    def pipeline(last: Any) -> Any:
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        columns = ColumnTransformer(
            [
                ("numbers", numbers, flights.KNOWN + flights.AT_TAKE_OFF),
                ("codes", OneHotEncoder(handle_unknown="ignore"), flights.CODES),
            ]
        )
        return make_pipeline(columns, last)

    forest = RandomForestClassifier(100, n_jobs=CORES, random_state=0)
    boosting = GradientBoostingClassifier(n_estimators=100, max_depth=3, subsample=0.5, random_state=0)
    small_forest = RandomForestClassifier(100, max_depth=10, max_samples=25_000, n_jobs=CORES, random_state=0)
    scaled = StandardScaler().fit(data.numbers[data.training]).transform(data.numbers)
    return [
        Case("RandomForestClassifier, 100 trees without depth limit", forest, data.numbers),
        Case("GradientBoostingClassifier, 100 trees of depth 3", boosting, data.numbers),
        Case("LogisticRegression", LogisticRegression(), scaled),
        Case("ColumnTransformer -> LogisticRegression", pipeline(LogisticRegression(max_iter=1000)), data.frame),
        Case("ColumnTransformer -> RandomForestClassifier", pipeline(small_forest), data.frame),
    ]


def check_all(model: Any, estimator: Any, X: Any) -> Check:
    """Score all rows with both.

    scikit-learn's forests add their trees in whatever order the threads finish, so the original runs on one thread:
    its sums are then those of the documented order.
    """
    rivals.use_threads(model, 1)
    expected, got = model.predict_proba(X), estimator.predict_proba(X)
    difference = np.abs(got - expected)
    of_row = difference / expected.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        of_itself = np.divide(difference, np.abs(expected), out=np.zeros_like(difference), where=difference > 0)
    mismatches = int(np.count_nonzero(model.predict(X) != estimator.predict(X)))
    return Check(len(expected), mismatches, float(of_row.max()), float(of_itself.max()))


def time_all(
    case: Case, estimator: Any, onnxruntime: Any | None, step: Callable[[], None]
) -> dict[int, dict[str, Spread]]:
    """Times of `predict_proba` for each number of rows."""
    times: dict[int, dict[str, Spread]] = {}
    for size in SIZES:
        step()
        if size > len(case.X):
            continue
        X = flights.rows(case.X, slice(len(case.X) - size, None))
        rivals.use_fastest_threads(case.model, X, CORES)
        runners = {
            "scikit-learn": lambda X=X: case.model.predict_proba(X),
            "sklort": lambda X=X: estimator.predict_proba(X),
        }
        if onnxruntime is not None:
            runners["onnxruntime"] = lambda X=X: onnxruntime.predict_proba(X)
        times[size] = race(runners, disagreement=differ, seconds=1.0, rounds=3)
    return times


def differ(truth: Any, result: Any) -> str | None:
    """onnxruntime sums in float32: what is timed must be right to five digits, `check_all` asks for twelve."""
    difference = float(np.abs(truth - result).max())
    return None if difference <= 1e-5 else f"probabilities differ by {difference:.1e}"


def table_of(times: dict[int, dict[str, Spread]], *, wide: bool) -> Table:
    """Medians, with the fastest and slowest round beside them where the terminal has room."""
    engines = list(next(iter(times.values())))
    rivals_here = [engine for engine in engines if engine != "sklort"]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("rows", justify="right")
    for engine in engines:
        table.add_column(engine, justify="right", no_wrap=True)
    for engine in rivals_here:
        table.add_column(f"vs {engine}", justify="right", no_wrap=True, style="bold")
    for size, row in times.items():
        cells = [str(row[engine]) if wide else short(row[engine].median) for engine in engines]
        ratios = [times_faster(row[engine], row["sklort"]) for engine in rivals_here]
        table.add_row(f"{size:,}", *cells, *ratios)
    return table


def run(output: Path, console: Console, *, quick: bool = False) -> bool:
    """The whole demo; True when every model gave scikit-learn's answers."""
    started = perf_counter()
    console.print(f"[bold]sklort {sklort.__version__}[/], scikit-learn {sklearn.__version__}, {CORES} cores")
    data = flights.read()
    if quick:
        data = data.first(QUICK_ROWS)
    console.print(
        f"{len(data.late):,} flights from New York in 2013, {data.late.mean():.0%} late; "
        f"training on {len(data.training):,}, scoring all. Cancelled and diverted flights count as late."
    )
    results: list[dict[str, Any]] = []
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        todo = cases(data)
        task = bar.add_task("", total=len(todo) * len(STAGES))
        for case in todo:
            stages = iter(STAGES)

            def step(stages: Any = stages, case: Case = case) -> None:
                if bar.tasks[task].description:
                    bar.advance(task)
                bar.update(task, description=f"{case.name}: {next(stages)}")

            console.rule(f"[bold]{case.name}", align="left")
            result = run_case(case, data, step, console)
            results.append(result)
        bar.advance(task)

    output.mkdir(parents=True, exist_ok=True)
    seconds = perf_counter() - started
    record = {
        "sklort": sklort.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
        "cores": CORES,
        "seconds": seconds,
        "models": results,
    }
    (output / "flights.json").write_text(json.dumps(record, indent=2) + "\n")
    plots.times_by_rows(
        {result["name"]: result["times"] for result in results},
        output / "flights.png",
        title="Seconds for one call of predict_proba",
    )
    passed = all(result["check"]["passed"] for result in results)
    console.rule(align="left")
    verdict = (
        "[green]every model gives scikit-learn's answers[/]" if passed else "[red]some model differs: see above[/]"
    )
    console.print(f"{verdict}; {seconds:.0f} s")
    console.print(f"plot: {output / 'flights.png'}   figures: {output / 'flights.json'}")
    return passed


def run_case(case: Case, data: flights.Flights, step: Callable[[], None], console: Console) -> dict[str, Any]:
    """Train, convert, check and time one model; print it; return what goes into the JSON."""
    step()
    begin = perf_counter()
    case.model.fit(flights.rows(case.X, data.training), data.late[data.training])
    trained = perf_counter()
    step()
    estimator = sklort.convert(case.model, flights.rows(case.X, data.training))
    converted = perf_counter()
    console.print(f"trained in {trained - begin:.1f} s, converted, checked and compiled in {converted - trained:.1f} s")
    console.print(str(estimator.parity_report_), style="dim", highlight=False, soft_wrap=True)
    step()
    check = check_all(case.model, estimator, case.X)
    console.print(str(check), style="green" if check.passed else "bold red", highlight=False, soft_wrap=True)
    onnxruntime = rivals.onnxruntime_of(estimator.onnx_model_)
    times = time_all(case, estimator, onnxruntime, step)
    console.print(table_of(times, wide=console.width >= 120))
    console.print()
    return {
        "name": case.name,
        "seconds_to_train": trained - begin,
        "seconds_to_convert": converted - trained,
        "parity": estimator.parity_report_.as_dict(),
        "check": {**asdict(check), "passed": check.passed},
        "times": {size: {engine: asdict(spread) for engine, spread in row.items()} for size, row in times.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for the plot and the figures")
    parser.add_argument(
        "--quick", action="store_true", help="a few thousand flights: to see it run, not to believe its figures"
    )
    arguments = parser.parse_args()
    return 0 if run(arguments.output, Console(), quick=arguments.quick) else 1


if __name__ == "__main__":
    sys.exit(main())
