"""Which engine claims which forest, and that every engine that claims one gives the judge's sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

import sklort
from sklort._native import _core
from sklort.exceptions import InvalidArgument
from tests.ops.forests import attributes_v3, judged_sums, program, random_tree

WALK, GATHER, QUICK, COMPARE, GENERAL = "interleaved-walk", "gather-walk", "quickscorer", "compare-all", "general-walk"
ENGINES = (WALK, GATHER, QUICK, COMPARE)

BYTES_OVER_64 = "more columns than 64 bytes"

FORESTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "shallow": ({"depth": 3, "trees": 50}, {WALK, GATHER, QUICK, COMPARE}),
    "one target a tree": ({"depth": 4, "trees": 60, "by_target": True}, {WALK, GATHER, QUICK, COMPARE}),
    "thirty leaves": ({"depth": 5, "trees": 40}, {WALK, GATHER, QUICK, COMPARE}),
    "more thresholds than a byte tells apart": (
        {"depth": 5, "trees": 80, "distinct": 3000},
        {WALK, GATHER, QUICK, COMPARE},
    ),
    BYTES_OVER_64: ({"depth": 4, "trees": 40, "features": 50}, {WALK, GATHER, QUICK, COMPARE}),
    "leaves beside long paths": ({"depth": 14, "trees": 6}, {WALK, GATHER}),
    "a leaf alone": ({"depth": 0, "trees": 3}, {WALK, GATHER, QUICK, COMPARE}),
    "sixteen targets": ({"depth": 6, "trees": 10, "targets": 16}, {WALK, GATHER, QUICK, COMPARE}),
    "nineteen targets": ({"depth": 6, "trees": 10, "targets": 19}, {WALK, GATHER, QUICK, COMPARE}),
    "two hundred leaves": ({"depth": 8, "trees": 10, "distinct": 500}, {WALK, GATHER, QUICK, COMPARE}),
    "more trees than lie side by side": ({"depth": 4, "trees": 300}, {WALK, GATHER, QUICK, COMPARE}),
    "few trees on many columns": ({"depth": 4, "trees": 40, "features": 30}, {WALK, GATHER, QUICK, COMPARE}),
    "more columns than the bytes of a row": ({"depth": 4, "trees": 40, "features": 140}, {WALK, GATHER, COMPARE}),
    "more columns than a narrow node names": ({"depth": 4, "trees": 40, "features": 300}, {WALK, COMPARE}),
    "deep": ({"depth": 12, "trees": 3}, {WALK, GATHER}),
    "a threshold of minus infinity, tested with <": ({"depth": 4, "trees": 20, "never": True}, {WALK, GATHER, QUICK}),
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
    return grown, rng.choice(pool, size=(904, features)).astype(np.float32)


def judged(name: str, dtype: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The attributes of one of `FORESTS`, rows for it and the judge's sums of them."""
    options = FORESTS[name][0]
    targets = options.get("targets", 2)
    trees, rows = forest(**options)
    rows = rows.astype(dtype)
    if dtype == "float64":
        rows[::7] = np.nextafter(rows[::7], 9)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": targets}
    return attributes, rows, judged_sums(trees, rows, targets).astype(np.float32)


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> Any:
    _core.choose_isa(request.param)
    yield request.param
    _core.choose_isa("")


def has_vbmi() -> bool:
    """Whether the processor looks bytes up in more than 64 of them (Linux tells; other systems: no)."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and " avx512vbmi " in flags.read_text()


def takes(text: str, engine: str) -> bool:
    """Whether a forest's explanation says that the engine asked for took it."""
    return "was asked for" not in text and f": {engine}" in text


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORESTS)
def test_engines_agree_with_the_judge_and_claim_what_they_should(name: str, dtype: str, isa: str) -> None:
    claims = FORESTS[name][1]
    attributes, rows, want = judged(name, dtype)
    if dtype == "float64":
        claims = claims - {GATHER}
    if isa == "baseline":
        claims = claims - {GATHER, QUICK}
    if name == BYTES_OVER_64 and not (isa == "avx512" and has_vbmi()):
        claims = claims - {QUICK}
    claimed = set()
    for engine in ("auto", *ENGINES):
        compiled = program("TreeEnsembleRegressor", 3, attributes | {"sklort_engine": engine}, dtype)
        text = compiled.explain()[0]
        claimed |= {one for one in (engine, GENERAL) if takes(text, one)}
        for count in (1, 5, 17, 40, 64, 65, 129, 300, 399, 401, 700, 904):
            np.testing.assert_array_equal(
                compiled.run([rows[:count]])[0], want[:count], err_msg=f"{count} rows: {text}"
            )
    assert claimed == claims


def test_a_refusal_is_a_sentence() -> None:
    trees, _ = forest(depth=12, trees=3)
    attributes = attributes_v3(trees, prefix="target", double=True) | {"n_targets": 2}
    text = program("TreeEnsembleRegressor", 3, attributes | {"sklort_engine": COMPARE}, "float32").explain()[0]
    assert "no quickscorer: it has a tree of more than 256 leaves" in text or _core.isa() == "baseline"
    assert "no compare-all: it has a tree of more than 256 leaves" in text
    assert "compare-all was asked for, but cannot take it" in text


def small_model() -> ModelProto:
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", **small_forest())],
            "g",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 6])],
            [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])],
        ),
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)],
    )


def test_the_engine_is_an_option_of_the_provider() -> None:
    model = small_model()
    X = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
    answers = []
    for engine in ENGINES:
        session = sklort.InferenceSession(model, providers=[("CPUExecutionProvider", {"forest_engine": engine})])
        assert f": {engine}" in str(session.explain()) or "was asked for" in str(session.explain())
        answers.append(session.run(None, {"X": X})[0])
    for answer in answers[1:]:
        np.testing.assert_array_equal(answers[0], answer)
    with pytest.raises(InvalidArgument, match="there is no forest engine 'fast'; choose one of: 'auto'"):
        sklort.InferenceSession(model, providers=[("CPUExecutionProvider", {"forest_engine": "fast"})])


def test_tuning_keeps_what_was_fastest_and_changes_no_answer() -> None:
    session = sklort.InferenceSession(small_model())
    X = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
    before = session.run(None, {"X": X})[0]
    assert "measured" not in str(session.explain())
    text = str(session.tune({"X": X}))
    assert "measured for 64 to 127 rows: " in text
    assert "measured for 1 to 1 rows" not in text
    session.tune({"X": X[:1]})
    assert "measured for 1 to 1 rows: " in str(session.explain())
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], before)
    np.testing.assert_array_equal(session.run(None, {"X": X[:1]})[0], before[:1])
    with pytest.raises(ValueError, match="X"):
        session.tune({})
    other = sklort.InferenceSession(small_model())
    other.run(None, {"X": X})
    assert "measured" not in str(other.explain())


def small_forest() -> dict[str, Any]:
    trees, _ = forest(depth=3, trees=20)
    return attributes_v3(trees, prefix="target") | {"n_targets": 2}
