"""`sklort check`: does an ONNX file still give the answers of the model it was made from?"""

from __future__ import annotations

from typing import Annotated

import typer

from sklort.cli.options import AllowPickle, AsJson, DataFile, Drop, ModelFile, OnnxFile, Text, Tolerance, Trust
from sklort.cli.output import emit, progress, show


def check(
    model: ModelFile,
    onnx: OnnxFile,
    data: DataFile,
    drop: Drop = None,
    text: Text = None,
    allow_pickle: AllowPickle = False,
    trust: Trust = None,
    tolerance: Tolerance = None,
    given_rows_only: Annotated[
        bool, typer.Option("--given-rows-only", help="Leave out the rows made from the model to break the conversion.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Compare an ONNX file with the scikit-learn model it was made from. The exit status is 1 where they differ."""
    from sklort.cli.models import load_model
    from sklort.cli.rows import read_rows, rows_of_model
    from sklort.estimator.loading import load
    from sklort.estimator.methods import METHODS
    from sklort.estimator.parity import check_parity

    fitted = load_model(model, allow_pickle=allow_pickle, trust=trust or ())
    with onnx.open("rb"):
        loaded = load(onnx)
    rows = rows_of_model(read_rows(data, drop=drop or (), text=text), fitted)
    methods = [name for name in METHODS if hasattr(loaded, name) and hasattr(fitted, name)]
    if not methods:
        raise ValueError(f"{onnx} offers none of the methods of {type(fitted).__name__}: there is nothing to compare")
    getattr(loaded, methods[0])(rows)  # what the file refuses is said here, with its reason
    with progress("comparing", None, quiet=json):
        report = check_parity(fitted, loaded, rows, tolerance=tolerance, adversarial=not given_rows_only)
    if json:
        emit({"model": str(model), "onnx": str(onnx), **report.as_dict()})
    else:
        show(str(report), "", f"{onnx} {'agrees with' if report.ok else 'DIFFERS FROM'} {model}")
    if not report.ok:
        raise typer.Exit(1)
