"""Does the converted model give the original's answers? Checked at every conversion, on real rows and on cruel ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from math import isnan
from time import perf_counter
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.methods import METHODS
from sklort.estimator.report import Failure, MethodParity, ParityReport
from sklort.estimator.values import Unsure
from sklort.exceptions import SessionError

Array = npt.NDArray[Any]
Answer = Callable[[str, Any], Any]

PARITY_ROWS = 2000
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SHOWN_FAILURES = 5
MANY_COLUMNS = 1 << 12
FEW_NUMBERS = 1 / 20
"""A sparse X of more columns, filled less than this, costs more as dense rows than as scikit-learn's products."""


def spread(X: Any, most: int = PARITY_ROWS) -> Any:
    """At most `most` rows of `X`, evenly spread, first and last included; always the same ones."""
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    n = frames.height(X)
    if n <= most:
        return X
    return frames.take_rows(X, np.linspace(0, n - 1, most).astype(np.intp))


def plain_sample(X: Any) -> Any:
    """`X` in the form a conversion reads: whole numbers and numeric objects as float64, sparse matrices dense
    where that is not too many zeros."""
    kind = frames.kind_of(X)
    if kind == "sparse":
        if X.shape[1] > MANY_COLUMNS and X.nnz < FEW_NUMBERS * X.shape[0] * X.shape[1]:
            return X
        X = X.toarray()
    if kind in ("pandas", "polars", "arrow"):
        return X
    X = np.asarray(X)
    if X.dtype.kind in "iub" or (X.dtype.kind == "f" and X.dtype not in (np.float32, np.float64)):
        return X.astype(np.float64)
    if X.dtype.kind == "O" and not any(isinstance(value, str) for value in X.ravel().tolist()):
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError):
            return X
    return X


def compare(
    name: str,
    methods: Iterable[str],
    original: Answer,
    converted: Answer,
    groups: list[tuple[str, Any]],
    *,
    tolerance: float,
    exact: frozenset[str] = frozenset(),
) -> ParityReport:
    """Run the same rows through both and write down the differences.

    Parameters
    ----------
    name : str
        What the report calls the model.
    methods : iterable of str
    original, converted : callable
        ``answer(method, X)``. `converted` may raise Unsure or SessionError for rows it does not compute.
    groups : list of (str, X)
        Rows, with a word on where they came from.
    tolerance : float
    exact : frozenset of str
        Methods whose floating-point answers are labels.
    """
    started = perf_counter()
    report = ParityReport(name, tolerance)
    for origin, X in groups:
        report.origins[origin] = report.origins.get(origin, 0) + frames.height(X)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in methods:
            one = MethodParity(method)
            for origin, X in groups:
                expected = original(method, X)
                try:
                    got = converted(method, X)
                except (Unsure, SessionError):
                    one.handed_over += frames.height(X)
                    continue
                except (TypeError, ValueError) as error:  # an answer that cannot be brought into scikit-learn's form
                    _note(one, origin)
                    one.label_mismatches += frames.height(X)
                    one.failures.append(Failure(origin, 0, _kind(expected), str(error)))
                    continue
                one.rows += frames.height(X)
                if method == "predict_log_proba":
                    expected, got = _probabilities(expected, got)
                _compare_answers(one, origin, expected, got, tolerance, method in exact)
            report.methods.append(one)
    report.seconds = perf_counter() - started
    return report


def _probabilities(expected: Any, got: Any) -> tuple[Any, Any]:
    """Logarithms as what they are of; NaN where one is minus infinity and the other an ordinary number's."""
    if isinstance(expected, list) and isinstance(got, list):
        pairs = [_probabilities(one, other) for one, other in zip(expected, got, strict=True)]
        return [one for one, _ in pairs], [other for _, other in pairs]
    if np.shape(expected) != np.shape(got):
        return expected, got
    a, b = np.asarray(expected), np.asarray(got)
    ordinary = np.log(np.finfo(a.dtype).tiny) * (1 + 1e-6)  # below are denormals, which round to 0 where they like
    lost = (np.isneginf(a) & (b >= ordinary)) | (np.isneginf(b) & (a >= ordinary))
    return np.exp(a), np.where(lost, b.dtype.type(np.nan), np.exp(b))


def _compare_answers(one: MethodParity, origin: str, expected: Any, got: Any, tolerance: float, exact: bool) -> None:
    if isinstance(expected, list | tuple):
        if type(got) is not type(expected) or len(got) != len(expected):
            _unlike(one, origin, expected, got)
            return
        for part, other in zip(expected, got, strict=True):
            _compare_answers(one, origin, part, other, tolerance, exact)
        return
    a, b = _dense(expected), _dense(got)
    if a.shape != b.shape or a.dtype != b.dtype:
        _unlike(one, origin, a, b)
        return
    if a.dtype.kind not in "fc" or exact:
        wrong = _rows_of(~_equal(a, b))
        one.label_mismatches += int(wrong.sum())
    else:
        wrong = _numbers(one, a, b, tolerance)
        one.beyond_tolerance += int(wrong.sum())
    if wrong.any():
        _note(one, origin)
    for row in np.flatnonzero(wrong)[: max(0, SHOWN_FAILURES - len(one.failures))]:
        one.failures.append(Failure(origin, int(row), _text(a[row]), _text(b[row])))


def _note(one: MethodParity, origin: str) -> None:
    if origin not in one.wrong_origins:
        one.wrong_origins.append(origin)


