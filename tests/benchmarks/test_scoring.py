"""The benchmark of scoring notices a row that is lost, doubled or moved, and a byte that differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.scoring import difference, disorder, is_made, make_rows

pytest.importorskip("pyarrow")


def test_rows_are_numbered_over_all_files(tmp_path: Path) -> None:
    make_rows(tmp_path / "rows", 1003)
    assert disorder(tmp_path / "rows", 1003) is None
    assert disorder(tmp_path / "rows", 1004) == "1003 rows where 1004 were"
    assert not is_made(tmp_path, 1003)  # without a model
    (tmp_path / "model.onnx").write_bytes(b"")
    assert is_made(tmp_path, 1003)
    assert not is_made(tmp_path, 1004)


@pytest.mark.parametrize("ids", [[0, 1, 3], [0, 1, 1, 2], [0, 2, 1]])
def test_disorder_is_noticed(tmp_path: Path, ids: list[int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": np.array(ids)}), tmp_path / "part-0.parquet")
    assert disorder(tmp_path, len(ids)) == "part-0.parquet does not hold the rows from 0"


def test_a_difference_is_noticed(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_bytes(b"same")
    assert difference(tmp_path / "a", tmp_path / "b") is None
    (tmp_path / "b" / "part").write_bytes(b"Same")
    assert difference(tmp_path / "a", tmp_path / "b") == "part"
    (tmp_path / "b" / "more").write_bytes(b"")
    assert difference(tmp_path / "a", tmp_path / "b") == "files ['part'] and ['more', 'part']"
