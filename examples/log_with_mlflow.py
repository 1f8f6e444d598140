"""A model logged with MLflow and loaded again, without a pickle: an ONNX file, and this script.

MLflow calls `predict` alone; `params={"method": "predict_proba"}` chooses another method of the estimator. This file is
logged as the model's code ("models from code" in MLflow's words), so that nothing has to be unpickled.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else MLflow reports its use

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature, set_model
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import sklort


class SavedEstimator(mlflow.pyfunc.PythonModel):
    """A file of `OnnxEstimator.save` behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        self.estimator = sklort.load(context.artifacts["onnx"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        method = (params or {}).get("method", "predict")
        if method not in ("predict", "predict_proba"):
            raise ValueError(f"method must be predict or predict_proba, got {method!r}")
        return getattr(self.estimator, method)(model_input)


set_model(SavedEstimator())  # what MLflow looks for when it runs this file


def main() -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    fast = sklort.convert(forest, X)

    with TemporaryDirectory() as folder:  # where a team would name its server
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("wine", Path(folder, "artifacts").as_uri()))
        path = Path(folder, "wine.onnx")
        fast.save(path)
        with mlflow.start_run():
            logged = mlflow.pyfunc.log_model(
                name="wine",
                python_model=__file__,
                artifacts={"onnx": str(path)},
                signature=infer_signature(X, fast.predict(X), params={"method": "predict"}),
                input_example=X[:2],
                pip_requirements=[f"sklort=={sklort.__version__}"],
            )
        loaded = mlflow.pyfunc.load_model(logged.model_uri)
        labels = loaded.predict(X)
        probabilities = loaded.predict(X, params={"method": "predict_proba"})
    print(f"{(labels != forest.predict(X)).sum()} of {len(X)} labels differ")
    print(f"probabilities differ by {np.abs(probabilities - forest.predict_proba(X)).max():.0e} at most")


if __name__ == "__main__":
    main()
