"""What cannot be converted runs in scikit-learn inside the estimator; the rest is compiled; and it is said."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import sklort
from sklort import FallbackWarning, OnnxEstimator
from sklort.exceptions import ConversionError, ParityError, ScikitLearnAnswered

X, y = load_iris(return_X_y=True)
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


class Rooted(TransformerMixin, BaseEstimator):
    """A transformer that no converter knows."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.sqrt(np.abs(np.asarray(X, dtype=np.float64)))


class OwnRegression(Ridge):
    """A subclass may compute anything: no converter of its parent is used."""

    def predict(self, X):
        return super().predict(X) ** 2


def cube(X):
    return X * X * X


def same(estimator, model, Z) -> None:
    for method in METHODS:
        assert hasattr(estimator, method) == hasattr(model, method), method
        if hasattr(model, method):
            got, expected = getattr(estimator, method)(Z), getattr(model, method)(Z)
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def converted(model, Z):
    with pytest.warns(FallbackWarning) as caught:
        estimator = sklort.convert(model, Z)
    (warned,) = caught
    assert warned.filename == __file__
    return estimator, str(warned.message)


@pytest.mark.parametrize(
    ("model", "runs"),
    [
        (make_pipeline(StandardScaler(), Rooted(), LogisticRegression()), "csc"),
        (make_pipeline(StandardScaler(), MinMaxScaler(), Rooted(), StandardScaler(), LogisticRegression()), "ccscc"),
        (make_pipeline(Rooted(), RandomForestClassifier(3, random_state=0)), "sc"),
        (make_pipeline(StandardScaler(), Rooted()), "cs"),
        (make_pipeline(StandardScaler(), FunctionTransformer(cube), LogisticRegression(max_iter=1000)), "csc"),
        (make_pipeline(make_union(StandardScaler(), Rooted()), LogisticRegression()), "csc"),
        (make_pipeline(make_pipeline(MinMaxScaler(), Rooted()), LogisticRegression()), "csc"),
        (OwnRegression(), "s"),
        (
            VotingClassifier(
                [("a", make_pipeline(Rooted(), LogisticRegression())), ("b", LogisticRegression(max_iter=1000))],
                voting="soft",
            ),
            "scc",
        ),
        (
            StackingClassifier([("a", make_pipeline(Rooted(), LogisticRegression()))], LogisticRegression(), cv=2),
            "scc",
        ),
        (GridSearchCV(make_pipeline(Rooted(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2), "sc"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_the_rest_is_compiled(model, runs) -> None:
    model.fit(X, y)
    estimator, said = converted(model, X)
    report = estimator.compilation_
    assert "".join("c" if step.runs == "compiled" else "s" for step in report.steps) == runs
    assert not report.ok
    for step in report.fallen:
        assert step.path in said
        assert step.model in said
        assert step.cost in said
        assert "for 1 row" in step.cost
    same(estimator, model, X)
    same(estimator, model, X[:1])
    same(pickle.loads(pickle.dumps(estimator)), model, X)
    if "c" in runs:
        assert estimator.parity_report_.ok


def test_the_compiled_parts_are_what_answers() -> None:
    model = make_pipeline(StandardScaler(), Rooted(), LogisticRegression()).fit(X, y)
    estimator, _ = converted(model, X)
    first, middle, last = (step for _, step in estimator._compiled.hybrid.steps)
    assert isinstance(first, OnnxEstimator)
    assert middle is model[1]
    assert isinstance(last, OnnxEstimator)
    assert model[0].__class__ is StandardScaler  # the model given stays as it was
    last._lanes.methods["predict"]  # compiled, so no warning of scikit-learn having answered
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScikitLearnAnswered)
        estimator.predict_proba(X)


def test_columns_and_frames() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(word=np.array(["x", "y", "z"])[y])
    model = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), ["a", "b"]),
                ("own", make_pipeline(MinMaxScaler(), Rooted()), ["c", "d"]),
                ("words", OneHotEncoder(handle_unknown="ignore"), ["word"]),
            ]
        ),
        RandomForestClassifier(5, random_state=0),
    ).fit(frame, y)
    estimator, said = converted(model, frame)
    assert "columntransformer__own__rooted (Rooted)" in said
    assert [step.path for step in estimator.compilation_.fallen] == ["columntransformer__own__rooted"]
    for Z in (frame, frame[frame.columns[::-1]], frame.assign(more=1.0), frame.assign(word="unseen")):
        assert np.array_equal(estimator.predict_proba(Z), model.predict_proba(Z))
    with pytest.raises(ValueError, match="columns are missing: {'word'}"):
        estimator.predict(frame.drop(columns="word"))


