"""`sklort score`: Parquet files of any size, scored into Parquet."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sklort.cli.options import AsJson, OnnxFile
from sklort.cli.output import emit, progress, show


class Engine(str, Enum):
    """Who does the work."""

    local = "local"
    dask = "dask"
    ray = "ray"


Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT...", help="Parquet files, folders, or quoted patterns.", show_default=False),
]
OutputPath = Annotated[
    Path,
    typer.Option("--output", "-o", help="A folder; or, ending in .parquet, one file.", show_default=False),
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", help="predict, predict_proba, ...; an output of other models. May come several times."),
]
Columns = Annotated[
    str | None,
    typer.Option(help="The columns the model reads, in its order: a,b,c. By default by their names."),
]
Keep = Annotated[str, typer.Option(help="Columns to hand through: a,b,c, or all.")]
Prefix = Annotated[str, typer.Option(help="In front of the names of the answers.")]
EngineName = Annotated[Engine, typer.Option(help="Threads here, or worker processes of Dask or Ray.")]
Workers = Annotated[int | None, typer.Option(help="Parts in work at once.", min=1)]
Address = Annotated[str | None, typer.Option(help="Of a Dask or Ray cluster that shares the file system.")]
BatchRows = Annotated[int | None, typer.Option(help="Rows in memory at once, for each worker.", min=1)]
PartRows = Annotated[int, typer.Option(help="Rows of a part of the output, which a kill may cost.", min=1)]
Compression = Annotated[str, typer.Option(help="zstd, snappy, gzip, lz4, brotli or none.")]
Restart = Annotated[bool, typer.Option("--restart", help="Forget an earlier run and replace its result.")]


def score(
    onnx: OnnxFile,
    inputs: Inputs,
    output: OutputPath,
    method: Methods = None,
    columns: Columns = None,
    keep: Keep = "",
    prefix: Prefix = "",
    engine: EngineName = Engine.local,
    workers: Workers = None,
    address: Address = None,
    batch_rows: BatchRows = None,
    part_rows: PartRows = 1_000_000,
    compression: Compression = "zstd",
    restart: Restart = False,
    json: AsJson = False,
) -> None:
    """Score Parquet files of any size into Parquet; a run that was killed goes on where it was when called again."""
    from sklort.scoring.run import score_files

    with progress("rows", None) as bar:
        task = bar.task_ids[0]
        done = score_files(
            onnx,
            inputs,
            output,
            method=method,
            columns=None if columns is None else _listed(columns),
            keep="all" if keep == "all" else _listed(keep),
            prefix=prefix,
            engine=engine.value,
            workers=workers,
            address=address,
            batch_rows=batch_rows,
            part_rows=part_rows,
            compression=compression,
            restart=restart,
            report=lambda ready, total: bar.update(task, completed=ready, total=total),
        )
    if json:
        emit(done.as_dict())
        return
    if done.parts_now == 0:
        show(f"{done.output}: complete already, {done.rows:,} rows")
        return
    earlier = f", {done.rows - done.rows_now:,} of them by an earlier run" if done.rows_now < done.rows else ""
    show(f"{done.output}: {done.rows:,} rows{earlier}; {done.seconds:.3g} s, {done.rows_a_second:,.0f} rows/s")


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
