"""Nearest neighbours: a classifier that votes among them, and the search itself.

`kneighbors` is compiled when it is first called, and compared with scikit-learn's on the rows of that call.
"""

from __future__ import annotations

import numpy as np
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

    search = NearestNeighbors(n_neighbors=5).fit(known)
    distances, indices = sklort.convert(search, asked).kneighbors(asked)
    expected_distances, expected = search.kneighbors(asked)
    print(f"neighbours of the first row: {indices[0]}, as far away as {distances[0].round(2)}")
    print(f"{(indices != expected).sum()} of {expected.size} neighbours differ")
    print(f"distances differ by {np.abs(distances - expected_distances).max():.0e} at most")


if __name__ == "__main__":
    main()
