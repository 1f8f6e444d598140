"""What a fitted model takes and what it refuses, found by asking it.

scikit-learn's tags say what an estimator means to accept; a pipeline's answer depends on every step in it, and on the
method. So at conversion the model is called on a few rows made for the purpose, and what it does is written down.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklort.estimator import frames
from sklort.graph.missing import WORDS

Warned = tuple[type[Warning], str]

_MAGNITUDES = {
    "float64": (np.inf, float(np.finfo(np.float64).max), 1e300, 1e150, float(np.finfo(np.float32).max), 1e30, 1e15),
    "float32": (np.inf, float(np.finfo(np.float32).max), 1e30, 1e15),
}
_MOST_COLUMNS = 256
"""Above this many columns a model that refuses NaN somewhere is taken to refuse it everywhere."""


@dataclass(frozen=True)
class Acceptance:
    """The manners of one fitted model.

    Attributes
    ----------
    nan : tuple of bool
        For each column, whether NaN is accepted.
    limit : float
        The largest magnitude accepted; infinity when the model takes infinities. Between the powers tried and the
        true limit the model itself is asked.
    sparse : bool
        Whether a SciPy sparse matrix is accepted.
    bare, framed : tuple of (category, message), or None
        The warning given for X without column names (`bare`) or with them (`framed`).
    bare_refused : bool
        X without column names is an error.
    by_name : bool
        Columns are found by name: they may come in any order.
    extra : bool
        Columns the model does not know may be there.
    missing : tuple of tuple of str
        For each column of strings, the words (`sklort.graph.missing`) of what may be missing there, None or NaN; empty
        where no column of any may.
    whole : bool
        Rows of whole numbers are answered as the same rows in double are. Not by a selector, whose answer keeps the
        dtype, nor by what computes in whole numbers.
    framing : bool
        A frame is transformed to a frame, with its index, though `set_output` was not called.
    """

    nan: tuple[bool, ...]
    limit: float = np.inf
    sparse: bool = False
    bare: Warned | None = None
    framed: Warned | None = None
    bare_refused: bool = False
    by_name: bool = False
    extra: bool = False
    missing: tuple[tuple[str, ...], ...] = ()
    whole: bool = True
    framing: bool = False

    @property
    def nan_everywhere(self) -> bool:
        return all(self.nan)


def attempt(model: Any, method: str, X: Any) -> tuple[Any, list[Warned]] | None:
    """Call `method` quietly; None when the model refuses X."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            answer = getattr(model, method)(X)
        except Exception:  # noqa: BLE001 - any refusal is an answer here
            return None
    return answer, [(w.category, str(w.message)) for w in caught]


def probe(model: Any, method: str, X: Any, absent: Sequence[int] = ()) -> Acceptance:
    """Ask `model` what it takes, with rows made from the first row of `X`.

    Parameters
    ----------
    model : fitted estimator
    method : str
        The cheapest method that validates X, e.g. ``predict``.
    X : array or data frame of shape (n_samples, n_features)
        Rows the model accepts.
    absent : sequence of int
        Columns of strings where the graph can tell missing values from others.
    """
    row = frames.take_rows(X, [0])
    names = frames.column_names(row)
    first = attempt(model, method, row)
    if first is None:  # the model refuses its own sample: let the first real call say why
        return Acceptance(nan=(False,) * frames.width(row))
    answer, usual = first
    return Acceptance(
        nan=_nan_columns(model, method, row),
        limit=_limit(model, method, row),
        sparse=_takes_sparse(model, method, row),
        missing=_missing_strings(model, method, row, absent),
        **_names(model, method, row, names, answer, usual),
    )


def reads_whole(model: Any, methods: Iterable[str], X: Any) -> bool:
    """Ask `model` whether whole numbers are to it what the same numbers in double are: `Acceptance.whole`."""
    double = frames.map_floats(frames.doubles(X), lambda v: np.rint(np.clip(np.nan_to_num(v), -1e6, 1e6)))
    whole = frames.whole(double)
    if whole is None:
        return True
    for method in methods:
        one, other = attempt(model, method, double), attempt(model, method, whole)
        if (one is None) != (other is None) or (one and other and not _close(one[0], other[0])):
            return False
    return True


