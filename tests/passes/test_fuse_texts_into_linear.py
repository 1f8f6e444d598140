"""`fuse_columns_into_linear` where columns are counts of words: what it follows, what it leaves, and scikit-learn's pipelines."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import sklort
from sklort import InferenceSession
from sklort._native import _core
from sklort.exceptions import NotImplemented
from sklort.graph.ir import Graph
from sklort.graph.text import parse
from sklort.passes.fuse_columns_into_linear import RULE
from sklort.passes.pipeline import PIPELINE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from sklort.session.options import SessionOptions
from tests.passes.rewriting import fires_once, keeps, kinds, ops, plain

RANDOM = np.random.default_rng(6)
WORDS = ["to", "be", "or", "not", "that", "is", "a", "question", "naïve", "Straße", "ΟΔΟΣ", "日本"]
HEADER = '<ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 5, "com.microsoft": 1]>'
CONSTANTS = """float[4, 3] W = {1, -2, 0.5, 0.25, 3, -1, 2, 2, 2, -1, 0.5, 7}, float[3] b = {0.5, -1, 0}, float[4] f = {1.5, 2, 0.25, 3},
    double[4, 3] D = {1, -2, 0.5, 0.25, 3, -1, 2, 2, 2, -1, 0.5, 7}, double[4] g = {1.5, 2, 0.25, 3}, float[4] ones = {1, 1, 1, 1},
    float one = {1}, float two = {2}, float zero = {0}, int64[1] flat = {-1}, int64[2] matrix = {-1, 1}, float[4] bad = {1, inf, 1, 1}, float[4] none = {1, 0, 1, 1},
    int64[3] pick = {3, 0, 1}, int64[5] twice = {0, 1, 2, 3, 0}, float[3, 2] V = {1, 2, 3, 4, 5, 6}, float[5, 1] U = {1, 2, 3, 4, 5},
    float[4] high = {0, 2, 0, 1}"""
LOWER = 'n = StringNormalizer<case_change_action = "LOWER", is_case_sensitive = 0>(r)'
CUT = 't = com.microsoft.Tokenizer<mark = {mark}, mincharnum = 1, pad_value = "{pad}", tokenexp = "[a-z]+">({of}) '
COUNT = """e = Flatten(t) c = TfIdfVectorizer<mode = "{mode}", min_gram_length = {least}, max_gram_length = 2, max_skip_count = {skip},
    ngram_counts = [0, 2], ngram_indexes = [0, 2, 1, 3], pool_strings = ["a", "b", "a", "b", "b", "a"] {weights}>(e) """
TEXT = "r = Reshape(X, flat) " + LOWER + CUT.format(mark=0, pad="#", of="n")
PLAIN = COUNT.format(mode="TF", least=1, skip=0, weights="")
SEPARATED = """n = StringNormalizer(X)
    t = com.microsoft.Tokenizer<mark = 0, mincharnum = 1, pad_value = "#", separators = [" ", ","]>(n)"""
IN_CAPITALS = (f'{LOWER} {CUT.format(mark=0, pad="#", of="n")} {PLAIN}'.replace('"a"', '"A"').replace('"b"', '"B"')
               .replace("LOWER", "UPPER").replace("[a-z]", "[A-Z]").replace("(r)", "(X)"))  # fmt: skip
TAIL = " p = MatMul(M, W) Y = Add(p, b)"


def graph(body: str, outputs: str = "float Y", inputs: str = "string[N, 1] X") -> Graph:
    return parse(f"{HEADER} g ({inputs}) => ({outputs}) <{CONSTANTS}> {{ {body} }}").graph


def run(of: Graph, feeds: list[np.ndarray]) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run(feeds)


def letters(count: int = 200) -> np.ndarray:
    made = ["".join(RANDOM.choice(list("abAB,  "), RANDOM.integers(0, 40))).replace(",", ", ") for _ in range(count)]
    made[:5] = ["", "a", "b a b a", "unseen #", " ".join("ab" * 100)]
    return np.array([" ".join(each) for each in made], object)


def fires(before: Graph, feeds: list[np.ndarray] | None = None) -> Graph:
    after = fires_once(RULE, before)
    feeds = feeds or [letters().reshape(-1, 1)]
    for size in (len(feeds[0]), 1, 2, 0):
        part = [feed[:size].copy() for feed in feeds]
        for old, new in zip(run(before, part), run(after, part), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            rtol = 2e-6 if old.dtype == np.float32 else 2e-7
            np.testing.assert_allclose(new, old, rtol=rtol, atol=rtol)
    return after


@pytest.mark.parametrize(
    "body",
    [
        f"{TEXT} {PLAIN} M = Identity(c) {TAIL}",
        f"{TEXT} {PLAIN} M = Mul(f, c) {TAIL}",
        f"{TEXT} {PLAIN} M = Div(c, f) {TAIL}",
        f"{TEXT} {PLAIN} M = Mul(c, two) {TAIL}",
        f"{TEXT} {PLAIN} m = Mul(c, f) M = ai.onnx.ml.Normalizer<norm = \"L2\">(m) {TAIL}",
        f"{TEXT} {PLAIN} M = ai.onnx.ml.Normalizer<norm = \"L1\">(c) {TAIL}",
        f"{TEXT} {PLAIN} M = ai.onnx.ml.Normalizer(c) {TAIL}",
        f"{TEXT} {PLAIN} o = Cast<to = 9>(c) q = Cast<to = 1>(o) M = Mul(q, f) {TAIL}",
        f"{TEXT} {PLAIN} o = Add(c, ones) q = Log(o) M = Mul(q, f) {TAIL}",
        f"{TEXT} {PLAIN} o = Add(c, one) M = Log(o) {TAIL}",
        f"{TEXT} {PLAIN} m = Cast<to = 11>(c) M = Mul(m, g) Y = MatMul(M, D)",
        f"{TEXT} {PLAIN} k = Cast<to = 7>(c) m = Cast<to = 11>(k) M = LpNormalization<axis = 1>(m) Y = MatMul(M, D)",
        f"{TEXT} {PLAIN} m = Cast<to = 11>(c) k = Mul(m, g) M = LpNormalization<axis = -1, p = 1>(k) Y = MatMul(M, D)",
        f"{TEXT} {PLAIN} o = Cast<to = 9>(c) q = Cast<to = 1>(o) k = Cast<to = 7>(q) M = Cast<to = 1>(k) {TAIL}",
        f"{TEXT} {PLAIN} d = Cast<to = 7>(c) M = Cast<to = 1>(d) {TAIL}",
        f"{TEXT} {PLAIN} z = Equal(c, zero) l = Log(c) o = Add(l, one) M = Where(z, c, o) {TAIL}",
        f"{TEXT} {PLAIN} n2 = ai.onnx.ml.Normalizer<norm = \"L2\">(c) M = Cast<to = 11>(n2) Y = MatMul(M, D)",
        f"{TEXT} {PLAIN} m = ai.onnx.ml.Normalizer<norm = \"L2\">(c) M = ai.onnx.ml.ArrayFeatureExtractor(m, pick) Y = MatMul(M, V)",
        f"{TEXT} {PLAIN} M = Gather<axis = 1>(c, pick) Y = MatMul(M, V)",
        f"{TEXT} {COUNT.format(mode='IDF', least=1, skip=0, weights='')} M = Identity(c) {TAIL}",
        f"{TEXT} {COUNT.format(mode='IDF', least=1, skip=0, weights=', weights = [1.0, 2.0, 0.5, 3.0]')} M = Identity(c) {TAIL}",
        f"{TEXT} {COUNT.format(mode='TFIDF', least=2, skip=1, weights=', weights = [1.0, 2.0, 0.5, 3.0]')} M = Identity(c) {TAIL}",
        f"{TEXT} {COUNT.format(mode='TF', least=1, skip=3, weights='')} M = Identity(c) {TAIL}",
        f"{CUT.format(mark=0, pad='#', of='X')} {PLAIN} M = Identity(c) {TAIL}",
        f"r = Reshape(X, matrix) {LOWER} {CUT.format(mark=0, pad='', of='n')} {PLAIN} M = Identity(c) {TAIL}",
        f"{SEPARATED} {PLAIN} M = Identity(c) {TAIL}",
        f"{IN_CAPITALS} M = Identity(c) {TAIL}",
    ],
)  # fmt: skip
def test_what_it_follows(body: str) -> None:
    outputs = "double Y" if "MatMul(M, D)" in body else "float Y"
    assert ops(fires(graph(body, outputs))) == ["LinearModel"]


def test_texts_of_one_dimension() -> None:
    body = f"{TEXT} {PLAIN} M = Mul(c, f) {TAIL}"
    assert ops(fires(graph(body, inputs="string[N] X"), [letters()])) == ["LinearModel"]


def test_beside_numbers_and_categories() -> None:
    body = f"""{TEXT} {PLAIN} d = ai.onnx.ml.OneHotEncoder<cats_strings = ["x", "y"], zeros = 1>(C) q = Reshape(d, two_columns)
        k = Mul(c, f) M = Concat<axis = 1>(q, k, N) Y = MatMul(M, A)"""
    before = parse(
        f"{HEADER} g (string[N, 1] X, string[N, 1] C, float[N, 1] N) => (float Y) <{CONSTANTS}, int64[2] two_columns = {{-1, 2}}, "
        f"float[7, 1] A = {{1, 2, 3, 4, 5, 6, 7}}> {{ {body} }}"
    ).graph
    feeds = [letters().reshape(-1, 1), RANDOM.choice(np.array(["x", "y", "z"], object), (200, 1))]
    after = fires(before, [*feeds, RANDOM.normal(size=(200, 1)).astype(np.float32)])
    assert ops(after) == ["LinearModel"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (f"r = Reshape(X, flat) {LOWER} {CUT.format(mark=1, pad='#', of='n')} {PLAIN} M = Identity(c) {TAIL}",
         "Tokenizer -> t marks where a text begins and ends"),
        (f"r = Reshape(X, flat) {LOWER} {CUT.format(mark=0, pad='a', of='n')} {PLAIN} M = Identity(c) {TAIL}",
         "'a', which fills short rows of com.microsoft:Tokenizer -> t, is one of the terms"),
        (f"{TEXT} {PLAIN} M = Identity(c) {TAIL}".replace("is_case", 'stopwords = ["b"], is_case'), "StringNormalizer -> n leaves out texts that are stop words"),
        (f"{TEXT} {COUNT.format(mode='IDF', least=1, skip=0, weights=', weights = [1.0, inf, 0.5, 3.0]')} M = Identity(c) {TAIL}",
         "a weight of TfIdfVectorizer -> c is not finite"),
        (f"{TEXT} {PLAIN} M = Mul(c, bad) {TAIL}", "a factor of a term makes something of nothing"),
        (f"{TEXT} {PLAIN} M = Div(c, none) {TAIL}", "a factor of a term makes something of nothing"),
        (f"{TEXT} {PLAIN} M = Gather<axis = 1>(c, twice) Y = MatMul(M, U)", "a term is there twice"),
    ],
)  # fmt: skip
def test_it_keeps_still(body: str, sentence: str) -> None:
    assert keeps(RULE, graph(body)).endswith(sentence)


def test_it_keeps_still_where_the_matrix_is_needed() -> None:
    body = f"{TEXT} {PLAIN} M = Mul(c, f) {TAIL}"
    assert keeps(RULE, graph(body, "float Y, float M")) == "'M' is needed besides"
    assert keeps(RULE, graph(f"{body} Z = Abs(c)", "float Y, float Z")) == "'c' is needed besides"


def test_it_keeps_still_above_weights_that_are_not_finite() -> None:
    before = graph(f"{TEXT} {PLAIN} M = Mul(c, f) {TAIL}")
    before.constants["W"] = np.where(before.constants["W"] == 7, np.float32(np.inf), before.constants["W"])
    assert keeps(RULE, before) == "a weight of a term is not finite"


def test_it_keeps_still_where_nobody_cuts_natively() -> None:
    before = graph(f"{TEXT} {PLAIN} M = Mul(c, f) {TAIL}")
    same, refusals = RULE.run(before, None, lambda node: "too hard")
    assert same is before
    assert refusals[0].reason == "com.microsoft:Tokenizer -> t runs elsewhere: too hard"
    with pytest.raises(NotImplemented, match="nobody can run com.microsoft:Tokenizer"):
        make_plan(graph(f"{TEXT} {PLAIN} M = Mul(c, f) {TAIL}".replace("[a-z]+", "(?=a)[a-z]+")), [CpuProvider()])


@pytest.mark.parametrize(
    "body",
    [
        f"{TEXT} {PLAIN} M = Add(c, f) {TAIL}",
        f"{TEXT} {PLAIN} o = Add(c, high) M = Log(o) {TAIL}",
        f"{TEXT} {PLAIN} M = Exp(c) {TAIL}",
        f"{TEXT} {PLAIN} M = LpNormalization<axis = 1>(c) {TAIL}",
        f"{TEXT} {PLAIN} m = Cast<to = 11>(c) M = LpNormalization<axis = 0>(m) Y = MatMul(M, D)",
        f"{TEXT} {PLAIN} m = Mul(c, f) k = Cast<to = 7>(m) M = Cast<to = 1>(k) {TAIL}",
        f"{TEXT} {PLAIN} z = Equal(c, one) l = Log(c) o = Add(l, one) M = Where(z, c, o) {TAIL}",
        f"{TEXT} {PLAIN} z = Equal(c, zero) l = Log(c) o = Add(l, two) M = Where(z, c, o) {TAIL}",
        f"{TEXT} {PLAIN} z = Equal(c, zero) m = Mul(c, f) l = Log(m) o = Add(l, one) M = Where(z, c, o) {TAIL}",
        f"{TEXT} {PLAIN} M = Div(f, c) {TAIL}",
        f"{TEXT} {PLAIN} d = Cast<to = 11>(c) M = Cast<to = 1>(d) {TAIL}",
        f"{TEXT} {PLAIN} m = Gather<axis = 1>(c, pick) M = ai.onnx.ml.Normalizer<norm = \"L2\">(m) Y = MatMul(M, V)",
        f"u = StringNormalizer<case_change_action = \"UPPER\">(X) {TEXT} {PLAIN} M = Identity(c) {TAIL}".replace("(X, flat)", "(u, flat)"),
    ],
)  # fmt: skip
def test_what_it_does_not_follow(body: str) -> None:
    before = graph(body, "double Y" if "MatMul(M, D)" in body else "float Y")
    assert RULE.run(before) == (before, ())


# --- pipelines ------------------------------------------------------------------------------------------------------


def documents(count: int) -> np.ndarray:
    made = [" ".join(RANDOM.choice(WORDS[:8], RANDOM.integers(1, 30))) for _ in range(count)]
    return np.array(made, object)


def adversarial() -> np.ndarray:
    made = [
        "",
        " ",
        "#",
        "##",
        "to " * 3000,
        "x" * 5000,
        "unseen words only",
        "\x02 to \x03",
        "TO BE",
        "ΟΔΟΣ ΟΔΟΣ, Straße STRASSE",
    ]
    made += [
        "日本、日本 日本",
        "naïve NAÏVE nai\u0308ve",
        "a",
        "a b c",
        "to\nbe\tor\u00a0not",
        "\u0130 to",
        "to.be,or;not!",
        "1 2 3_4",
    ]
    made += [" ".join(RANDOM.choice(WORDS, RANDOM.integers(0, 300))) for _ in range(60)]
    return np.array(made, object)


TOKENS = r"(?u)\b\w+\b"
VECTORIZERS = [
    CountVectorizer(token_pattern=TOKENS),
    CountVectorizer(token_pattern=TOKENS, lowercase=False, binary=True),
    CountVectorizer(token_pattern=TOKENS, ngram_range=(1, 3)),
    CountVectorizer(analyzer="char", ngram_range=(1, 3)),
    TfidfVectorizer(token_pattern=TOKENS),
    TfidfVectorizer(token_pattern=TOKENS, norm="l1", ngram_range=(2, 2)),
    TfidfVectorizer(token_pattern=TOKENS, norm=None, smooth_idf=False),
    TfidfVectorizer(token_pattern=TOKENS, use_idf=False, binary=True),
    TfidfVectorizer(token_pattern=TOKENS, vocabulary=["be", "to", "unheard"]),
    make_pipeline(CountVectorizer(token_pattern=TOKENS), TfidfTransformer(norm="l1")),
    FeatureUnion([("words", TfidfVectorizer(token_pattern=TOKENS)), ("letters", CountVectorizer(analyzer="char"))]),
    make_pipeline(TfidfVectorizer(token_pattern=TOKENS), SelectKBest(chi2, k=3)),
]
MODELS = [LogisticRegression(), SGDClassifier(random_state=0), LinearSVC(), RidgeClassifier(), Ridge(), LinearRegression(),
          MultinomialNB(), ComplementNB()]  # fmt: skip


def converted(model: Any) -> Any:
    plain = isinstance(model[-1], LogisticRegression | SGDClassifier | MultinomialNB | ComplementNB)
    options = {id(model[-1]): {"zipmap": False}} if plain else None
    if isinstance(model[-1], LinearSVC):  # skl2onnx stumbles over an option of its own
        options = {id(model[-1]): {"nocl": False}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(model, initial_types=[("X", StringTensorType([None]))], options=options)


def agree(model: Any, proto: Any) -> InferenceSession:
    """With scikit-learn and with the graph as it is, on documents like those learnt and on strange ones."""
    fast, slow = InferenceSession(proto), plain(proto)
    for x in (documents(100), adversarial()):
        got, wanted = fast.run(None, {"X": x}), slow.run(None, {"X": x})
        for one, other in zip(got, wanted, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            if one.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)
        truth = model.predict(x)
        if truth.dtype.kind == "f":
            np.testing.assert_allclose(got[0].ravel(), truth, rtol=1e-3, atol=1e-4)
        else:
            scores = model.predict_proba(x) if hasattr(model, "predict_proba") else model.decision_function(x)
            two = np.sort(scores, axis=1)[:, -2:]
            clear = two[:, 1] - two[:, 0] > 1e-4
            assert clear.mean() > 0.7
            np.testing.assert_array_equal(got[0][clear], truth[clear])
        np.testing.assert_array_equal(fast.run(None, {"X": x[:1]})[0], got[0][:1])
    return fast


@pytest.mark.parametrize("vectorizer", VECTORIZERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_vectorizers(vectorizer: Any) -> None:
    x = documents(150)
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=60)).fit(x, np.arange(150) % 3)
    assert kinds(agree(model, converted(model))) == ["ai.sklort:LinearModel"]


@pytest.mark.parametrize("final", MODELS)
def test_models(final: Any) -> None:
    x = documents(150)
    y = np.array([len(each.split()) % 3 for each in x])
    model = make_pipeline(TfidfVectorizer(token_pattern=TOKENS), final).fit(x, y)
    session = agree(model, converted(model))
    assert not {"TfIdfVectorizer", "com.microsoft:Tokenizer", "MatMul"} & set(kinds(session))


@pytest.mark.parametrize("isa", _core.isas())
def test_every_instruction_set_and_thread(isa: str) -> None:
    x = documents(400)
    model = make_pipeline(TfidfVectorizer(token_pattern=TOKENS), LogisticRegression()).fit(x, np.arange(400) % 4)
    proto = converted(model)
    answers = []
    _core.choose_isa(isa)
    try:
        for threads in (1, 2):
            options = SessionOptions()
            options.intra_op_num_threads = threads
            answers.append(InferenceSession(proto, options).run(["probabilities"], {"X": x})[0])
    finally:
        _core.choose_isa("")
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_allclose(answers[0], model.predict_proba(x), rtol=1e-5, atol=1e-6)


def test_a_column_of_a_frame() -> None:
    x = documents(200)
    frame = pd.DataFrame({"text": x, "number": RANDOM.normal(size=200), "code": RANDOM.choice(["x", "y", "z"], 200)})
    columns = ColumnTransformer(
        [
            ("text", TfidfVectorizer(token_pattern=TOKENS), "text"),
            ("number", StandardScaler(), ["number"]),
            ("code", OneHotEncoder(handle_unknown="ignore"), ["code"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(200) % 3)
    fast = sklort.convert(model, frame)
    frame = frame.iloc[: len(adversarial())].copy()
    frame["text"] = adversarial()
    np.testing.assert_allclose(fast.predict_proba(frame), model.predict_proba(frame), rtol=1e-12)
    np.testing.assert_array_equal(fast.predict(frame), model.predict(frame))
    detail = "1 numbers, 1 columns of categories with 3 rows of weights, 1 columns of texts with 8 terms"
    assert [node.detail for node in fast.session_.explain(["probabilities"]).nodes] == [detail]


def test_the_usual_pipeline_is_one_step() -> None:
    body = f'{TEXT} {PLAIN} m = Mul(c, f) M = ai.onnx.ml.Normalizer<norm = "L2">(m) {TAIL} L = ArgMax<axis = 1, keepdims = 0>(Y) '
    plan = make_plan(graph(f"{body} P = Softmax(Y)", "int64 L, float P"), [CpuProvider()], passes=PIPELINE)
    assert ops(plan.graph) == ["LinearModel"]
