"""Counts of words, and their weights. Source of the rules: ``sklearn/feature_extraction/text.py``.

Words are found by the operator Tokenizer of com.microsoft, which onnxruntime and sklort have: no standard operator
takes a text apart by an expression. Everything behind it is standard.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import BOOL, DOUBLE, FLOAT, INT64, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError

_WORDS = re.compile(r"(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w\+(?:\\b)?")
_PAD = "\x01"  # stands where a row has fewer words than another; no word has it


def _expression(model: Any) -> str:
    """The tokens of a model as an expression of RE2: words of so many letters at least."""
    if model.tokenizer is not None or callable(model.analyzer):
        raise ConversionError(f"{type(model).__name__} takes words apart with a Python function")
    found = _WORDS.fullmatch(model.token_pattern)
    if found is None:
        raise ConversionError(
            f"{type(model).__name__}(token_pattern={model.token_pattern!r}): patterns like (?u)\\b\\w\\w+\\b, "
            "words of at least so many letters, are converted"
        )
    least = len(found[1]) // 2 + 1
    return f"{_word_letters()}{{{least},}}" if least > 1 else f"{_word_letters()}+"


@cache
def _word_letters() -> str:
    r"""Python's \w as a class of ranges: RE2's own \w knows ASCII only."""
    word = re.compile(r"\w")
    marks = np.array([word.match(chr(c)) is not None for c in range(sys.maxunicode + 1)])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    ranges = edges.reshape(-1, 2)
    return "[" + "".join(chr(a) if a == b - 1 else f"{chr(a)}-{chr(b - 1)}" for a, b in ranges.tolist()) + "]"


def _refuse(model: Any) -> None:
    if model.analyzer != "word":
        raise ConversionError(
            f"{type(model).__name__}(analyzer={model.analyzer!r}): no operator gives the characters of a text "
            "after several blanks have become one; analyzer='word' is converted"
        )
    if model.preprocessor is not None or model.strip_accents is not None:
        raise ConversionError(f"{type(model).__name__} with a preprocessor or strip_accents, which no operator has")


def _tokens(writer: Writer) -> Tensor:
    """The words of each row (n, most words of a row), filled up on the right."""
    model = writer.model
    (texts,) = writer.inputs if len(writer.inputs) == 1 else [writer.matrix()]
    if texts.dtype != STRING:
        raise ConversionError(f"{writer.where} counts words but receives numbers")
    flat = texts.flat()
    if model.lowercase:
        lowered = writer.node("StringNormalizer", [flat.name], case_change_action="LOWER", locale="en_US")
        flat = Tensor(writer, lowered, STRING)
    tokenize = {"mark": 0, "mincharnum": 1, "pad_value": _PAD, "tokenexp": _expression(model)}
    name = writer.node("Tokenizer", [flat.name], domain="com.microsoft", **tokenize)
    return Tensor(writer, name, STRING)


def _without(writer: Writer, tokens: Tensor, words: frozenset[str]) -> Tensor:
    """`tokens` without the words that are stopped: those kept move to the left, in their order."""
    keys = sorted({*words, _PAD})
    looked = writer.node(
        "LabelEncoder",
        [tokens.name],
        domain="ai.onnx.ml",
        keys_strings=keys,
        values_int64s=[0] * len(keys),
        default_int64=1,
    )
    kept = Tensor(writer, looked, INT64)
    width = Tensor(writer, writer.node("Shape", [tokens.name], start=1, end=2), INT64)
    zero, one = (writer.constant(np.array(v, np.int64)) for v in (0, 1))
    scalar = writer.node("Squeeze", [width.name])
    places = Tensor(writer, writer.node("Range", [zero, scalar, one]), INT64)
    order = kept * 1_000_000_000 - places  # the kept ones first, then by place
    _, at = writer.nodes("TopK", [order.name, width.name], 2, axis=1)
    moved = Tensor(writer, writer.node("GatherElements", [tokens.name, at], axis=1), STRING)
    still = Tensor(writer, writer.node("GatherElements", [kept.name, at], axis=1), INT64)
    return (still > np.array(0)).where(moved, np.array(_PAD, object))


def _counts(writer: Writer) -> Tensor:
    """How often every entry of the vocabulary is in each row (n, entries), double."""
    model = writer.model
    _refuse(model)
    tokens = _tokens(writer)
    stopped = model.get_stop_words()
    low, high = model.ngram_range
    if stopped and high > 1:
        tokens = _without(writer, tokens, frozenset(stopped))
    vocabulary = sorted(model.vocabulary_.items(), key=lambda item: (item[0].count(" "), item[1]))
    sizes = [word.count(" ") + 1 for word, _ in vocabulary]
    starts: list[int] = []
    pool: list[str] = []
    for n in range(1, high + 1):
        starts.append(len(pool))
        for (word, _), size in zip(vocabulary, sizes, strict=True):
            if size == n:
                pool += word.split(" ")
    name = writer.node(
        "TfIdfVectorizer",
        [tokens.name],
        mode="TF",
        min_gram_length=low,
        max_gram_length=high,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=[int(column) for _, column in vocabulary],
        pool_strings=pool,
    )
    counts = Tensor(writer, name, FLOAT).reshape(-1, len(vocabulary)).astype(DOUBLE)
    return (counts > 0.0).astype(BOOL).astype(DOUBLE) if model.binary else counts


def _write_counts(writer: Writer) -> Answers:
    dtype = np.dtype(writer.model.dtype)
    counts = _counts(writer)
    return {"transform": counts.astype(dtype if dtype in (FLOAT, DOUBLE) else INT64)}


def _weighed(writer: Writer, counts: Tensor, model: Any) -> Tensor:
    """What TfidfTransformer makes of counts."""
    if model.sublinear_tf:
        none = counts.equals(0.0)
        logarithm = none.where(np.array(1.0, counts.dtype), counts).apply("Log") + 1.0
        counts = none.where(np.array(0.0, counts.dtype), logarithm)
    if model.use_idf:
        counts = counts * np.asarray(model.idf_).astype(counts.dtype).reshape(1, -1)
    if model.norm is None:
        return counts
    sizes = (counts * counts).sum().apply("Sqrt") if model.norm == "l2" else counts.apply("Abs").sum()
    return counts / sizes.equals(0.0).where(np.array(1.0, counts.dtype), sizes)


def _write_tfidf(writer: Writer) -> Answers:
    dtype = np.dtype(writer.model.dtype)
    return {"transform": _weighed(writer, _counts(writer), writer.model._tfidf).astype(dtype)}


def _write_tfidf_transformer(writer: Writer) -> Answers:
    return {"transform": _weighed(writer, writer.floats(), writer.model)}


CONVERTERS: dict[type, Write] = {
    CountVectorizer: _write_counts,
    TfidfVectorizer: _write_tfidf,
    TfidfTransformer: _write_tfidf_transformer,
}
