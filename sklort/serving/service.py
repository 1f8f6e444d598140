"""The service: one ASGI application over the models of a repository."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sklort.exceptions import SessionError
from sklort.serving.engine import Engine
from sklort.serving.infer import Infer
from sklort.serving.limits import Limits
from sklort.serving.meters import Meters
from sklort.serving.model import Backend
from sklort.serving.pages import application
from sklort.serving.repository import Models, Repository, Served
from sklort.serving.route import Route
from sklort.serving.rows import Rows
from sklort.serving.sources import sources

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

BATCH_ROWS = 1024
"""Rows that wait for no more."""


class Service:
    """Models behind HTTP, as an ASGI application: the Open Inference Protocol under ``/v2``, rows under ``/models``.

    Alone, or mounted inside another application; then the other's lifespan should enter `lifespan`, which watches the
    files of the models.

    Parameters
    ----------
    models : path, sequence of paths, or mapping of str to path
        ONNX files, saved estimators or others; ``name=path``; folders ``name/version/model.onnx``.
    limits : Limits, optional
        On what one request may take.
    batch_window : float, optional
        Seconds for which a request waits for others to be computed together; 0 for those that have come already. The
        answers are the same. None: each is computed alone.
    threads : int, optional
        That compute what is too long for the event loop; by default as many as there are processors.
    look : float or None
        Seconds between two looks at the files; None: never.
    tell : bool
        Log every request.

    Raises
    ------
    OSError, SklortError, ValueError
        A model cannot be loaded.
    """

    def __init__(
        self,
        models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, Any],
        *,
        limits: Limits | None = None,
        batch_window: float | None = None,
        threads: int | None = None,
        look: float | None = 2.0,
        tell: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self._window, self._look, self._tell = batch_window, look, tell
        self.meters = Meters()
        self._executor = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="sklort")
        ready: dict[str, Backend] = {}
        if isinstance(models, Mapping):
            ready = {name: one for name, one in models.items() if hasattr(one, "compute")}
            models = {name: one for name, one in models.items() if name not in ready}
        self.repository = Repository(sources(models), ready, self._made, self.meters)
        self._pages = application(self)

    @property
    def models(self) -> Models:
        """What is served now."""
        return self.repository.models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path, root = scope["path"], scope.get("root_path")
            if root and path.startswith(root):
                path = path[len(root) :]
            route = self.repository.models.routes.get(path)
            if route is not None:
                await route(scope, receive, send)
                return
        await self._pages(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """Look at the files of the models from time to time."""
        watching = asyncio.create_task(self._watch(self._look)) if self._look else None
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()

    async def _watch(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(seconds)
            await loop.run_in_executor(None, self.repository.look)

    def _made(self, name: str, version: str, backend: Backend) -> Served:
        window = self._window if backend.by_rows else None
        engine = Engine(self._executor, window, BATCH_ROWS, self.meters.batch(name, version))
        tensors, rows = Infer(backend, name, version, self.limits), Rows(backend, name, version, self.limits)
        _warm(engine, backend)
        infer, predict = (
            Route(codec, engine, self.meters.route(name, version, route), self.limits, tell=self._tell)
            for codec, route in ((tensors, "infer"), (rows, "predict"))
        )
        return Served(name, version, backend, infer, predict, time.time())


def _warm(engine: Engine, backend: Backend) -> None:
    """Compute a row twice: the first call of a model is slower than all others, and the second shows its pace."""
    if any(-1 in port.shape[1:] for port in backend.inputs):
        return
    values: list[Any] = [
        np.full((1, *port.shape[1:]), "" if port.dtype.kind == "O" else 0, dtype=port.dtype) for port in backend.inputs
    ]
    run = backend.compute(tuple(port.name for port in backend.outputs)).run
    try:
        run(values, None)
        begin = time.perf_counter()
        run(values, None)
    except SessionError:  # no row that the model takes
        return
    engine.took(1, time.perf_counter() - begin)
