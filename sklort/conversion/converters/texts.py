"""CountVectorizer, TfidfTransformer and TfidfVectorizer, where they cut words.

Tokens are those that Python's ``re`` finds with the vectorizer's own pattern, n-grams are counted in float32, which
holds every count, and weighed in scikit-learn's dtype. Source: ``sklearn/feature_extraction/text.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from sklort.conversion.adapter import Answers, Converter
from sklort.conversion.converters.scalers import DOUBLE, FLOAT, float_dtype
from sklort.conversion.writer import STRING, Writer
from sklort.exceptions import ConversionError

INT64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)
_COUNT_DTYPES = (INT64, FLOAT, DOUBLE)


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
    if stop and max(model.ngram_range) > 1:
        raise ConversionError(
            f"{name} leaves out stop words before it takes n-grams, which no ONNX operator does: "
            "leave them in, or count single words"
        )
    if stop and not stop.isdisjoint(model.vocabulary_):
        raise ConversionError(f"the vocabulary of {name} holds stop words, which it never counts: take them out")


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


def _counts(writer: Writer) -> str:
    """(n, terms) of float32."""
    model = writer.model
    _refuse(model)
    if len(writer.inputs) != 1 or writer.inputs[0].dtype != STRING or writer.inputs[0].width not in (1, None):
        raise ConversionError(f"{writer.where} needs one column of strings")
    name = writer.node("Reshape", [writer.inputs[0].name, writer.constant(np.array([-1], np.int64))])
    if model.lowercase:
        name = writer.node("StringNormalizer", [name], case_change_action="LOWER", is_case_sensitive=1)
    grams = _grams(model)
    pool = [token for gram, _ in grams for token in gram]
    padding = "#"
    while padding in pool:
        padding += "#"
    least, most = model.ngram_range
    sizes = [len(gram) for gram, _ in grams]
    starts = [sum(size for size in sizes if size < each) for each in range(1, max(most, *sizes) + 1)]
    cut = writer.node("Tokenizer", [name], domain="com.microsoft", mark=0, mincharnum=1, pad_value=padding,
                      tokenexp=model.token_pattern)  # fmt: skip
    counts = writer.node("TfIdfVectorizer", [writer.node("Flatten", [cut])], mode="TF", min_gram_length=least,
                         max_gram_length=most, max_skip_count=0, ngram_counts=starts, pool_strings=pool,
                         ngram_indexes=[column for _, column in grams])  # fmt: skip
    return writer.cast(writer.cast(counts, FLOAT, BOOL), BOOL, FLOAT) if model.binary else counts


def _weighed(writer: Writer, name: str, dtype: np.dtype) -> Answers:
    model = writer.model
    if model.sublinear_tf:
        zero, one = (writer.constant(np.array(value, dtype)) for value in (0, 1))
        logs = writer.node("Add", [writer.node("Log", [name]), one])
        name = writer.node("Where", [writer.node("Equal", [name, zero]), name, logs])
    if model.use_idf:
        name = writer.node("Mul", [name, writer.constant(np.asarray(model.idf_).astype(dtype), "idf")])
    if model.norm is not None and dtype == DOUBLE:
        name = writer.node("LpNormalization", [name], axis=1, p=1 if model.norm == "l1" else 2)
    elif model.norm is not None:
        name = writer.node("Normalizer", [name], domain="ai.onnx.ml", norm=model.norm.upper())
    return {"transform": (name, dtype)}


def _count_dtype(model: Any, came: np.dtype) -> np.dtype:
    dtype: np.dtype = np.dtype(model.dtype)
    if dtype not in _COUNT_DTYPES:
        raise ConversionError(f"{type(model).__name__}(dtype={dtype}): choose int64, float32 or float64")
    return dtype


def _vectorizer_dtype(model: Any, came: np.dtype) -> np.dtype:
    kept: np.dtype = np.dtype(model.dtype)
    return float_dtype(model, kept)


def _width(model: Any, came: int | None) -> int:
    return len(model.vocabulary_)


def _write_count_vectorizer(writer: Writer) -> Answers:
    dtype = _count_dtype(writer.model, STRING)
    return {"transform": (writer.cast(_counts(writer), FLOAT, dtype), dtype)}


def _write_tfidf_vectorizer(writer: Writer) -> Answers:
    dtype = _vectorizer_dtype(writer.model, STRING)
    return _weighed(writer, writer.cast(_counts(writer), FLOAT, dtype), dtype)


def _write_tfidf_transformer(writer: Writer) -> Answers:
    rows = writer.matrix()
    dtype = float_dtype(writer.model, rows.dtype)
    return _weighed(writer, writer.cast(rows.name, rows.dtype, dtype), dtype)


CONVERTERS: dict[type, Converter] = {
    CountVectorizer: Converter("transformer", _write_count_vectorizer, _count_dtype, _width),
    TfidfVectorizer: Converter("transformer", _write_tfidf_vectorizer, _vectorizer_dtype, _width),
    TfidfTransformer: Converter("transformer", _write_tfidf_transformer, float_dtype),
}
