"""Missing values among strings: a tensor of ONNX has none, so two words stand for them.

They begin with U+FDD0, which Unicode keeps for the insides of programs and never for text. scikit-learn tells None from
NaN, as categories and as what an imputer fills; so do these.
"""

from __future__ import annotations

from typing import Any

NAN = "\ufdd0nan"
NONE = "\ufdd0None"
WORDS = {NAN: float("nan"), NONE: None}


def is_missing(value: Any) -> bool:
    """None, NaN, pandas.NA or NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or _is_nan(value)


def word_of(value: Any) -> str | None:
    """The word that stands for a missing value; None for one that has none, and for all others."""
    if value is None:
        return NONE
    return NAN if _is_nan(value) else None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
