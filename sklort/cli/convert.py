"""`sklort convert`: a fitted scikit-learn model becomes an ONNX file, compared with the original on the way."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal

import typer

from sklort.cli.options import AllowPickle, AsJson, DataFile, Drop, ModelFile, Text, Tolerance, Trust
from sklort.cli.output import emit, show, size

Fallback = Literal["error", "warn"]
Parity = Literal["error", "warn", "skip"]


def convert(
    model: ModelFile,
    data: DataFile,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write: .onnx, or .joblib.", show_default=False
        ),
    ],
    drop: Drop = None,
    text: Text = None,
    allow_pickle: AllowPickle = False,
    trust: Trust = None,
    target_opset: Annotated[
        int | None, typer.Option(help="The ONNX opset to write. By default the newest.", show_default=False)
    ] = None,
    parity: Annotated[
        Parity, typer.Option(help="What a difference between the two does; skip compares nothing.")
    ] = "error",
    tolerance: Tolerance = None,
    fallback: Annotated[
        Fallback,
        typer.Option(
            help="A step without ONNX form: an error, or left to scikit-learn, which only a .joblib can hold."
        ),
    ] = "error",
    json: AsJson = False,
) -> None:
    """Convert a fitted scikit-learn model to ONNX and compare the two, on your rows and on rows made to break it.

    Nothing is written where they differ.
    """
    from sklort.cli.models import load_model
    from sklort.cli.rows import read_rows, rows_of_model
    from sklort.estimator.convert import convert as converted
    from sklort.exceptions import ParityError

    if output.suffix.lower() not in (".onnx", ".joblib"):
        raise typer.BadParameter(f"{output}: the suffix must be .onnx or .joblib", param_hint="--output")
    fitted = load_model(model, allow_pickle=allow_pickle, trust=trust or ())
    rows = rows_of_model(read_rows(data, drop=drop or (), text=text), fitted)
    begin = perf_counter()
    policy: Any = {"error": True, "warn": "warn", "skip": False}[parity]
    found: dict[str, Any] = {"model": str(model), "output": None}
    try:
        made = converted(fitted, rows, parity=policy, tolerance=tolerance, target_opset=target_opset, fallback=fallback)
    except ParityError as error:
        if json:
            emit({**found, "parity": error.report.as_dict()})
        else:
            show(str(error.report), "")
        raise ParityError(
            f"the conversion of {model} differs from the original: nothing is written (--parity warn writes it)",
            error.report,
        ) from None
    seconds = perf_counter() - begin
    _write(made, output)
    report = made.parity_report_
    if json:
        found |= {"output": str(output), "bytes": output.stat().st_size, "seconds": seconds}
        emit({**found, "parity": report and report.as_dict(), "compilation": made.compilation_.as_dict()})
        return
    show(str(made.compilation_), "", str(report or "not compared"), "")
    show(f"{output}: {size(output.stat().st_size)}, made and compared in {seconds:.2f} s")


def _write(made: Any, output: Path) -> None:
    """Write beside the file and put it into its place at once: whoever reads it never sees a half."""
    beside = output.with_name(f".{output.name}.{os.getpid()}{output.suffix}")
    try:
        if output.suffix.lower() == ".onnx":
            made.save(beside)
        else:
            import joblib

            joblib.dump(made, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
