"""The form of an answer comes from the model's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csr_matrix, issparse

from sklort.estimator.outputs import Form

N = 4


@pytest.mark.parametrize(
    ("like", "raw"),
    [
        (np.zeros(2, np.int64), np.arange(N)),
        (np.zeros(2, np.int32), np.arange(N)),
        (np.zeros(2, bool), np.array([0, 1, 1, 0])),
        (np.array(["a", "bb"]), np.array(["a", "bb", "a", "a"], dtype=object)),
        (np.zeros(2), np.arange(4.0).reshape(N, 1)),
        (np.zeros((2, 1)), np.arange(4.0)),
        (np.zeros((2, 3)), np.arange(12.0).reshape(N, 3)),
        (np.zeros(2, np.float32), np.arange(4.0).reshape(N, 1)),
    ],
)
def test_finish(like, raw) -> None:
    form = Form.of(like)
    out = form.finish(raw)
    assert out.dtype == like.dtype
    assert out.shape == (N, *like.shape[1:])
    assert [str(v) for v in out.ravel()] == [str(v) for v in raw.ravel().astype(like.dtype)]
    short = form.shortcut(raw)
    assert np.array_equal(raw if short is None else short(raw), out)
    assert Form.from_json(json.loads(json.dumps(form.as_json()))) == form


def test_nothing_to_do_is_no_call() -> None:
    assert Form.of(np.zeros((2, 3))).shortcut(np.zeros((N, 3))) is None


def test_sparse_and_lists() -> None:
    sparse = Form.of(csr_matrix(np.eye(3))).finish(np.eye(3))
    assert issparse(sparse)
    form = Form.of([np.zeros((2, 2)), np.zeros((2, 3))])
    out = form.finish(np.arange(24.0).reshape(2, N, 3))
    assert [one.shape for one in out] == [(N, 2), (N, 3)]
    assert Form.from_json(json.loads(json.dumps(form.as_json()))) == form
