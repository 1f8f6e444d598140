"""Who runs a family: the original model, sklort's estimator and sessions, onnxruntime and the rivals.

An `Engine` takes rows and returns a call without arguments, with everything but the call itself done before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from operator import methodcaller
from typing import Any

import numpy as np
import pandas as pd

import sklort
from benchmarks import rivals
from benchmarks.store import Fitted
from sklort._native import _core
from sklort.session.options import SessionOptions
from sklort.timing.race import Runner

Engine = Callable[[Any], Runner]

SESSION, ESTIMATOR, OTHER = "session", "OnnxEstimator", "onnxruntime"
TWO_THREADS, NARROW = "session, 2 threads", "session, AVX2"
CHECKED = 10_000
READY = "feed ready"
"""Added to the name of a session on a data frame whose columns were made arrays before the call."""

OURS = (ESTIMATOR, SESSION, f"{SESSION}, {READY}", TWO_THREADS, NARROW)


@contextmanager
def instruction_set(name: str) -> Iterator[None]:
    """Hot loops of this instruction set inside."""
    before = _core.isa()
    _core.choose_isa(name)
    try:
        yield
    finally:
        _core.choose_isa(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for sklort, unless a session was made with more, and for BLAS and OpenMP."""
    from threadpoolctl import threadpool_limits

    before = _core.thread_limit()
    _core.set_thread_limit(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        _core.set_thread_limit(before)


SETTINGS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {NARROW: partial(instruction_set, "avx2")}
"""What must be set around a call of an engine."""


def engines(fitted: Fitted, *, others: bool = True) -> tuple[dict[str, Engine], dict[str, str]]:
    """All that can run the family, the original first, and a sentence for each that cannot.

    Parameters
    ----------
    fitted : Fitted
    others : bool
        Whether the rivals take part.
    """
    family = fitted.family
    rivals.use_threads(fitted.model, 1)
    found: dict[str, Engine] = {family.library: _asked(fitted.model, family.method)}
    refused = {}
    if fitted.estimator is None:
        refused[ESTIMATOR] = fitted.refusal
    else:
        found[ESTIMATOR] = _asked(fitted.estimator, family.method)
    frame = isinstance(fitted.table.rows, pd.DataFrame)
    sessions = {SESSION: sklort_session(fitted.graph)}
    if find_spec("onnxruntime") is not None:
        sessions[OTHER] = onnxruntime_session(fitted.graph)
    sessions[TWO_THREADS] = sklort_session(fitted.graph, threads=2)
    if "avx2" in _core.isas()[1:]:
        with instruction_set("avx2"):
            sessions[NARROW] = sklort_session(fitted.graph)
    for name, session in sessions.items():
        found[name] = _run(session, family.output, feed_inside=frame)
        if frame and name in (SESSION, OTHER):
            found[f"{name}, {READY}"] = _run(session, family.output, feed_inside=False)
    if others:
        for name, make in rivals.RIVALS.items():
            try:
                engine = make(fitted)
            except (rivals.Unsuitable, ImportError) as reason:
                refused[name] = str(reason)
            else:
                if engine is not None:
                    found[name] = engine
    return found, refused


def remarks(fitted: Fitted, found: Mapping[str, Engine]) -> dict[str, str]:
    """A sentence for each engine that errs in a few rows, or where rows lie exactly on thresholds."""
    family, table = fitted.family, fitted.table
    said: dict[str, str] = {}
    for where, rows in (("", table.rows[:CHECKED]), ("where rows lie exactly on thresholds, ", table.exact)):
        if rows is None:
            continue
        differ = disagreement(family.tolerance, strict=True)
        truth = found[family.library](rows)()
        for name, engine in found.items():
            try:
                with SETTINGS.get(name, nullcontext)():
                    sentence = differ(truth, engine(rows)())
            except Exception as error:  # noqa: BLE001 - rivals fail in ways of their own
                sentence = f"it fails: {error}"
            if sentence is not None:
                said[name] = "; ".join([*filter(None, [said.get(name)]), where + sentence])
    return said


def _asked(model: Any, method: str) -> Engine:
    # The method is looked up in each call, as a user's is: that may cost something.
    return lambda rows: partial(methodcaller(method, rows), model)


def _run(session: Any, output: str, *, feed_inside: bool) -> Engine:
    run = partial(session.run, [output])
    if feed_inside:
        return lambda rows: lambda: run(feed_of(rows))
    (first, *_) = (one.name for one in session.get_inputs())
    return lambda rows: partial(run, feed_of(rows) if isinstance(rows, pd.DataFrame) else {first: rows})


def feed_of(frame: pd.DataFrame) -> dict[str, Any]:
    """One array for each column, as onnxruntime must be given them."""
    feed = {}
    for name in frame.columns:
        column = frame[name].to_numpy()
        feed[name] = (column if column.dtype.kind in "fiu" else column.astype(object)).reshape(-1, 1)
    return feed


def sklort_session(graph: bytes, threads: int = 1) -> Any:
    options = SessionOptions()
    options.intra_op_num_threads = threads
    return sklort.InferenceSession(graph, options)


def onnxruntime_session(graph: bytes, threads: int = 1) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def disagreement(tolerance: float, *, strict: bool = False) -> Callable[[Any, Any], str | None]:
    """Numbers within `tolerance` of the largest of the truth, or of 1; labels that are equal.

    Unless `strict`, and of labels always, one row in a thousand may differ: where the rounded distances of a graph are
    equal, or where a rival rounds a threshold. Of few rows none may.
    """

    def compare(truth: Any, answer: Any) -> str | None:
        truth, answer = np.asarray(truth), np.asarray(answer)
        if truth.size != answer.size:
            return f"shape {answer.shape} instead of {truth.shape}"
        answer = answer.reshape(truth.shape)
        few = len(truth) // 1000
        if tolerance == 0:
            different = int((truth != answer).sum())
            return None if different <= few else f"{different:,} of {len(truth):,} labels differ"
        scale = max(1.0, float(np.abs(truth).max()))
        far = np.abs(truth - answer).reshape(len(truth), -1).max(axis=1) / scale
        different = int((~(far <= tolerance)).sum())
        if different <= (0 if strict else few):
            return None
        return f"{different:,} of {len(truth):,} rows differ, by up to {far.max() * scale:.1e}"

    return compare
