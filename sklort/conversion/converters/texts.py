"""CountVectorizer, TfidfTransformer and TfidfVectorizer, where they cut words.

Words are those that Python's ``re`` finds with the vectorizer's own pattern. The operator Tokenizer of com.microsoft,
which sklort and onnxruntime have, finds them: no standard operator takes a text apart by an expression. n-grams are
counted in float32, which holds every count, and weighed in scikit-learn's dtype. Source:
``sklearn/feature_extraction/text.py``.
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
    stop = model.get_stop_words()
    if stop and max(model.ngram_range) == 1 and not stop.isdisjoint(model.vocabulary_):
        raise ConversionError(f"the vocabulary of {name} holds stop words, which it never counts: take them out")


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


def _counts(writer: Writer) -> Tensor:
    """How often every entry of the vocabulary is in each row (n, terms), float32."""
    model = writer.model
    _refuse(model)
    if len(writer.inputs) != 1 or writer.inputs[0].dtype != STRING or writer.inputs[0].width not in (1, None):
        raise ConversionError(f"{writer.where} needs one column of strings")
    texts = writer.inputs[0].flat()
    if model.lowercase:
        texts = texts.apply("StringNormalizer", case_change_action="LOWER", is_case_sensitive=1)
    grams = _grams(model)
    pool = [token for gram, _ in grams for token in gram]
    padding = "#"  # stands where a row has fewer words than another
    while padding in pool:
        padding += "#"
    least, most = model.ngram_range
    sizes = [len(gram) for gram, _ in grams]
    starts = [sum(size for size in sizes if size < each) for each in range(1, max(most, *sizes) + 1)]
    cut = writer.node("Tokenizer", [texts.name], domain="com.microsoft", mark=0, mincharnum=1, pad_value=padding,
                      tokenexp=_expression(model.token_pattern))  # fmt: skip
    tokens = Tensor(writer, cut, STRING).apply("Flatten")
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
    if model.norm is not None and counts.dtype == DOUBLE:
        return counts.apply("LpNormalization", axis=1, p=1 if model.norm == "l1" else 2)
    if model.norm is not None:
        return counts.apply("Normalizer", domain="ai.onnx.ml", norm=model.norm.upper())
    return counts


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


CONVERTERS: dict[type, Write] = {
    CountVectorizer: _write_counts,
    TfidfVectorizer: _write_tfidf,
    TfidfTransformer: _write_tfidf_transformer,
}