def test_missing_words_are_the_encoders() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"word": np.array(["x", "y", None], dtype=object)[y], "n": X[:, 0]})
    columns = ColumnTransformer([("word", OneHotEncoder(), ["word"]), ("n", StandardScaler(), ["n"])])
    model = make_pipeline(columns, LogisticRegression()).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        estimator = sklort.convert(model, frame)
        for Z in (frame, frame[frame.word.isna()], frame.assign(word="x"), frame.iloc[[149]]):
            np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-12)


def test_lists_of_dicts_and_texts() -> None:
    rows = [{"a": float(i % 7), "city": "Oslo" if i % 3 else "Rome"} for i in range(150)]
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(rows, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        estimator = sklort.convert(model, rows)
    assert np.array_equal(estimator.predict(rows), model.predict(rows))
    np.testing.assert_allclose(estimator.predict_proba(rows[:1]), model.predict_proba(rows[:1]), rtol=1e-12)


def test_fallback_error_refuses() -> None:
    model = make_pipeline(StandardScaler(), Rooted(), LogisticRegression()).fit(X, y)
    with pytest.raises(ConversionError, match="Rooted"):
        sklort.convert(model, X, fallback="error")
    estimator = OnnxEstimator(model, fallback="error")
    with pytest.raises(ConversionError, match="Rooted"):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()
    with pytest.raises(ValueError, match="fallback must be 'warn' or 'error'"):
        sklort.convert(model, X, fallback="sometimes")


def test_a_part_that_is_converted_wrongly_is_an_error_all_the_same(monkeypatch) -> None:
    import sklort.conversion

    right = sklort.conversion.convert_model

    def wrong(model, X, **how):
        if isinstance(model, LogisticRegression):
            model = LogisticRegression().fit(np.asarray(X), np.arange(len(X)) % 3)
        return right(model, X, **how)

    monkeypatch.setattr(sklort.conversion, "convert_model", wrong)
    model = make_pipeline(Rooted(), LogisticRegression()).fit(X, y)
    with pytest.raises(ParityError, match="DIFFERS"):
        sklort.convert(model, X)


def test_parts_can_be_pickled_but_not_saved(tmp_path) -> None:
    estimator, _ = converted(make_pipeline(Rooted(), LogisticRegression()).fit(X, y), X)
    with pytest.raises(ConversionError, match=r"'rooted' \(Rooted\).*pickle or joblib"):
        estimator.save(tmp_path / "model.onnx")
    for name in ("onnx_model_", "session_"):
        with pytest.raises(AttributeError, match="compiled in parts, see compilation_"):
            getattr(estimator, name)
        assert not hasattr(estimator, name)


def test_a_method_that_the_graph_does_not_offer_is_scikit_learns() -> None:
    model = LinearDiscriminantAnalysis().fit(X, y)
    estimator = sklort.convert(model, X)
    if "transform" in estimator._compiled.graph.outputs:
        pytest.skip("the graph offers it")
    with pytest.warns(ScikitLearnAnswered, match="scikit-learn answered transform"):
        assert np.array_equal(estimator.transform(X), model.transform(X))
    assert "transform" in str(estimator.compilation_)
    strict = sklort.convert(model, X, fallback="error")
    assert not hasattr(strict, "transform")


# -- beforehand ------------------------------------------------------------------------------------------------------


def test_supported_tells_beforehand() -> None:
    model = make_pipeline(StandardScaler(), Rooted(), LogisticRegression()).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = sklort.supported(model, X)
    assert [(step.path, step.runs) for step in report.steps] == [
        ("standardscaler", "compiled"),
        ("rooted", "scikit-learn"),
        ("logisticregression", "compiled"),
    ]
    text, page = str(report), report._repr_html_()
    for words in ("2 of 3 steps compiled", "rooted", "Rooted has no converter", "CPUExecutionProvider", "for 1 row"):
        assert words in text
        assert words in page
    assert report.as_dict()["ok"] is False


def test_supported_without_rows() -> None:
    report = sklort.supported(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y))
    assert report.ok
    assert [step.path for step in report.steps] == ["standardscaler", "logisticregression"]
    assert "compiled whole" in str(report)
    assert sklort.supported(DecisionTreeRegressor().fit(X, y)).ok
    with pytest.raises(NotFittedError):
        sklort.supported(LogisticRegression())
    with pytest.raises(ValueError, match="give rows of X"):
        sklort.supported(OneHotEncoder().fit([["a"], ["b"]]))
