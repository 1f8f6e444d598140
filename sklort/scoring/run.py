"""Parquet in, Parquet out: a run from its plan to its result."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Literal, get_args

from sklort.exceptions import ScoringError
from sklort.scoring.engines import Engine, cores, run_jobs
from sklort.scoring.files import find
from sklort.scoring.output import Output
from sklort.scoring.parts import Job
from sklort.scoring.plan import PART_ROWS, Plan, make_plan
from sklort.scoring.scorer import Scorer

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Scored:
    """What a run has done.

    Attributes
    ----------
    output : str
    rows : int
        In the result.
    rows_now : int
        Those that this run has scored; an earlier one had done the others.
    parts, parts_now : int
        The same, of parts.
    seconds : float
    """

    output: str
    rows: int
    rows_now: int
    parts: int
    parts_now: int
    seconds: float

    @property
    def rows_a_second(self) -> float:
        """Of this run."""
        return self.rows_now / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "rows_a_second": self.rows_a_second}


def score_files(
    model: Any,
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    method: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] | Literal["all"] = (),
    prefix: str = "",
    engine: Engine = "local",
    workers: int | None = None,
    address: str | None = None,
    batch_rows: int | None = None,
    part_rows: int = PART_ROWS,
    compression: str = "zstd",
    restart: bool = False,
    report: Callable[[int, int], object] | None = None,
) -> Scored:
    """Score Parquet files of any size into Parquet, in the order of their rows.

    The output appears under its name when it is whole. Until then its parts lie in ``OUTPUT.partial``; a run that is
    killed, at whatever moment, is gone on with by the same call, and its result is that of a run which was not.

    Parameters
    ----------
    model, method, columns, keep, prefix
        As for `Scorer`.
    inputs : path or sequence of paths
        Parquet files, folders of them, or patterns.
    output : path
        A name that ends in ``.parquet`` becomes one file, which is put together at the end; any other a folder with one
        file for each part.
    engine : {"local", "dask", "ray"}
        Threads of this process, or worker processes. The result has the same bytes.
    workers : int, optional
        Parts that are in work at once. By default one for each core, and no more than four threads.
    address : str, optional
        Of a Dask scheduler or a Ray cluster that is there already, and sees the same files under the same paths.
    batch_rows : int, optional
        Rows in memory at once, for each worker; by default some megabytes of them.
    part_rows : int
        Row groups are put together to parts of up to about this many rows. What a kill can cost is one part a worker.
    compression : str
        Of the output: "zstd", "snappy", "gzip", "lz4", "brotli" or "none".
    restart : bool
        Forget an earlier run, finished or not, and replace its result when the new one is whole.
    report : callable, optional
        Told, as the work goes on, how many rows are done and how many there are.

    Returns
    -------
    Scored

    Raises
    ------
    ScoringError
        The files do not fit the model, rows are refused, or an earlier run was another one. It names the file, the row
        group and the column; parts that are finished stay.
    """
    began = perf_counter()
    _check(engine, workers, address, batch_rows, part_rows, compression)
    scorer = Scorer(model, method=method, columns=columns, keep=keep, prefix=prefix)
    paths = find(inputs)
    target = Output(output)
    _check_apart(paths, target)
    plan = make_plan(scorer, paths, part_rows=part_rows, compression=compression)
    with target.held():
        if restart:
            target.discard()
        done, replace = target.resume(plan)
        replace = replace or restart
        if not done and not replace and target.is_whole(plan):
            return Scored(str(target.path), plan.rows, 0, len(plan.parts), 0, perf_counter() - began)
        if not replace and target.path.exists():
            target.is_whole(plan)
        _say_rounding(plan)
        target.begin(plan, replace=replace)
        jobs = [
            Job(
                plan.files[part.file],
                part,
                str(target.partial),
                plan.digest,
                plan.schema,
                batch_rows,
                compression,
            )
            for part in plan.parts
            if part.number not in done
        ]
        now = sum(job.part.rows for job in jobs)
        ready = plan.rows - now
        for rows in run_jobs(scorer, jobs, engine, workers or _workers(engine), address):
            ready += rows
            if report is not None:
                report(ready, plan.rows)
        target.publish(plan)
    return Scored(str(target.path), plan.rows, now, len(plan.parts), len(jobs), perf_counter() - began)


def _workers(engine: Engine) -> int:
    return min(4, cores()) if engine == "local" else cores()


def _say_rounding(plan: Plan) -> None:
    if plan.rounded:
        few = ", ".join(plan.rounded[:5]) + (f" and {len(plan.rounded) - 5} more" if len(plan.rounded) > 5 else "")
        warnings.warn(f"numbers are rounded to float32, which the model reads: {few}", stacklevel=3)


def _check_apart(paths: Sequence[str], target: Output) -> None:
    """The output must not be, or lie among, what is read: the next run would read it."""
    for path in paths:
        place = os.path.realpath(path)
        for mine in (target.path, target.partial):
            inside = os.path.realpath(mine)
            if place == inside or place.startswith(inside + os.sep):
                raise ScoringError(f"{path} is both input and output: write to another name, outside of the inputs")


def _check(
    engine: str, workers: int | None, address: str | None, batch_rows: int | None, part_rows: int, compression: str
) -> None:
    if engine not in get_args(Engine):
        raise ValueError(f"engine is one of {', '.join(get_args(Engine))}, not {engine!r}")
    if address is not None and engine == "local":
        raise ValueError("an address is that of a Dask or Ray cluster: choose the engine dask or ray")
    for name, value in (("workers", workers), ("batch_rows", batch_rows), ("part_rows", part_rows)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is at least 1, not {value}")
    known = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")
    if compression not in known:
        raise ValueError(f"compression is one of {', '.join(known)}, not {compression!r}")
