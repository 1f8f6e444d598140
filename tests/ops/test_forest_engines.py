"""Which engine claims which forest, and that every engine that claims one gives the judge's sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from tests.ops.forests import attributes_v3, judged_sums, program, random_tree

WALK, COMPARE, GENERAL = "interleaved walk", "; compare-all from", "general walk"

FORESTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "shallow": ({"depth": 3, "trees": 50}, {WALK, COMPARE}),
    "one target a tree": ({"depth": 4, "trees": 60, "by_target": True}, {WALK, COMPARE}),
    "thirty leaves": ({"depth": 5, "trees": 40}, {WALK, COMPARE}),
    "more thresholds than a byte tells apart": ({"depth": 5, "trees": 80, "distinct": 3000}, {WALK, COMPARE}),
    "few trees on many columns": ({"depth": 4, "trees": 40, "features": 300}, {WALK}),
    "deep": ({"depth": 12, "trees": 3}, {WALK}),
    "a threshold of minus infinity, tested with <": ({"depth": 4, "trees": 20, "never": True}, {WALK}),
    "equality": ({"depth": 4, "trees": 20, "modes": ("BRANCH_EQ", "BRANCH_LEQ")}, {GENERAL}),
}


def forest(
    depth: int,
    trees: int,
    features: int = 6,
    targets: int = 2,
    distinct: int = 40,
    modes: tuple[str, ...] = ("BRANCH_LEQ", "BRANCH_GT"),
    by_target: bool = False,
    never: bool = False,
) -> tuple[list[Any], np.ndarray]:
    rng = np.random.default_rng(depth * trees)
    cuts = rng.normal(size=distinct)
    if never:
        cuts[:5] = -np.inf
        modes = ("BRANCH_LT", "BRANCH_LEQ")
    grown = [
        random_tree(
            rng,
            features=features,
            targets=targets,
            depth=depth,
            modes=modes,
            thresholds=cuts,
            one_target=t % 2 if by_target else None,
        )
        for t in range(trees)
    ]
    at = cuts[np.isfinite(cuts)].astype(np.float32)
    pool = np.concatenate(
        [at, np.nextafter(at, np.float32(9)), np.nextafter(at, np.float32(-9)), [np.nan, np.inf, -np.inf, 0.0, -0.0]]
    )
    return grown, rng.choice(pool, size=(700, features)).astype(np.float32)


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> Any:
    _core.choose_isa(request.param)
    yield request.param
    _core.choose_isa("")


@pytest.mark.parametrize("name", FORESTS)
def test_engines_agree_with_the_judge_and_claim_what_they_should(name: str, isa: str) -> None:
    options, claims = FORESTS[name]
    trees, rows = forest(**options)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    compiled = program("TreeEnsembleRegressor", 3, attributes, "float32")
    text = compiled.explain()[0]
    claimed = {engine for engine in (WALK, COMPARE, GENERAL) if engine in text}
    if isa == "avx512":  # elsewhere testing every branch may be dearer than walking
        assert claimed == claims, text
    assert claimed <= claims, text
    want = judged_sums(trees, rows, 2).astype(np.float32)
    for count in (1, 5, 40, 64, 65, 129, 401, 700):
        np.testing.assert_array_equal(compiled.run([rows[:count]])[0], want[:count], err_msg=f"{count} rows: {text}")


def test_a_refusal_is_a_sentence() -> None:
    trees, _ = forest(depth=12, trees=3)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    assert (
        "no compare-all: it has a tree of more than 256 leaves"
        in program("TreeEnsembleRegressor", 3, attributes, "float32").explain()[0]
    )
    assert (
        "no compare-all: its rows are not float"
        in program("TreeEnsembleRegressor", 3, attributes, "float64").explain()[0]
    )