def _numbers(one: MethodParity, a: Array, b: Array, tolerance: float) -> Array:
    """Which rows differ by more than `tolerance`; the largest differences go to the report."""
    same = _equal(a, b)
    gap = np.where(same, 0.0, np.abs(a.astype(np.float64) - b.astype(np.float64)))
    size = np.abs(a.astype(np.float64))
    scale = np.maximum(1.0, np.where(np.isfinite(size), size, 1.0))
    far = ~(gap <= tolerance * scale)  # NaN gap is far
    one.count(gap / scale)
    if gap.size:
        one.max_abs = max(one.max_abs, float(np.nan_to_num(gap, nan=np.inf).max()))
        relative = np.divide(gap, size, out=np.zeros_like(size), where=(size > 0) & np.isfinite(size))
        relative[~np.isfinite(gap)] = np.inf
        one.max_rel = max(one.max_rel, float(relative.max()))
    return _rows_of(far)


def _equal(a: Array, b: Array) -> Array:
    same = np.asarray(a == b)
    if a.dtype.kind in "fc":
        same |= np.isnan(a) & np.isnan(b)
    elif a.dtype.kind == "O":
        missing = [_is_nan(x) and _is_nan(y) for x, y in zip(a.ravel(), b.ravel(), strict=True)]
        same |= np.asarray(missing, dtype=bool).reshape(a.shape)
    return np.asarray(same, dtype=bool)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)


def _rows_of(wrong: Array) -> Array:
    return wrong if wrong.ndim == 1 else np.asarray(wrong.reshape(len(wrong), -1).any(axis=1))


def _unlike(one: MethodParity, origin: str, a: Any, b: Any) -> None:
    """Answers that cannot be compared: another shape or dtype."""
    _note(one, origin)
    one.label_mismatches += len(a)
    one.failures.append(Failure(origin, 0, _kind(a), _kind(b)))


def _kind(answer: Any) -> str:
    if isinstance(answer, list | tuple):
        return f"a {type(answer).__name__} of {len(answer)}"
    answer = _dense(answer)
    return f"{answer.dtype} of shape {answer.shape}"


def _dense(answer: Any) -> Array:
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    return np.asarray(answer)


def _text(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=17, threshold=6, edgeitems=3, max_line_width=200)


def check_parity(
    model: Any, estimator: Any, X: Any, *, tolerance: float | None = None, adversarial: bool = False
) -> ParityReport:
    """Compare a scikit-learn model with an estimator made from it, on the rows of `X`.

    Parameters
    ----------
    model : fitted estimator
    estimator : OnnxEstimator
        Or anything with the same methods.
    X : array or data frame of shape (n_samples, n_features)
        Every row is used.
    tolerance : float, optional
        By default that of the conversion, or 1e-12; 1e-5 for an ONNX file from elsewhere that reads float32.
    adversarial : bool, default=False
        Compare also the rows that a conversion makes from the model to break it.

    Returns
    -------
    ParityReport
        Nothing is raised for a difference: ask ``report.ok``.
    """
    from sklearn.base import is_classifier

    methods = [method for method in METHODS if hasattr(estimator, method) and hasattr(model, method)]
    groups = [("given", X)]
    if adversarial and methods:
        from sklort.estimator.acceptance import Acceptance, probe
        from sklort.estimator.adversarial import adversarial_rows

        sample = plain_sample(spread(X))
        taken = probe(model, methods[0], sample) if len(sample.shape) == 2 else Acceptance((False,))
        if frames.kind_of(sample) != "sparse":
            groups += adversarial_rows(model, methods[0], sample, taken)
    return compare(
        type(model).__name__,
        methods,
        lambda method, rows: getattr(model, method)(rows),
        _answers_of(model, estimator, X, methods),
        groups,
        tolerance=_tolerance_of(estimator) if tolerance is None else tolerance,
        exact=frozenset(["predict"] if is_classifier(model) else []),
    )


def _answers_of(model: Any, estimator: Any, X: Any, methods: list[str]) -> Answer:
    """How to ask an estimator. One without a model inside leaves open what it would refuse."""
    lanes = getattr(estimator, "_lanes", None)
    if lanes is None or not hasattr(lanes, "compute") or lanes.model is not None:
        return lambda method, rows: getattr(estimator, method)(rows)
    if _report_of(estimator) is not None or not frames.height(X):
        return cast(Answer, lanes.compute)
    row = frames.take_rows(X, [0])
    dtypes = {method: _dense(getattr(model, method)(row)).dtype for method in methods}

    def of_another_maker(method: str, rows: Any) -> Any:
        # The file does not say what scikit-learn's dtypes are: float for double, objects for fixed-width strings.
        answer, dtype = _dense(lanes.compute(method, rows)), dtypes[method]
        same = answer.dtype.kind == dtype.kind or {answer.dtype.kind, dtype.kind} <= {"O", "U"}
        return answer.astype(dtype) if same else answer

    return of_another_maker


def _report_of(estimator: Any) -> ParityReport | None:
    return getattr(estimator, "parity_report_", None)


def _tolerance_of(estimator: Any) -> float:
    report = _report_of(estimator)
    if report is not None:
        return report.tolerance
    lanes = getattr(estimator, "_lanes", None)
    short = "float32" in getattr(next(iter(getattr(lanes, "graphs", {}).values()), None), "signature", ())
    return TOLERANCE["float32" if short else "float64"]
