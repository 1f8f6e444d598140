"""Every test of the CPU's LinearModel, over the CUDA sources; its categories are the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda import programs
from tests.ops import test_linear_model as cases


@pytest.fixture(autouse=True)
def on_cuda(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(cases, "program", programs.program)
    del programs.on_the_cpu[:]
    return cupy


globals().update({name: case for name, case in vars(cases).items() if name.startswith("test_")})


def test_a_scaler_is_part_of_the_kernel(on_cuda: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    attributes = cases.columns(
        source_widths=np.array([4]),
        group_widths=np.array([3]),
        group_stages=("subtract multiply",),
        number_sources=np.array([0, 0, 0]),
        number_columns=np.array([3, 1, 0]),
        stage_numbers=np.array([1.0, 2.0, 3.0, 0.5, 0.25, 4.0]),
    )
    compiled = cases.model([x], np.ones((3, 2), np.float32), np.zeros(2, np.float32), link="SOFTMAX", **attributes)
    compiled.run([x])
    assert on_cuda.launches == ["linear"]
    assert not programs.on_the_cpu
