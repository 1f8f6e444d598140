"""Names that were meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def nearest(name: Any, names: Iterable[Any]) -> list[str]:
    """The one of `names` that is most like `name` in any case, or nothing."""
    by_lower = {str(other).lower(): str(other) for other in names}
    return [by_lower[match] for match in get_close_matches(str(name).lower(), list(by_lower), n=1)]


def did_you_mean(name: Any, names: Iterable[Any]) -> str:
    """The end of a sentence that says `name` is none of `names`; empty when none of them is like it."""
    close = nearest(name, names)
    return f"; did you mean {close[0]!r}?" if close else ""
