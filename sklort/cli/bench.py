"""`sklort bench`: how fast a model answers on your rows, beside the model it was made from and beside onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sklort.cli.options import (
    AllowPickle,
    AsJson,
    BatchSizes,
    DataFile,
    Drop,
    OnnxFile,
    Provider,
    Seconds,
    Text,
    Trust,
    numbers,
)
from sklort.cli.output import emit, progress, show


def bench(
    onnx: OnnxFile,
    data: DataFile,
    against: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Race the scikit-learn model that it was made from.", show_default=False),
    ] = None,
    drop: Drop = None,
    text: Text = None,
    allow_pickle: AllowPickle = False,
    trust: Trust = None,
    batch_sizes: BatchSizes = "1,100,10000",
    threads: Annotated[
        str | None, typer.Option(help="Threads of each, with commas between. By default as configured.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="With --against: the method to call, e.g. predict.")] = None,
    engines: Annotated[bool, typer.Option("--engines", help="Race every engine there is for the trees.")] = False,
    tuned: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Race also the settings that sklort tune wrote.")
    ] = None,
    provider: Provider = None,
    rivals: Annotated[bool, typer.Option(help="Race onnxruntime, where it is installed.")] = True,
    seconds: Seconds = 1.0,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw a chart: .svg, .png or .pdf.")] = None,
    json: AsJson = False,
) -> None:
    """Time a model on your rows: p50, p95 and p99 of a call, and rows a second, for each size of batch.

    Answers are compared before anything is timed. The exit status is 1 where they differ.
    """
    from sklort.cli.rows import read_rows

    sizes = numbers(batch_sizes, "--batch-sizes")
    counts = numbers(threads, "--threads") if threads is not None else None
    if against is not None and (engines or tuned):
        raise typer.BadParameter(
            "--engines and --tuned are for sessions, --against is for estimators: take one of them"
        )
    if against is None and method is not None:
        raise typer.BadParameter("--method is for estimators, and needs --against")
    if plot is not None:
        import matplotlib as mpl

        mpl.use("Agg")
    rows = read_rows(data, drop=drop or (), text=text)
    if against is not None:
        from sklort.cli.models import load_model
        from sklort.cli.rows import rows_of_model
        from sklort.estimator.onnx_estimator import OnnxEstimator

        fitted = load_model(against, allow_pickle=allow_pickle, trust=trust or ())
        with onnx.open("rb"):
            loaded = OnnxEstimator.from_onnx(onnx)
        with progress("timing", None, quiet=json):
            found = loaded.benchmark(
                rows_of_model(rows, fitted),
                batch_sizes=sizes,
                method=method,
                against=fitted,
                threads=counts,
                onnxruntime=rivals,
                seconds=seconds,
            )
        differs = any("differ" in reason for reason in found.left_out.values())
    else:
        found, differs = _sessions(onnx, rows, sizes, counts, provider or [], engines, tuned, rivals, seconds, json)
    if plot is not None:
        found.plot().figure.savefig(plot)
    if json:
        emit({"onnx": str(onnx), "data": str(data), **found.to_dict()})
    else:
        show(str(found))
    if differs:
        raise typer.Exit(1)


def _sessions(
    onnx: Path,
    rows: Any,
    sizes: list[int],
    counts: list[int] | None,
    providers: list[str],
    engines: bool,
    tuned: Path | None,
    rivals: bool,
    seconds: float,
    quiet: bool,
) -> tuple[Any, bool]:
    from sklort.cli.racing import (
        DEVICE_TOLERANCE,
        OTHERS_TOLERANCE,
        Contender,
        Field,
        check_here,
        engines_of,
        feed_and_sizes,
        onnxruntime_session,
        our_session,
    )
    from sklort.providers.cpu import thread_limit
    from sklort.session.inference_session import InferenceSession
    from sklort.session.tuned import tuned as read_tuned
    from sklort.timing.comparison import Comparison
    from sklort.timing.machine import description

    check_here(providers)
    first = our_session(onnx)
    feed, sizes = feed_and_sizes(first, rows, sizes)
    field = Field(feed, [])
    for count in counts or [thread_limit()]:
        field.contenders.append(Contender("sklort", count, our_session(onnx, count)))
        for name in providers:
            session = our_session(onnx, count, providers=[name])
            label = f"sklort, {name.removesuffix('ExecutionProvider')}"
            field.contenders.append(Contender(label, count, session, DEVICE_TOLERANCE))
        for engine in engines_of(onnx) if engines else ():
            field.contenders.append(Contender(f"sklort, {engine}", count, our_session(onnx, count, engine)))
        if rivals:
            try:
                theirs = onnxruntime_session(onnx, count)
            except Exception as error:  # noqa: BLE001 - it fails in ways of its own
                field.left_out["onnxruntime"] = str(error).splitlines()[0]
            else:
                field.contenders.append(Contender("onnxruntime", count, theirs, OTHERS_TOLERANCE, ours=False))
    if tuned is not None:
        given = read_tuned(tuned)
        count = given["sess_options"].intra_op_num_threads or thread_limit()
        field.contenders.append(Contender("sklort, tuned", count, InferenceSession(onnx, **given)))
    field.check()
    with progress("timing", len(sizes), quiet=quiet) as bar:
        timings = field.timings(sizes, seconds, lambda: bar.advance(bar.task_ids[0]))
    baseline = next((one.name for one in field.contenders if not one.ours), "sklort")
    found = Comparison(
        f"{onnx.name}: every output", baseline, tuple(timings), tuple(field.checks), field.left_out, description()
    )
    return found, field.differs
