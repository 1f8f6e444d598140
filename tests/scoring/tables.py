"""Rows for the tests of scoring."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAMES = [f"x{i}" for i in range(6)]


def make_rows(count: int, seed: int = 0) -> pd.DataFrame:
    """Rows with a number of their own, so that one that is lost, doubled or moved is seen."""
    numbers = np.random.default_rng(seed).normal(size=(count, len(NAMES)))
    frame = pd.DataFrame(numbers, columns=NAMES)
    frame.insert(0, "id", np.arange(count))
    return frame
