"""Nearest neighbours: a classifier that votes among them, and the search itself.

`NearestNeighbors` answers two arrays at once, which is no method of an estimator that predicts. Its graph, written by
skl2onnx, runs in an `InferenceSession`, which recognises the search and does it in one kernel.
"""

from __future__ import annotations

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler

import sklort


def main() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    known, asked = X[:-200], X[-200:]

    voting = KNeighborsClassifier(5).fit(known, y[:-200])
    fast = sklort.convert(voting, asked)
    print(f"{(fast.predict(asked) != voting.predict(asked)).sum()} of {len(asked)} labels differ")
    print(f"accuracy {fast.score(asked, y[-200:]):.3f}")

    search = NearestNeighbors(n_neighbors=5, radius=None).fit(known)
    session = sklort.InferenceSession(to_onnx(search, known[:1]))
    (name,) = (one.name for one in session.get_inputs())
    indices, distances = session.run(None, {name: asked})
    expected_distances, expected = search.kneighbors(asked)
    print(f"neighbours of the first row: {indices[0]}, as far away as {distances[0].round(2)}")
    print(f"{(indices != expected).sum()} of {expected.size} neighbours differ")
    print(f"distances differ by {np.abs(distances - expected_distances).max():.0e} at most")


if __name__ == "__main__":
    main()
