"""LinearModel of texts: cut, counted, weighed and added up, against the same in Python."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import instruction_set, ints, program, texts

RANDOM = np.random.default_rng(9)
WORDS = ["to", "be", "or", "not", "ü", "straße", "a", "question", "extraordinarily", "extraordinary", "日本"]
STAGES = {
    "": lambda x, w: x,
    "binary": lambda x, w: (x != 0).astype(np.float32),
    "multiply": lambda x, w: x * w,
    "divide": lambda x, w: x / w,
    "log_of_successor": lambda x, w: np.log(x + np.float32(1)),
    "sublinear": lambda x, w: np.where(x > 0, np.log(np.maximum(x, np.float32(1e-30))) + np.float32(1), x),
    "l1": lambda x, w: over(x, np.abs(x.astype(float)).sum()),
    "l2": lambda x, w: over(x, np.sqrt((x.astype(float) ** 2).sum())),
    "max": lambda x, w: over(x, np.abs(x).max()),
}


ROUNDED = {"log_of_successor", "sublinear", "l1", "l2"}
"""Stages that another library, or another order of additions, may round differently."""


def over(x: np.ndarray, norm: Any) -> np.ndarray:
    return x / (x.dtype.type(norm) or x.dtype.type(1))


def documents(count: int) -> list[str]:
    made = [" ".join(RANDOM.choice(WORDS, RANDOM.integers(0, 200))) for _ in range(count)]
    made[:9] = [
        "",
        " ",
        "to",
        "TO To tO",
        "unknown words",
        "to" * 100,
        "ÜBER STRASSE ü Ü",
        "日本 日本、日本",
        "be " * 5000,
    ]
    return made


def attributes(grams: list[tuple[str, ...]], stages: str = "", weights: Any = (), **changes: Any) -> dict[str, Any]:
    """Those of one text; the n-grams are ordered by length and stand in columns of their order."""
    lengths = [len(gram) for gram in grams]
    starts = [sum(length for length in lengths if length < size) for size in range(1, max(lengths) + 1)]
    numbers = np.concatenate([np.zeros(0), *[weights] * sum(each in ("multiply", "divide") for each in stages.split())])
    return {
        "link": "NONE",
        "source_widths": ints(1),
        "group_widths": ints(), "number_sources": ints(), "number_columns": ints(), "group_stages": (),
        "category_sources": ints(), "category_columns": ints(), "category_counts": ints(), "category_strict": ints(),
        "category_kinds": (), "category_names": (), "category_texts": (),
        "text_sources": ints(0), "text_columns": ints(0), "text_cases": ("LOWER",), "text_expressions": (r"\w+",),
        "text_separators": (), "text_separator_counts": ints(0), "text_least_characters": ints(1),
        "text_pools": tuple(item for gram in grams for item in gram), "text_pool_counts": ints(sum(lengths)),
        "text_gram_starts": ints(*starts), "text_gram_start_counts": ints(len(starts)),
        "text_gram_columns": ints(*range(len(grams))), "text_gram_counts": ints(len(grams)),
        "text_limits": ints(min(lengths), max(lengths), 0), "text_stages": (stages,),
        "text_stage_numbers": numbers, "text_rows": ints(*range(len(grams))), "text_row_counts": ints(len(grams)),
        **changes,
    }  # fmt: skip


def counted(document: str, grams: list[tuple[str, ...]], pattern: str = r"\w+") -> np.ndarray:
    items = re.findall(pattern, document.lower())
    found = Counter(tuple(items[at : at + size]) for size in (1, 2, 3) for at in range(len(items) - size + 1))
    return np.array([found[gram] for gram in grams], np.float32)


def model(x: Any, weights: np.ndarray, bias: np.ndarray, threads: int = 0, **options: Any) -> _core.Program:
    return program("LinearModel", [x, weights, bias], constants=(1, 2), domain="ai.sklort", outputs=3, threads=threads,
                   **options)  # fmt: skip


SINGLE = [(word,) for word in sorted(WORDS)]
MIXED = [*SINGLE, ("be", "or"), ("to", "be"), ("a", "question", "to")]


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grams", [SINGLE, MIXED], ids=["words", "ngrams"])
@pytest.mark.parametrize("columns", [1, 3, 10, 33])
def test_the_sums_and_the_same_bits_in_every_batch(columns: int, grams: Any, dtype: Any, isa: str) -> None:
    x = texts(*documents(300)).reshape(-1, 1)
    idf = RANDOM.uniform(1, 3, len(grams)).astype(np.float32)
    weights, bias = RANDOM.normal(size=(len(grams), columns)).astype(dtype), RANDOM.normal(size=columns).astype(dtype)
    stages = "multiply l2" + (" widen" if dtype == np.float64 else "")
    with instruction_set(isa):
        compiled = model(x, weights, bias, **attributes(grams, stages, idf))
        two = model(x, weights, bias, threads=2, **attributes(grams, stages, idf))
    labels, values, scores = compiled.run([x])
    matrix = np.array([STAGES["l2"](counted(each, grams) * idf, None) for each in x[:, 0]]).astype(dtype)
    wanted = matrix.astype(float) @ weights.astype(float) + bias
    tolerance = 3e-6 if dtype == np.float32 else 3e-7  # values are of float in both
    np.testing.assert_allclose(scores, wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(labels, scores[:, 0] > 0 if columns == 1 else scores.argmax(axis=1))
    for whole, part in zip((labels, values, scores), two.run([x]), strict=True):
        np.testing.assert_array_equal(part, whole)
    for size in (0, 1, 2, 31, 33):
        first = int(RANDOM.integers(0, 301 - size))
        part = compiled.run([x[first : first + size].copy()])
        for whole, some in zip((labels, values, scores), part, strict=True):
            np.testing.assert_array_equal(whole[first : first + size], some)


@pytest.mark.parametrize("stages", [*STAGES, "binary l2", "sublinear multiply l2", "multiply l1 divide max"])
def test_stages(stages: str) -> None:
    """Each column is a class of its own: the scores are the values, to the bit but for what norms add up."""
    x = texts(*documents(120)).reshape(-1, 1)
    factors = RANDOM.uniform(0.5, 4, len(SINGLE)).astype(np.float32)
    unit = np.eye(len(SINGLE), dtype=np.float32)
    _, _, scores = model(x, unit, np.zeros(len(unit), np.float32), **attributes(SINGLE, stages, factors)).run([x])
    for document, row in zip(x[:, 0], scores, strict=True):
        value = counted(document, SINGLE)
        for stage in stages.split():
            value = STAGES[stage](value, factors)
        np.testing.assert_allclose(row, value, rtol=4e-7 if ROUNDED & set(stages.split()) else 0, atol=0)


def test_columns_that_the_model_leaves_out_still_count_in_the_norm() -> None:
    x = texts("to be or not to be", "or or", "question a question", "").reshape(-1, 1)
    rows = np.full(len(SINGLE), -1)
    chosen = [SINGLE.index(("be",)), SINGLE.index(("a",))]
    rows[chosen] = [0, 1]
    unit = np.eye(2, dtype=np.float32)
    options = attributes(SINGLE, "l2", text_rows=ints(*rows), text_row_counts=ints(2))
    _, _, scores = model(x, unit, np.zeros(2, np.float32), **options).run([x])
    wanted = np.array([STAGES["l2"](counted(each, SINGLE), None)[chosen] for each in x[:, 0]])
    np.testing.assert_allclose(scores, wanted, rtol=1e-6)


def test_several_texts_beside_numbers_and_categories() -> None:
    """Two columns of texts of one input, one cut by separators into characters, a number and a category."""
    count = 200
    x = np.column_stack([texts(*documents(count)), texts(*documents(count)[::-1])])
    number, code = RANDOM.normal(size=(count, 1)), RANDOM.integers(0, 3, (count, 1))
    letters = [("a",), ("b",), ("t",)]
    one, other = attributes(SINGLE, "l2 widen"), attributes(letters, "l1 widen", text_columns=ints(1),
                                                            text_expressions=(".",), text_cases=("NONE",))  # fmt: skip
    joined = {name: (np.concatenate([one[name], other[name]]) if isinstance(one[name], np.ndarray) else one[name] + other[name])
              for name in one if name.startswith("text_")}  # fmt: skip
    more = {
        "source_widths": ints(2, 1, 1), "group_widths": ints(1), "number_sources": ints(1), "number_columns": ints(0),
        "group_stages": ("multiply",), "stage_numbers": np.array([2.0]), "category_sources": ints(2),
        "category_columns": ints(0), "category_counts": ints(3), "category_strict": ints(0),
        "category_kinds": ("integer",), "category_names": ("code",), "category_integers": ints(0, 1, 2),
    }  # fmt: skip
    weights, bias = RANDOM.normal(size=(1 + 3 + len(SINGLE) + 3, 4)), RANDOM.normal(size=4)
    compiled = program("LinearModel", [x, number, code, weights, bias], constants=(3, 4), domain="ai.sklort", outputs=3,
                       **{**one, **joined, **more})  # fmt: skip
    _, _, scores = compiled.run([x, number, code])
    first = np.array([STAGES["l2"](counted(each, SINGLE), None) for each in x[:, 0]])
    tallies = [np.array([each.count(letter) for (letter,) in letters], np.float32) for each in x[:, 1]]
    second = np.array([STAGES["l1"](each, None) for each in tallies])
    matrix = np.hstack([2 * number, np.eye(3)[code[:, 0]], first, second])
    np.testing.assert_allclose(scores, matrix @ weights + bias, rtol=1e-6, atol=1e-6)


def test_texts_of_one_dimension() -> None:
    x = texts(*documents(50))
    weights, bias = RANDOM.normal(size=(len(SINGLE), 2)).astype(np.float32), np.zeros(2, np.float32)
    _, _, flat = model(x, weights, bias, **attributes(SINGLE, "l2", source_widths=ints(-1))).run([x])
    column = x.reshape(-1, 1)
    _, _, scores = model(column, weights, bias, **attributes(SINGLE, "l2")).run([column])
    np.testing.assert_array_equal(flat, scores)


def test_a_text_as_long_as_a_book() -> None:
    words = RANDOM.choice(WORDS, 300_000)
    x = texts(" ".join(words), "to be", "x " * 100_000).reshape(-1, 1)
    unit = np.eye(len(MIXED), dtype=np.float32)
    _, _, scores = model(x, unit, np.zeros(len(unit), np.float32), **attributes(MIXED)).run([x])
    np.testing.assert_array_equal(scores, [counted(each, MIXED) for each in x[:, 0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_columns": ints()}, "attributes of 1 texts do not fit together"),
        ({"text_limits": ints(1, 1)}, "attributes of 1 texts do not fit together"),
        ({"text_sources": ints(3)}, "text 0 has no source"),
        ({"text_cases": ("TITLE",)}, "attribute 'text_cases' names the unknown 'TITLE'"),
        ({"text_stages": ("l2 l3",)}, "attribute 'text_stages' names the unknown 'l3'"),
        ({"text_stages": ("multiply",)}, "attribute 'text_stage_numbers' is too short"),
        ({"text_pool_counts": ints(99)}, "attribute 'text_pools' is too short"),
        ({"text_gram_columns": ints(*([-1] * len(SINGLE)))}, "holds -1, which is no column"),
        ({"text_rows": ints(*([len(SINGLE)] * len(SINGLE)))}, "which is no row"),
        ({"text_row_counts": ints(2)}, "which is no row"),
        ({"text_row_counts": ints(-1), "text_rows": ints(*([-1] * len(SINGLE)))}, "attribute 'text_row_counts' holds -1"),
        ({"text_row_counts": ints(99)}, "there are 99 columns for 11 rows of weights"),
        ({"text_expressions": ("",)}, "exactly one of 'separators' and 'tokenexp' must be given"),
    ],
)  # fmt: skip
def test_models_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    x = texts("a").reshape(-1, 1)
    weights = np.zeros((len(SINGLE), 2), np.float32)
    with pytest.raises(InvalidGraph, match=message):
        model(x, weights, weights[0], **attributes(SINGLE, **change))


def test_input_that_does_not_fit() -> None:
    x = texts("to be").reshape(-1, 1)
    weights = np.ones((len(SINGLE), 1), np.float32)
    compiled = model(None, weights, weights[0], **attributes(SINGLE))
    for wrong in (x[:, 0], np.hstack([x, x])):
        with pytest.raises(Fail, match="expected 1 columns in input 0, got shape"):
            compiled.run([wrong])
    flat = model(None, weights, weights[0], **attributes(SINGLE, source_widths=ints(-1)))
    with pytest.raises(Fail, match="expected one dimension in input 0, got shape"):
        flat.run([x])
    with pytest.raises(Fail, match=r"input 0 must be tensor\(string\), got tensor\(float\)"):
        compiled.run([np.ones((1, 1), np.float32)])
    np.testing.assert_array_equal(compiled.run([x])[2], [[3.0]])
