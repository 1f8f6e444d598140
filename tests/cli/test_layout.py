"""Where boxes and edges of a picture go."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import pytest

from sklort.cli.layout import GAP, lay_out


@pytest.mark.parametrize("seed", range(8))
def test_boxes_never_overlap_and_edges_lead_down(seed: int) -> None:
    chance = random.Random(seed)
    count = chance.randrange(2, 60)
    widths = [chance.uniform(20, 200) for _ in range(count)]
    edges = sorted({tuple(sorted(chance.sample(range(count), 2))) for _ in range(count * 2)})
    found = lay_out(widths, edges)  # type: ignore[arg-type]
    rows = defaultdict(list)
    for x, at, width in zip(found.x, found.layer, widths):
        assert x - width / 2 >= -1e-6
        rows[at].append((x, width))
    for row in rows.values():
        row.sort()
        for (left, its), (right, other) in pairwise(row):
            assert right - left >= (its + other) / 2 + GAP - 1e-6
    for (source, target), way in zip(edges, found.ways):
        assert [at for _, at in way] == list(range(found.layer[source], found.layer[target] + 1))
        assert way[0][0] == pytest.approx(found.x[source])
        assert way[-1][0] == pytest.approx(found.x[target])


def test_a_chain_is_straight() -> None:
    found = lay_out([50, 120, 80], [(0, 1), (1, 2)])
    assert found.layer == [0, 1, 2]
    assert found.x == pytest.approx([60, 60, 60])


def test_what_starts_late_stands_above_its_reader() -> None:
    assert lay_out([10] * 4, [(0, 1), (1, 3), (2, 3)]).layer == [0, 1, 1, 2]


def test_crossings_are_undone() -> None:
    found = lay_out([10] * 4, [(0, 3), (1, 2)])
    assert (found.x[0] < found.x[1]) == (found.x[3] < found.x[2])


def test_nothing() -> None:
    assert lay_out([], []).ways == []
    assert lay_out([10], []).x == [5]
