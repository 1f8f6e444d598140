"""`map_batches` over iterators, and over what Spark gives to it; Dask and Ray have modules of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import sklort
from sklort.exceptions import ScoringError
from sklort.scoring.batches import spark_schema
from sklort.scoring.scorer import Scorer

pa = pytest.importorskip("pyarrow")


def test_an_iterator_is_asked_for_one_batch_at_a_time(linear: Path, rows: pd.DataFrame) -> None:
    asked = []

    def batches() -> Iterator[Any]:
        for at in range(0, 3000, 1000):
            asked.append(at)
            yield rows[at : at + 1000]

    found = sklort.map_batches(batches(), linear, keep=["id"])
    assert asked == []
    first = next(found)
    assert asked == [0]
    pd.testing.assert_frame_equal(pd.concat([first, *found]), Scorer(linear, keep=["id"])(rows[:3000]))


def test_a_reader_of_record_batches(linear: Path, rows: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(rows)
    found = list(sklort.map_batches(table.to_reader(max_chunksize=700), linear, keep=["id"]))
    assert all(isinstance(one, pa.RecordBatch) for one in found)
    assert pa.Table.from_batches(found).equals(Scorer(linear, keep=["id"])(table))


class SparkFrame:
    """As much of Spark's DataFrame as is used, and as Spark uses what it is given: pickled, in another process' hands,
    with an iterator of pandas frames for each partition. Spark itself needs a JVM."""

    def __init__(self, partitions: list[list[pd.DataFrame]], dtypes: list[tuple[str, str]]) -> None:
        self.partitions, self.dtypes = partitions, dtypes
        self.schema: Any = None

    def mapInPandas(self, function: Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]], schema: str) -> Any:
        sent = cloudpickle.dumps(function)
        assert len(sent) < 1500
        done = [list(cloudpickle.loads(sent)(iter(partition))) for partition in self.partitions]
        made = SparkFrame(done, [])
        made.schema = schema
        return made


SparkFrame.__module__ = "pyspark.sql.dataframe"


def test_spark_gets_a_function_of_an_iterator_and_a_schema(linear: Path, rows: pd.DataFrame) -> None:
    types = [("id", "bigint"), *((f"x{i}", "double") for i in range(6))]
    data = SparkFrame([[rows[:100], rows[100:150]], [], [rows[150:150]], [rows[150:300]]], types)
    made = sklort.map_batches(data, linear, method=["predict", "predict_proba"], keep=["id"])
    assert made.schema == (
        "`id` bigint, `prediction` string, `probability_high` double, `probability_low` double, "
        "`probability_none` double"
    )
    assert [len(partition) for partition in made.partitions] == [2, 0, 1, 1]
    found = pd.concat([frame for partition in made.partitions for frame in partition if len(frame)])
    want = Scorer(linear, method=["predict", "predict_proba"], keep=["id"])(rows[:300])
    pd.testing.assert_frame_equal(found, want)
    with pytest.raises(ScoringError, match="column 'x5': is missing"):
        sklort.map_batches(SparkFrame([], types[:-1]), linear)


def test_names_are_quoted_for_spark(linear: Path) -> None:
    types = [("a`b", "int"), *((f"x{i}", "double") for i in range(6))]
    assert spark_schema(Scorer(linear, keep=["a`b"], prefix="p "), types) == "`a``b` int, `p prediction` string"


def test_spark(linear: Path, rows: pd.DataFrame) -> None:
    sql = pytest.importorskip("pyspark.sql")
    try:
        session = sql.SparkSession.builder.master("local[2]").getOrCreate()
    except Exception:  # noqa: BLE001
        pytest.skip("Spark does not start: it needs a JVM")
    found = sklort.map_batches(session.createDataFrame(rows), linear, keep=["id"]).toPandas().sort_values("id")
    assert np.array_equal(found.prediction, Scorer(linear)(rows).prediction)


def test_what_is_no_data_set_is_refused(linear: Path, rows: pd.DataFrame) -> None:
    with pytest.raises(TypeError, match=r"not DataFrame: one frame or table is scored by Scorer\(model\)\(frame\)"):
        sklort.map_batches(rows, linear)
    with pytest.raises(TypeError, match="not int"):
        sklort.map_batches(5, linear)
    with pytest.raises(TypeError, match="options are for Dask and Ray, not for list: concurrency"):
        sklort.map_batches([rows], linear, concurrency=2)
