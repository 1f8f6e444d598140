"""CountVectorizer, TfidfVectorizer and TfidfTransformer: scikit-learn's tokens, counts and weights, in its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import InferenceSession
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError

RANDOM = np.random.default_rng(12)
WORDS = ["to", "be", "or", "not", "I", "a", "naïve", "Straße", "ΟΔΟΣ", "日本", "don't", "snake_case", "x2", "٣٤", "É"]
STRANGE = ["", " ", "#", "a b c I", "to", "TO To tO", "unseen words", "to.be,or;not!", "ΟΔΟΣ ΟΔΟΣ.", "STRASSE straße", "\u0130 x",
           "to\nbe\tor\u00a0not", "日本、日本 日本", "e\u0301 É é", "_ __ ___", "to " * 2000, "## # ##"]  # fmt: skip


def documents(count: int) -> list[str]:
    return [" ".join(RANDOM.choice(WORDS, RANDOM.integers(1, 30))) for _ in range(count)]


def frame(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"text": texts, "number": RANDOM.normal(size=len(texts))})


VECTORIZERS = [
    CountVectorizer(),
    CountVectorizer(binary=True, lowercase=False),
    CountVectorizer(dtype=np.float32, ngram_range=(1, 3)),
    CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(2, 2), min_df=3),
    CountVectorizer(token_pattern="[a-z]+", stop_words=["to", "be"]),
    CountVectorizer(vocabulary=["be", "two words", "to", "#"]),
    CountVectorizer(token_pattern=r"\S+", vocabulary=["#", "##", "a b", "to be or"], ngram_range=(1, 2)),
    CountVectorizer(stop_words="english"),
    TfidfVectorizer(),
    TfidfVectorizer(sublinear_tf=True, norm="l1"),
    TfidfVectorizer(ngram_range=(1, 2), norm=None, smooth_idf=False, max_features=20),
    TfidfVectorizer(use_idf=False, binary=True),
    make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    make_pipeline(CountVectorizer(dtype=np.float32), TfidfTransformer(norm="l1")),
]


def transformed(model: Any, X: pd.DataFrame, conversion: Any) -> np.ndarray:
    session = InferenceSession(conversion.onnx_model)
    feed = {one.name: X[list(one.columns)].to_numpy().astype(one.dtype) for one in conversion.inputs}
    return np.asarray(session.run([conversion.outputs["transform"]], feed)[0])


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_the_matrix_is_scikit_learns(vectorizer: Any) -> None:
    learnt, asked = frame(documents(150)), frame(documents(80) + STRANGE)
    model = ColumnTransformer([("text", vectorizer, "text")], sparse_threshold=1).fit(learnt)
    wanted = model.transform(asked)
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else wanted
    got = transformed(model, asked, convert_model(model, learnt))
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(
        got, wanted, rtol=0 if "Tfidf" not in str(vectorizer) else 1e-6 if got.dtype == np.float32 else 1e-14
    )


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_linear_models_run_as_one_step_and_agree_in_double(vectorizer: Any) -> None:
    learnt, asked = frame(documents(150)), frame(documents(80) + STRANGE)
    columns = ColumnTransformer([("text", vectorizer, "text"), ("number", "passthrough", ["number"])])
    model = make_pipeline(columns, Ridge()).fit(learnt, np.arange(150.0))
    narrow = "float32" in str(vectorizer) and "Tfidf" in str(vectorizer)
    fast = sklort.convert(model, learnt, tolerance=1e-6 if narrow else None)
    rtol = 1e-5 if narrow else 1e-11
    np.testing.assert_allclose(fast.predict(asked), model.predict(asked), rtol=rtol, atol=rtol)
    steps = [node.node.split(" ")[0] for node in fast.session_.explain().nodes]
    assert steps == ["ai.sklort:LinearModel", "Reshape"]


def test_a_tree_sees_the_matrix_itself() -> None:
    learnt, asked = frame(documents(200)), frame(documents(100) + STRANGE)
    columns = ColumnTransformer(
        [("text", CountVectorizer(ngram_range=(1, 2)), "text"), ("number", "passthrough", ["number"])]
    )
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(learnt, np.arange(200) % 5)
    np.testing.assert_array_equal(sklort.convert(model, learnt).predict_proba(asked), model.predict_proba(asked))


def test_counts_that_are_numbers() -> None:
    """TfidfTransformer on a matrix of numbers, zeros and a row of zeros among them."""
    counts = RANDOM.poisson(0.7, (60, 9)).astype(np.float64)
    counts[5] = 0
    for transformer in (
        TfidfTransformer(),
        TfidfTransformer(sublinear_tf=True),
        TfidfTransformer(norm=None, use_idf=False),
    ):
        model = make_pipeline(transformer, LogisticRegression()).fit(counts, np.arange(60) % 2)
        np.testing.assert_allclose(
            sklort.convert(model, counts).predict_proba(counts), model.predict_proba(counts), rtol=1e-12
        )


@pytest.mark.parametrize(
    ("vectorizer", "sentence"),
    [
        (CountVectorizer(analyzer="char"), r"CountVectorizer\(analyzer='char'\) is not converted.*joins white space"),
        (TfidfVectorizer(analyzer="char_wb"), r"TfidfVectorizer\(analyzer='char_wb'\) is not converted"),
        (CountVectorizer(analyzer=str.split), "is not converted: only words"),
        (CountVectorizer(strip_accents="unicode"), r"CountVectorizer\(strip_accents=...\) is not converted"),
        (CountVectorizer(tokenizer=str.split, token_pattern=None), r"CountVectorizer\(tokenizer=...\) is not converted"),
        (CountVectorizer(preprocessor=str.upper), r"CountVectorizer\(preprocessor=...\) is not converted"),
        (CountVectorizer(stop_words=["to"], ngram_range=(1, 2)), "leaves out stop words before it takes n-grams"),
        (CountVectorizer(stop_words=["to"], vocabulary=["to", "be"]), "the vocabulary of CountVectorizer holds stop words"),
        (CountVectorizer(token_pattern=r"\w[\w ]*", ngram_range=(1, 2)), "is a token and an n-gram of others"),
        (CountVectorizer(dtype=np.int32), r"CountVectorizer\(dtype=int32\): choose int64, float32 or float64"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_converted_says_why(vectorizer: Any, sentence: str) -> None:
    learnt = frame(documents(50))
    model = make_pipeline(ColumnTransformer([("text", vectorizer, "text")]), Ridge()).fit(learnt, np.arange(50.0))
    with pytest.raises(ConversionError, match=sentence):
        convert_model(model, learnt)
