"""The same model on a GPU, where there is one; on the CPU, and said so, where there is none.

The GPU answers batches. One row is faster on the CPU, whatever the GPU.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import sklort


def main() -> None:
    X, y = load_digits(return_X_y=True)
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    fast = sklort.convert(forest, X)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        session = sklort.InferenceSession(fast.onnx_model_, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    where = "GPU" if session.get_providers()[0] == "CUDAExecutionProvider" else "CPU"
    print(f"runs on the {where}" + "".join(f"\n  because {one.message}" for one in said))

    (name,) = (one.name for one in session.get_inputs())
    (probabilities,) = session.run(["probabilities"], {name: X})
    print(f"{len(X)} rows: probabilities differ by {np.abs(probabilities - forest.predict_proba(X)).max():.0e}")


if __name__ == "__main__":
    main()
