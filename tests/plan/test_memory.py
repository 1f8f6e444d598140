from __future__ import annotations

from sklort.plan.memory import Slots, last_reads


def test_the_lowest_free_slot_comes_first():
    slots = Slots()
    assert [slots.take(), slots.take(), slots.take()] == [0, 1, 2]
    slots.give_back([2, 0])
    assert [slots.take(), slots.take(), slots.take()] == [0, 2, 3]
    assert slots.count == 4


def test_last_reads():
    reads = [["x", "y"], ["x", "x"], ["z", "y"], ["kept"]]
    assert last_reads(reads, ["kept"]) == [(), ("x",), ("z", "y"), ()]
