"""The demo runs, on a few thousand flights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import flights
from examples import flights_demo


def test_the_data_is_the_table_of_the_package() -> None:
    data = flights.read()
    assert data.numbers.shape == (336_776, 10)
    assert np.isfinite(data.numbers).all()
    assert len(data.frame) == 336_776
    assert list(data.frame.columns) == [*flights.KNOWN, *flights.AT_TAKE_OFF, *flights.CODES]
    assert data.frame[flights.AT_TAKE_OFF].isna().any().all()
    assert data.late.sum() == 77_630 + 9_430  # late, and never arrived
    assert len(np.unique(data.training)) == flights.TRAINING_ROWS


def test_the_demo_runs_and_writes_what_it_says(tmp_path: Path) -> None:
    with (tmp_path / "printed").open("w") as printed:
        passed = flights_demo.run(tmp_path, Console(file=printed, width=140), quick=True)
    text = (tmp_path / "printed").read_text()
    assert passed, text
    record = json.loads((tmp_path / "flights.json").read_text())
    assert len(record["models"]) == 5
    for model in record["models"]:
        assert model["check"]["passed"]
        assert model["check"]["rows"] == flights_demo.QUICK_ROWS
        assert model["parity"]["ok"]
        assert set(model["times"]) == {"1", "100"}
        for row in model["times"].values():
            assert {"scikit-learn", "sklort"} <= set(row)
    assert (tmp_path / "flights.png").read_bytes().startswith(b"\x89PNG")
    assert text.count("label mismatches; probabilities differ by at most") == 5


def test_a_difference_fails_the_check() -> None:
    class Off:
        def __init__(self, by: float) -> None:
            self.by = by

        def predict_proba(self, X: object) -> np.ndarray:
            return np.array([[0.25 + self.by, 0.75 - self.by], [1.0, 0.0]])

        def predict(self, X: object) -> np.ndarray:
            return self.predict_proba(X).argmax(axis=1)

        def get_params(self) -> dict[str, object]:
            return {}

        def set_params(self) -> None: ...

    assert flights_demo.check_all(Off(0), Off(0), None).passed
    slightly = flights_demo.check_all(Off(0), Off(1e-11), None)
    assert slightly.label_mismatches == 0
    assert not slightly.passed
    assert flights_demo.check_all(Off(0), Off(0.3), None).label_mismatches == 1
