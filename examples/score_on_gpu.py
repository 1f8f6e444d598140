"""The same model on a GPU, where there is one; on the CPU, and said so, where there is none.

`device="cuda"` computes on the GPU or says why it cannot. `device="auto"` needs no GPU, and gives one the batches for
which it is predicted to be faster; one row is faster on the CPU, whatever the GPU.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import sklort


def main() -> None:
    X, y = load_digits(return_X_y=True)
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    try:
        fast = sklort.convert(forest, X, device="cuda")
        print("runs on the GPU")
    except sklort.SessionError as error:
        fast = sklort.convert(forest, X)
        print(f"runs on the CPU\n  because {error}")

    probabilities = fast.predict_proba(X)
    print(f"{len(X)} rows: probabilities differ by {np.abs(probabilities - forest.predict_proba(X)).max():.0e}")


if __name__ == "__main__":
    main()
