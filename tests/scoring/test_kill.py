"""`sklort score`, killed with signal 9 at random moments and started again: the result is that of a run which was not.

`python -m benchmarks.scoring` does the same with ten million rows.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.scoring.tables import make_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = 200_000
KILLS = 3


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def command(model: Path, rows: Path, output: Path) -> list[str]:
    options = ["--keep", "id", "--method", "predict_proba", "--part-rows", "20000", "--batch-rows", "1000"]
    return [sys.executable, "-m", "sklort.cli", "score", str(model), str(rows), "-o", str(output), *options]


def parts(partial: Path) -> int:
    return len(list(partial.glob("part-*.parquet")))


@pytest.mark.parametrize("output", ["out", "out.parquet"])
def test_killed_and_started_again(forest: Path, tmp_path: Path, root: Path, output: str) -> None:
    source = tmp_path / "rows"
    source.mkdir()
    table = pa.Table.from_pandas(make_rows(ROWS))
    for i, start in enumerate(range(0, ROWS, 50_000)):
        pq.write_table(table.slice(start, 50_000), source / f"{i}.parquet", row_group_size=10_000)
    subprocess.run(command(forest, source, tmp_path / "want"), cwd=root, check=True, capture_output=True)

    target, partial = tmp_path / output, tmp_path / f"{output}.partial"
    chance = random.Random(output)
    seen, killed = 0, 0
    for _ in range(KILLS):
        run = subprocess.Popen(
            command(forest, source, target), cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        # A moment between the first new part and the next ones, so that every run gets somewhere.
        while run.poll() is None and parts(partial) <= seen:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        run.kill()
        run.communicate()
        killed += run.returncode == -signal.SIGKILL
        if target.exists():
            break
        assert seen < parts(partial)
        seen = parts(partial)
    assert killed >= 2
    done = subprocess.run(command(forest, source, target), cwd=root, check=True, capture_output=True, text=True)
    assert f"{target}: " in done.stdout
    assert not partial.exists()

    if target.is_dir():
        assert files(target) == files(tmp_path / "want")
    found, want = pq.read_table(target), pq.read_table(tmp_path / "want")
    assert found.equals(want)
    assert np.array_equal(found["id"].to_numpy(), np.arange(ROWS))
