"""Optional values; ONNX's own cases are in tests/conformance/test_onnx_control_flow.py."""

from __future__ import annotations

import numpy as np
import pytest

from sklort.exceptions import Fail
from tests.ops.one_node import run

X = np.arange(3, dtype=np.float32)


def test_a_value_or_none():
    assert run("Optional", [X], domain="", version=15).tolist() == X.tolist()
    assert bool(run("OptionalHasElement", [X], domain="", version=18))
    assert not run("OptionalHasElement", [None], domain="", version=15)
    assert run("OptionalGetElement", [[X, X]], domain="", version=15)[1].tolist() == X.tolist()


def test_nothing_to_get():
    with pytest.raises(Fail, match="the optional value is empty"):
        run("OptionalGetElement", [None], domain="", version=15)
