"""Counts and times, kept in plain numbers while requests run, and made into Prometheus' text when it is asked for.

All of it is written by the thread of the event loop, and read there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

SECONDS = (
    1e-5,
    2.5e-5,
    5e-5,
    1e-4,
    2.5e-4,
    5e-4,
    1e-3,
    2.5e-3,
    5e-3,
    1e-2,
    2.5e-2,
    5e-2,
    0.1,
    0.25,
    0.5,
    1.0,
    5.0,
    30.0,
)
CALLS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


class Histogram:
    """How often a value fell into which bucket."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Bounds and counts up to them, as Prometheus wants them."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


class Meter:
    """Of one model's version, asked in one way. It outlives the model: a file that is loaded anew counts on."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.rows = 0
        self.seconds = Histogram(SECONDS)

    def note(self, status: int, rows: int, seconds: float) -> None:
        """A request was answered."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.rows += rows
        self.seconds.add(seconds)


class Meters:
    """All meters of a service."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str, str], Meter] = {}
        self.batches: dict[tuple[str, str], Histogram] = {}
        self.reloads: dict[tuple[str, str], int] = {}
        self.loaded: Callable[[], Mapping[tuple[str, str], float]] = dict
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def route(self, name: str, version: str, route: str) -> Meter:
        """The meter of requests to a model by this route."""
        return self.routes.setdefault((name, version, route), Meter())

    def batch(self, name: str, version: str) -> Histogram:
        """How many requests were computed together."""
        return self.batches.setdefault((name, version), Histogram(CALLS))

    def reload(self, name: str, result: str) -> None:
        """A model's file changed, and was loaded or not."""
        self.reloads[name, result] = self.reloads.get((name, result), 0) + 1

    def text(self) -> bytes:
        """What `/metrics` says."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Prometheus' side of it."""
        labels = ["model", "version", "route"]
        requests = CounterMetricFamily("sklort_requests", "Requests that were answered.", labels=[*labels, "status"])
        rows = CounterMetricFamily("sklort_rows", "Rows that were answered.", labels=labels)
        seconds = HistogramMetricFamily(
            "sklort_request_seconds", "From a request's arrival to its answer.", labels=labels
        )
        for key, meter in self.routes.items():
            for status, count in meter.statuses.items():
                requests.add_metric([*key, str(status)], count)
            rows.add_metric(key, meter.rows)
            seconds.add_metric(key, meter.seconds.buckets(), meter.seconds.total)
        batches = HistogramMetricFamily("sklort_batch_requests", "Requests computed together.", labels=labels[:2])
        for pair, histogram in self.batches.items():
            batches.add_metric(pair, histogram.buckets(), histogram.total)
        reloads = CounterMetricFamily("sklort_reloads", "Changed model files.", labels=["model", "result"])
        for pair, count in self.reloads.items():
            reloads.add_metric(pair, count)
        loaded = GaugeMetricFamily(
            "sklort_model_loaded", "When a model was loaded, in seconds since 1970.", labels=labels[:2]
        )
        for pair, when in self.loaded().items():
            loaded.add_metric(pair, when)
        found: list[Any] = [requests, rows, seconds, batches, reloads, loaded]
        return found
