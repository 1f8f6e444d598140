"""The service as a process of its own: uvicorn, on httptools and uvloop."""

from __future__ import annotations

import logging
import logging.config
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sklort.serving.limits import Limits
from sklort.serving.logs import configuration
from sklort.serving.service import Service


def serve(
    models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, Any] | Service,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    grace: float = 30.0,
    connections: int | None = None,
    log_level: str = "info",
    ready: Callable[[str, Service], None] | None = None,
    **options: Any,
) -> None:
    """Serve models until the process is told to end (SIGINT, SIGTERM); requests in flight are answered first.

    Parameters
    ----------
    models : see `Service`, or a Service
    host, port : str, int
        Port 0 takes one that is free.
    grace : float
        Seconds that requests in flight may take when the server ends.
    connections : int, optional
        More than so many at a time are answered with 503.
    log_level : str
    ready : callable, optional
        ``ready(url, service)``, called when connections are accepted.
    **options
        Of `Service`.

    Raises
    ------
    OSError, SklortError, ValueError
        A model cannot be loaded; the port is taken.
    """
    import uvicorn

    from sklort.serving.wire import Protocol

    limits = options.get("limits") or Limits()
    logging.config.dictConfig(configuration(log_level))
    service = models if isinstance(models, Service) else Service(models, **options)
    config = uvicorn.Config(
        service,
        http=Protocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # `tell` of the service
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=connections,
        timeout_graceful_shutdown=max(1, round(grace)),
        timeout_keep_alive=max(5, round(limits.seconds)),
    )
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    with bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}; --port chooses another", f"{host}:{port}") from None
        bound.listen(2048)
        if ready is not None:
            shown = f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{bound.getsockname()[1]}", service)
        uvicorn.Server(config).run(sockets=[bound])
