"""`sklort serve`: models behind HTTP."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from sklort.cli.options import AsJson
from sklort.cli.output import emit, show

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...", help="ONNX files, name=path, or folders name/version/model.onnx.", show_default=False
    ),
]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes one that is free.")]
Window = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Milliseconds for which a request waits for others to be computed together; 0 for those that have come.",
        show_default="each request alone",
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads for long predictions.", show_default="one for each processor")
]
Body = Annotated[float, typer.Option("--max-body", min=0.001, help="Megabytes of one request.")]
Rows = Annotated[int, typer.Option("--max-rows", min=1, help="Rows of one request.")]
Timeout = Annotated[float, typer.Option(min=0.001, help="Seconds for one request.")]
Grace = Annotated[float, typer.Option(min=0, help="Seconds for requests in flight when the server ends.")]
Connections = Annotated[
    int | None, typer.Option("--max-connections", min=1, help="More are answered with 503.", show_default="no limit")
]
Reload = Annotated[float, typer.Option(min=0, help="Seconds between two looks at the model files; 0: never.")]
Access = Annotated[bool, typer.Option("--access-log", help="A line of the log for every request.")]
Level = Annotated[str, typer.Option(help="debug, info, warning or error.")]


def serve(
    models: Models,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    batch_window: Window = None,
    threads: Threads = None,
    max_body: Body = 16,
    max_rows: Rows = 100_000,
    timeout: Timeout = 30,
    grace: Grace = 30,
    max_connections: Connections = None,
    reload: Reload = 2,
    access_log: Access = False,
    log_level: Level = "info",
    json: AsJson = False,
) -> None:
    """Serve models by the Open Inference Protocol and as rows of JSON. The log, lines of JSON, is on standard error."""
    from sklort.serving.limits import Limits
    from sklort.serving.server import serve as run

    if log_level not in ("debug", "info", "warning", "error"):
        raise ValueError(f"--log-level must be debug, info, warning or error, got {log_level!r}")

    def ready(url: str, service: Any) -> None:
        found = [{"name": one.name, "version": one.version} for one in service.models.all()]
        if json:
            emit({"url": url, "models": found})
        else:
            show(f"{url}: {', '.join(one['name'] + ' ' + one['version'] for one in found)}; {url}/docs says more")
        sys.stdout.flush()  # whoever waits for the address may read a pipe

    run(
        models,
        host=host,
        port=port,
        grace=grace,
        connections=max_connections,
        log_level=log_level,
        ready=ready,
        limits=Limits(body=round(max_body * 2**20), rows=max_rows, seconds=timeout),
        batch_window=None if batch_window is None else batch_window / 1000,
        threads=threads,
        look=reload or None,
        tell=access_log,
    )
