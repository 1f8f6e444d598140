"""The service as a process of its own: uvicorn, on httptools and uvloop."""

from __future__ import annotations

import logging
import logging.config
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from sklort.serving.logs import configuration
from sklort.serving.service import Service

if TYPE_CHECKING:
    import uvicorn


Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, Any] | Service


def serve(
    models: Source,
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
        Of the log, lines of JSON on standard error.
    ready : callable, optional
        ``ready(url, service)``, called when connections are accepted.
    **options
        Of `Service`.

    Raises
    ------
    OSError, SklortError, ValueError
        A model cannot be loaded; the port is taken.
    """
    logging.config.dictConfig(configuration(log_level))
    service = _service(models, options)
    with _bound(host, port) as listener:
        if ready is not None:
            ready(_url(listener), service)
        _server(service, grace, connections).run(sockets=[listener])


@contextmanager
def running(models: Source, *, host: str = "127.0.0.1", port: int = 0, **options: Any) -> Iterator[str]:
    """A server in a thread of this process, as long as the block lasts: for notebooks and tests.

    Parameters
    ----------
    models, host, port, **options
        As `serve` takes them.

    Yields
    ------
    str
        The URL.
    """
    with _bound(host, port) as listener:
        server = _server(_service(models, options), 5.0, None)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="sklort serving")
        thread.start()
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join()


def _service(models: Source, options: Mapping[str, Any]) -> Service:
    return models if isinstance(models, Service) else Service(models, **options)


def _server(service: Service, grace: float, connections: int | None) -> uvicorn.Server:
    import uvicorn

    from sklort.serving.wire import Protocol

    return uvicorn.Server(
        uvicorn.Config(
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
            timeout_keep_alive=max(5, round(service.limits.seconds)),
        )
    )


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens: from here on clients wait rather than fail."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}; --port chooses another", f"{host}:{port}") from None
        listener.listen(2048)
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
