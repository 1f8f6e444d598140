"""Counts of words: n-grams, words of one letter, letters beyond ASCII, stop words, weights."""

from __future__ import annotations

import locale

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklort import InferenceSession
from sklort.conversion import Conversion, convert_model
from sklort.exceptions import ConversionError

TEXTS = np.array(
    [
        "This is the first document, isn't it?",
        "a THIS document is a second 2nd document x",
        "Über die Straße — naïve café, déjà vu",
        "one",
        "",
        "the the the a b c the_end 42 4",
        "ЭТО первый документ и ещё",
        "日本 語 first",
        "tabs\tand\nlines  and   blanks",
    ],
    dtype=object,
)
NEW = np.concatenate([TEXTS, np.array(["a b", "?!", "second first document the", "unknown words only x y"], object)])
VECTORIZERS = [
    {},
    {"ngram_range": (1, 2)},
    {"ngram_range": (2, 3)},
    {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"},
    {"token_pattern": r"\w\w\w+"},
    {"binary": True, "lowercase": False},
    {"lowercase": False, "stop_words": ["the", "is", "first"], "ngram_range": (1, 2)},
    {"stop_words": ["the", "is"]},
    {"stop_words": ["the", "is", "document"], "ngram_range": (1, 3)},
    {"stop_words": "english", "ngram_range": (2, 2), "min_df": 1},
    {"max_features": 6},
    {"vocabulary": ["first", "the", "nothing"]},
]


def hold(model: object, X: object, *, rtol: float = 0.0) -> Conversion:
    """Against scikit-learn, on sklort and onnxruntime (onnx.reference has no Tokenizer)."""
    conversion = convert_model(model, X)
    method, name = next(iter(conversion.outputs.items()))
    expected = getattr(model, method)(X)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    given = {
        i.name: (np.asarray(X) if i.columns is None else X[list(i.columns)].to_numpy())
        .astype(i.dtype)
        .reshape(len(X), -1)
        for i in conversion.inputs
    }
    content = conversion.onnx_model.SerializeToString()
    session = InferenceSession(content)
    assert {node.provider for node in session.explain().nodes} <= {"CPUExecutionProvider"}
    answers = [session.run([name], given)[0]]
    if _has_locale() or not any(node.op_type == "StringNormalizer" for node in conversion.onnx_model.graph.node):
        onnxruntime = pytest.importorskip("onnxruntime")
        answers.append(onnxruntime.InferenceSession(content).run([name], given)[0])
    for got in answers:
        assert got.dtype == expected.dtype
        if rtol:
            np.testing.assert_allclose(got, expected, rtol=rtol)
        else:
            np.testing.assert_array_equal(got, expected)
    return conversion


def _has_locale() -> bool:
    """onnxruntime's StringNormalizer needs it installed."""
    known = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "en_US.UTF-8")
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_ALL, known)
    return True


@pytest.mark.parametrize("arguments", VECTORIZERS, ids=str)
def test_counts(arguments):
    hold(CountVectorizer(**arguments).fit(TEXTS), NEW)


@pytest.mark.parametrize("arguments", VECTORIZERS[:4], ids=str)
@pytest.mark.parametrize(
    "weights",
    [{}, {"sublinear_tf": True}, {"norm": "l1"}, {"norm": None}, {"use_idf": False}, {"smooth_idf": False}],
    ids=str,
)
def test_weights(arguments, weights):
    hold(TfidfVectorizer(**arguments, **weights).fit(TEXTS), NEW, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"n_features": 1},
        {"n_features": 7, "norm": None},
        {"alternate_sign": False},
        {"binary": True, "n_features": 5},
        {"binary": True, "alternate_sign": False, "norm": "l1"},
        {"norm": "l1", "dtype": np.float32},
        {"ngram_range": (1, 3), "norm": None},
        {"ngram_range": (2, 2), "lowercase": False},
        {"ngram_range": (4, 12)},
        {"stop_words": ["the", "is", "document"], "ngram_range": (1, 2)},
        {"token_pattern": r"\S+", "norm": None},
    ],
    ids=str,
)
def test_hashes(arguments):
    model = HashingVectorizer(**{"n_features": 50, **arguments})
    hold(model, NEW, rtol=1e-6 if arguments.get("dtype") else 1e-15)
    short = np.array(["", "?", "a"], object)
    hold(model, short)


def test_hashes_of_many_words():
    """Every bit of the hash: words of all lengths, and the sum of signs that cancel."""
    letters = np.random.default_rng(0).integers(33, 1200, 4000)
    words = ["".join(map(chr, letters[at : at + at % 11])) for at in range(3000)]
    texts = np.array([" ".join(words[at : at + 300]) for at in range(0, 3000, 300)], object)
    hold(HashingVectorizer(n_features=1 << 12, norm=None), texts)
    hold(HashingVectorizer(n_features=37, ngram_range=(1, 2), binary=True, norm=None), texts)


def test_hashes_in_front_of_a_linear_model():
    y = np.arange(len(TEXTS)) % 3
    hold(make_pipeline(HashingVectorizer(n_features=256), LogisticRegression()).fit(TEXTS, y), NEW)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "dense, and a row of this one would be 8,192 KiB"),
        ({"n_features": 9, "token_pattern": r"\w*"}, "words without letters"),
        ({"n_features": 9, "dtype": np.int64}, "float32 or float64"),
        ({"n_features": 9, "analyzer": "char_wb"}, "only words"),
    ],
    ids=str,
)
def test_hashes_that_are_refused(arguments, sentence):
    with pytest.raises(ConversionError, match=sentence):
        convert_model(HashingVectorizer(**arguments), NEW)


def test_in_pipelines():
    y = np.arange(len(TEXTS)) % 3
    hold(make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, y), NEW)
    counts = make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True), LogisticRegression())
    hold(counts.fit(TEXTS, y), NEW)
    table = pd.DataFrame({"text": NEW, "size": np.arange(len(NEW), dtype=float)})
    columns = ColumnTransformer([("t", CountVectorizer(), "text"), ("s", "passthrough", ["size"])])
    hold(make_pipeline(columns, LogisticRegression(max_iter=500)).fit(table, np.arange(len(NEW)) % 2), table)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "arguments", [{}, {"sublinear_tf": True}, {"norm": "l1"}, {"norm": None, "use_idf": False}], ids=str
)
def test_weights_of_counts(check, arguments, dtype):
    counts = np.random.default_rng(0).poisson(0.6, (30, 5)).astype(dtype)
    counts[3] = 0
    model = TfidfTransformer(**arguments).fit(csr_matrix(counts))
    check(model, counts, rtol=1e-14 if dtype == np.float64 else 1e-6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"analyzer": "char"}, "characters"),
        ({"strip_accents": "unicode"}, "strip_accents"),
        ({"tokenizer": str.split, "token_pattern": None}, "tokenizer"),
    ],
    ids=str,
)
def test_what_is_refused(arguments, sentence):
    texts = [*TEXTS, "ab-1"]
    with pytest.raises(ConversionError, match=sentence):
        convert_model(CountVectorizer(**arguments).fit(texts), np.array(texts, object))
