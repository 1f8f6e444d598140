"""Every test of the CPU's linear operators, over the CUDA sources."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda import programs
from tests.ops import one_node
from tests.ops import test_linear as cases


@pytest.fixture(autouse=True)
def on_cuda(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(one_node, "program", programs.program)
    del programs.on_the_cpu[:]
    return cupy


globals().update({name: case for name, case in vars(cases).items() if name.startswith("test_")})


def test_one_kernel_for_product_link_and_label(on_cuda: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 7)).astype(np.float32)
    cases.classify(x, np.eye(3, 7), np.zeros(3), post_transform="SOFTMAX")
    assert on_cuda.launches == ["linear"]
    assert not programs.on_the_cpu
