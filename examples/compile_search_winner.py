"""A grid search in scikit-learn, and its winner compiled, saved and opened again.

The search itself is left alone: it fits, which sklort does not make faster. What is deployed is the winner.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklort


def main() -> None:
    X, y = load_wine(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 0.1, 1.0, 10.0]}, cv=3).fit(X_train, y_train)
    print(f"winner: {search.best_params_}")

    winner = sklort.convert(search.best_estimator_, X_train)
    print(winner.parity_report_)

    with TemporaryDirectory() as folder:
        path = Path(folder, "winner.onnx")
        winner.save(path)
        deployed = sklort.load(path)  # needs neither the search nor scikit-learn
    print(
        f"accuracy of the search {search.score(X_test, y_test):.4f}, of the file {deployed.score(X_test, y_test):.4f}"
    )
    print(f"{(deployed.predict(X_test) != search.predict(X_test)).sum()} of {len(X_test)} labels differ")


if __name__ == "__main__":
    main()
