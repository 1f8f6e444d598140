"""What is gained: the compiled model against the scikit-learn model it was made from, on the user's own rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from sklort.estimator import frames
from sklort.estimator.lanes import Lanes
from sklort.estimator.parity import TOLERANCE, compare
from sklort.exceptions import ParityError, ScikitLearnAnswered
from sklort.providers.cpu import limit_threads, thread_limit
from sklort.timing.agreement import agreement
from sklort.timing.comparison import Comparison, Timing
from sklort.timing.machine import cores, description
from sklort.timing.race import Runner, Spread, race

OURS, THEIRS, OTHER = "sklort", "scikit-learn", "onnxruntime"
PREFERRED = ("predict_proba", "predict", "transform", "decision_function", "score_samples")
TURNS = 512
"""Rows that small batches are taken from in turn, so that no processor learns one row by heart."""
OTHERS_TOLERANCE = 1e-5
"""onnxruntime adds in float32 where the graph says float: what differs by less is timed, and said."""

Engine = Callable[[Any], Runner]
"""From rows a call without arguments, with everything but the call itself done before."""


def benchmark(
    self: Any,
    X: Any,
    *,
    batch_sizes: Sequence[int] = (1, 100, 10_000),
    method: str | None = None,
    against: Any = None,
    threads: int | Sequence[int] | None = None,
    onnxruntime: bool = False,
    seconds: float = 1.0,
) -> Comparison:
    """Time this estimator against the scikit-learn model inside it, in the same run, after their answers are compared.

    Parameters
    ----------
    X : array or data frame of shape (n_samples, n_features)
        Typical rows, in the form in which they will come. Larger batches than X repeat its rows.
    batch_sizes : sequence of int, default=(1, 100, 10_000)
        Rows in one call.
    method : str, optional
        By default the first of predict_proba, predict, transform, decision_function and score_samples that there is.
    against : fitted estimator, optional
        The scikit-learn model, where the estimator was loaded from a file and has none inside.
    threads : int or sequence of int, optional
        Both are held to so many, scikit-learn by `n_jobs`, OpenMP and BLAS, on a copy of the model. By default each
        runs as it is configured, on the processors there are.
    onnxruntime : bool, default=False
        Let onnxruntime run the same graph, where it is installed.
    seconds : float, default=1.0
        About how long to measure each batch size.

    Returns
    -------
    Comparison
        Prints as a table with the median, p95 and p99; has `to_pandas`, `to_dict` and `plot`.

    Raises
    ------
    ParityError
        The two differ on X: nothing is timed.
    """
    model = against if against is not None else getattr(self, "estimator_", None)
    if model is None:
        raise ValueError("the estimator was loaded without its scikit-learn model: give it as against=model")
    sizes = _sizes(batch_sizes)
    method = method or next((one for one in PREFERRED if hasattr(self, one) and hasattr(model, one)), None)
    if method is None or not (hasattr(self, method) and hasattr(model, method)):
        raise ValueError(f"{type(model).__name__} and its compiled form have no method {method or 'in common'}")
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    checks = [_check(self, model, method, X)]
    timings: list[Timing] = []
    left_out: dict[str, str] = {}
    for count in _counts(threads):
        with _held_to(count):
            racing = model if count is None else _with_n_jobs(model, count)
            engines: dict[str, Engine] = {THEIRS: _asked(racing, method), OURS: _asked(self, method)}
            finish: dict[str, Callable[[Any], Any]] = {}
            if onnxruntime:
                try:
                    name, engines[name], finish[name], sentence = _onnxruntime(self, method, X, count)
                except _LeftOutError as reason:
                    left_out[OTHER] = str(reason)
                else:
                    checks += [sentence] if sentence not in checks else []
            used = {THEIRS: count or cores(), OURS: count or thread_limit()}
            for size in sizes:
                times = _race(engines, finish, X, size, seconds, left_out)
                timings += [Timing(name, size, used.get(name, count or cores()), times[name]) for name in times]
    return Comparison(
        f"{type(model).__name__}.{method}", THEIRS, tuple(timings), tuple(checks), left_out, description()
    )


class _LeftOutError(Exception):
    """Why onnxruntime does not take part."""


def _sizes(batch_sizes: Sequence[int]) -> list[int]:
    sizes = [int(size) for size in batch_sizes]
    if not sizes or min(sizes) < 1:
        raise ValueError(f"batch_sizes must be numbers of rows, at least one of each, got {batch_sizes!r}")
    return sizes


def _counts(threads: int | Sequence[int] | None) -> list[int | None]:
    if threads is None:
        return [None]
    counts = [threads] if isinstance(threads, int) else [int(one) for one in threads]
    if not counts or min(counts) < 1:
        raise ValueError(f"threads must be at least 1, got {threads!r}")
    return list(counts)


def _check(estimator: Any, model: Any, method: str, X: Any) -> str:
    """Compare the answers to all of X, and say so."""
    if not frames.height(X):
        raise ValueError("X has no rows: give typical ones")
    known = getattr(estimator, "parity_report_", None)
    tolerance = known.tolerance if known is not None else TOLERANCE["float64"]
    report = compare(
        type(model).__name__,
        [method],
        lambda name, rows: getattr(model, name)(rows),
        lambda name, rows: getattr(estimator, name)(rows),
        [("given", X)],
        tolerance=tolerance,
        exact=frozenset(["predict"] if is_classifier(model) else []),
    )
    if not report.ok:
        raise ParityError(f"the two differ on X, so nothing is timed\n{report}", report)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        getattr(estimator, method)(frames.take_rows(X, [0]))
    answered = [str(one.message) for one in said if issubclass(one.category, ScikitLearnAnswered)]
    found = f"{report.rows:,} rows compared: equal within {tolerance:g}, {report.methods[0].max_abs:.1e} apart at most"
    return "; ".join([found, *answered[:1]])


def _race(
    engines: dict[str, Engine],
    finish: dict[str, Callable[[Any], Any]],
    X: Any,
    size: int,
    seconds: float,
    left_out: dict[str, str],
) -> dict[str, Spread]:
    height = frames.height(X)
    turns = max(1, min(TURNS, height) // size)
    parts = [frames.take_rows(X, (np.arange(size) + start * size) % height) for start in range(turns)]
    runners = {name: [engine(part) for part in parts] for name, engine in engines.items()}
    refused: dict[str, str] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        times = race(
            runners,
            disagreement=_disagreement,
            seconds=seconds,
            rounds=3,
            finish=finish,
            refused=refused,
            each=True,
        )
    if OURS in refused:
        raise ParityError(f"{size:,} rows: {refused[OURS]}")
    left_out.update({f"{name}, {size:,} rows": sentence for name, sentence in refused.items()})
    return times


def _disagreement(truth: Any, answer: Any) -> str | None:
    return agreement(truth, answer, OTHERS_TOLERANCE).difference or None


def _asked(model: Any, method: str) -> Engine:
    # The method is looked up in each call, as a user's is: that may cost something.
    return lambda rows: partial(methodcaller(method, rows), model)


def _onnxruntime(
    estimator: Any, method: str, X: Any, threads: int | None
) -> tuple[str, Engine, Callable[[Any], Any], str]:
    """onnxruntime on the graph behind `method`: its name, the engine, what its outputs mean, and how they compare."""
    try:
        import onnxruntime
    except ImportError as error:
        raise _LeftOutError(f"{error}: pip install onnxruntime") from None
    lanes = estimator._lanes
    if not isinstance(lanes, Lanes) or method not in lanes.program.graph.outputs:
        raise _LeftOutError("there is no one graph for it: the model is compiled in parts")
    graph, dtypes = lanes.program.graph, lanes.program.dtypes
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
        run = partial(session.run, [graph.outputs[method]])

        def fed(rows: Any) -> Runner:
            values = lanes.intake.admit(rows)[1]
            feed = {one.name: value.astype(d, copy=False) for one, value, d in zip(graph.inputs, values, dtypes)}
            return lambda: run(feed)

        def finish(outputs: Any) -> Any:
            return graph.finish(method, outputs[0])

        found = agreement(getattr(estimator, method)(X), finish(fed(X)()), OTHERS_TOLERANCE)
    except Exception as error:  # noqa: BLE001 - onnxruntime fails in ways of its own
        raise _LeftOutError(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    if not found.ok:
        raise _LeftOutError(f"its answers differ: {found.difference}")
    direct = frames.kind_of(X) == "array" and X.dtype == dtypes[0]
    name = OTHER if direct else f"{OTHER}, its inputs made before"
    return name, fed, finish, f"{OTHER}: {found.largest:.1e} from sklort's answers at most"


@contextmanager
def _held_to(threads: int | None) -> Iterator[None]:
    """Inside, sklort, BLAS and OpenMP use so many threads; None for no change."""
    if threads is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    before = thread_limit()
    limit_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        limit_threads(before)


def _with_n_jobs(model: Any, threads: int) -> Any:
    """A copy of a fitted model that uses so many threads wherever it, or a part of it, has `n_jobs`."""
    copied = deepcopy(model)
    todo, seen = [copied], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, BaseEstimator):
            if "n_jobs" in vars(one):
                one.n_jobs = threads
            todo += vars(one).values()
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, (list, tuple)) or (isinstance(one, np.ndarray) and one.dtype == object):
            todo += list(one)
    return copied
