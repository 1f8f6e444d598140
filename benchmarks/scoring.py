"""`sklort score` over many rows: rows a second, peak memory, and whether kill -9 changes the result.

    python -m benchmarks.scoring                                ten million rows, in build/bench/scoring
    python -m benchmarks.scoring --rows 300_000 --kills 3
    python -m benchmarks.scoring --engine dask

One run is left alone; another is killed at random moments, each time after it has finished a part more, and started
again. Their files must have the same bytes, and the numbers of the rows must come in order. What the work would take
at the least is measured beside it: the same columns read, scored and written, one after the other, with nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sklort
from benchmarks import machine

COLUMNS = [f"x{i}" for i in range(20)]
GROUP = 250_000
FILES = 4
METHOD = "predict_proba"


@dataclass(frozen=True)
class Ran:
    """One process: its exit status, seconds, processor seconds and peak of resident memory in bytes."""

    status: int
    seconds: float
    processor: float
    memory: int


def make_rows(folder: Path, rows: int) -> None:
    """Files of standard normal numbers, with the number of the row in front."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    schema = pa.schema([("id", pa.int64()), *((name, pa.float64()) for name in COLUMNS)])
    ends = [rows * (i + 1) // FILES for i in range(FILES)]
    at = 0
    for i, end in enumerate(ends):
        with pq.ParquetWriter(folder / f"rows-{i}.parquet", schema) as writer:
            while at < end:
                count = min(GROUP, end - at)
                numbers = rng.normal(size=(len(COLUMNS), count))
                writer.write_table(pa.table([np.arange(at, at + count), *numbers], schema=schema))
                at += count


def is_made(work: Path, rows: int) -> bool:
    """Whether an earlier benchmark has left its rows and its model."""
    import pyarrow.parquet as pq

    paths = list((work / "rows").glob("*.parquet"))
    try:
        return (work / "model.onnx").exists() and sum(pq.read_metadata(path).num_rows for path in paths) == rows
    except (OSError, ValueError):  # of one that was cut off
        return False


def make_model(path: Path) -> None:
    """A gradient boosting of 100 trees."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    X = pd.DataFrame(np.random.default_rng(1).normal(size=(50_000, len(COLUMNS))), columns=COLUMNS)
    y = X.x0 + X.x1 * X.x2 > 0
    sklort.convert(HistGradientBoostingClassifier(random_state=0).fit(X, y), X).save(path)


def command(work: Path, output: str, options: argparse.Namespace) -> list[str]:
    told = ["--keep", "id", "--method", METHOD, "--engine", options.engine, "--json"]
    more = ["--part-rows", str(options.part_rows), *(["--workers", str(options.workers)] if options.workers else [])]
    files = [str(work / "model.onnx"), str(work / "rows"), "-o", str(work / output)]
    return [sys.executable, "-m", "sklort.cli", "score", *files, *told, *more]


def run(call: list[str]) -> Ran:
    began = time.perf_counter()
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    return Ran(process.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def killed_and_started_again(call: list[str], partial: Path, kills: int) -> int:
    """Kill the command so many times, or until it is done; then let it end. Returns the number of kills."""
    chance = random.Random(0)
    died = seen = 0
    for _ in range(kills):
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
        while process.poll() is None and parts(partial) <= seen:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        process.wait()
        if process.returncode != -signal.SIGKILL:
            break  # it was faster
        died += 1
        seen = parts(partial)
        print(f"  killed with {seen} parts finished, {len(list(partial.glob('.*.tmp')))} begun")
    last = run(call)
    if last.status:
        raise SystemExit(f"the last run ended with status {last.status}")
    return died


def parts(partial: Path) -> int:
    return len(list(partial.glob("part-*.parquet")))


def difference(one: Path, other: Path) -> str | None:
    """What tells two results apart; None when every file has the same bytes."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (one, other)]
    if names[0] != names[1]:
        return f"files {names[0]} and {names[1]}"
    return next((name for name in names[0] if (one / name).read_bytes() != (other / name).read_bytes()), None)


def disorder(folder: Path, rows: int) -> str | None:
    """What is wrong with the numbers of the rows; None when they are 0, 1, 2, ..."""
    import pyarrow.parquet as pq

    at = 0
    for path in sorted(folder.glob("*.parquet")):
        found = pq.read_table(path, columns=["id"])["id"].to_numpy()
        if not np.array_equal(found, np.arange(at, at + len(found))):
            return f"{path.name} does not hold the rows from {at}"
        at += len(found)
    return None if at == rows else f"{at} rows where {rows} were"


def least(work: Path, rows: int) -> dict[str, float]:
    """Seconds for reading, scoring and writing, each alone, over up to a million rows, as for all of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scorer = sklort.Scorer(work / "model.onnx", method=METHOD, keep=["id"])
    seconds = dict.fromkeys(("reading", "scoring", "writing"), 0.0)
    done = 0
    with pq.ParquetFile(work / "rows" / "rows-0.parquet", pre_buffer=False) as file:
        for group in range(min(file.num_row_groups, 4)):
            began = time.perf_counter()
            batches = [pa.Table.from_batches([one]) for one in file.iter_batches(65_536, row_groups=[group])]
            seconds["reading"] += time.perf_counter() - began
            began = time.perf_counter()
            results = [scorer(one) for one in batches]
            seconds["scoring"] += time.perf_counter() - began
            result = pa.concat_tables(results).combine_chunks()
            began = time.perf_counter()
            pq.write_table(result, work / "alone.parquet", compression="zstd", write_page_checksum=True)
            seconds["writing"] += time.perf_counter() - began
            done += result.num_rows
    return {name: one * rows / done for name, one in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Score many rows, with and without kill -9.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--engine", default="local", choices=("local", "dask", "ray"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--part-rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/scoring"))
    parser.add_argument("--clean", action="store_true", help="remove the rows in the end, too")
    parser.add_argument("--json", action="store_true", help="print one object at the end")
    options = parser.parse_args()

    work = options.folder.resolve()
    began = time.perf_counter()
    if not is_made(work, options.rows):
        shutil.rmtree(work, ignore_errors=True)
        make_rows(work / "rows", options.rows)
        make_model(work / "model.onnx")
    for name in ("whole", "killed", "whole.partial", "killed.partial"):
        shutil.rmtree(work / name, ignore_errors=True)
    size = sum(path.stat().st_size for path in (work / "rows").iterdir())
    print(f"{machine.description()['processor']}, {os.cpu_count()} cores")
    print(
        f"{options.rows:,} rows of {len(COLUMNS)} float64 columns and a number, {size / 1e9:.2f} GB of Parquet, "
        f"ready after {time.perf_counter() - began:.0f} s; "
        f"{METHOD} of a gradient boosting of 100 trees; engine {options.engine}"
    )
    alone = least(work, options.rows)
    whole = run(command(work, "whole", options))
    if whole.status:
        raise SystemExit(f"the run that was left alone ended with status {whole.status}")
    died = killed_and_started_again(command(work, "killed", options), work / "killed.partial", options.kills)
    wrong = difference(work / "whole", work / "killed") or disorder(work / "killed", options.rows)
    found: dict[str, Any] = {
        "rows": options.rows,
        "engine": options.engine,
        "seconds": whole.seconds,
        "rows_a_second": options.rows / whole.seconds,
        "processor_seconds": whole.processor,
        "peak_memory_bytes": whole.memory,
        "alone": alone,
        "kills": died,
        "equal": wrong is None,
    }
    print(f"left alone: {whole.seconds:.1f} s, {found['rows_a_second']:,.0f} rows/s, start of the process included;")
    print(f"  {whole.processor:.1f} s of processor time, {whole.memory / 1e6:,.0f} MB of memory at the peak")
    spoken = ", ".join(f"{name} {one:.1f} s" for name, one in alone.items())
    print(f"alone, one after the other: {spoken}; together {sum(alone.values()):.1f} s")
    print(f"killed {died} times: " + ("every byte and every row the same" if wrong is None else f"DIFFERENT: {wrong}"))
    if options.json:
        print(json.dumps(found))
    if wrong is not None:
        raise SystemExit(1)
    if options.clean:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
