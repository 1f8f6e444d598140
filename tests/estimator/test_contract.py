"""What a scikit-learn user expects of any estimator, found in `OnnxEstimator` as in the model it wraps."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import get_tags

import sklort
from sklort import OnnxEstimator
from sklort.exceptions import ScikitLearnAnswered

X, y = load_iris(return_X_y=True)

forest = RandomForestClassifier(4, random_state=0)
logistic = LogisticRegression(max_iter=1000)


def test_parameters_are_stored_untouched() -> None:
    given = {"estimator": forest, "parity": "nonsense", "tolerance": "x", "target_opset": object(), "fallback": 3}
    given["device"] = "moon"
    estimator = OnnxEstimator(**given)
    assert estimator.get_params(deep=False) == given
    assert all(getattr(estimator, name) is value for name, value in given.items())
    with pytest.raises(ValueError, match="parity must be"):
        estimator.fit(X, y)


def test_from_fitted_is_convert() -> None:
    model = clone(forest).fit(X, y)
    estimator = OnnxEstimator.from_fitted(model, X)
    assert estimator.estimator_ is model
    assert np.array_equal(estimator.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "model",
    [
        forest,
        Ridge(),
        KMeans(2),
        IsolationForest(),
        StandardScaler(),
        OneHotEncoder(),
        SimpleImputer(),
        make_pipeline(SimpleImputer(), forest),
    ],
    ids=lambda model: type(model).__name__,
)
def test_tags_are_the_models(model) -> None:
    ours, theirs = get_tags(OnnxEstimator(model)), get_tags(model)
    assert ours.estimator_type == theirs.estimator_type
    for name in ("target_tags", "transformer_tags", "classifier_tags", "regressor_tags", "input_tags"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.requires_fit
    for asks in (is_classifier, is_regressor, is_clusterer, is_outlier_detector):
        assert asks(OnnxEstimator(model)) == asks(model)
    assert get_tags(model).input_tags == theirs.input_tags


def test_fitted_attributes_are_the_models_and_read_only() -> None:
    estimator = OnnxEstimator(forest).fit(X, y)
    model = estimator.estimator_
    for name in ("feature_importances_", "classes_", "n_classes_", "n_features_in_", "n_outputs_", "estimators_"):
        assert np.array_equal(getattr(estimator, name), getattr(model, name))
        assert name not in vars(estimator)
    assert not hasattr(estimator, "feature_names_in_")
    assert not hasattr(estimator, "coef_")
    assert not hasattr(estimator, "_validate_X_predict")


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (forest, "apply"),
        (forest, "decision_path"),
        (DecisionTreeRegressor(max_depth=3), "get_depth"),
        (MinMaxScaler(), "inverse_transform"),
        (KNeighborsClassifier(), "kneighbors"),
        (KNeighborsClassifier(), "kneighbors_graph"),
        (GradientBoostingClassifier(n_estimators=3), "staged_predict"),
    ],
)
def test_other_methods_are_the_models(model, method) -> None:
    unfitted = OnnxEstimator(model)
    assert hasattr(unfitted, method)
    with pytest.raises(NotFittedError):
        getattr(unfitted, method)(X)
    estimator = OnnxEstimator(model, parity=False).fit(X, y)
    given = () if method == "get_depth" else (X[:5],)
    got, expected = getattr(estimator, method)(*given), getattr(estimator.estimator_, method)(*given)
    parts = tuple if method in ("decision_path", "kneighbors", "staged_predict") else lambda one: (one,)
    for ours, theirs in zip(parts(got), parts(expected), strict=True):
        ours, theirs = (one.toarray() if hasattr(one, "toarray") else one for one in (ours, theirs))
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["partial_fit", "fit_resample", "set_params_", "kneighbors", "steps", "n_estimators"])
def test_no_method_that_the_model_has_not_or_that_would_change_it(name) -> None:
    for model in (forest, logistic, make_pipeline(StandardScaler(), LogisticRegression())):
        assert not hasattr(OnnxEstimator(model), name)
        assert not hasattr(OnnxEstimator(model).fit(X, y), name)


def test_arguments_of_a_method_are_the_models() -> None:
    Z, target = X[:40], X[:40, 0] * 2
    estimator = OnnxEstimator(GaussianProcessRegressor(alpha=0.1), parity=False).fit(Z, target)
    with pytest.warns(ScikitLearnAnswered, match="called with return_std"):
        mean, std = estimator.predict(Z, return_std=True)
    expected = estimator.estimator_.predict(Z, return_std=True)
    assert np.array_equal(mean, expected[0])
    assert np.array_equal(std, expected[1])
    with pytest.raises(TypeError, match="unexpected keyword argument 'loudly'"):
        OnnxEstimator(forest).fit(X, y).predict(X, loudly=True)


def test_a_method_that_the_model_itself_cannot_answer_raises_when_it_is_called() -> None:
    row = X[:1]
    model = PCA().fit(row)
    with pytest.raises(np.linalg.LinAlgError):
        model.score_samples(row)
    estimator = OnnxEstimator(PCA()).fit(row)
    assert np.array_equal(estimator.transform(row), model.transform(row))
    with pytest.raises(np.linalg.LinAlgError):
        estimator.score_samples(row)


def test_not_fitted_says_what_scikit_learn_says() -> None:
    for method in ("predict", "predict_proba", "score"):
        with pytest.raises(NotFittedError, match="This OnnxEstimator instance is not fitted yet. Call 'fit' with"):
            getattr(OnnxEstimator(forest), method)(*((X, y) if method == "score" else (X,)))
    with pytest.raises(NotFittedError):
        OnnxEstimator(StandardScaler()).transform(X)
    with pytest.raises(NotFittedError):
        OnnxEstimator(forest).save("nowhere.onnx")
    for name in ("onnx_model_", "session_", "compilation_", "parity_report_", "estimator_", "classes_"):
        assert not hasattr(OnnxEstimator(forest), name)
    with pytest.raises(AttributeError, match="predict_proba"):
        OnnxEstimator(LinearSVC()).predict_proba(X)


def test_a_second_fit_replaces_the_first() -> None:
    estimator = OnnxEstimator(logistic).fit(X, y)
    before = estimator.onnx_model_
    estimator.set_params(estimator__C=0.01).fit(X[:, :2], y)
    assert estimator.n_features_in_ == 2
    assert estimator.onnx_model_ != before
    assert np.array_equal(
        estimator.predict(X[:, :2]), clone(logistic).set_params(C=0.01).fit(X[:, :2], y).predict(X[:, :2])
    )


def test_copies_are_independent() -> None:
    estimator = OnnxEstimator(logistic).fit(X, y)
    other = copy.deepcopy(estimator)
    other.fit(X[:, :3], y)
    assert (estimator.n_features_in_, other.n_features_in_) == (4, 3)
    assert estimator.predict(X).shape == (150,)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_reaches_fit_transform(container) -> None:
    pytest.importorskip(container)
    expected = StandardScaler().set_output(transform=container).fit_transform(X)
    estimator = OnnxEstimator(StandardScaler()).set_output(transform=container)
    for got in (estimator.fit_transform(X), estimator.transform(X), clone(estimator).fit(X).transform(X)):
        assert type(got) is type(expected)
        assert list(got.columns) == list(expected.columns)
        np.testing.assert_allclose(got.to_numpy(), expected.to_numpy(), rtol=1e-12)
    with config_context(transform_output=container):
        assert type(OnnxEstimator(StandardScaler()).fit(X).transform(X)) is type(expected)


@pytest.mark.parametrize("fitted", ["frame", "array"])
@pytest.mark.parametrize(
    "model",
    [
        FunctionTransformer(np.log1p),
        StandardScaler().set_output(transform="pandas"),
        make_pipeline(StandardScaler(), MinMaxScaler()).set_output(transform="pandas"),
        make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler())).set_output(transform="polars"),
        make_pipeline(StandardScaler(), FunctionTransformer(np.abs)),
    ],
    ids=["function", "scaler", "pipeline", "nested", "function in a pipeline"],
)
def test_the_container_is_what_the_model_answers(model, fitted) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("polars")
    frame = pd.DataFrame(X, columns=list("abcd"), index=range(7, 157))
    rows = frame if fitted == "frame" else X
    estimator = sklort.convert(model.fit(rows), rows)
    for given in (X, frame):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got, want = estimator.transform(given), model.transform(given)
        assert type(got) is type(want)
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12)
        if hasattr(want, "columns"):
            assert list(got.columns) == list(want.columns)
        if hasattr(want, "index"):
            assert got.index.equals(want.index)


# -- the page it shows of itself -------------------------------------------------------------------------------------


def test_html_shows_what_is_compiled_and_where() -> None:
    estimator = OnnxEstimator(make_pipeline(StandardScaler(), LogisticRegression()))
    unfitted = estimator._repr_html_()
    assert "StandardScaler" in unfitted
    assert "compiled" not in unfitted
    page = estimator.fit(X, y)._repr_html_()
    for words in ("Pipeline: compiled whole", "logisticregression", "CPUExecutionProvider", "max |a-b|"):
        assert words in page
    assert estimator._repr_mimebundle_()["text/html"].count("CPUExecutionProvider") == 2
    with config_context(display="text"):
        assert "text/html" not in estimator._repr_mimebundle_()
        assert not hasattr(estimator, "_repr_html_")


def test_html_of_a_loaded_one() -> None:
    loaded = sklort.load(OnnxEstimator(forest).fit(X, y).onnx_model_)
    assert "CPUExecutionProvider" in loaded._repr_html_()
    assert loaded.compilation_.ok
    assert "CPUExecutionProvider" in str(loaded.compilation_)


def test_html_escapes() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["<b>", "b", "c", "d"])
    named = make_pipeline(StandardScaler(), LogisticRegression())
    named.steps[0] = ("<script>", named.steps[0][1])
    estimator = OnnxEstimator(named).fit(frame, y)
    assert "<script>alert" not in estimator._repr_html_()
    assert "&lt;script&gt;" in estimator.compilation_._repr_html_()
