"""A model, rows for it, and Parquet files of these rows in several row groups."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import sklort
from tests.scoring.tables import NAMES, make_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="session")
def learned() -> pd.DataFrame:
    return make_rows(2000, seed=7)


def save(model: Any, learned: pd.DataFrame, path: Path) -> Path:
    target = np.where(learned.x0 * learned.x1 > 0.3, "high", np.where(learned.x2 > 0, "low", "none"))
    sklort.convert(model.fit(learned[NAMES], target), learned[NAMES]).save(path)
    return path


@pytest.fixture(scope="session")
def forest(learned: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes NaN."""
    model = RandomForestClassifier(5, max_depth=6, random_state=0)
    return save(model, learned, tmp_path_factory.mktemp("forest") / "forest.onnx")


@pytest.fixture(scope="session")
def linear(learned: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Refuses NaN and infinities."""
    return save(LogisticRegression(), learned, tmp_path_factory.mktemp("linear") / "linear.onnx")


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    return make_rows(5000)


@pytest.fixture
def folder(rows: pd.DataFrame, tmp_path: Path) -> Path:
    """Three files, of 2000, 2500 and 500 rows, in row groups of 700."""
    path = tmp_path / "rows"
    path.mkdir()
    for name, start, end in (("a", 0, 2000), ("b", 2000, 4500), ("c", 4500, 5000)):
        pq.write_table(pa.Table.from_pandas(rows[start:end]), path / f"{name}.parquet", row_group_size=700)
    return path


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    """The cluster that an engine starts, of two workers, shared by all tests of a process."""
    pytest.importorskip("dask.distributed")
    from sklort.scoring.engines import dask_client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = dask_client(2, None)
        client = made.__enter__()
    yield client
    made.__exit__(None, None, None)
