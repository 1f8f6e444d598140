"""`examples/fastapi_app.py`: the service inside another application."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import sklort

pytest.importorskip("fastapi", reason="the example is of FastAPI")
pytest.importorskip("httpx2", reason="the test client needs it")
pytest.importorskip("orjson", reason="the extra 'serve' is not installed")


def test_the_application_scores(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    X = np.random.default_rng(0).normal(size=(50, 3))
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    folder = tmp_path / "positive/1"
    folder.mkdir(parents=True)
    sklort.convert(model, X).save(folder / "model.onnx")
    monkeypatch.setenv("MODELS", str(tmp_path))
    app = runpy.run_path(str(root / "examples/fastapi_app.py"))["app"]
    with TestClient(app) as client:
        assert client.get("/").json() == {"models": ["positive"]}
        answer = client.post("/scoring/models/positive/predict", json={"rows": X[:5].tolist()})
        assert answer.json()["outputs"]["predict"] == model.predict(X[:5]).tolist()
        tensor = {"name": "X", "shape": [5, 3], "datatype": "FP64", "data": X[:5].tolist()}
        answer = client.post("/scoring/v2/models/positive/infer", json={"inputs": [tensor]})
        np.testing.assert_allclose(
            np.reshape(answer.json()["outputs"][1]["data"], (5, 2)), model.predict_proba(X[:5]), atol=1e-12
        )
        assert client.get("/scoring/docs").status_code == 200
