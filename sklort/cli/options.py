"""Arguments and options that several commands have, with the words of their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sklort._version import __version__


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sklort {__version__}")
        raise typer.Exit


OnnxFile = Annotated[Path, typer.Argument(metavar="ONNX", help="An ONNX model.", show_default=False)]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A fitted scikit-learn model: .skops, or a pickle.", show_default=False)
]
DataFile = Annotated[
    Path,
    typer.Option("--data", metavar="FILE", help="Rows: .npy, .npz, .csv, .parquet or .feather.", show_default=False),
]
Drop = Annotated[
    list[str] | None, typer.Option("--drop", metavar="COLUMN", help="Leave out a column of the rows, e.g. the target.")
]
Text = Annotated[
    str | None, typer.Option("--text", metavar="COLUMN", help="The column of texts, for a model that takes texts.")
]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Open a pickle, which runs the code in it. Only where you trust it.")
]
Trust = Annotated[
    list[str] | None, typer.Option("--trust", metavar="TYPE", help="A type that a .skops file may hold. Repeatable.")
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        min=0.0, help="Numbers pass within this, relative to the larger of 1 and the original's.", show_default=False
    ),
]
Provider = Annotated[
    list[str] | None,
    typer.Option("--provider", metavar="NAME", help="Run on it, e.g. CUDAExecutionProvider; repeatable, in order."),
]
BatchSizes = Annotated[str, typer.Option(metavar="N,N", help="Rows in one call, with commas between.")]
Seconds = Annotated[float, typer.Option(min=0.0, help="About how long to measure each size of batch.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of tables.")]
Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


def about(version: Version = False) -> None:
    """What comes before a command."""


def numbers(words: str, what: str) -> list[int]:
    """Whole numbers from ``1,100,10000``; a `typer.BadParameter` for anything else."""
    try:
        found = [int(word) for word in words.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise typer.BadParameter(f"{what} takes whole numbers of 1 or more, with commas between, not {words!r}")
    return list(dict.fromkeys(found))
