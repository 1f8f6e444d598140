"""Saved estimators of several kinds, and a service over them inside this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
pytest.importorskip("httpx2", reason="the test client needs it")

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from starlette.testclient import TestClient

import sklort
from sklort.serving import Service

Client = Callable[..., TestClient]


class Fitted(NamedTuple):
    """A model, rows it takes, and its file."""

    model: BaseEstimator
    X: Any
    path: Path


def people(n: int = 300) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, n),
            "income": random.normal(5e4, 1e4, n),
            "city": random.choice(["Paris", "Rome", "Oslo"], n),
            "note": random.choice(["a", "b"], n),
            "married": random.random(n) < 0.5,
        }
    )
    rich = frame.income + 300 * frame.age + random.normal(0, 5e3, n) > 6.5e4
    return frame, np.where(rich, "yes", "no")


def numbers(n: int = 300, width: int = 6) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(1)
    X = random.normal(size=(n, width))
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int) + (X[:, 3] > 0.8)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fitted]:
    folder = tmp_path_factory.mktemp("models")
    frame, rich = people()
    X, y = numbers()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["age", "income"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("as it is", "passthrough", ["married"]),
        ]  # `note` is dropped
    )
    texts = ["good film", "bad film", "good plot and good film", "bad, bad actors"] * 5
    strict = make_pipeline(ColumnTransformer([("city", OneHotEncoder(), ["city"])]), LogisticRegression())
    made = {
        "people": (make_pipeline(columns, LogisticRegression()).fit(frame, rich), frame),
        "forest": (RandomForestClassifier(20, random_state=0).fit(X, y), X),
        "boosting": (HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(X, y), X),
        "short": (LogisticRegression().fit(X.astype(np.float32), y), X.astype(np.float32)),
        "named": (
            LinearRegression().fit(pd.DataFrame(X, columns=list("abcdef")), y),
            pd.DataFrame(X, columns=list("abcdef")),
        ),
        "two": (ExtraTreesRegressor(5, random_state=0).fit(X, np.column_stack([y, X[:, 0]])), X),
        "both": (RandomForestClassifier(5, random_state=0).fit(X, np.column_stack([y, y > 0])), X),
        "truth": (LogisticRegression().fit(X, y > 0), X),
        "scaler": (StandardScaler().fit(X), X),
        "axes": (PCA(2).fit(X), X),
        "texts": (make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 0] * 10), texts),
        "strict": (strict.fit(frame, rich), frame),
    }
    found = {}
    for name, (model, rows) in made.items():
        path = folder / f"{name}.onnx"
        sklort.convert(model, rows).save(path)
        found[name] = Fitted(model, rows, path)
    return found


@pytest.fixture(scope="session")
def paths(fitted: dict[str, Fitted]) -> dict[str, Path]:
    return {name: one.path for name, one in fitted.items()}


@pytest.fixture
def serving() -> Iterator[Client]:
    """``serving(models, **options)``: a client of such a service, on one event loop as long as the test lasts."""
    with ExitStack() as stack:

        def client(models: Any, **options: Any) -> TestClient:
            service = models if isinstance(models, Service) else Service(models, **{"look": None, **options})
            return stack.enter_context(TestClient(service, raise_server_exceptions=True))

        yield client


@pytest.fixture(scope="module")
def client(paths: dict[str, Path]) -> Iterator[TestClient]:
    """All models, without options."""
    with TestClient(Service(paths, look=None)) as found:
        yield found


def tensor(name: str, values: Any, datatype: str) -> dict[str, Any]:
    """A tensor of the protocol, as JSON."""
    array = np.asarray(values)
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [{name: getattr(v, "item", lambda v=v: v)() for name, v in row.items()} for row in frame.to_dict("records")]
