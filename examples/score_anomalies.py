"""Anomalies: scores of an isolation forest, with a threshold of one's own.

`score_samples`, `decision_function` and `predict` are all compiled, and the scores are comparable with those that
scikit-learn gave when the threshold was chosen.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest

import sklort


def main() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    usual = X[y == 1]
    model = IsolationForest(n_estimators=100, random_state=0).fit(usual)
    threshold = np.quantile(model.score_samples(usual), 0.05)  # chosen in scikit-learn

    fast = sklort.convert(model, usual)
    scores = fast.score_samples(X)

    flagged, expected = scores < threshold, model.score_samples(X) < threshold
    print(f"flagged: {flagged[y == 1].mean():.0%} of the benign, {flagged[y == 0].mean():.0%} of the malignant")
    print(f"{(flagged != expected).sum()} of {len(X)} rows are judged otherwise than by scikit-learn")
    print(f"scores differ by {np.abs(scores - model.score_samples(X)).max():.0e} at most")
    print(f"{(fast.predict(X) != model.predict(X)).sum()} of {len(X)} labels of predict differ")


if __name__ == "__main__":
    main()
