"""A fitted pipeline, replaced by its compiled self in one line.

The rest of a program goes on with the same object under the same name: methods, fitted attributes, errors and answers
are those of the pipeline. Where the compiled one gave another answer, `sklort.convert` would raise a ParityError.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort


def main() -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(50, random_state=0)).fit(X, y)
    labels, probabilities = pipeline.predict(X), pipeline.predict_proba(X)

    pipeline = sklort.convert(pipeline, X)  # the one line

    print(pipeline.parity_report_)
    difference = np.abs(pipeline.predict_proba(X) - probabilities).max()
    print(
        f"{len(X)} rows: {(pipeline.predict(X) != labels).sum()} other labels, probabilities differ by {difference:.0e}"
    )
    print(f"inside, for whatever else is asked: {[name for name, _ in pipeline.estimator_.steps]}")
    print(pipeline.benchmark(X, batch_sizes=(1, 100), seconds=0.1))


if __name__ == "__main__":
    main()
