"""`OnnxEstimator` inside scikit-learn's own tools: each gives what it gives with the bare model."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes it importable
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

import sklort
from sklort import OnnxEstimator

CANCER, cancer = load_breast_cancer(return_X_y=True)
CANCER, cancer = CANCER[:240, :6], cancer[:240]
WORDS = np.array(["malignant", "benign"])[cancer]
THREE = np.array(["low", "mid", "top"])[np.digitize(CANCER[:, 0], np.quantile(CANCER[:, 0], [0.3, 0.7]))]
DIABETES, progress = load_diabetes(return_X_y=True)
DIABETES, progress = DIABETES[:200, :5], progress[:200]
METHODS = ("predict", "predict_proba", "decision_function", "transform")

tree = DecisionTreeClassifier(max_depth=4, random_state=0)
logistic = make_pipeline(StandardScaler(), LogisticRegression())
forest = RandomForestRegressor(4, max_depth=4, random_state=0)


def same(tool, bare, X, y, methods=METHODS, rtol=1e-9) -> None:
    """The tool with the wrapped model answers as the tool with the bare one does, after the same fit."""
    tool.fit(X, y)
    bare.fit(X, y)
    asked = 0
    for method in methods:
        assert hasattr(tool, method) == hasattr(bare, method), method
        if not hasattr(bare, method):
            continue
        expected, got = getattr(bare, method)(X), getattr(tool, method)(X)
        pairs = zip(expected, got, strict=True) if isinstance(expected, list) else [(expected, got)]
        for theirs, ours in pairs:
            assert ours.dtype == theirs.dtype
            assert ours.shape == theirs.shape
            if theirs.dtype.kind == "f":
                np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12)
            else:
                assert np.array_equal(ours, theirs)
        asked += 1
    assert asked
    if hasattr(bare, "predict"):
        assert tool.score(X, y) == pytest.approx(bare.score(X, y), rel=1e-9)


# -- made of steps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda w: make_pipeline(StandardScaler(), w(tree)),
        lambda w: make_pipeline(w(StandardScaler()), tree),
        lambda w: make_pipeline(w(StandardScaler()), w(PCA(3)), w(LogisticRegression())),
        lambda w: make_pipeline(w(make_pipeline(StandardScaler(), MinMaxScaler())), "passthrough", GaussianNB()),
        lambda w: make_pipeline(StandardScaler(), w(KMeans(3, n_init=1, random_state=0)), LogisticRegression()),
        lambda w: Pipeline([("all", FeatureUnion([("one", w(StandardScaler())), ("two", w(PCA(2)))])), ("last", tree)]),
        lambda w: Pipeline([("chosen", SelectFromModel(w(tree))), ("last", w(logistic))]),
        lambda w: RFE(w(tree), n_features_to_select=3),
        lambda w: RFECV(w(LogisticRegression(max_iter=5000)), cv=2, importance_getter="coef_"),
    ],
)
def test_steps(make) -> None:
    same(make(OnnxEstimator), make(lambda model: model), CANCER, WORDS)


def test_column_transformer() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(CANCER, columns=list("abcdef"))

    def make(w):
        columns = ColumnTransformer(
            [("one", w(StandardScaler()), ["a", "b"]), ("two", w(MinMaxScaler()), ["c"])], remainder="passthrough"
        )
        return make_pipeline(columns, w(tree))

    same(make(OnnxEstimator), make(lambda model: model), frame, WORDS)
    wrapped = OnnxEstimator(ColumnTransformer([("one", StandardScaler(), ["b", "a"])])).fit(frame)
    assert list(wrapped.get_feature_names_out()) == ["one__b", "one__a"]
    for container in ("pandas", "polars"):
        pytest.importorskip(container)
        ours = make(OnnxEstimator)[:1].set_output(transform=container).fit_transform(frame)
        theirs = make(lambda model: model)[:1].set_output(transform=container).fit_transform(frame)
        assert type(ours) is type(theirs)
        assert list(ours.columns) == list(theirs.columns)
        np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=1e-12)


# -- searches and scores ---------------------------------------------------------------------------------------------


def test_grid_search_with_workers() -> None:
    search = GridSearchCV(
        OnnxEstimator(logistic), {"estimator__logisticregression__C": [0.01, 1.0]}, cv=2, n_jobs=2, scoring="roc_auc"
    ).fit(CANCER, WORDS)
    bare = GridSearchCV(logistic, {"logisticregression__C": [0.01, 1.0]}, cv=2, scoring="roc_auc").fit(CANCER, WORDS)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], bare.cv_results_["mean_test_score"], rtol=1e-12)
    assert np.array_equal(search.predict(CANCER), bare.predict(CANCER))
    over_models = GridSearchCV(OnnxEstimator(tree), {"estimator": [tree, GaussianNB()]}, cv=2).fit(CANCER, WORDS)
    assert over_models.best_score_ == pytest.approx(
        max(cross_val_score(model, CANCER, WORDS, cv=2).mean() for model in (tree, GaussianNB()))
    )


def test_randomized_search() -> None:
    search = RandomizedSearchCV(
        OnnxEstimator(tree), {"estimator__max_depth": [1, 2, 3]}, n_iter=2, cv=2, random_state=0
    )
    bare = RandomizedSearchCV(tree, {"max_depth": [1, 2, 3]}, n_iter=2, cv=2, random_state=0)
    same(search, bare, CANCER, WORDS)


def test_halving_search() -> None:
    def search(model, name):
        grid = {name: [1, 2, 4]}
        return HalvingGridSearchCV(model, grid, cv=2, resource="n_samples", min_resources=40, random_state=0)

    ours, theirs = search(OnnxEstimator(tree), "estimator__max_depth"), search(tree, "max_depth")
    same(ours, theirs, CANCER, WORDS)
    assert ours.best_params_["estimator__max_depth"] == theirs.best_params_["max_depth"]


def test_cross_validation_in_processes() -> None:
    ours = cross_val_score(OnnxEstimator(tree), CANCER, WORDS, cv=3, n_jobs=2)
    assert np.array_equal(ours, cross_val_score(tree, CANCER, WORDS, cv=3))
    ours = cross_val_predict(OnnxEstimator(logistic), CANCER, WORDS, cv=3, method="predict_proba")
    np.testing.assert_allclose(
        ours, cross_val_predict(logistic, CANCER, WORDS, cv=3, method="predict_proba"), rtol=1e-9
    )


# -- around other models ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda w: VotingClassifier([("a", w(tree)), ("b", w(logistic))], voting="soft"),
        lambda w: VotingClassifier([("a", w(tree)), ("b", w(logistic))], voting="hard"),
        lambda w: StackingClassifier([("a", w(tree)), ("b", w(logistic))], w(LogisticRegression()), cv=2),
        lambda w: BaggingClassifier(w(tree), n_estimators=3, max_features=0.7, random_state=0),
        lambda w: CalibratedClassifierCV(w(logistic), cv=2),
        lambda w: CalibratedClassifierCV(w(tree), cv=2, method="isotonic"),
        lambda w: CalibratedClassifierCV(FrozenEstimator(w(logistic).fit(CANCER, WORDS))),
        lambda w: FrozenEstimator(w(logistic).fit(CANCER, WORDS)),
        lambda w: TunedThresholdClassifierCV(w(logistic), cv=2),
        lambda w: FixedThresholdClassifier(w(logistic), threshold=0.8, pos_label="malignant"),
    ],
)
def test_around_classifiers(make) -> None:
    same(make(OnnxEstimator), make(lambda model: model), CANCER, WORDS)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: OneVsRestClassifier(w(logistic)),
        lambda w: OneVsOneClassifier(w(logistic)),
        lambda w: OutputCodeClassifier(w(tree), random_state=0),
        lambda w: CalibratedClassifierCV(w(GaussianNB()), cv=2),
    ],
)
def test_around_classifiers_of_three_classes(make) -> None:
    same(make(OnnxEstimator), make(lambda model: model), CANCER, THREE)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: VotingRegressor([("a", w(forest)), ("b", w(Ridge()))]),
        lambda w: StackingRegressor([("a", w(forest)), ("b", w(Ridge()))], w(LinearRegression()), cv=2),
        lambda w: BaggingRegressor(w(Ridge()), n_estimators=3, random_state=0),
        lambda w: TransformedTargetRegressor(w(Ridge()), func=np.log1p, inverse_func=np.expm1),
        lambda w: TransformedTargetRegressor(w(forest), transformer=StandardScaler()),
        lambda w: FrozenEstimator(w(forest).fit(DIABETES, progress)),
    ],
)
def test_around_regressors(make) -> None:
    same(make(OnnxEstimator), make(lambda model: model), DIABETES, progress)


def test_several_outputs() -> None:
    words, signs = np.column_stack([WORDS, THREE]), np.column_stack([cancer, CANCER[:, 1] > 18])
    for make, y in (
        (lambda w: MultiOutputClassifier(w(tree)), words),
        (lambda w: ClassifierChain(w(tree), random_state=0), signs),
    ):
        tool, bare = make(OnnxEstimator).fit(CANCER, y), make(lambda model: model).fit(CANCER, y)
        assert np.array_equal(tool.predict(CANCER), bare.predict(CANCER))
        for ours, theirs in zip(tool.predict_proba(CANCER), bare.predict_proba(CANCER), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    values = np.column_stack([progress, progress**2])
    same(MultiOutputRegressor(OnnxEstimator(forest)), MultiOutputRegressor(forest), DIABETES, values)
    same(RegressorChain(OnnxEstimator(Ridge())), RegressorChain(Ridge()), DIABETES, values)


def test_self_training() -> None:
    part = np.where(np.arange(len(cancer)) % 3, cancer, -1)
    same(
        SelfTrainingClassifier(OnnxEstimator(logistic)),
        SelfTrainingClassifier(logistic),
        CANCER,
        part,
        methods=("predict", "predict_proba"),
    )


def test_inspection() -> None:
    pytest.importorskip("pandas")
    model = logistic.fit(CANCER, WORDS)
    fast = sklort.convert(model, CANCER)
    ours = permutation_importance(fast, CANCER, WORDS, n_repeats=2, random_state=0)
    theirs = permutation_importance(model, CANCER, WORDS, n_repeats=2, random_state=0)
    assert np.array_equal(ours.importances, theirs.importances)
    regressor = forest.fit(DIABETES, progress)
    for one, other, X in ((fast, model, CANCER), (sklort.convert(regressor, DIABETES), regressor, DIABETES)):
        ours = partial_dependence(one, X, [0], grid_resolution=5)
        theirs = partial_dependence(other, X, [0], grid_resolution=5, method="brute")
        np.testing.assert_allclose(ours["average"], theirs["average"], rtol=1e-9)


# -- metadata --------------------------------------------------------------------------------------------------------


def test_weights_reach_the_model_with_routing_and_without() -> None:
    weight = np.where(cancer == 0, 5.0, 0.5)
    expected = LogisticRegression(max_iter=2000).fit(CANCER, WORDS, sample_weight=weight)
    plain = OnnxEstimator(LogisticRegression(max_iter=2000)).fit(CANCER, WORDS, sample_weight=weight)
    assert np.array_equal(plain.coef_, expected.coef_)
    with config_context(enable_metadata_routing=True):
        inner = LogisticRegression(max_iter=2000).set_fit_request(sample_weight=True)
        wrapped = OnnxEstimator(inner.set_score_request(sample_weight=True))
        routed = wrapped.fit(CANCER, WORDS, sample_weight=weight)
        assert np.array_equal(routed.coef_, expected.coef_)
        assert routed.score(CANCER, WORDS, sample_weight=weight) == pytest.approx(
            expected.score(CANCER, WORDS, sample_weight=weight)
        )
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        in_pipeline = make_pipeline(scaler, wrapped).fit(CANCER, WORDS, sample_weight=weight)
        bare = make_pipeline(scaler, inner).fit(CANCER, WORDS, sample_weight=weight)
        np.testing.assert_allclose(in_pipeline.predict_proba(CANCER), bare.predict_proba(CANCER), rtol=1e-9)
        search = GridSearchCV(wrapped, {"estimator__C": [1.0]}, cv=2).fit(CANCER, WORDS, sample_weight=weight)
        assert np.array_equal(search.best_estimator_.coef_, expected.coef_)
        silent = OnnxEstimator(LogisticRegression())
        with pytest.raises(ValueError, match="sample_weight"):
            silent.fit(CANCER, WORDS, sample_weight=weight)


def test_a_loaded_model_predicts_inside_a_frozen_estimator(tmp_path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OnnxEstimator(logistic).fit(CANCER, WORDS).save(tmp_path / "model.onnx")
        loaded = sklort.load(tmp_path / "model.onnx")
        bare = logistic.fit(CANCER, WORDS)
        calibrated = CalibratedClassifierCV(FrozenEstimator(loaded)).fit(CANCER, WORDS)
        expected = CalibratedClassifierCV(FrozenEstimator(bare)).fit(CANCER, WORDS)
    np.testing.assert_allclose(calibrated.predict_proba(CANCER), expected.predict_proba(CANCER), rtol=1e-9)
