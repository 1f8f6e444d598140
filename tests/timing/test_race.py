"""The measuring of times, which must not itself be trusted blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from time import sleep

import pytest

from sklort.timing.race import Disagreement, Spread, race, short, times_faster


def equal(truth: object, result: object) -> str | None:
    return None if truth == result else f"{truth} is not {result}"


def test_the_slower_one_is_slower() -> None:
    def slow() -> int:
        sleep(0.02)
        return 1

    times = race({"fast": lambda: 1, "slow": slow}, disagreement=equal, seconds=0.01, rounds=3)
    assert list(times) == ["fast", "slow"]
    assert times["slow"].minimum > 0.02
    assert times["fast"].maximum < 0.02
    for spread in times.values():
        assert spread.minimum <= spread.median <= spread.maximum
        assert spread.rounds == 3
    assert times["fast"].calls > times["slow"].calls == 1


def test_a_wrong_answer_has_no_time() -> None:
    with pytest.raises(Disagreement, match="second does not agree with first: 1 is not 2"):
        race({"first": lambda: 1, "second": lambda: 2}, disagreement=equal)


def test_the_order_changes_from_round_to_round() -> None:
    order: list[str] = []

    def recorded(name: str) -> int:
        order.append(name)
        sleep(0.003)  # one call fills a round
        return 0

    race({name: lambda name=name: recorded(name) for name in "abc"}, disagreement=equal, seconds=0, rounds=3)
    assert "".join(order[-9:]) == "abcbcacab"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.234e-6, "1.23 µs"), (9.996e-6, "10.0 µs"), (0.012345, "12.3 ms"), (0.9996, "1.00 s"), (123.4, "123 s")],
)
def test_short(seconds: float, text: str) -> None:
    assert short(seconds) == text


@pytest.mark.parametrize(("theirs", "text"), [(1.85e3, "1,850 ×"), (99.4, "99.4 ×"), (0.97, "0.97 ×")])
def test_times_faster(theirs: float, text: str) -> None:
    assert times_faster(Spread(theirs, theirs, theirs, 1, 1), Spread(1, 1, 1, 1, 1)) == text


def test_who_is_wrong_or_fails_can_be_left_out() -> None:
    def fail() -> int:
        raise RuntimeError("no such file\nand more")

    refused: dict[str, str] = {}
    runners = {"first": lambda: 1, "wrong": lambda: 2, "failing": fail, "right": lambda: 1}
    times = race(runners, disagreement=equal, seconds=0, rounds=1, refused=refused)
    assert list(times) == ["first", "right"]
    assert refused == {"wrong": "1 is not 2", "failing": "no such file"}


def test_a_setting_is_made_for_its_runner_alone() -> None:
    state: list[str] = []

    @contextmanager
    def inside() -> Iterator[None]:
        state.append("narrow")
        yield
        state.clear()

    runners = {"plain": lambda: state == [], "narrow": lambda: state == ["narrow"]}
    race(runners, disagreement=equal, seconds=0, rounds=2, settings={"narrow": inside})
    assert state == []


class Clock:
    """Time that passes only when a runner says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, seconds: Iterator[float], answer: int = 1) -> Callable[[], int]:
        def run() -> int:
            self.now += next(seconds)
            return answer

        return run


def test_quantiles_are_of_single_calls() -> None:
    clock = Clock()
    hundredths = cycle([*[0.01] * 90, *[0.02] * 7, *[0.5] * 3])
    next_calls = {"steady": clock.taking(cycle([0.01])), "jumpy": clock.taking(hundredths)}
    times = race(next_calls, disagreement=equal, seconds=1e9, rounds=100, most=100, each=True, clock=clock)
    jumpy, steady = times["jumpy"], times["steady"]
    assert (jumpy.minimum, jumpy.median, jumpy.maximum) == pytest.approx((0.01, 0.01, 0.5))
    assert (jumpy.p95, jumpy.p99) == pytest.approx((0.02, 0.5))
    assert (steady.p95, steady.p99) == pytest.approx((0.01, 0.01))
    assert (jumpy.rounds, jumpy.calls) == (100, 1)


def test_few_calls_have_no_quantiles() -> None:
    clock = Clock()
    runner = {"one": clock.taking(cycle([1.0]))}
    times = race(runner, disagreement=equal, seconds=0, rounds=20, each=True, clock=clock)
    assert times["one"].p95 == pytest.approx(1.0)
    assert times["one"].p99 is None
    times = race(runner, disagreement=equal, seconds=0, rounds=19, each=True, clock=clock)
    assert times["one"].p95 is None


def test_short_calls_are_repeated_and_divided_out() -> None:
    clock = Clock()
    times = race({"one": clock.taking(cycle([1e-5]))}, disagreement=equal, seconds=0, rounds=3, clock=clock)
    assert times["one"].median == pytest.approx(1e-5)
    assert times["one"].calls * 1e-5 >= 2e-3


def test_time_is_up_after_the_fewest_rounds() -> None:
    clock = Clock()
    times = race({"one": clock.taking(cycle([0.5]))}, disagreement=equal, seconds=2.2, rounds=2, clock=clock)
    assert times["one"].rounds == 5


def test_results_are_finished_before_they_are_compared_and_not_while_they_are_timed() -> None:
    finished: list[int] = []

    def finish(raw: int) -> int:
        finished.append(raw)
        return raw - 1

    race({"first": lambda: 1, "raw": lambda: 2}, disagreement=equal, seconds=0, rounds=2, finish={"raw": finish})
    assert finished == [2]
