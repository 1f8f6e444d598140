"""The models that are served, and the files they come from: loaded at the start, and anew when a file changes.

A new model takes the place of the old one when it is ready, in one assignment; requests in flight end with the model
they began with. A file that cannot be loaded is told to the log, and the model before it goes on.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from sklort.exceptions import text_of
from sklort.serving.meters import Meters
from sklort.serving.model import Backend, load
from sklort.serving.route import Route
from sklort.serving.sources import Source, files

LOG = logging.getLogger("sklort.serving")

Key = tuple[str, str]
Stamp = tuple[int, int, int]


class Served(NamedTuple):
    """One version of a model, ready to answer.

    Attributes
    ----------
    name, version : str
    backend : Backend
    infer, predict : Route
    since : float
        Seconds since 1970.
    """

    name: str
    version: str
    backend: Backend
    infer: Route
    predict: Route
    since: float


class Models:
    """All that is served at one moment; never changed, only replaced.

    Attributes
    ----------
    versions : dict of str to dict of str to Served
        By name, then by version, the newest last.
    routes : dict of str to Route
        By the path that is asked for.
    """

    def __init__(self, served: Iterable[Served]) -> None:
        self.versions: dict[str, dict[str, Served]] = {}
        for one in sorted(served, key=lambda one: (one.name, int(one.version))):
            self.versions.setdefault(one.name, {})[one.version] = one
        self.routes: dict[str, Route] = {}
        for name, versions in self.versions.items():
            for version, one in versions.items():  # without a version the newest answers
                for part in ("", f"/versions/{version}"):
                    self.routes[f"/v2/models/{name}{part}/infer"] = one.infer
                    self.routes[f"/models/{name}{part}/predict"] = one.predict

    def all(self) -> list[Served]:
        """Every version of every model."""
        return [one for versions in self.versions.values() for one in versions.values()]

    def find(self, name: str, version: str | None = None) -> Served | None:
        """A version of a model, or its newest one."""
        versions = self.versions.get(name, {})
        return versions.get(version or next(reversed(versions), ""))


class Repository:
    """See the module.

    Parameters
    ----------
    found : sequence of Source
    ready : mapping of str to Backend
        Models that come from no file.
    make : callable
        ``make(name, version, backend) -> Served``.
    meters : Meters
    """

    def __init__(
        self,
        found: Iterable[Source],
        ready: Mapping[str, Backend],
        make: Callable[[str, str, Backend], Served],
        meters: Meters,
    ) -> None:
        self._sources, self._make, self._meters = list(found), make, meters
        self._loaded: dict[Key, Stamp] = {}
        self._seen: dict[Key, Stamp] = {}
        self._failed: dict[Key, Stamp] = {}
        self._missing: set[Key] = set()
        served = {(name, "1"): make(name, "1", backend) for name, backend in ready.items()}
        for key, path in files(self._sources).items():
            served[key] = self._load(key, path, _stamp(path))
        self._served = served
        self.models = Models(served.values())
        meters.loaded = lambda: {(one.name, one.version): one.since for one in self.models.all()}

    def _load(self, key: Key, path: Path, stamp: Stamp) -> Served:
        begin = time.perf_counter()
        one = self._make(*key, load(path))
        self._loaded[key] = stamp
        seconds = round(time.perf_counter() - begin, 3)
        LOG.info("model loaded", extra={"model": key[0], "version": key[1], "file": str(path), "seconds": seconds})
        return one

    def look(self) -> bool:
        """Load what has changed since the last look, and tell whether anything has.

        A file is loaded when two looks find it the same, so that none is read while it is written.
        """
        try:
            there = files(self._sources)
        except (OSError, ValueError) as error:
            LOG.error("cannot look for models", extra={"reason": text_of(error)})
            return False
        changed = {key: one for key, path in there.items() if (one := self._changed(key, path)) is not None}
        gone = self._gone(there)
        if changed or gone:
            self._served = {key: one for key, one in {**self._served, **changed}.items() if key not in gone}
            self.models = Models(self._served.values())
        return bool(changed or gone)

    def _changed(self, key: Key, path: Path) -> Served | None:
        told = {"model": key[0], "version": key[1], "file": str(path)}
        try:
            stamp = _stamp(path)
            if stamp in (self._loaded.get(key), self._failed.get(key)):
                return None
            if self._seen.get(key) != stamp:
                self._seen[key] = stamp
                return None
            found = self._load(key, path, stamp)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file must not stop the others
            self._failed[key] = self._seen.get(key, (0, 0, 0))
            self._meters.reload(key[0], "failed")
            LOG.error("model not loaded, the one before goes on", extra={**told, "reason": text_of(error)})
            return None
        self._failed.pop(key, None)
        self._meters.reload(key[0], "loaded")
        return found

    def _gone(self, there: Mapping[Key, Path]) -> set[Key]:
        """Versions whose folder is gone, at two looks; never the last version of a model."""
        missing = {key for key in self._loaded if key not in there}
        gone = {key for key in missing & self._missing if any(k[0] == key[0] for k in there)}
        self._missing = missing
        for key in gone:
            del self._loaded[key]
            LOG.info("version retired", extra={"model": key[0], "version": key[1]})
        return gone


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
