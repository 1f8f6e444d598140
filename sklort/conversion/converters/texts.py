"""CountVectorizer, TfidfTransformer, TfidfVectorizer and HashingVectorizer, where they cut words.

Words are those that Python's ``re`` finds with the vectorizer's own pattern. The operator Tokenizer of com.microsoft,
which sklort and onnxruntime have, finds them: no standard operator takes a text apart by an expression. n-grams are
counted in float32, which holds every count, and weighed in scikit-learn's dtype. Source:
``sklearn/feature_extraction/text.py``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import BOOL, DOUBLE, FLOAT, INT64, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError

_pattern: Any = getattr(re, "_parser", None) or import_module("sre_parse")  # the name before Python 3.11
_MOST_HASHES = 1 << 12
_COUNT_DTYPES = (INT64, FLOAT, DOUBLE)
_WORDS = re.compile(r"(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w\+(?:\\b)?")


def _refuse(model: Any) -> None:
    """What no ONNX operator does, or what would come out otherwise."""
    name = type(model).__name__
    if model.analyzer != "word":
        raise ConversionError(
            f"{name}(analyzer={model.analyzer!r}) is not converted: only words can be counted exactly"
            + (", scikit-learn joins white space before it takes characters" if model.analyzer == "char" else "")
        )
    for parameter in ("preprocessor", "tokenizer", "strip_accents"):
        if getattr(model, parameter) is not None:
            raise ConversionError(f"{name}({parameter}=...) is not converted: do that to the texts beforehand")
    if model.input != "content":
        raise ConversionError(f"{name}(input={model.input!r}) is not converted: give the texts themselves")


def _refuse_counted_stop_words(model: Any) -> None:
    stop = model.get_stop_words()
    if stop and max(model.ngram_range) == 1 and not stop.isdisjoint(model.vocabulary_):
        raise ConversionError(
            f"the vocabulary of {type(model).__name__} holds stop words, which it never counts: take them out"
        )


def _expression(pattern: str) -> str:
    """The pattern for RE2, which onnxruntime has and whose own word letters are ASCII; others as they are."""
    found = _WORDS.fullmatch(pattern)
    if found is None:
        return pattern
    least = len(found[1]) // 2 + 1
    return f"{_word_letters()}{{{least},}}" if least > 1 else f"{_word_letters()}+"


@cache
def _word_letters() -> str:
    r"""Python's \w as a class of ranges."""
    word = re.compile(r"\w")
    marks = np.array([word.match(chr(c)) is not None for c in range(sys.maxunicode + 1)])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    ranges = edges.reshape(-1, 2)
    return "[" + "".join(chr(a) if a == b - 1 else f"{chr(a)}-{chr(b - 1)}" for a, b in ranges.tolist()) + "]"


def _grams(model: Any) -> list[tuple[tuple[str, ...], int]]:
    """The n-grams of the vocabulary and their columns, short ones first."""
    vocabulary = [(str(term), int(column)) for term, column in model.vocabulary_.items()]
    if max(model.ngram_range) == 1:
        return sorted((((term,), column) for term, column in vocabulary), key=lambda each: each[1])
    tokens = model.build_tokenizer()
    found = []
    for term, column in vocabulary:
        if " " in term and tokens(term) == [term]:
            raise ConversionError(f"{type(model).__name__}: {term!r} is a token and an n-gram of others")
        found.append((tuple(term.split(" ")), column))
    return sorted(found, key=lambda each: (len(each[0]), each[1]))


def _without(writer: Writer, tokens: Tensor, words: frozenset[str], padding: str) -> Tensor:
    """`tokens` without the words that are stopped: those kept move to the left, in their order."""
    keys = sorted({*words, padding})
    looked = writer.node("LabelEncoder", [tokens.name], domain="ai.onnx.ml", keys_strings=keys,
                         values_int64s=[0] * len(keys), default_int64=1)  # fmt: skip
    kept = Tensor(writer, looked, INT64)
    width = Tensor(writer, writer.node("Shape", [tokens.name], start=1, end=2), INT64)
    zero, one = (writer.constant(np.array(v, np.int64)) for v in (0, 1))
    scalar = writer.node("Squeeze", [width.name])
    places = Tensor(writer, writer.node("Range", [zero, scalar, one]), INT64)
    order = kept * 1_000_000_000 - places  # the kept ones first, then by place
    _, at = writer.nodes("TopK", [order.name, width.name], 2, axis=1)
    moved = Tensor(writer, writer.node("GatherElements", [tokens.name, at], axis=1), STRING)
    still = Tensor(writer, writer.node("GatherElements", [kept.name, at], axis=1), INT64)
    return (still > np.array(0)).where(moved, np.array(padding, object))


def _tokens(writer: Writer, padding: str) -> Tensor:
    """The words of each row, beside each other, `padding` behind them (n, most words)."""
    model = writer.model
    _refuse(model)
    if len(writer.inputs) != 1 or writer.inputs[0].dtype != STRING or writer.inputs[0].width not in (1, None):
        raise ConversionError(f"{writer.where} needs one column of strings")
    texts = writer.inputs[0].flat()
    if model.lowercase:
        texts = texts.apply("StringNormalizer", case_change_action="LOWER", is_case_sensitive=1)
    cut = writer.node("Tokenizer", [texts.name], domain="com.microsoft", mark=0, mincharnum=1, pad_value=padding,
                      tokenexp=_expression(model.token_pattern))  # fmt: skip
    return Tensor(writer, cut, STRING).apply("Flatten")


