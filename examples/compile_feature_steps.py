"""Only the feature steps of a pipeline are compiled; the model behind them stays as it is.

For a model that changes every day, or lives in another library, behind features that do not change.
"""

from __future__ import annotations

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

import sklort


def main() -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    X["region"] = np.where(X["flavanoids"] > 2, "hill", "plain")
    columns = make_column_transformer(
        (make_pipeline(StandardScaler(), SplineTransformer()), ["alcohol", "hue", "proline"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
    )
    pipeline = make_pipeline(columns, SGDClassifier(random_state=0)).fit(X, y)

    features = sklort.convert(pipeline[:-1], X)  # all steps but the last
    model = pipeline[-1]
    faster = Pipeline([("features", features), ("model", model)])

    difference = np.abs(features.transform(X) - pipeline[:-1].transform(X)).max()
    print(f"{features.transform(X).shape[1]} features differ by {difference:.0e} at most")
    print(f"{(faster.predict(X) != pipeline.predict(X)).sum()} of {len(X)} labels differ")

    model.partial_fit(features.transform(X), y)  # the model learns on, the features stay compiled
    print(f"after more training: {(faster.predict(X) != pipeline.predict(X)).sum()} of {len(X)} labels differ")


if __name__ == "__main__":
    main()
