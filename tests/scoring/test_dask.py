"""Dask, with two workers: the same bytes as without it, and the model opened once in each."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sklort
from sklort.exceptions import ScoringError
from sklort.scoring import source
from sklort.scoring.engines import cores
from sklort.scoring.run import score_files
from sklort.scoring.scorer import Scorer
from tests.scoring.tables import make_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
if find_spec("distributed") is None:
    pytest.skip("could not find dask.distributed", allow_module_level=True)


def threads_here() -> str | None:
    return os.environ.get("SKLORT_NUM_THREADS")


def opened_here() -> tuple[int, int]:
    return os.getpid(), source.times_opened()


def from_pandas(rows: pd.DataFrame, npartitions: int) -> Any:
    import dask.dataframe as dd

    return dd.from_pandas(rows, npartitions=npartitions)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_have_the_same_bytes(linear: Path, folder: Path, tmp_path: Path, dask_client: Any) -> None:
    address = dask_client.scheduler.address
    call: dict[str, Any] = {"keep": ["id"], "method": ["predict", "predict_proba"], "part_rows": 700}
    score_files(linear, folder, tmp_path / "local", **call)
    done = score_files(linear, folder, tmp_path / "dask", engine="dask", address=address, **call)
    assert done.parts_now == 8
    assert files(tmp_path / "dask") == files(tmp_path / "local")


def test_workers_share_the_cores(dask_client: Any) -> None:
    assert set(dask_client.run(threads_here).values()) == {str(max(1, cores() // 2))}


def test_dask_goes_on_with_what_threads_began(linear: Path, folder: Path, tmp_path: Path, dask_client: Any) -> None:
    """The run of threads fails at a bad file, which is mended."""
    call: dict[str, Any] = {"keep": ["id"], "part_rows": 700}
    score_files(linear, folder, tmp_path / "want", **call)
    stat, good = (folder / "c.parquet").stat(), (folder / "c.parquet").read_bytes()
    (folder / "c.parquet").write_bytes(b"\xff" * 4000 + good[4000:])
    os.utime(folder / "c.parquet", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ScoringError, match=r"c\.parquet, row group 0: cannot be read"):
        score_files(linear, folder, tmp_path / "out", workers=1, **call)
    (folder / "c.parquet").write_bytes(good)
    os.utime(folder / "c.parquet", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    done = score_files(linear, folder, tmp_path / "out", engine="dask", address=dask_client.scheduler.address, **call)
    assert done.parts_now == 1
    assert files(tmp_path / "out") == files(tmp_path / "want")


def test_an_error_in_a_worker_is_the_same_error(linear: Path, folder: Path, tmp_path: Path, dask_client: Any) -> None:
    frame = make_rows(100)
    frame.loc[77, "x1"] = np.inf
    pq.write_table(pa.Table.from_pandas(frame), folder / "d.parquet")
    told = []
    for engine, address in (("local", None), ("dask", dask_client.scheduler.address)):
        with pytest.raises(ScoringError, match=r"d\.parquet, row group 0, row 77, column 'x1': an infinity") as raised:
            score_files(linear, folder, tmp_path / engine, engine=engine, address=address)  # type: ignore[arg-type]
        told.append(str(raised.value))
    assert told[0] == told[1]


def test_map_batches_knows_its_columns_and_opens_the_model_once_a_worker(
    forest: Path, rows: pd.DataFrame, dask_client: Any
) -> None:
    before = dict(dask_client.run(opened_here).values())
    data = from_pandas(rows, npartitions=10)
    lazy = sklort.map_batches(data, forest, method="predict_proba", keep=["id"])
    want = Scorer(forest, method="predict_proba", keep=["id"])(rows)
    assert list(lazy.columns) == list(want.columns)
    assert lazy.dtypes.equals(want.dtypes)
    pd.testing.assert_frame_equal(lazy.compute(), want, check_exact=True)
    after = dict(dask_client.run(opened_here).values())
    assert [after[worker] - before[worker] for worker in after] == [1, 1]  # no other test gives it this model
    lazy.compute()
    assert dict(dask_client.run(opened_here).values()) == after


def test_map_batches_of_empty_partitions(linear: Path, rows: pd.DataFrame) -> None:
    data = from_pandas(rows, npartitions=3)
    some = sklort.map_batches(data[data.id < 10], linear, keep=["id"]).compute(scheduler="synchronous")
    pd.testing.assert_frame_equal(some, Scorer(linear, keep=["id"])(rows[:10]))


def test_columns_that_do_not_fit_are_refused_before_the_work(linear: Path, rows: pd.DataFrame) -> None:
    with pytest.raises(ScoringError, match="column 'x4': is missing"):
        sklort.map_batches(from_pandas(rows.drop(columns="x4"), npartitions=2), linear)
