"""One row at a time, as a feature store hands it out: a dict of names and values.

A frame of one row takes pandas far longer to make than the model takes to answer. The session behind the estimator
reads each column by its name, without a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from timeit import repeat
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklort


def scorer(fast: Any) -> Callable[[dict[str, Any]], np.ndarray]:
    """A function from a dict of values to the probabilities of the classes."""
    session = fast.session_
    dtypes = {one.name: object if one.type == "tensor(string)" else np.float64 for one in session.get_inputs()}

    def score(row: dict[str, Any]) -> np.ndarray:
        feed = {name: np.array([[row[name]]], dtype) for name, dtype in dtypes.items()}
        (probabilities,) = session.run(["probabilities"], feed)
        return probabilities[0]

    return score


def main() -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X[["alcohol", "hue", "proline"]].assign(region=np.where(X["flavanoids"] > 2, "hill", "plain"))
    columns = make_column_transformer(
        (StandardScaler(), ["alcohol", "hue", "proline"]), (OneHotEncoder(handle_unknown="ignore"), ["region"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(X, y)
    fast = sklort.convert(model, X)
    score = scorer(fast)

    rows = X.to_dict("records")
    difference = np.abs([score(row) for row in rows] - model.predict_proba(X)).max()
    print(f"a row: {rows[0]}")
    print(f"its probabilities: {score(rows[0]).round(4)}; those of all rows differ by {difference:.0e} at most")

    ways: dict[str, Callable[[], Any]] = {
        "scikit-learn, a frame of one row": lambda: model.predict_proba(pd.DataFrame([rows[0]])),
        "sklort, a frame of one row": lambda: fast.predict_proba(pd.DataFrame([rows[0]])),
        "sklort, the dict": lambda: score(rows[0]),
    }
    for name, way in ways.items():
        print(f"{name:34}{min(repeat(way, number=20, repeat=5)) / 20 * 1e6:9.1f} us")


if __name__ == "__main__":
    main()
