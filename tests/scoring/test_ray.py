"""Ray, with two workers: the same bytes as without it, and the model opened once in each process.

One test, since Ray takes seconds to start, and tests that run side by side would start it in every process.
"""

from __future__ import annotations

from importlib.util import find_spec
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
if find_spec("ray") is None:
    pytest.skip("could not find ray", allow_module_level=True)

pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
    pytest.mark.filterwarnings(r"ignore:The inplace keyword"),  # of pandas, by Ray
]


def test_ray(linear: Path, forest: Path, folder: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    with ray_cluster(2, None) as ray:  # what an engine starts where Ray does not run yet
        data = ray_data(ray, rows, 500)
        check_files(linear, folder, tmp_path)
        check_an_error_in_a_worker(linear, folder, tmp_path)
        assert ray.is_initialized()  # what was there before a run stays
        check_map_batches(linear, rows, data)
        check_actors(linear, rows, data, ray.data.ActorPoolStrategy(size=2))
        check_a_process_opens_the_model_once(forest, ray_data(ray, rows, 100))
    assert not ray.is_initialized()


def ray_data(ray: Any, rows: pd.DataFrame, count: int) -> Any:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    return ray.data.from_arrow([pa.Table.from_pandas(rows[at : at + count]) for at in range(0, len(rows), count)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def check_files(linear: Path, folder: Path, tmp_path: Path) -> None:
    call: dict[str, Any] = {"keep": ["id"], "method": ["predict", "predict_proba"], "part_rows": 700}
    score_files(linear, folder, tmp_path / "local", **call)
    done = score_files(linear, folder, tmp_path / "ray", engine="ray", workers=2, **call)
    assert done.parts_now == 8
    assert files(tmp_path / "ray") == files(tmp_path / "local")


def check_an_error_in_a_worker(linear: Path, folder: Path, tmp_path: Path) -> None:
    frame = make_rows(100)
    frame.loc[77, "x1"] = np.inf
    pq.write_table(pa.Table.from_pandas(frame), folder / "d.parquet")
    with pytest.raises(ScoringError, match=r"d\.parquet, row group 0, row 77, column 'x1': an infinity"):
        score_files(linear, folder, tmp_path / "out", engine="ray")


def check_map_batches(linear: Path, rows: pd.DataFrame, data: Any) -> None:
    want = Scorer(linear, method="predict_proba", keep=["id"])(rows)
    found = sklort.map_batches(data, linear, method="predict_proba", keep=["id"]).to_pandas()
    assert found.to_dict("list") == want.to_dict("list")


def check_actors(linear: Path, rows: pd.DataFrame, data: Any, two: Any) -> None:
    found = data.map_batches(
        Scorer,
        fn_constructor_args=(linear.read_bytes(),),
        fn_constructor_kwargs={"keep": ["id"]},
        compute=two,
        num_cpus=0.5,
        batch_format="pandas",
    ).to_pandas()
    assert found.to_dict("list") == Scorer(linear, keep=["id"])(rows).to_dict("list")


def check_a_process_opens_the_model_once(forest: Path, data: Any) -> None:
    scorer = Scorer(forest)  # which no worker has seen yet

    def count(batch: Any) -> Any:
        import os

        from sklort.scoring import source

        before = source.times_opened()
        scorer(batch)
        return pa.table({"process": [os.getpid()], "opened": [source.times_opened() - before]})

    counted = data.map_batches(count, batch_format="pyarrow", batch_size=50).to_pandas()
    assert len(counted) == 100
    assert set(counted.groupby("process").opened.sum()) == {1}
    assert counted.process.nunique() < 20
