"""Any X: what scikit-learn takes is taken, what it refuses is refused in its own words."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort.exceptions import ScikitLearnAnswered

pd = pytest.importorskip("pandas")

X, y = load_iris(return_X_y=True)
NAMES = ["a", "b", "c", "d"]


def with_value(value) -> np.ndarray:
    Z = X[:5].copy()
    Z[2, 1] = value
    return Z


def same_refusal(model, estimator, Z, method="predict") -> None:
    """Both raise, the same class with the same words, and the estimator goes on working."""
    with pytest.raises(Exception) as theirs:
        getattr(model, method)(Z)
    with pytest.raises(Exception) as ours:
        getattr(estimator, method)(Z)
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value) == str(theirs.value)
    assert ours.value.args


@pytest.fixture(scope="module", params=["linear", "tree", "scaled"])
def pair(request):
    model = {
        "linear": LogisticRegression(max_iter=1000),
        "tree": DecisionTreeClassifier(random_state=0),
        "scaled": make_pipeline(StandardScaler(), LogisticRegression()),
    }[request.param].fit(X, y)
    return model, sklort.convert(model, X)


@pytest.mark.parametrize(
    "Z",
    [
        X[:, :3],
        X[:, [0, 1, 2, 3, 3]],
        X[0],
        X[:0],
        X[:, :0],
        X[None],
        5.0,
        "word",
        None,
        [],
        [1.0, 2.0],
        [[1, 2, 3, "word"]],
        [[1, 2], [1, 2, 3]],
        np.array([["a", "b", "c", "d"]]),
        np.array([[1.0, 2.0, 3.0, "word"]], dtype=object),
        X[:2].astype(complex),
        with_value(np.inf),
        with_value(-np.inf),
    ],
    ids=lambda Z: f"{type(Z).__name__}{getattr(Z, 'shape', '')}{getattr(Z, 'dtype', '')}",
)
def test_refusals_are_scikit_learns(pair, Z) -> None:
    model, estimator = pair
    same_refusal(model, estimator, Z)
    assert np.array_equal(estimator.predict(X), model.predict(X))


def test_nan_is_refused_where_the_model_takes_none() -> None:
    model = LogisticRegression(max_iter=1000).fit(X, y)
    estimator = sklort.convert(model, X)
    for method in ("predict", "predict_proba", "decision_function"):
        same_refusal(model, estimator, with_value(np.nan), method)
    assert np.array_equal(estimator.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "make",
    [
        lambda Z: Z.tolist(),
        lambda Z: [list(row) for row in Z],
        lambda Z: Z.astype(object),
        lambda Z: np.rint(Z).astype(np.int64),
        lambda Z: np.rint(Z).astype(np.uint8),
        lambda Z: Z > 2,
        lambda Z: tuple(map(tuple, Z)),
        lambda Z: memoryview(Z),
    ],
)
def test_other_containers_and_dtypes(pair, make) -> None:
    model, estimator = pair
    Z = make(X)
    assert np.array_equal(estimator.predict(Z), model.predict(Z))
    got, expected = estimator.predict_proba(Z), model.predict_proba(Z)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_configuration_is_respected() -> None:
    """With assume_finite scikit-learn looks for no NaN: what it then answers is answered."""
    model = LogisticRegression(max_iter=1000).fit(X, y)
    estimator = sklort.convert(model, X)
    holed = X[:5].copy()
    holed[2, 1], holed[3, 0] = np.nan, np.inf
    with config_context(assume_finite=True, skip_parameter_validation=True), pytest.warns(ScikitLearnAnswered):
        assert np.array_equal(estimator.predict_proba(holed), model.predict_proba(holed), equal_nan=True)
    with pytest.raises(ValueError, match="NaN"):
        estimator.predict_proba(holed)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, "M8[D]"])
def test_what_only_scikit_learn_computes_it_answers_with_a_warning(dtype) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    estimator = sklort.convert(model, X)
    with pytest.warns(ScikitLearnAnswered, match="an array of dtype"):
        got = estimator.predict_proba(X.astype(dtype))
    assert np.array_equal(got, model.predict_proba(X.astype(dtype)))
    assert got.dtype == model.predict_proba(X.astype(dtype)).dtype


def test_large_integers_are_the_models_to_round() -> None:
    model = DecisionTreeClassifier(random_state=0).fit(X, y)
    estimator = sklort.convert(model, X)
    Z = np.full((2, 4), 2**53 + 1, dtype=np.int64)
    with pytest.warns(ScikitLearnAnswered, match="2\\*\\*53"):
        assert np.array_equal(estimator.predict(Z), model.predict(Z))


def test_sparse() -> None:
    model = LogisticRegression(max_iter=1000).fit(X, y)
    estimator = sklort.convert(model, X)
    assert np.array_equal(estimator.predict(csr_matrix(X)), model.predict(csr_matrix(X)))
    refusing = GaussianNB().fit(X, y)
    same_refusal(refusing, sklort.convert(refusing, X, parity="warn"), csr_matrix(X))


# -- frames ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def framed():
    frame = pd.DataFrame(X, columns=NAMES)
    model = LogisticRegression(max_iter=1000).fit(frame, y)
    return frame, model, sklort.convert(model, frame)


def test_frame_of_numbers(framed) -> None:
    frame, model, estimator = framed
    assert list(estimator.feature_names_in_) == NAMES
    for Z in (frame, frame.iloc[[3]], frame.convert_dtypes(), frame.astype("float64[pyarrow]"), frame.astype(object)):
        assert np.array_equal(estimator.predict(Z), model.predict(Z))
    short = frame.astype(np.float32)
    np.testing.assert_allclose(estimator.predict_proba(short), model.predict_proba(short), rtol=1e-5)
    mixed = frame.assign(a=frame.a.round().astype(int), b=frame.b.astype(np.float32))
    np.testing.assert_allclose(estimator.predict_proba(mixed), model.predict_proba(mixed), rtol=1e-12)


def test_names_are_checked_as_scikit_learn_does(framed) -> None:
    frame, model, estimator = framed
    for Z in (
        frame[NAMES[::-1]],
        frame.rename(columns={"a": "z"}),
        frame.drop(columns="b"),
        frame.assign(e=1.0),
        frame.iloc[:0],
        frame.assign(a="word"),
        frame.assign(a=np.nan),
        frame.assign(a=pd.array([1, None] * 75, dtype="Int64")),
    ):
        same_refusal(model, estimator, Z)
    assert np.array_equal(estimator.predict(frame), model.predict(frame))


def test_missing_names_warn_as_scikit_learn_does(framed) -> None:
    frame, model, estimator = framed
    with pytest.warns(UserWarning, match="does not have valid feature names, but LogisticRegression was fitted with"):
        assert np.array_equal(estimator.predict(X), model_answer(model, X))
    bare = LogisticRegression(max_iter=1000).fit(X, y)
    with pytest.warns(UserWarning, match="X has feature names, but LogisticRegression was fitted without"):
        assert np.array_equal(sklort.convert(bare, X).predict(frame), bare.predict(X))
    numbered = pd.DataFrame(X)
    assert np.array_equal(sklort.convert(bare, X).predict(numbered), bare.predict(X))


def model_answer(model, Z):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.predict(Z)


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "city": rng.choice(["Oslo", "Rome", "Zürich"], n),
            "rooms": rng.integers(1, 6, n),
            "kind": rng.choice(["flat", "house"], n),
            "unused": rng.normal(size=n),
        }
    )
    frame.loc[::9, "age"] = np.nan
    target = (frame.rooms > 2) ^ (frame.kind == "flat")
    model = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "rooms"]),
                ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
            ]
        ),
        LogisticRegression(),
    ).fit(frame, target)
    return frame, model, sklort.convert(model, frame)


@pytest.mark.parametrize("rows", [slice(4, 5), slice(0, 1), slice(0, 10), slice(None), None])
@pytest.mark.parametrize(
    "make",
    [
        lambda f: f,
        lambda f: f[f.columns[::-1]],
        lambda f: f.assign(more="x", other=1.0),
        lambda f: f.convert_dtypes(),
        lambda f: f.astype({"city": "category", "kind": "category"}),
        lambda f: f.astype(object),
        lambda f: f.astype({"city": "string", "rooms": "Int32"}),
        lambda f: f.astype({"rooms": float}),
        lambda f: f.set_index("unused", drop=False),
    ],
)
def test_mixed_frames(mixed, make, rows) -> None:
    frame, model, estimator = mixed
    if rows is None:  # more rows than are read whole
        frame, rows = pd.concat([frame] * 3, ignore_index=True), slice(None)
    Z = make(frame.iloc[rows])
    np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-9, atol=1e-15)
    assert np.array_equal(estimator.predict(Z), model.predict(Z))


def test_polars_and_arrow(mixed) -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame, model, estimator = mixed
    for Z in (pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-9, atol=1e-15)
    numbers = pd.DataFrame(X, columns=NAMES)
    plain = LogisticRegression(max_iter=1000).fit(numbers, y)
    matrix = sklort.convert(plain, numbers)
    for Z in (pl.from_pandas(numbers), pa.Table.from_pandas(numbers)):
        assert np.array_equal(matrix.predict(Z), plain.predict(Z))


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f.drop(columns="city"),
        lambda f: f.rename(columns={"city": "town"}),
        lambda f: f.to_numpy(),
        lambda f: f.assign(age="old"),
        lambda f: f.assign(age=np.inf),
        lambda f: f.iloc[:0],
        lambda f: f.assign(rooms=np.inf),
    ],
)
@pytest.mark.parametrize("rows", [slice(4, 5), slice(None)])
def test_mixed_frames_that_scikit_learn_refuses(mixed, make, rows) -> None:
    frame, model, estimator = mixed
    same_refusal(model, estimator, make(frame.iloc[rows]))
    assert np.array_equal(estimator.predict(frame), model.predict(frame))


def test_unseen_and_missing_categories(mixed) -> None:
    frame, model, estimator = mixed
    Z = frame.assign(city="Bergen")
    np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-9)
    Z = frame.assign(city=None)
    np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-9)
    Z = frame.assign(city=[5, *frame.city[1:]])
    with pytest.warns(ScikitLearnAnswered, match="column of strings"):
        got = estimator.predict_proba(Z)
    assert np.array_equal(got, model.predict_proba(Z))


def test_unseen_category_is_refused_where_the_encoder_refuses_it(mixed) -> None:
    frame, _, _ = mixed
    strict = make_pipeline(ColumnTransformer([("words", OneHotEncoder(), ["city"])]), LogisticRegression())
    strict.fit(frame, frame.rooms > 2)
    same_refusal(strict, sklort.convert(strict, frame), frame.assign(city="Bergen"))
