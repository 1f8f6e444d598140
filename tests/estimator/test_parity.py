"""A wrong conversion is found, and said clearly."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklort
import sklort.conversion
from sklort.estimator.acceptance import probe
from sklort.estimator.adversarial import adversarial_rows
from sklort.estimator.marks import thresholds
from sklort.estimator.parity import compare, spread
from sklort.exceptions import ParityError

X, y = load_iris(return_X_y=True)


@pytest.fixture
def converted_wrongly(monkeypatch):
    """Let the conversion convert a damaged copy of the model: ``damage(model)`` changes it in place."""

    def plant(damage) -> None:
        right = sklort.conversion.convert_model

        def wrong(model, X, **how):
            from copy import deepcopy

            other = deepcopy(model)
            damage(other)
            return right(other, X, **how)

        monkeypatch.setattr(sklort.conversion, "convert_model", wrong)

    return plant


def test_wrong_coefficient(converted_wrongly) -> None:
    def damage(model) -> None:
        model.coef_[0, 2] *= 1 + 1e-9

    model = LogisticRegression(max_iter=1000).fit(X, y)
    converted_wrongly(damage)
    with pytest.raises(ParityError, match="DIFFERS") as caught:
        sklort.convert(model, X)
    report = caught.value.report
    assert not report.ok
    by_name = {one.method: one for one in report.methods}
    assert by_name["predict"].ok
    assert 1e-12 < by_name["decision_function"].max_abs < 1e-6
    assert by_name["decision_function"].failures[0].origin == "given"


def test_wrong_label(converted_wrongly) -> None:
    def damage(model) -> None:
        model.classes_ = model.classes_[::-1]

    model = LogisticRegression(max_iter=1000).fit(X, y)
    converted_wrongly(damage)
    with pytest.raises(ParityError) as caught:
        sklort.convert(model, X, tolerance=10.0)
    (predict,) = (one for one in caught.value.report.methods if one.method == "predict")
    assert predict.label_mismatches > 50
    assert predict.failures[0].expected != predict.failures[0].got


def test_a_threshold_one_ulp_off_is_found_by_the_rows_made_from_the_model(converted_wrongly) -> None:
    # Whole numbers and thresholds at .5: no given row comes near, only the rows laid on the thresholds do.
    Z = np.rint(X)

    def damage(model) -> None:
        tree = model.tree_
        state = tree.__getstate__()
        inner = np.flatnonzero(state["nodes"]["feature"] >= 0)[0]
        state["nodes"]["threshold"][inner] = np.nextafter(np.float32(state["nodes"]["threshold"][inner]), np.float32(0))
        tree.__setstate__(state)

    model = DecisionTreeClassifier(random_state=0).fit(Z, y)
    converted_wrongly(damage)
    with pytest.raises(ParityError) as caught:
        sklort.convert(model, Z)
    for one in caught.value.report.methods:
        assert one.wrong_origins == ["thresholds"]


def test_warn_and_off(converted_wrongly) -> None:
    def damage(model) -> None:
        model.coef_[:] += 1.0

    model = LinearRegression().fit(X, y)
    converted_wrongly(damage)
    with pytest.warns(UserWarning, match="differs from scikit-learn's"):
        estimator = sklort.convert(model, X, parity="warn")
    assert not estimator.parity_report_.ok
    assert sklort.convert(model, X, parity=False).parity_report_ is None
    with pytest.raises(ValueError, match="parity must be"):
        sklort.convert(model, X, parity="sometimes")


def test_fit_raises_and_leaves_the_estimator_unfitted(converted_wrongly) -> None:
    def damage(model) -> None:
        model.coef_[:] += 1.0

    converted_wrongly(damage)
    estimator = sklort.OnnxEstimator(LinearRegression())
    with pytest.raises(ParityError):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()


def test_report_reads_well() -> None:
    report = sklort.convert(LogisticRegression(max_iter=1000).fit(X, y), X).parity_report_
    text = str(report)
    assert "LogisticRegression" in text
    assert "150 given" in text
    assert "predict_proba" in text
    assert "<table>" in report._repr_html_()
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True


def test_check_parity_on_other_rows() -> None:
    model = LogisticRegression(max_iter=1000).fit(X, y)
    estimator = sklort.convert(model, X)
    assert sklort.check_parity(model, estimator, X[:20]).ok
    other = LogisticRegression(max_iter=1000, C=0.01).fit(X, y)
    assert not sklort.check_parity(other, estimator, X).ok


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "ok"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-13], 1e-12, True),
        ([1.0, 2.0], [1.0, 2.0 + 1e-11], 1e-12, False),
        ([1e20], [1e20 * (1 + 1e-15)], 1e-12, True),
        ([np.nan], [np.nan], 1e-12, True),
        ([np.nan], [1.0], 1e-12, False),
        ([1.0], [np.nan], 1e-12, False),
        ([np.inf], [np.inf], 1e-12, True),
        ([np.inf], [1e308], 1e300, False),
        ([np.inf], [-np.inf], 1e-12, False),
        ([1.0], [[1.0]], 1e-12, False),
        ([1], [1.0], 1e-12, False),
        ([1, 2], [1, 3], 10.0, False),
        (["a"], ["a"], 1e-12, True),
        (["a"], ["b"], 1e-12, False),
    ],
)
def test_what_counts_as_equal(a, b, tolerance, ok) -> None:
    report = compare(
        "model", ["predict"], lambda *_: np.array(a), lambda *_: np.array(b), [("given", X[:1])], tolerance=tolerance
    )
    assert report.ok is ok


def test_spread_is_even_and_always_the_same() -> None:
    Z = np.arange(5001.0)[:, None]
    rows = spread(Z)
    assert len(rows) == 2000
    assert (rows[0, 0], rows[-1, 0]) == (0, 5000)
    assert np.array_equal(rows, spread(Z))
    assert spread(Z[:10]) is not None


def test_thresholds_of_every_kind_of_tree() -> None:
    Z, target = make_regression(100, 4, random_state=0)
    for model in (
        DecisionTreeClassifier(max_depth=3),
        RandomForestRegressor(3),
        ExtraTreesClassifier(3),
        HistGradientBoostingRegressor(max_iter=3),
    ):
        model.fit(Z, target > 0)
        features, cuts = thresholds(model)
        assert len(features) == len(cuts) > 2
        assert features.min() >= 0
        assert features.max() < 4
    assert len(thresholds(LinearRegression().fit(Z, target))[0]) == 0


def test_rows_are_laid_on_thresholds_and_beside_them() -> None:
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    groups = dict(adversarial_rows(model, "predict", X, probe(model, "predict", X)))
    features, cuts = thresholds(model)
    for feature, cut in zip(features, cuts, strict=True):
        column = groups["thresholds"][:, feature]
        for value in (cut, np.nextafter(cut, -np.inf), np.nextafter(cut, np.inf)):
            assert value in column
        short = np.float32(cut)
        for value in (short, np.nextafter(short, np.float32(-np.inf)), np.nextafter(short, np.float32(np.inf))):
            assert np.float64(value) in column
    again = dict(adversarial_rows(model, "predict", X, probe(model, "predict", X)))
    assert all(np.array_equal(groups[key], again[key], equal_nan=True) for key in groups)


def test_thresholds_are_walked_back_through_a_scaler() -> None:
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2, random_state=0)).fit(X, y)
    report = sklort.convert(model, X).parity_report_
    assert report.origins["thresholds"] > 100


def test_a_model_is_asked_what_it_takes() -> None:
    linear = probe(LogisticRegression(max_iter=1000).fit(X, y), "predict", X)
    assert linear.nan == (False,) * 4
    assert linear.limit == np.finfo(np.float64).max
    assert linear.sparse
    tree = probe(DecisionTreeClassifier().fit(X, y), "predict", X)
    assert tree.limit == np.finfo(np.float32).max
    boosted = probe(HistGradientBoostingRegressor(max_iter=2).fit(X, y), "predict", X)
    assert boosted.nan_everywhere
    assert boosted.limit == np.inf
    assert not boosted.sparse
    assert replace(boosted, nan=(True, False)).nan_everywhere is False
