"""Inputs beyond the plain ones: sparse in every format, words that are missing, rare categories, odd memory."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import FallbackWarning
from sklort.estimator import lanes
from sklort.exceptions import ConversionError, ScikitLearnAnswered

pd = pytest.importorskip("pandas")

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
WORDS = pd.DataFrame(
    {
        "city": rng.choice(["Oslo", "Rome", "Bergen", "Nice"], 150, p=[0.6, 0.3, 0.06, 0.04]),
        "size": rng.choice([1, 2, 3], 150),
        "n": X[:, 0],
    }
)


def converted(model, Z):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        return sklort.convert(model, Z)


def same(estimator, model, Z) -> None:
    """Both answer alike, or both refuse with the same words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in ("predict", "predict_proba", "transform"):
            if not hasattr(model, method):
                continue
            try:
                expected = getattr(model, method)(Z)
            except Exception as error:  # noqa: BLE001 - whatever it is
                refusal = error
            else:
                refusal = None
            if refusal is not None:
                with pytest.raises(type(refusal)) as ours:
                    getattr(estimator, method)(Z)
                assert str(ours.value) == str(refusal)
                continue
            got = getattr(estimator, method)(Z)
            assert sparse.issparse(got) == sparse.issparse(expected)
            if sparse.issparse(expected):
                got, expected = got.toarray(), expected.toarray()
            assert got.dtype == expected.dtype
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
            else:
                assert np.array_equal(got, expected)


# -- sparse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [LogisticRegression(max_iter=1000), DecisionTreeClassifier(), MultinomialNB(), Ridge(), MaxAbsScaler()]
)
def test_sparse_in_every_format(model) -> None:
    Z = np.where(X > 2, X, 0)
    model.fit(sparse.csr_matrix(Z), y)
    estimator = converted(model, sparse.csr_matrix(Z))
    for kind in ("csr", "csc", "coo", "lil"):
        same(estimator, model, sparse.csr_matrix(Z).asformat(kind))
        same(estimator, model, sparse.csr_array(Z).asformat(kind))
    same(estimator, model, Z)
    same(estimator, model, sparse.csr_matrix(Z[:, :3]))


def test_a_very_wide_sparse_matrix_stays_with_scikit_learn() -> None:
    X = sparse.random(60, 5000, density=0.01, format="csr", random_state=0)
    model = LogisticRegression().fit(X, np.arange(60) % 3)
    with pytest.raises(ConversionError, match="sparse, with 5,000 columns of which a row fills 50"):
        sklort.convert(model, X, fallback="error")
    with pytest.warns(FallbackWarning, match="Nothing of the model is compiled"):
        estimator = sklort.convert(model, X)
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict_proba(X))
    assert not sklort.supported(model, X).ok
    assert sklort.supported(model, X.toarray()).ok  # whoever gives dense rows asks for them


def test_a_wide_sparse_matrix_is_read_in_blocks(monkeypatch) -> None:
    model = LogisticRegression(max_iter=1000).fit(X, y)
    estimator = converted(model, X)
    most = []
    admit = type(estimator._lanes.intake).admit
    monkeypatch.setattr(lanes, "MOST_DENSE", 40)
    monkeypatch.setattr(
        type(estimator._lanes.intake), "admit", lambda self, Z: most.append(Z.shape[0]) or admit(self, Z)
    )
    same(estimator, model, sparse.csr_matrix(X))
    assert set(most) == {10}


def test_text() -> None:
    texts = [f"{'good' if i % 3 else 'bad'} word {i % 7}, Ünïcode {i % 5}" for i in range(150)]
    for vectorizer in (CountVectorizer(), TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))):
        model = make_pipeline(vectorizer, LogisticRegression()).fit(texts, y)
        estimator = converted(model, texts)
        assert estimator.compilation_.ok
        assert estimator.parity_report_.origins["odd texts"] > 20
        loaded = sklort.load(estimator.onnx_model_)
        assert not hasattr(loaded, "n_features_in_")
        assert np.array_equal(loaded.predict(texts), model.predict(texts))
        for wrong in ("one text", [], [["a"]], [1.0]):
            with pytest.raises(ValueError, match="cannot be read"):
                loaded.predict(wrong)
            same(estimator, model, wrong)
        with pytest.warns(ScikitLearnAnswered, match="generator where a list of texts is expected"):
            assert np.array_equal(estimator.predict(text for text in texts), model.predict(texts))
        for Z in (texts, texts[:1], np.array(texts), np.array(texts, dtype=object), pd.Series(texts), ["", "unknown"]):
            same(estimator, model, Z)


