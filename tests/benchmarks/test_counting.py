"""Instructions of a call, where the system lets them be counted."""

from __future__ import annotations

import os

import pytest

from benchmarks.counting import NotCounted, instructions


def test_more_work_is_more_instructions() -> None:
    try:
        few, many = instructions(lambda: sum(range(20))), instructions(lambda: sum(range(120)))
    except NotCounted as reason:
        pytest.skip(str(reason))
    assert 1000 < many - few < 50_000


def test_the_count_is_steady() -> None:
    try:
        counts = [instructions(lambda: sum(range(20))) for _ in range(2)]
    except NotCounted as reason:
        pytest.skip(str(reason))
    assert max(counts) - min(counts) < 0.1 * max(counts) + 500


def test_a_long_call_is_not_counted() -> None:
    with pytest.raises(NotCounted):
        instructions(lambda: sum(range(1000)), most=5000)


def test_a_call_that_ends_the_process_is_not_counted() -> None:
    parent = os.getpid()
    with pytest.raises(NotCounted):
        instructions(lambda: None if os.getpid() == parent else os._exit(3))
