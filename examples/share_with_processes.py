"""One compiled model in several processes: joblib's, and a pool of spawned ones.

An estimator pickles with its ONNX model inside, so joblib sends it as it would any other. A pool that lives longer
opens a saved file once in each process, and neither needs nor sends the scikit-learn model.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import sklort

model: Any = None


def open_model(path: Path) -> None:
    """Run once in each process of the pool."""
    global model
    model = sklort.load(path)


def probabilities(rows: np.ndarray) -> np.ndarray:
    """Run in a process of the pool."""
    return model.predict_proba(rows)


def main() -> None:
    X, y = load_digits(return_X_y=True)
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    fast = sklort.convert(forest, X)
    expected = forest.predict_proba(X)
    parts = np.array_split(X, 8)

    found = Parallel(n_jobs=2)(delayed(fast.predict_proba)(part) for part in parts)
    print(f"joblib, {len(parts)} parts: probabilities differ by {np.abs(np.vstack(found) - expected).max():.0e}")

    with TemporaryDirectory() as folder:
        path = Path(folder, "forest.onnx")
        fast.save(path)
        pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=open_model, initargs=(path,))
        with pool:
            found = list(pool.map(probabilities, parts))
    print(f"pool, {len(parts)} parts: probabilities differ by {np.abs(np.vstack(found) - expected).max():.0e}")


if __name__ == "__main__":
    main()
