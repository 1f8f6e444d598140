"""Whether two answers are the same: arrays, lists, and dicts of them, as models return them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Agreement:
    """What a comparison found.

    Attributes
    ----------
    values : int
        Numbers and labels compared.
    largest : float
        The largest ``|a - b| / max(1, |a|)``.
    difference : str
        The first thing that is wrong; empty where the two agree.
    """

    values: int = 0
    largest: float = 0.0
    difference: str = ""

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return not self.difference


def agreement(truth: Any, answer: Any, tolerance: float) -> Agreement:
    """Compare an answer with the truth.

    Labels must be equal, and a number passes when ``|a - b| <= tolerance * max(1, |a|)``; NaN equals NaN, and an
    infinity only itself. Shapes must be the same, and so must the kinds of dtype.
    """
    found = Agreement()
    _compare(found, truth, answer, tolerance, "")
    return found


def _compare(found: Agreement, truth: Any, answer: Any, tolerance: float, where: str) -> None:
    if found.difference:
        return
    if isinstance(truth, Mapping):
        if not isinstance(answer, Mapping) or truth.keys() != answer.keys():
            found.difference = f"{where}a dict with the keys {_keys(answer)} instead of {_keys(truth)}"
            return
        for key, value in truth.items():
            _compare(found, value, answer[key], tolerance, f"{where}{key}: ")
    elif isinstance(truth, (list, tuple)):
        if not isinstance(answer, (list, tuple)) or len(truth) != len(answer):
            found.difference = f"{where}{_kind(answer)} instead of {_kind(truth)}"
            return
        keys = _same_keys(truth, answer)
        if keys is not None:  # ZipMap's, one dict for each row
            table, other = ([[row[key] for key in keys] for row in rows] for rows in (truth, answer))
            _compare_arrays(found, table, other, tolerance, where)
            return
        for number, (one, its) in enumerate(zip(truth, answer)):
            _compare(found, one, its, tolerance, f"{where}output {number}: ")
    else:
        _compare_arrays(found, truth, answer, tolerance, where)


def _compare_arrays(found: Agreement, truth: Any, answer: Any, tolerance: float, where: str) -> None:
    import numpy as np

    a, b = (np.asarray(one.toarray() if hasattr(one, "toarray") else one) for one in (truth, answer))
    if a.shape != b.shape or (a.dtype.kind == "f") != (b.dtype.kind == "f"):
        found.difference = f"{where}{_kind(b)} instead of {_kind(a)}"
        return
    found.values += a.size
    if not a.size:
        return
    if a.dtype.kind != "f":
        wrong = a != b
        if a.dtype.kind == "O":  # a missing value among labels
            wrong &= ~((a != a) & (b != b))
        if wrong.any():
            at = tuple(int(one) for one in np.argwhere(wrong)[0])
            count = f"{int(wrong.sum()):,} of {a.size:,} labels differ"
            found.difference = f"{where}{count}; at {list(at)} {b[at]!r} instead of {a[at]!r}"
        return
    with np.errstate(all="ignore"):
        a, b = a.astype(np.float64), b.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        size = np.maximum(1.0, np.where(np.isfinite(a), np.abs(a), 1.0))
        gap = np.where(same, 0.0, np.abs(a - b) / size)
        gap = np.where(np.isnan(gap), np.inf, gap)
    found.largest = max(found.largest, float(gap.max()))
    wrong = gap > tolerance
    if wrong.any():
        at = tuple(int(one) for one in np.unravel_index(int(gap.argmax()), gap.shape))
        found.difference = (
            f"{where}{int(wrong.sum()):,} of {a.size:,} numbers differ by more than {tolerance:g}, "
            f"by up to {gap.max():.1e}; at {list(at)} {float(b[at])!r} instead of {float(a[at])!r}"
        )


def _same_keys(truth: Sequence[Any], answer: Sequence[Any]) -> list[Any] | None:
    if not truth or not isinstance(truth[0], dict):
        return None
    keys = truth[0].keys()
    if all(isinstance(row, dict) and row.keys() == keys for rows in (truth, answer) for row in rows):
        return list(keys)
    return None


def _keys(value: Any) -> str:
    return ", ".join(map(repr, value)) if isinstance(value, Mapping) else f"of {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if hasattr(value, "dtype"):
        return f"{value.dtype} of shape {value.shape}"
    return f"a {type(value).__name__}"
