"""Ray, with two workers: the same bytes as without it, and the model opened once in each process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sklort
from sklort.exceptions import ScoringError
from sklort.scoring.engines import ray_cluster
from sklort.scoring.run import score_files
from sklort.scoring.scorer import Scorer
from tests.scoring.tables import make_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("ray.data", exc_type=ImportError)

pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
    pytest.mark.filterwarnings(r"ignore:The inplace keyword"),  # of pandas, by Ray
]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """The cluster that an engine starts, of two workers."""
    with ray_cluster(2, None) as ray:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        yield ray
    assert not ray.is_initialized()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_have_the_same_bytes(linear: Path, folder: Path, tmp_path: Path, ray: Any) -> None:
    call: dict[str, Any] = {"keep": ["id"], "method": ["predict", "predict_proba"], "part_rows": 700}
    score_files(linear, folder, tmp_path / "local", **call)
    done = score_files(linear, folder, tmp_path / "ray", engine="ray", workers=2, **call)
    assert done.parts_now == 8
    assert ray.is_initialized()  # what was there before the run stays
    assert files(tmp_path / "ray") == files(tmp_path / "local")


def test_an_error_in_a_worker_is_the_same_error(linear: Path, folder: Path, tmp_path: Path, ray: Any) -> None:
    frame = make_rows(100)
    frame.loc[77, "x1"] = np.inf
    pq.write_table(pa.Table.from_pandas(frame), folder / "d.parquet")
    with pytest.raises(ScoringError, match=r"d\.parquet, row group 0, row 77, column 'x1': an infinity"):
        score_files(linear, folder, tmp_path / "out", engine="ray")


def test_map_batches(linear: Path, rows: pd.DataFrame, ray: Any) -> None:
    data = ray.data.from_arrow([pa.Table.from_pandas(rows[at : at + 500]) for at in range(0, len(rows), 500)])
    want = Scorer(linear, method="predict_proba", keep=["id"])(rows)
    found = sklort.map_batches(data, linear, method="predict_proba", keep=["id"]).to_pandas()
    assert found.to_dict("list") == want.to_dict("list")


def test_actors(linear: Path, rows: pd.DataFrame, ray: Any) -> None:
    data = ray.data.from_arrow([pa.Table.from_pandas(rows[at : at + 500]) for at in range(0, len(rows), 500)])
    found = data.map_batches(
        Scorer,
        fn_constructor_args=(linear.read_bytes(),),
        fn_constructor_kwargs={"keep": ["id"]},
        compute=ray.data.ActorPoolStrategy(size=2),
        num_cpus=0.5,
        batch_format="pandas",
    ).to_pandas()
    assert found.to_dict("list") == Scorer(linear, keep=["id"])(rows).to_dict("list")


def test_a_process_opens_the_model_once(forest: Path, rows: pd.DataFrame, ray: Any) -> None:
    scorer = Scorer(forest)  # which no other test gives to Ray

    def count(batch: Any) -> Any:
        import os

        from sklort.scoring import source

        before = source.times_opened()
        scorer(batch)
        return pa.table({"process": [os.getpid()], "opened": [source.times_opened() - before]})

    data = ray.data.from_arrow([pa.Table.from_pandas(rows[at : at + 100]) for at in range(0, len(rows), 100)])
    counted = data.map_batches(count, batch_format="pyarrow", batch_size=50).to_pandas()
    assert len(counted) == 100
    assert set(counted.groupby("process").opened.sum()) == {1}
    assert counted.process.nunique() < 20
