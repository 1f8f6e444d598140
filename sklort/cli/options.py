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
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of tables.")]
Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


def about(version: Version = False) -> None:
    """What comes before a command."""
