"""What skl2onnx writes for scikit-learn's text vectorizers, run on our operators.

`FAITHFUL` graphs give what scikit-learn gives. The others, `UNFAITHFUL`, do not mean what the vectorizer does: each comes
with a witness, a document on which the graph itself is wrong, and the test fails when skl2onnx mends it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

import sklort

ASCII = [
    "This is the first document, a B c.",
    "This document is the second-document! a a",
    "And this is the third one: I am 7 x",
    "",
    "the   a\tb\nthe foo_bar 12",
]
UNICODE = [*ASCII, "Über naïve Straße ΟΔΥΣΣΕΥΣ ΣΑΣ. être\nÉlan Ελλάδα приве́т мир", "日本語 テキスト 123_4 don't É é ٣٤"]

FAITHFUL: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "default": ({}, {}, ASCII),
    "binary": ({"binary": True}, {}, ASCII),
    "case kept": ({"lowercase": False}, {}, ASCII),
    "stop words": ({"stop_words": ["the", "is"]}, {}, ASCII),
    "five features": ({"max_features": 5}, {}, ASCII),
    "all words": ({"token_pattern": r"(?u)\b\w+\b"}, {}, UNICODE),
    "pairs of all words": ({"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}, {}, UNICODE),
    "only pairs": ({"token_pattern": r"(?u)\b\w+\b", "ngram_range": (2, 2)}, {}, UNICODE),
    "long words": ({"token_pattern": r"\b\w{3,}\b"}, {}, UNICODE),
    "letters": ({"token_pattern": "[a-zA-Z]+"}, {}, UNICODE),
    "own pattern": ({}, {"tokenexp": r"(?u)\b\w\w+\b"}, UNICODE),
    "pairs with own pattern": ({"ngram_range": (1, 2)}, {"tokenexp": r"(?u)\b\w\w+\b"}, UNICODE),
    "characters": ({"analyzer": "char"}, {}, ["Ab\nc", "É日 x", "", "ΣΑΣ İ"]),
    "runs of characters": ({"analyzer": "char", "ngram_range": (1, 3)}, {}, ["Ab\nc", "É日 x", "ΣΑΣ"]),
}
UNFAITHFUL: dict[str, tuple[dict[str, Any], str]] = {
    # The default pattern is replaced by [a-zA-Z0-9_]+.
    "words beyond ASCII": ({}, "naïve"),
    "words of one letter": ({"ngram_range": (1, 2)}, "the a first"),
    # Stop words are left out of the vocabulary, but still stand between the words of a pair.
    "stop words in pairs": ({"ngram_range": (1, 2), "stop_words": ["the"]}, "is the first"),
    # scikit-learn makes one blank of several.
    "blanks as characters": ({"analyzer": "char"}, "a  b"),
}
KINDS = [CountVectorizer, TfidfVectorizer]


def run(model: Any, documents: list[str], options: dict[str, Any] | None = None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(
            model,
            initial_types=[("X", StringTensorType([None, 1]))],
            options={type(model): options} if options else None,
        )
    session = sklort.InferenceSession(proto.SerializeToString())
    (out,) = session.run(None, {"X": np.array(documents, object).reshape(-1, 1)})
    return np.asarray(out)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAITHFUL)
def test_faithful_graphs(kind: type, name: str) -> None:
    parameters, options, documents = FAITHFUL[name]
    model = kind(**parameters).fit(documents)
    for batch in (documents, documents[:1], documents[1:2]):
        np.testing.assert_allclose(
            run(model, batch, options), model.transform(batch).toarray(), rtol=1e-6, atol=1e-7, err_msg=name
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNFAITHFUL)
def test_unfaithful_graphs(kind: type, name: str) -> None:
    parameters, witness = UNFAITHFUL[name]
    documents = ["is the first", "the a first a", "first is", "naïve na ve", "a b a  b"]
    model = kind(**parameters).fit(documents)
    expected = model.transform([witness]).toarray()
    assert np.abs(run(model, [witness]) - expected).max() > 0.1


def test_sublinear_counts_are_not_what_the_graph_computes() -> None:
    """log(1 + n) in place of 1 + log(n)."""
    model = TfidfVectorizer(sublinear_tf=True, norm=None, use_idf=False).fit(["aa aa bb"])
    out = run(model, ["aa aa bb"])
    np.testing.assert_allclose(out, np.log1p([[2, 1]]), rtol=1e-6)
    np.testing.assert_allclose(model.transform(["aa aa bb"]).toarray(), 1 + np.log([[2, 1]]), rtol=1e-6)


def test_a_pattern_with_a_group_is_refused() -> None:
    """The token is the group in scikit-learn and the whole match in the graph."""
    model = CountVectorizer(token_pattern=r"\b(\w\w)\w+\b").fit(ASCII)
    with pytest.raises(sklort.exceptions.NotImplemented, match="captures a part of the match"):
        run(model, ASCII)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("alternate", [True, False])
@pytest.mark.parametrize("features", [5, 1024])
def test_feature_hasher(features: int, alternate: bool, dtype: Any) -> None:
    x = np.array([["cat", "dog"], ["é日本", "x=1"], ["", ""], ["a b", "bird bird"], ["dog", "dog"]], object)
    hasher = FeatureHasher(features, input_type="string", dtype=dtype, alternate_sign=alternate)
    proto = to_onnx(hasher, initial_types=[("X", StringTensorType([None, 2]))], target_opset=18)
    (out,) = sklort.InferenceSession(proto.SerializeToString()).run(None, {"X": x})
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, hasher.transform(x).toarray())


def test_the_normalizer_before_opset_10() -> None:
    counter = CountVectorizer().fit(["a bb cc", "BB ee"])
    proto = to_onnx(counter, initial_types=[("X", StringTensorType([None, 1]))], target_opset=9)
    assert "com.microsoft" in {node.domain for node in proto.graph.node if node.op_type == "StringNormalizer"}
    (out,) = sklort.InferenceSession(proto.SerializeToString()).run(None, {"X": np.array([["bb BB x"]], object)})
    assert out.tolist() == [[2, 0, 0]]
