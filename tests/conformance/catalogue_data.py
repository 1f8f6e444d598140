"""Rows and answers that every estimator of the catalogue is fitted and asked on: few, fixed, and made at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

FIT, ASK = 60, 25  # rows
_COLOURS = ("red", "green", "blue", "Übergrün", "")
_SIZES = ("S", "M", "L")
_DOCUMENTS = (
    "This is the first document.",
    "This document is the second document, and longer.",
    "And this is the third one; it has 12 words in it!",
    "Is this the first document?",
    "",
    "the   last of six documents",
)


def _rounded(values: np.ndarray) -> np.ndarray:
    """Doubles that float32 holds exactly: rows of both dtypes are fitted alike."""
    return values.astype(np.float32).astype(np.float64)


@cache
def rows(kind: str) -> tuple[Any, Any]:
    """The rows to fit on, and new ones to ask about."""
    random = np.random.default_rng(5)
    fit, ask = _rounded(random.normal(size=(FIT, 4))), random.normal(size=(ASK, 4))
    if kind == "plain":
        return fit, ask
    if kind == "many":
        return fit, random.normal(size=(600, 4))
    if kind == "counts and zeros":
        counts = random.integers(1, 6, (FIT + ASK, 4)).astype(float)
        counts[FIT] = 0
        return counts[:FIT], counts[FIT:]
    if kind == "positive":
        return np.abs(fit) + 0.125, np.abs(ask) + 0.125
    if kind == "counts":
        return random.integers(0, 6, (FIT, 4)).astype(float), random.integers(0, 6, (ASK, 4)).astype(float)
    if kind == "column":
        return fit[:, :1], ask[:, :1]
    if kind == "integers":  # so far apart that no two distances are equal
        return np.rint(100 * fit), np.rint(100 * ask)
    if kind == "holes":
        fit, ask = fit.copy(), ask.copy()
        fit[::7, 0] = fit[3::9, 2] = ask[::5, 0] = ask[2::6, 1] = np.nan
        return fit, ask
    if kind == "kernel":
        return fit @ fit.T, ask @ fit.T
    if kind in ("words", "words unknown"):
        both = [
            np.stack([random.choice(_COLOURS, many), random.choice(_SIZES, many)], axis=1).astype(object)
            for many in (FIT, ASK)
        ]
        if kind == "words unknown":
            both[1][::4, 0] = "mauve"
        return both[0], both[1]
    if kind == "documents":
        return np.array(_DOCUMENTS * 3, object).reshape(-1, 1), np.array(_DOCUMENTS, object).reshape(-1, 1)
    if kind == "records":
        records = [{"a": float(k), "b": 0.5 * k, f"c{k % 3}": 2.0} for k in range(8)]
        return records, records[:5]
    if kind == "frame":
        import pandas as pd

        words = [np.asarray(random.choice(_COLOURS, many), dtype=object) for many in (FIT, ASK)]
        return tuple(
            pd.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "word": pd.Series(word, dtype=object)})
            for numbers, word in zip((fit, ask), words, strict=True)
        )
    if kind in ("words as labels", "numbers as labels"):
        labels = target("three words" if kind == "words as labels" else "three far")
        return labels, labels[:ASK]
    raise KeyError(kind)


@cache
def target(kind: str) -> Any:
    """What the first `FIT` rows are said to answer."""
    base, _ = rows("plain")
    noise = np.random.default_rng(6).normal(size=(FIT, 2))
    number = _rounded(2 * base[:, 0] - base[:, 1] + 0.5 * base[:, 2] ** 2 + 0.5 * noise[:, 0])
    other = _rounded(base[:, 3] - base[:, 0] + 0.5 * noise[:, 1])
    two = (number > 0.3).astype(np.int64)
    three = np.digitize(number, np.quantile(number, [0.35, 0.7])).astype(np.int64)
    makers: dict[str, Any] = {
        "": None,
        "ones": np.ones(FIT, np.int64),
        "zeros": np.zeros(FIT, np.int64),
        "number": number,
        "positive number": np.exp(number / 4),
        "numbers": np.stack([number, other], axis=1),
        "two": two,
        "three": three,
        "two words": np.array(["no", "yes"], object)[two],
        "three words": np.array(["zwölf", "low", "Ωmega"], object)[three],
        "two flags": two.astype(bool),
        "three far": np.array([-3, 5, 20], np.int64)[three],
        "two far": np.array([7, 3], np.int64)[two],
        "marks": np.stack([two, (other > 0).astype(np.int64)], axis=1),
        "two outputs": np.stack([three, (other > 0).astype(np.int64) + (other > 1)], axis=1),
    }
    return makers[kind]


def as_fed(given: Any, dtype: str) -> Any:
    """`given` in the dtype of the model's input."""
    if dtype == "string" or isinstance(given, list):
        return given
    if hasattr(given, "iloc"):
        return given.astype({name: dtype for name in given.columns if given[name].dtype.kind == "f"})
    return given.astype(dtype)


def as_asked(fed: Any) -> Any:
    """The values fed, in double: what scikit-learn is asked about."""
    if isinstance(fed, list):
        return fed
    if hasattr(fed, "iloc"):
        return fed.astype({name: np.float64 for name in fed.columns if fed[name].dtype.kind == "f"})
    return fed.astype(np.float64) if fed.dtype.kind == "f" else fed