def _close(one: Any, other: Any) -> bool:
    """Of one dtype, and alike but for the order of sums."""
    if isinstance(one, list | tuple):
        return all(map(_close, one, other))
    one, other = frames.dense(one), frames.dense(other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return np.allclose(one, other, rtol=1e-9, equal_nan=True) if one.dtype.kind == "f" else _same(one, other)


def _nan_columns(model: Any, method: str, row: Any) -> tuple[bool, ...]:
    columns = frames.number_columns(row)
    accepted = [False] * frames.width(row)
    if not columns:
        return tuple(accepted)
    everywhere = frames.with_numbers(row, columns, np.nan)
    if attempt(model, method, everywhere) is not None:
        for column in columns:
            accepted[column] = True
    elif len(columns) <= _MOST_COLUMNS and _has_steps(model):
        for column in columns:
            accepted[column] = attempt(model, method, frames.with_numbers(row, [column], np.nan)) is not None
    return tuple(accepted)


def _missing_strings(model: Any, method: str, row: Any, absent: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    if not 0 < len(absent) <= _MOST_COLUMNS:
        return ()
    taken: list[tuple[str, ...]] = [()] * frames.width(row)
    for column in absent:
        taken[column] = tuple(
            word
            for word, value in WORDS.items()
            if attempt(model, method, frames.with_value(row, column, value)) is not None
        )
    return tuple(taken)


def _has_steps(model: Any) -> bool:
    """Whether different columns may meet different estimators; a plain estimator treats all alike."""
    from sklearn.base import BaseEstimator

    params = model.get_params(deep=True) if hasattr(model, "get_params") else {}
    return any(isinstance(value, BaseEstimator) for value in params.values())


def _limit(model: Any, method: str, row: Any) -> float:
    columns = frames.number_columns(row)
    if not columns:
        return float(np.inf)
    kind = "float32" if frames.float_kind(row) == np.float32 else "float64"
    for magnitude in _MAGNITUDES[kind]:
        if all(
            attempt(model, method, frames.with_numbers(row, columns, sign * magnitude)) is not None for sign in (1, -1)
        ):
            return float(magnitude)
    return 1e6


def _takes_sparse(model: Any, method: str, row: Any) -> bool:
    if not isinstance(row, np.ndarray) or row.dtype.kind != "f":
        return False
    from scipy.sparse import csr_matrix

    return attempt(model, method, csr_matrix(row)) is not None


def _names(
    model: Any, method: str, row: Any, names: tuple[str, ...] | None, answer: Any, usual: list[Warned]
) -> dict[str, Any]:
    """How names are treated: warnings for X with or without them, order, and columns nobody asked for."""

    def news(attempted: tuple[Any, list[Warned]] | None) -> Warned | None:
        fresh = [w for w in attempted[1] if w not in usual and "feature names" in w[1]] if attempted else []
        return fresh[0] if fresh else None

    if getattr(model, "feature_names_in_", None) is None:
        framed = frames.named(row) if names is None else None
        return {"framed": news(attempt(model, method, framed)) if framed is not None else None}
    if names is None:
        return {}
    bare = attempt(model, method, frames.without_names(row))
    known: dict[str, Any] = {"bare": news(bare), "bare_refused": bare is None}
    if len(names) > 1:
        turned = attempt(model, method, frames.pick(row, list(names)[::-1]))
        known["by_name"] = turned is not None and _same(turned[0], answer)
    more = attempt(model, method, frames.with_stranger(row))
    known["extra"] = more is not None and _same(more[0], answer)
    return known


def _same(one: Any, other: Any) -> bool:
    if hasattr(one, "toarray"):
        one, other = one.toarray(), other.toarray()
    try:
        return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))
    except (TypeError, ValueError):
        return bool(np.array_equal(np.asarray(one, dtype=object), np.asarray(other, dtype=object)))
