"""Does the converted model give the original's answers? Checked at every conversion, on real rows and on cruel ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from html import escape
from math import isnan
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.values import Unsure
from sklort.exceptions import SessionError

Array = npt.NDArray[Any]
Answer = Callable[[str, Any], Any]

PARITY_ROWS = 2000
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SHOWN_FAILURES = 5


@dataclass(frozen=True)
class Failure:
    """One row on which the two disagree."""

    origin: str
    row: int
    expected: str
    got: str


@dataclass
class MethodParity:
    """The comparison of one method.

    Attributes
    ----------
    rows : int
        Rows compared.
    handed_over : int
        Rows sklort does not compute: the scikit-learn model answers them, with a warning.
    label_mismatches : int
        Rows whose label (or other exact value) differs.
    beyond_tolerance : int
        Rows with a number further away than the tolerance.
    max_abs, max_rel : float
        Largest ``|a - b|`` and largest ``|a - b| / |a|`` where `a`, scikit-learn's answer, is not zero.
    failures : list of Failure
        The first few rows that disagree.
    wrong_origins : list of str
        Where rows that disagree came from.
    """

    method: str
    rows: int = 0
    handed_over: int = 0
    label_mismatches: int = 0
    beyond_tolerance: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    wrong_origins: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.label_mismatches and not self.beyond_tolerance


@dataclass
class ParityReport:
    """How the converted model compares with its original.

    Labels must be equal. A number passes when ``|a - b| <= tolerance * max(1, |a|)``, `a` being scikit-learn's;
    NaN equals NaN, an infinity equals only itself. Logarithms of probabilities are compared as the probabilities they
    stand for: the logarithm of a probability near zero shows nothing but its rounding.

    Attributes
    ----------
    model : str
        What was converted.
    tolerance : float
    methods : list of MethodParity
    origins : dict of str to int
        Where the rows came from, e.g. ``{"given": 2000, "thresholds": 1500, "NaN": 5}``.
    seconds : float
    """

    model: str
    tolerance: float
    methods: list[MethodParity] = field(default_factory=list)
    origins: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every method passed."""
        return all(one.ok for one in self.methods)

    @property
    def rows(self) -> int:
        return sum(self.origins.values())

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def _table(self) -> tuple[list[str], list[list[str]]]:
        head = ["method", "rows", "label mismatches", "max |a-b|", "max |a-b|/|a|", "beyond tolerance", ""]
        body = [
            [
                one.method,
                f"{one.rows:,}",
                str(one.label_mismatches),
                f"{one.max_abs:.1e}",
                f"{one.max_rel:.1e}",
                str(one.beyond_tolerance),
                "equal" if one.ok else "DIFFERS",
            ]
            for one in self.methods
        ]
        return head, body

    def _summary(self) -> str:
        origins = ", ".join(f"{count:,} {word}" for word, count in self.origins.items())
        return f"{self.model}: {self.rows:,} rows ({origins}), tolerance {self.tolerance:g}"

    def __str__(self) -> str:
        head, body = self._table()
        widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
        lines = [self._summary()]
        for line in [head, *body]:
            cells = [
                line[0].ljust(widths[0]),
                *(cell.rjust(w) for cell, w in zip(line[1:-1], widths[1:-1], strict=True)),
            ]
            lines.append("  ".join([*cells, line[-1]]).rstrip())
        for one in self.methods:
            if one.handed_over:
                lines.append(f"{one.method}: {one.handed_over:,} rows are left to scikit-learn")
            lines += [
                f"{one.method}, {f.origin} row {f.row}: scikit-learn {f.expected}, sklort {f.got}" for f in one.failures
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, body = self._table()
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        failed = "".join(
            f"<li>{escape(one.method)}, {escape(f.origin)} row {f.row}: "
            f"scikit-learn {escape(f.expected)}, sklort {escape(f.got)}</li>"
            for one in self.methods
            for f in one.failures
        )
        tail = f"<ul>{failed}</ul>" if failed else ""
        return f"<table><caption>{escape(self._summary())}</caption><tr>{heads}</tr>{rows}</table>{tail}"


def spread(X: Any, most: int = PARITY_ROWS) -> Any:
    """At most `most` rows of `X`, evenly spread, first and last included; always the same ones."""
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    n = frames.height(X)
    if n <= most:
        return X
    return frames.take_rows(X, np.linspace(0, n - 1, most).astype(np.intp))


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
                one.rows += frames.height(X)
                if method == "predict_log_proba":
                    expected, got = _exp(expected), _exp(got)
                _compare_answers(one, origin, expected, got, tolerance, method in exact)
            report.methods.append(one)
    report.seconds = perf_counter() - started
    return report


def _exp(answer: Any) -> Any:
    return [_exp(one) for one in answer] if isinstance(answer, list) else np.exp(answer)


def _compare_answers(one: MethodParity, origin: str, expected: Any, got: Any, tolerance: float, exact: bool) -> None:
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
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
    far = ~(gap <= tolerance * np.maximum(1.0, np.where(np.isfinite(size), size, 1.0)))  # NaN gap is far
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
    if isinstance(answer, list):
        return f"a list of {len(answer)}"
    return f"{answer.dtype} of shape {answer.shape}"


def _dense(answer: Any) -> Array:
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    return np.asarray(answer)


def _text(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=17, threshold=6, edgeitems=3, max_line_width=200)


def check_parity(model: Any, estimator: Any, X: Any, *, tolerance: float | None = None) -> ParityReport:
    """Compare a scikit-learn model with an estimator made from it, on the rows of `X`.

    Parameters
    ----------
    model : fitted estimator
    estimator : OnnxEstimator
        Or anything with the same methods.
    X : array or data frame of shape (n_samples, n_features)
        Every row is used.
    tolerance : float, optional
        By default that of the conversion, or 1e-12.

    Returns
    -------
    ParityReport
        Nothing is raised for a difference: ask ``report.ok``.
    """
    from sklearn.base import is_classifier

    from sklort.estimator.lanes import METHODS

    if tolerance is None:
        known = getattr(estimator, "parity_report_", None)
        tolerance = known.tolerance if known is not None else TOLERANCE["float64"]
    return compare(
        type(model).__name__,
        [method for method in METHODS if hasattr(estimator, method) and hasattr(model, method)],
        lambda method, rows: getattr(model, method)(rows),
        lambda method, rows: getattr(estimator, method)(rows),
        [("given", X)],
        tolerance=tolerance,
        exact=frozenset(["predict"] if is_classifier(model) else []),
    )