# -- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")),
    ],
)
def test_missing_words(encoder, missing) -> None:
    whole = WORDS.astype({"city": object})
    holes = whole.copy()
    holes.loc[::9, "city"] = missing
    for learnt in (whole, holes):
        columns = ColumnTransformer([("city", encoder, ["city"]), ("n", StandardScaler(), ["n"])])
        model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(learnt, y)
        estimator = converted(model, learnt)
        for Z in (whole, holes, holes.iloc[[0]], holes.iloc[[1]], whole.assign(city="Paris")):
            same(estimator, model, Z)


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=3),
        OneHotEncoder(drop="first", handle_unknown="ignore"),
        OneHotEncoder(drop="if_binary"),
        OrdinalEncoder(min_frequency=20, handle_unknown="use_encoded_value", unknown_value=np.nan),
    ],
)
def test_rare_and_unseen_categories_are_what_the_encoder_was_told(encoder) -> None:
    model = ColumnTransformer([("words", encoder, ["city", "size"])]).fit(WORDS)
    estimator = converted(model, WORDS)
    for Z in (WORDS, WORDS.assign(city="Paris"), WORDS.assign(city="Nice"), WORDS.assign(size=9)):
        same(estimator, model, Z)


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        np.asfortranarray,
        lambda Z: Z[::-1],
        lambda Z: Z[:, ::-1][:, ::-1],
        lambda Z: np.repeat(Z, 2, axis=0)[::2],
        lambda Z: np.broadcast_to(Z[:1], (5, 4)),
        lambda Z: Z.astype(">f8"),
        lambda Z: Z.astype(">f4"),
        lambda Z: np.rint(Z).astype(">i4"),
        lambda Z: np.rint(Z).astype(np.uint8),
        lambda Z: np.lib.stride_tricks.as_strided(Z, (3, 4), (Z.strides[0] * 2, Z.strides[1])),
        lambda Z: np.require(Z, requirements=["C"]).view(np.recarray).view(np.ndarray),
        lambda Z: np.frombuffer(b"\0" + Z.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(Z.shape),
    ],
)
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), DecisionTreeClassifier(random_state=0)])
def test_memory(model, make) -> None:
    model.fit(X, y)
    estimator = converted(model, X)
    Z = make(X.copy())
    same(estimator, model, Z)
    frozen = make(X.copy())
    frozen.setflags(write=False)
    same(estimator, model, frozen)


def test_a_memory_map(tmp_path) -> None:
    np.save(tmp_path / "X.npy", X)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    same(converted(model, X), model, np.load(tmp_path / "X.npy", mmap_mode="r"))


def test_frames_of_every_backend() -> None:
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")
    columns = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["city"]), ("n", StandardScaler(), ["n", "size"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(WORDS, y)
    estimator = converted(model, WORDS)
    for Z in (
        WORDS,
        WORDS[["n", "city", "size"]],
        WORDS.assign(more=1.0),
        WORDS.convert_dtypes(),
        WORDS.convert_dtypes(dtype_backend="pyarrow"),
        WORDS.astype({"city": "category", "size": "Int8"}),
        WORDS.astype({"size": np.uint8}),
        WORDS.set_index("n", drop=False),
    ):
        same(estimator, model, Z)
        same(estimator, model, Z.iloc[[3]])
    for Z in (pl.from_pandas(WORDS), pl.from_pandas(WORDS[["size", "n", "city"]]), pa.Table.from_pandas(WORDS)):
        same(estimator, model, Z)