def _counts(writer: Writer) -> Tensor:
    """How often every entry of the vocabulary is in each row (n, terms), float32."""
    model = writer.model
    _refuse_counted_stop_words(model)
    grams = _grams(model)
    pool = [token for gram, _ in grams for token in gram]
    padding = "#"  # stands where a row has fewer words than another
    while padding in pool:
        padding += "#"
    least, most = model.ngram_range
    sizes = [len(gram) for gram, _ in grams]
    starts = [sum(size for size in sizes if size < each) for each in range(1, max(most, *sizes) + 1)]
    tokens = _tokens(writer, padding)
    stop = model.get_stop_words()
    if stop and most > 1:
        tokens = _without(writer, tokens, frozenset(stop), padding)
    name = writer.node("TfIdfVectorizer", [tokens.name], mode="TF", min_gram_length=least, max_gram_length=most,
                       max_skip_count=0, ngram_counts=starts, pool_strings=pool,
                       ngram_indexes=[column for _, column in grams])  # fmt: skip
    counts = Tensor(writer, name, FLOAT, len(grams))
    return counts.astype(BOOL).astype(FLOAT) if model.binary else counts


def _weighed(counts: Tensor, model: Any) -> Tensor:
    """What TfidfTransformer makes of counts."""
    if model.sublinear_tf:
        counts = counts.equals(0.0).where(counts, counts.apply("Log") + 1.0)
    if model.use_idf:
        counts = counts * np.asarray(model.idf_).astype(counts.dtype)
    return _normed(counts, model.norm)


def _normed(rows: Tensor, norm: str | None) -> Tensor:
    if norm is None:
        return rows
    if rows.dtype == DOUBLE:
        return rows.apply("LpNormalization", axis=1, p=1 if norm == "l1" else 2)
    return rows.apply("Normalizer", domain="ai.onnx.ml", norm=norm.upper())


def _write_counts(writer: Writer) -> Answers:
    dtype = np.dtype(writer.model.dtype)
    if dtype not in _COUNT_DTYPES:
        raise ConversionError(f"{type(writer.model).__name__}(dtype={dtype}): choose int64, float32 or float64")
    return {"transform": _counts(writer).astype(dtype)}


def _write_tfidf(writer: Writer) -> Answers:
    dtype = np.dtype(writer.model.dtype)
    return {"transform": _weighed(_counts(writer).astype(FLOAT if dtype == FLOAT else DOUBLE), writer.model)}


def _write_tfidf_transformer(writer: Writer) -> Answers:
    return {"transform": _weighed(writer.floats(), writer.model)}


def _hashed_grams(writer: Writer) -> Iterator[tuple[Tensor, Tensor]]:
    """The n-grams of each size, words joined by a blank, and which of them are some (n, places)."""
    model = writer.model
    nothing = ""
    if _pattern.parse(model.token_pattern).getwidth()[0] == 0:
        raise ConversionError(f"{writer.where}: token_pattern {model.token_pattern!r} also finds words without letters")
    words = _tokens(writer, nothing)
    if stop := model.get_stop_words():
        words = _without(writer, words, frozenset(stop), nothing)
    least, most = model.ngram_range
    for size in range(least, most + 1):
        gram = last = _shifted(words, 0, size)
        for place in range(1, size):
            last = _shifted(words, place, size)
            joined = writer.node("StringConcat", [gram.name, writer.constant(np.array(" ", object))])
            gram = replace(last, name=writer.node("StringConcat", [joined, last.name]))
        yield gram, ~last.equals(np.array(nothing, object))  # words stand to the left


def _shifted(words: Tensor, place: int, size: int) -> Tensor:
    """The word at `place` of every n-gram of `size` words."""
    ends = np.iinfo(np.int64).max if place == size - 1 else place - size + 1
    bounds = [words.writer.constant(np.array([bound], np.int64)) for bound in (place, ends, 1)]
    return replace(words, name=words.writer.node("Slice", [words.name, *bounds]))


def _write_hashes(writer: Writer) -> Answers:
    """Source: ``sklearn/feature_extraction/_hashing_fast.pyx``; the sum of a column is that of whole numbers."""
    model = writer.model
    dtype = np.dtype(model.dtype)
    if dtype not in (FLOAT, DOUBLE):
        raise ConversionError(f"{writer.where}(dtype={dtype}): choose float32 or float64")
    if model.n_features > _MOST_HASHES:
        raise ConversionError(
            f"{writer.where}(n_features={model.n_features}): a tensor of ONNX is dense, and a row of this one would be "
            f"{model.n_features * dtype.itemsize >> 10:,} KiB of zeros; up to {_MOST_HASHES:,} columns are converted"
        )
    counts = writer.for_each_row(np.zeros(model.n_features, dtype))
    for gram, there in _hashed_grams(writer):
        name = writer.node("MurmurHash3", [gram.name], domain="com.microsoft", positive=0, seed=0)
        hashes = Tensor(writer, name, np.dtype(np.int32)).astype(INT64)
        column = writer.node("Mod", [hashes.apply("Abs").name, writer.constant(np.array(model.n_features, np.int64))])
        # Entries that cancel each other out are still entries to binary=True.
        ones = there.astype(dtype)
        values = (hashes < 0).where(-ones, ones) if model.alternate_sign and not model.binary else ones
        added = writer.node("ScatterElements", [counts.name, column, values.name], axis=1, reduction="add")
        counts = replace(counts, name=added)
    if model.binary:
        counts = (counts > 0.0).astype(dtype)
    return {"transform": _normed(counts.with_width(model.n_features), model.norm)}


CONVERTERS: dict[type, Write] = {
    HashingVectorizer: _write_hashes,
    CountVectorizer: _write_counts,
    TfidfVectorizer: _write_tfidf,
    TfidfTransformer: _write_tfidf_transformer,
}
