"""Topics of documents, each of which settles in a number of steps of its own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sklort
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError
from tests.conversion.judges import stands_in

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(RNG.choice([0.1, 0.4, 3.0], (120, 1)), (120, 25)).astype(float)
NEW = np.vstack([np.zeros((1, 25)), COUNTS[:9] * 100, np.eye(25) * 0.3, COUNTS[::-1][:40] + 0.25])


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"n_components": 2, "max_doc_update_iter": 3},
        {"n_components": 30, "mean_change_tol": 1e-6, "doc_topic_prior": 1e-7},
        {"n_components": 1},
        {"doc_topic_prior": 1.0, "learning_method": "online", "max_doc_update_iter": 1},
    ],
    ids=str,
)
def test_topics(check, arguments):
    model = LatentDirichletAllocation(max_iter=2, random_state=0, **{"n_components": 4, **arguments}).fit(COUNTS)
    check(model, NEW, methods={"transform"}, rtol=1e-10, atol=1e-12)
    check(model, NEW.astype(np.float32), rtol=1e-10, atol=1e-12)
    stands_in(model, COUNTS, NEW)


def test_a_document_is_answered_alike_in_any_company():
    model = LatentDirichletAllocation(4, max_iter=2, random_state=0).fit(COUNTS)
    compiled = sklort.convert(model, COUNTS)
    whole = compiled.transform(NEW)
    alone = np.vstack([compiled.transform(NEW[i : i + 1]) for i in range(len(NEW))])
    np.testing.assert_allclose(whole, alone, rtol=1e-12)


def test_topics_of_texts():
    texts = np.array([" ".join(RNG.choice(list("abcdefgh"), 12)) for _ in range(40)], object)
    vectorizer = CountVectorizer(token_pattern=r"\w")
    topics = LatentDirichletAllocation(3, max_iter=2, random_state=0)
    stands_in(make_pipeline(vectorizer, topics, LogisticRegression()).fit(texts, np.arange(40) % 2), texts)


def test_negative_counts_are_refused_in_scikit_learns_words():
    model = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(COUNTS)
    with pytest.raises(ValueError, match="Negative values"):
        sklort.convert(model, COUNTS).transform(-COUNTS)


def test_what_was_fitted_on_float32_is_refused():
    model = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(COUNTS.astype(np.float32))
    with pytest.raises(ConversionError, match="float32"):
        convert_model(model, COUNTS)
