"""Where the random numbers of operators without a seed of their own begin."""

from __future__ import annotations

import threading

import numpy as np

_lock = threading.Lock()
_generator = np.random.RandomState()


def seed_all(seed: int) -> None:
    """Begin anew. Any int is taken, as onnxruntime does."""
    with _lock:
        _generator.seed([part & 0xFFFFFFFF for part in (seed, seed >> 32)])


def next_seed() -> int:
    """For one call of one operator."""
    with _lock:
        return int(_generator.randint(0, 2**32, dtype=np.uint64))
