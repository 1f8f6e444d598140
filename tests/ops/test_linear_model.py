"""LinearModel: products, links, labels, scaled numbers and categories, in one step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from sklort._native import _core
from sklort.exceptions import Fail, InvalidGraph
from tests.ops.one_node import instruction_set, ints, program, run, texts

RANDOM = np.random.default_rng(3)
BATCHES = (1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 300, 701)


def model(sources: list[Any], weights: np.ndarray, bias: np.ndarray, **options: Any) -> _core.Program:
    inputs = [*sources, weights, bias]
    last = len(inputs)
    options = {"outputs": 3, **options}
    return program("LinearModel", inputs, constants=(last - 2, last - 1), domain="ai.sklort", **options)


def tolerance(dtype: Any) -> float:
    return 2e-5 if dtype == np.float32 else 1e-12


def linked(link: str, scores: np.ndarray) -> np.ndarray:
    match link:
        case "SOFTMAX":
            return softmax(scores, axis=1)
        case "LOGISTIC":
            return expit(scores)
        case "SHARE":
            return np.hstack([1 - expit(scores), expit(scores)])
        case "OPPOSITE":
            return np.hstack([expit(-scores), expit(scores)])
        case "COMPLEMENT":
            return np.hstack([1 - scores, scores])
        case _:
            return scores


CASES = [
    *((link, m) for link in ("NONE", "SOFTMAX", "LOGISTIC") for m in (1, 2, 3, 8, 9, 10, 16, 17, 33, 64, 128, 200)),
    *((link, 1) for link in ("SHARE", "OPPOSITE", "COMPLEMENT")),
]


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("link", "m"), CASES)
def test_the_formula_and_the_same_bits_in_every_batch(link: str, m: int, dtype: Any, isa: str) -> None:
    x = RANDOM.normal(size=(701, 11)).astype(dtype)
    weights, bias = RANDOM.normal(size=(11, m)).astype(dtype), RANDOM.normal(size=m).astype(dtype)
    with instruction_set(isa):
        compiled = model([x], weights, bias, link=link)
        labels, values, scores = compiled.run([x])
    wanted = x.astype(float) @ weights.astype(float) + bias
    np.testing.assert_allclose(scores, wanted, rtol=tolerance(dtype), atol=tolerance(dtype))
    np.testing.assert_allclose(values, linked(link, wanted), rtol=10 * tolerance(dtype), atol=10 * tolerance(dtype))
    assert (labels.dtype, values.dtype, scores.dtype) == (np.int64, dtype, dtype)
    np.testing.assert_array_equal(labels, (scores[:, 0] > 0) if m == 1 else scores.argmax(axis=1))
    for size in BATCHES:
        first = int(RANDOM.integers(0, 702 - size))
        part = compiled.run([x[first : first + size].copy()])
        for whole, some in zip((labels, values, scores), part, strict=True):
            np.testing.assert_array_equal(whole[first : first + size], some)
    assert [len(each) for each in compiled.run([x[:0]])] == [0, 0, 0]


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [2, 5, 10, 40])
def test_extreme_scores(m: int, dtype: Any, isa: str) -> None:
    """Scores that are infinite, NaN, huge or equal, alone and among others."""
    most = float(np.finfo(dtype).max)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, most, -most, 1e-45, 88.0, -104.0, 745.0, 1e4]
    x = RANDOM.choice(np.array(special), size=(400, m)).astype(dtype)
    x[:50] = RANDOM.choice(np.array(special[:4]), size=(50, m))
    for nan_wins in (0, 1):
        with instruction_set(isa):
            # Products with a unit matrix turn an infinity into NaN everywhere: scale by hand, a column at a time.
            for column in range(0, m, 3):
                weights = np.zeros((1, m), dtype)
                weights[0, column] = 1
                compiled = model([x[:, :1]], weights, np.zeros(m, dtype), link="SOFTMAX", nan_wins=nan_wins)
                labels, values, scores = compiled.run([np.ascontiguousarray(x[:, :1])])
                with np.errstate(all="ignore"):
                    shifted = scores - scores.max(axis=1, keepdims=True)
                    powers = np.exp(shifted.astype(float))
                    wanted = powers / powers.sum(axis=1, keepdims=True)
                np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-38)
                if nan_wins:
                    np.testing.assert_array_equal(labels, scores.argmax(axis=1))
                else:
                    np.testing.assert_array_equal(labels, [first_above(row) for row in scores])
                for row in range(0, 400, 37):
                    alone = compiled.run([np.ascontiguousarray(x[row : row + 1, :1])])
                    np.testing.assert_array_equal(alone[0], labels[row : row + 1])
                    np.testing.assert_array_equal(alone[1], values[row : row + 1])


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [3, 16, 200])
def test_probabilities_below_the_normal_numbers(m: int, dtype: Any, isa: str) -> None:
    """Scores so far below the best one that their share is among the smallest numbers, or just above them."""
    reach = (84.0, 106.0) if dtype == np.float32 else (705.0, 747.0)
    bias = -RANDOM.uniform(*reach, size=m).astype(dtype)
    bias[: m // 2] = -RANDOM.uniform(0, 1, size=m // 2).astype(dtype)
    x = np.linspace(-1, 1, 64, dtype=dtype)[:, None]
    weights = RANDOM.uniform(-1, 1, size=(1, m)).astype(dtype)
    with instruction_set(isa):
        compiled = model([x], weights, bias, link="SOFTMAX")
        _, values, scores = compiled.run([x])
        alone = [compiled.run([x[row : row + 1]])[1][0] for row in range(0, 64, 9)]
    powers = np.exp((scores - scores.max(axis=1, keepdims=True)).astype(np.longdouble))
    exact = powers / powers.sum(axis=1, keepdims=True)
    unit = np.spacing(exact.astype(dtype)).astype(np.longdouble)
    assert ((values > 0) & (values < np.finfo(dtype).tiny)).any()
    assert (np.abs(values.astype(np.longdouble) - exact) / unit).max() <= 8  # of which the sum of two hundred has some
    np.testing.assert_array_equal(values[::9], alone)


def first_above(row: np.ndarray) -> int:
    best = 0
    for i, x in enumerate(row):
        best = i if x > row[best] else best
    return best


def test_labels_and_outputs_that_nobody_reads() -> None:
    x, weights = RANDOM.normal(size=(40, 4)), RANDOM.normal(size=(4, 3))
    bias = np.zeros(3)
    names = model([x], weights, bias, classlabels_strings=("no", "maybe", "yes"), link="SOFTMAX")
    numbers = model([x], weights, bias, classlabels_int64s=ints(7, -1, 3))
    index = (x @ weights).argmax(axis=1)
    np.testing.assert_array_equal(names.run([x])[0], np.array(["no", "maybe", "yes"], object)[index])
    np.testing.assert_array_equal(numbers.run([x])[0], np.array([7, -1, 3])[index])
    (only,) = model([x], weights, bias, outputs=1).run([x])
    np.testing.assert_array_equal(only, index)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("link", "m"), [("SOFTMAX", 2), ("SOFTMAX", 10), ("LOGISTIC", 3), ("SOFTMAX", 150), ("SHARE", 1)]
)
def test_the_class_of_the_largest_probability(link: str, m: int, dtype: Any) -> None:
    """Scores that differ by less than their probabilities can tell: the first of equals is meant."""
    x = RANDOM.normal(size=(300, 1)).astype(dtype)
    weights = np.zeros((1, m), dtype)
    bias = (1 + np.arange(m) * np.finfo(dtype).eps).astype(dtype) if m > 1 else np.array([1e-30], dtype)
    attributes = {"link": link, "nan_wins": 1, "best_of_linked": 1}
    compiled = model([x], weights, bias, **attributes)
    labels, values, _ = compiled.run([x])
    np.testing.assert_array_equal(labels, values.argmax(axis=1))
    np.testing.assert_array_equal(model([x], weights, bias, outputs=1, **attributes).run([x])[0], labels)
    for size in (1, 2, 5, 33):
        np.testing.assert_array_equal(compiled.run([x[:size].copy()])[0], labels[:size])


# --- columns --------------------------------------------------------------------------------------------------------


def columns(**more: Any) -> dict[str, Any]:
    """The attributes of a model without columns, overridden."""
    empty: dict[str, Any] = {
        **{name: ints() for name in ("group_widths", "number_sources", "number_columns")},
        **{f"category_{name}": ints() for name in ("sources", "columns", "counts", "strict", "integers")},
        **dict.fromkeys(("group_stages", "category_kinds", "category_names", "category_texts"), ()),
        "stage_numbers": np.zeros(0),
        "category_numbers": np.zeros(0),
    }
    return {**empty, **more}


STAGES = {
    "subtract": lambda x, c: x - c,
    "add": lambda x, c: x + c,
    "multiply": lambda x, c: x * c,
    "divide": lambda x, c: x / c,
    "at_least": np.maximum,
    "at_most": np.minimum,
    "fill_nan": lambda x, c: np.where(np.isnan(x), c, x),
}


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("picked", [[0], [4, 2], [1, 2, 3, 4], list(range(20)), list(range(39, 0, -1))], ids=len)
def test_numbers_are_those_of_the_stages(picked: list[int], dtype: Any, isa: str) -> None:
    x = (10 * RANDOM.normal(size=(333, 40))).astype(dtype)
    x[RANDOM.random(x.shape) < 0.05] = np.nan
    x[RANDOM.random(x.shape) < 0.02] = np.inf
    names = ["fill_nan", "subtract", "divide", "multiply", "add", "at_least", "at_most"]
    constants = RANDOM.normal(size=(len(names), len(picked))).astype(dtype)
    expected = x[:, picked]
    for name, row in zip(names, constants, strict=True):
        expected = STAGES[name](expected, row).astype(dtype)
    weights, bias = RANDOM.normal(size=(len(picked), 3)).astype(dtype), RANDOM.normal(size=3).astype(dtype)
    attributes = columns(
        source_widths=ints(40),
        group_widths=ints(len(picked)),
        group_stages=(" ".join(names),),
        number_sources=ints(*[0] * len(picked)),
        number_columns=ints(*picked),
        stage_numbers=constants.astype(float).ravel(),
    )
    with instruction_set(isa):
        got = model([x], weights, bias, link="SOFTMAX", **attributes)
        plain = model([expected], weights, bias, link="SOFTMAX")
        for size in BATCHES:
            size = min(size, 333)
            for a, b in zip(got.run([x[-size:].copy()]), plain.run([expected[-size:].copy()]), strict=True):
                np.testing.assert_array_equal(a, b)


def test_groups_sources_and_a_filled_value() -> None:
    a, b = RANDOM.normal(size=(50, 3)).astype(np.float32), RANDOM.integers(-3, 3, (50, 2)).astype(np.int64)
    a[::7, 1] = -1
    weights, bias = RANDOM.normal(size=(5, 4)), np.zeros(4)
    attributes = columns(
        source_widths=ints(3, 2),
        group_widths=ints(2, 3),
        group_stages=("fill_equal round", "multiply"),
        number_sources=ints(0, 0, 1, 0, 1),
        number_columns=ints(1, 2, 0, 0, 1),
        stage_numbers=np.array([-1, -1, 0.1, 0.2, 2.0, 3.0, 4.0]),
    )
    for size in (1, 50):
        got = model([a, b], weights, bias, **attributes).run([a[:size].copy(), b[:size].copy()])[1]
        first = np.where(a[:, [1, 2]] == -1, [0.1, 0.2], a[:, [1, 2]]).astype(np.float32).astype(float)
        second = np.stack([b[:, 0] * 2.0, a[:, 0].astype(float) * 3.0, b[:, 1] * 4.0], axis=1)
        np.testing.assert_allclose(got, (np.hstack([first, second]) @ weights)[:size], rtol=1e-12, atol=1e-12)


WORDS = np.array(["red", "green", "", "a much longer category", "grün", "unseen"], object)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [1, 3, 20])
def test_categories_choose_rows_of_weights(m: int, dtype: Any, isa: str) -> None:
    rows = 300
    whole = RANDOM.integers(-2, 6, (rows, 2))
    real = RANDOM.choice([0.0, -0.0, 1.5, 2.0, 2.7, -1.0, np.nan, np.inf, 1e30], (rows, 3)).astype(dtype)
    text = WORDS[RANDOM.integers(0, 6, (rows, 1))]
    kinds = ["integer", "integer", "whole", "number", "text"]
    integers = [[0, 1, 5], [2, 0], [0, 2, 1]]
    numbers = [1.5, 0.0, np.nan, 2.0]
    known = WORDS[:5].tolist()
    weights = RANDOM.normal(size=(2 + 3 + 2 + 3 + 4 + 5, m)).astype(dtype)
    bias = RANDOM.normal(size=m).astype(dtype)
    attributes = columns(
        source_widths=ints(2, 3, 1),
        group_widths=ints(2),
        group_stages=("",),
        number_sources=ints(0, 0),
        number_columns=ints(0, 1),
        category_sources=ints(0, 1, 1, 1, 2),
        category_columns=ints(1, 0, 1, 2, 0),
        category_kinds=tuple(kinds),
        category_counts=ints(3, 2, 3, 4, 5),
        category_strict=ints(0, 0, 0, 0, 0),
        category_names=tuple("abcde"),
        category_integers=ints(*integers[0], *integers[1], *integers[2]),
        category_numbers=np.array(numbers),
        category_texts=tuple(known),
    )

    def place(list_: list[Any], value: Any) -> int:
        return list_.index(value) if value in list_ else -1

    def cut(value: float) -> int:
        return int(value) if abs(value) < 2**63 else -(2**63)

    expected = whole.astype(float) @ weights[:2] + bias
    for i in range(rows):
        chosen = [
            place(integers[0], int(whole[i, 1])),
            place(integers[1], cut(float(real[i, 0]))),
            place(integers[2], cut(float(real[i, 1]))),
            2 if np.isnan(real[i, 2]) else place(numbers, float(real[i, 2])),
            place(known, text[i, 0]),
        ]
        for first, at in zip((2, 5, 7, 10, 14), chosen, strict=True):
            expected[i] += weights[first + at] if at >= 0 else 0
    with instruction_set(isa):
        compiled = model([whole, real, text], weights, bias, **attributes)
        got = compiled.run([whole, real, text])[1]
        np.testing.assert_allclose(got, expected, rtol=tolerance(dtype), atol=tolerance(dtype))
        for size in BATCHES:
            size = min(size, rows)
            part = compiled.run([each[-size:].copy() for each in (whole, real, text)])[1]
            np.testing.assert_array_equal(part, got[-size:])


def test_values_that_a_strict_column_does_not_know() -> None:
    x = np.array([[1], [2], [9], [8]])
    word = texts("a", "b", "b", "c").reshape(-1, 1)
    weights, bias = np.ones((5, 1)), np.zeros(1)
    attributes = columns(
        source_widths=ints(1, 1),
        category_sources=ints(0, 1),
        category_columns=ints(0, 0),
        category_kinds=("integer", "text"),
        category_counts=ints(3, 2),
        category_strict=ints(1, 1),
        category_names=("OneHotEncoder 'first'", "OneHotEncoder 'second'"),
        category_integers=ints(1, 2, 3),
        category_texts=("a", "b"),
    )
    compiled = model([x, word], weights, bias, **attributes)
    assert compiled.run([x[:2], word[:2]])[1].tolist() == [[2.0], [2.0]]
    with pytest.raises(Fail, match="OneHotEncoder 'first': element 2 is no category: '9'"):
        compiled.run([x, word])
    x[2:] = 3
    with pytest.raises(Fail, match="OneHotEncoder 'second': element 3 is no category: 'c'"):
        compiled.run([x, word])


def test_inputs_that_do_not_fit() -> None:
    x, weights, bias = np.ones((3, 2)), np.ones((2, 1)), np.zeros(1)
    with pytest.raises(Fail, match="expected rows of 2 numbers, got shape"):
        model([x], weights, bias).run([np.ones((3, 4))])
    attributes = columns(
        source_widths=ints(2, 2),
        group_widths=ints(2),
        group_stages=("",),
        number_sources=ints(0, 1),
        number_columns=ints(0, 1),
    )
    compiled = model([x, x], weights, bias, **attributes)
    with pytest.raises(Fail, match="input 0 has 3 rows, input 1 has 4"):
        compiled.run([x, np.ones((4, 2))])
    with pytest.raises(Fail, match="expected 2 columns in input 1"):
        compiled.run([x, np.ones((3, 3))])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"link": "PROBIT"}, "'link' is 'PROBIT'"),
        ({"link": "SHARE"}, "makes pairs of one score, not of 2"),
        ({"classlabels_int64s": ints(1, 2, 3)}, "3 labels for 2 columns"),
        ({"group_stages": ("halve",)}, "unknown stage 'halve'"),
        ({"group_stages": ("add",)}, "'stage_numbers' is too short"),
        ({"group_widths": ints(3)}, "do not fit together"),
        ({"number_sources": ints(0, 1)}, "number 1 has no source"),
        ({"source_widths": ints()}, "width of each source"),
        ({"category_sources": ints(0)}, "1 columns of categories do not fit together"),
    ],
)
def test_models_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    attributes = columns(
        source_widths=ints(2),
        group_widths=ints(2),
        group_stages=("",),
        number_sources=ints(0, 0),
        number_columns=ints(0, 1),
    )
    with pytest.raises(InvalidGraph, match=words):
        model([np.ones((3, 2))], np.ones((2, 2)), np.zeros(2), **{**attributes, **changes})


def test_weights_must_be_constant() -> None:
    with pytest.raises(InvalidGraph, match="the weights must be a constant"):
        run("LinearModel", [np.ones((3, 2)), np.ones((2, 1)), np.zeros(1)], domain="ai.sklort")
