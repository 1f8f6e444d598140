"""TfIdfVectorizer against onnx.reference and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from sklearn.feature_extraction.text import CountVectorizer

from sklort.exceptions import InvalidGraph, SklortError
from tests.ops.one_node import floats, ints, program, run, texts

OP: dict[str, Any] = {"domain": "", "version": 9}


def options(**changes: Any) -> dict[str, Any]:
    """1-grams a and b, 2-grams (a, b) and (b, a)."""
    pool = {} if "pool_int64s" in changes else {"pool_strings": ("a", "b", "a", "b", "b", "a")}
    lengths = {"min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 0}
    grams = {"ngram_counts": ints(0, 2), "ngram_indexes": ints(0, 1, 2, 3)}
    return {**OP, "mode": "TF", **lengths, **grams, **pool, **changes}


def reference(x: np.ndarray, **attributes: Any) -> np.ndarray:
    plain = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in attributes.items()
        if key not in OP
    }
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], **plain)
    kind = onnx.TensorProto.STRING if x.dtype == object else onnx.TensorProto.INT64
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", kind, None)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    return np.asarray(ReferenceEvaluator(model).run(None, {"x": x})[0])


def drawn(seed: int, of_texts: bool) -> dict[str, Any]:
    """Random distinct n-grams of 1 to 3 items, in random columns, some of them shared."""
    rng = np.random.default_rng(seed)
    items, starts = [], []
    count = 0
    for size in (1, 2, 3):
        grams = np.unique(rng.integers(0, 6, (rng.integers(1, 9), size)), axis=0)
        starts.append(len(items))
        items += rng.permutation(grams).ravel().tolist()
        count += len(grams)
    columns = rng.permutation(count)
    columns[rng.integers(count)] = columns[0]
    least = int(rng.integers(1, 4))
    weights = {} if rng.random() < 0.3 else {"weights": floats(*rng.random(count))}
    pool = {"pool_strings": tuple(f"w{i}" for i in items)} if of_texts else {"pool_int64s": ints(*items)}
    return options(
        mode=str(rng.choice(["TF", "IDF", "TFIDF"])),
        min_gram_length=least,
        max_gram_length=int(rng.integers(least, 4)),
        max_skip_count=int(rng.integers(0, 4)),
        ngram_counts=ints(*starts),
        ngram_indexes=ints(*columns),
        **{"pool_strings": None, **pool, **weights},
    )


@pytest.mark.parametrize("of_texts", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_random_grams_as_the_reference_counts_them(seed: int, of_texts: bool) -> None:
    attributes = {key: value for key, value in drawn(seed, of_texts).items() if value is not None}
    rng = np.random.default_rng(100 + seed)
    x: Any = rng.integers(0, 8, (int(rng.integers(1, 6)), int(rng.integers(1, 12))))
    if of_texts:
        x = np.array([[f"w{i}" for i in row] for row in x], object)
    for value in (x, x[0]):
        out = run("TfIdfVectorizer", [value], **attributes)
        expected = reference(value, **attributes)
        assert out.dtype == np.float32
        np.testing.assert_array_equal(out, expected)
    if not of_texts:
        np.testing.assert_array_equal(
            run("TfIdfVectorizer", [x.astype(np.int32)], **attributes), reference(x, **attributes)
        )


def test_counts_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    vocabulary = ["é", "日本", "a", "bb", "ccc", "dddd" * 20, "x1", "x2"]
    documents = [" ".join(rng.choice(vocabulary, rng.integers(0, 20))) for _ in range(300)]
    counter = CountVectorizer(ngram_range=(1, 3), token_pattern=r"\S+").fit(documents[:50])
    grams = sorted(counter.vocabulary_, key=lambda gram: (gram.count(" "), gram))
    sizes = np.array([gram.count(" ") + 1 for gram in grams])
    starts = [int(sizes[sizes < size].sum()) for size in (1, 2, 3)]
    width = max(len(document.split()) for document in documents)
    x = np.array([document.split() + ["#"] * (width - len(document.split())) for document in documents], object)
    attributes = options(
        max_gram_length=3,
        ngram_counts=ints(*starts),
        ngram_indexes=ints(*(counter.vocabulary_[gram] for gram in grams)),
        pool_strings=tuple(" ".join(grams).split(" ")),
    )
    expected = counter.transform(documents).toarray()
    np.testing.assert_array_equal(run("TfIdfVectorizer", [x], **attributes), expected)
    for threads in (1, 4):
        (out,) = program("TfIdfVectorizer", [x], threads=threads, **attributes).run([x])
        np.testing.assert_array_equal(out, expected)


def test_empty_batches_and_rows() -> None:
    assert run("TfIdfVectorizer", [np.empty((0, 3), object)], **options()).shape == (0, 4)
    assert run("TfIdfVectorizer", [np.empty((2, 0), object)], **options()).tolist() == [[0] * 4] * 2
    assert run("TfIdfVectorizer", [texts()], **options()).tolist() == [0] * 4
    assert run("TfIdfVectorizer", [np.array("b", object)], **options()).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "tf"}, "'mode' is 'tf'; it must be TF, IDF or TFIDF"),
        ({"min_gram_length": 0}, "'min_gram_length' is 0; it must be at least 1"),
        ({"max_gram_length": 0}, "'max_gram_length' is 0; it must be at least 1"),
        ({"max_skip_count": -1}, "'max_skip_count' is -1"),
        ({"pool_int64s": ints(1), "pool_strings": ("a",)}, "exactly one of 'pool_strings' and 'pool_int64s'"),
        ({"ngram_indexes": ints()}, "'ngram_indexes' is missing or empty"),
        ({"ngram_indexes": ints(0, 1, 2)}, "fewer entries than the pool has n-grams"),
        ({"ngram_indexes": ints(0, 1, 2, 3, 4)}, "has 5 entries for 4 n-grams"),
        ({"ngram_indexes": ints(0, 1, 2, -3)}, "holds -3, which is no column"),
        ({"ngram_counts": ints(0, 1)}, "not a multiple of 2"),
        ({"ngram_counts": ints(0, 9)}, "within the pool of 6 items"),
        ({"ngram_counts": ints(3, 2)}, "ascending"),
        ({"pool_strings": ("a", "a", "a", "b", "b", "a")}, "lists a 1-gram twice"),
        ({"weights": floats(1, 2)}, "'weights' has 2 entries for 4 n-grams"),
        ({"weights": floats(1, 2, 3, 4), "ngram_indexes": ints(0, 1, 2, 7), "mode": "IDF"}, "4 entries for 8 columns"),
    ],
)
def test_malformed_attributes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidGraph, match=message):
        program("TfIdfVectorizer", [texts("")], **options(**changes))


@pytest.mark.parametrize("name", ["max_skip_count", "min_gram_length", "max_gram_length"])
def test_missing_attributes(name: str) -> None:
    attributes = options()
    del attributes[name]
    with pytest.raises(InvalidGraph, match=f"'{name}' is missing"):
        program("TfIdfVectorizer", [texts("")], **attributes)


def test_huge_lengths_do_not_overflow() -> None:
    huge = 2**62
    attributes = options(min_gram_length=huge, max_gram_length=huge, max_skip_count=huge)
    assert run("TfIdfVectorizer", [texts("a", "b")], **attributes).tolist() == [0] * 4
    attributes = options(max_gram_length=huge, max_skip_count=huge)
    assert run("TfIdfVectorizer", [texts("a", "x", "b")], **attributes).tolist() == [1, 1, 1, 0]


def test_wrong_inputs() -> None:
    with pytest.raises(SklortError, match=r"must be tensor\(string\), got tensor\(int64\)"):
        run("TfIdfVectorizer", [ints(1)], **options())
    with pytest.raises(SklortError, match=r"must be tensor\(int64\) or tensor\(int32\), got tensor\(string\)"):
        run("TfIdfVectorizer", [texts("a")], **options(pool_int64s=ints(1, 2, 1, 2, 2, 1)))
    with pytest.raises(SklortError, match="at most two dimensions, got 3"):
        run("TfIdfVectorizer", [np.full((1, 1, 1), "a", object)], **options())
