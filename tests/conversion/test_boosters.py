"""LightGBM, XGBoost, CatBoost against their own answers, where they are installed.

XGBoost adds in float32, we in double: its numbers are held to a few units of float32, its labels to equality.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklort
from sklort.conversion import convert_model
from sklort.exceptions import ConversionError
from tests.conversion.judges import agree, cruel_rows, odd_rows, one_thread  # noqa: F401

RNG = np.random.default_rng(0)
ROWS = 260
X = RNG.normal(size=(ROWS, 5))
X[:, 2] = RNG.integers(0, 40, ROWS)
HOLED = np.where(RNG.random(X.shape) < 0.15, np.nan, X)
ZEROS = np.where(RNG.random(X.shape) < 0.3, 0.0, X)
SCORE = X[:, 0] + (X[:, 2] % 3 > 1) + 0.3 * X[:, 1]
TWO = (SCORE > 0.3).astype(int)
THREE = np.digitize(SCORE, [0, 1])
POSITIVE = np.exp(SCORE / 2)
ODD = ((np.nan,), (np.inf, -np.inf), (0.0, -0.0, 1e-36, -1e-36, 1.0000000180025095e-35, -1.0000000180025095e-35, 1e30))


def hold(model: Any, rows: Any, y: Any, dtype: Any, odd: Any = ODD, fit: Any = None, **options: Any) -> Any:
    """Fit, convert and compare on the rows, on rows near thresholds, and on odd ones that the model takes."""
    rows = rows.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, y, **(fit or {}))
    others = [cruel_rows(convert_model(model, rows), rows, 150)]
    for values in odd:
        extra = odd_rows(rows, values)
        try:
            model.predict(extra)
        except Exception:  # noqa: BLE001 - whatever the package raises for an infinity
            continue
        others.append(extra)
    return agree(model, rows, *(o for o in others if len(o)), reference=False, **options)


NEAR: dict[str, Any] = {"rtol": 2e-6, "loose": 1e-5, "ml": (5, 3, 1)}
both = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class TestLightGBM:
    @pytest.fixture(autouse=True)
    def _package(self):
        self.lightgbm = pytest.importorskip("lightgbm")

    def classifier(self, **parameters):
        return self.lightgbm.LGBMClassifier(
            n_estimators=6, num_leaves=8, min_child_samples=5, verbose=-1, n_jobs=1, **parameters
        )

    def regressor(self, **parameters):
        return self.lightgbm.LGBMRegressor(
            n_estimators=6, num_leaves=8, min_child_samples=5, verbose=-1, n_jobs=1, **parameters
        )

    @both
    @pytest.mark.parametrize("y", [TWO, np.array(["a", "b", "c"])[THREE]], ids=["2", "3"])
    @pytest.mark.parametrize(
        ("rows", "parameters"),
        [
            (X, {}),
            (HOLED, {}),
            (HOLED, {"use_missing": False}),
            (ZEROS, {"zero_as_missing": True}),
            (X, {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}),
            (X, {"boosting_type": "dart"}),
            (X, {"extra_trees": True, "linear_tree": False}),
        ],
        ids=["plain", "nan", "no missing", "zeros", "rf", "dart", "extra"],
    )
    def test_classifiers(self, rows, parameters, y, dtype):
        hold(self.classifier(**parameters), rows, y, dtype, rtol=1e-14)

    def test_objectives_of_classes(self):
        hold(self.classifier(objective="multiclassova"), X, THREE, np.float64, rtol=1e-15)
        hold(self.classifier(objective="binary", sigmoid=2.5), X, TWO, np.float64, rtol=1e-15)

    @pytest.mark.parametrize(
        "objective",
        ["regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie"],
    )
    def test_objectives(self, objective):
        hold(self.regressor(objective=objective), X, POSITIVE, np.float32, rtol=1e-15)

    def test_more_objectives(self):
        hold(self.regressor(objective="cross_entropy"), X, TWO, np.float64, rtol=1e-15)
        hold(self.regressor(objective="cross_entropy_lambda"), X, TWO, np.float64, rtol=1e-14)
        hold(self.regressor(reg_sqrt=True), X, SCORE, np.float64, rtol=1e-15)

    @both
    def test_categories(self, dtype):
        odd = ((np.nan,), (-0.5, -1.0, -3.0, 7.7, 39.9, 40.0, 1e10, 2.0**31, 300.0))
        model = self.classifier(min_data_per_group=5, cat_smooth=1)
        hold(model, HOLED, TWO, dtype, odd, {"categorical_feature": [2]}, rtol=1e-15)

    def test_categories_of_frames(self):
        table = pd.DataFrame(X[:, :2], columns=["a", "b"])
        table["word"] = pd.Categorical(np.array(["u", "v", "w", "x"])[X[:, 2].astype(int) % 4])
        table["number"] = pd.Categorical(X[:, 2].astype(int) % 5 - 2)
        model = self.classifier(min_data_per_group=5, cat_smooth=1).fit(table, TWO)
        agree(model, table, rtol=1e-15, reference=False)
        np.testing.assert_array_equal(sklort.convert(model, table).predict(table), model.predict(table))

    def test_the_best_iteration(self):
        model = self.lightgbm.LGBMRegressor(n_estimators=40, num_leaves=15, min_child_samples=2, verbose=-1, n_jobs=1)
        stop = [self.lightgbm.early_stopping(2, verbose=False)]
        model.fit(X[:130], SCORE[:130], eval_X=X[130:], eval_y=SCORE[130:], callbacks=stop)
        assert 0 < model.best_iteration_ < 40
        agree(model, X, rtol=1e-14, reference=False)

    def test_trees_of_one_leaf(self):
        hold(self.regressor(), X[:6], SCORE[:6], np.float64, ())

    def test_rankers(self):
        model = self.lightgbm.LGBMRanker(n_estimators=4, num_leaves=8, verbose=-1, n_jobs=1)
        hold(model, X, THREE, np.float64, fit={"group": [100, 160]}, rtol=1e-15)

    def test_refused(self):
        with pytest.raises(ConversionError, match="linear trees"):
            convert_model(self.regressor(linear_tree=True).fit(X, SCORE), X)


class TestXGBoost:
    @pytest.fixture(autouse=True)
    def _package(self):
        self.xgboost = pytest.importorskip("xgboost")

    def made(self, kind, **parameters):
        return getattr(self.xgboost, kind)(**{"n_estimators": 6, "max_depth": 4, "n_jobs": 1, **parameters})

    @both
    @pytest.mark.parametrize("y", [TWO, THREE], ids=["2", "3"])
    @pytest.mark.parametrize(
        ("rows", "parameters"),
        [
            (X, {}),
            (HOLED, {"base_score": 0.3}),
            (ZEROS, {"missing": 0.0}),
            (X, {"booster": "dart", "rate_drop": 0.3}),
            (X, {"booster": "gblinear", "max_depth": None}),
            (X, {"num_parallel_tree": 3, "subsample": 0.5}),
        ],
        ids=["plain", "nan", "missing 0", "dart", "linear", "parallel"],
    )
    def test_classifiers(self, rows, parameters, y, dtype):
        hold(self.made("XGBClassifier", **parameters), rows, y, dtype, **NEAR)

    @pytest.mark.parametrize(
        "objective",
        [
            "reg:squarederror",
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "reg:squaredlogerror",
            "count:poisson",
            "reg:gamma",
            "reg:tweedie",
        ],
    )
    def test_objectives(self, objective):
        hold(self.made("XGBRegressor", objective=objective), X, POSITIVE, np.float64, **NEAR)

    def test_more_objectives(self):
        hold(self.made("XGBRegressor", objective="reg:logistic"), X, TWO, np.float64, **NEAR)
        hold(self.made("XGBClassifier", objective="binary:hinge"), X, TWO, np.float64, **NEAR)
        hold(self.made("XGBClassifier", objective="binary:logitraw"), X, TWO, np.float64, **NEAR)
        quantiles = self.made("XGBRegressor", objective="reg:quantileerror", quantile_alpha=[0.2, 0.8])
        hold(quantiles, X, SCORE, np.float64, **NEAR)

    @pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
    def test_several_targets(self, strategy):
        model = self.made("XGBRegressor", multi_strategy=strategy)
        hold(model, X, np.c_[SCORE, POSITIVE, X[:, 4]], np.float64, **NEAR)

    def test_several_labels(self):
        hold(self.made("XGBClassifier"), X, np.c_[TWO, 1 - TWO, THREE > 1], np.float64, **NEAR)

    @both
    @pytest.mark.parametrize("single", [3, 100])
    def test_categories(self, single, dtype):
        types = ["q", "q", "c", "q", "q"]
        model = self.made("XGBClassifier", enable_categorical=True, feature_types=types, max_cat_to_onehot=single)
        hold(model, HOLED, TWO, dtype, ((np.nan,), (50.0, 300.0, 7.5, 39.5)), **NEAR)

    def test_the_best_iteration(self):
        model = self.made("XGBClassifier", n_estimators=40, early_stopping_rounds=2)
        hold(
            model,
            X[:130],
            TWO[:130],
            np.float64,
            fit={"eval_set": [(X[130:], TWO[130:])], "verbose": False},
            **NEAR,
        )
        assert model.best_iteration < 39

    def test_categories_of_frames(self):
        table = pd.DataFrame(HOLED[:, :2], columns=["a", "b"])
        table["word"] = pd.Categorical(np.array(["u", "vv", "w", "x"])[X[:, 2].astype(int) % 4])
        table["number"] = pd.Categorical(X[:, 2].astype(int) % 5 * 10 - 20)
        model = self.made("XGBClassifier", enable_categorical=True, max_cat_to_onehot=2).fit(table, TWO)
        agree(model, table, reference=False, rtol=2e-6)
        with pytest.raises(ConversionError, match="target_opset"):
            convert_model(model, table, target_opset={"ai.onnx.ml": 1})
        foreign = table.assign(word=table["word"].cat.rename_categories({"vv": "vé"}))
        model_of_foreign = self.made("XGBClassifier", enable_categorical=True).fit(foreign, TWO)
        with pytest.raises(ConversionError, match="ASCII"):
            convert_model(model_of_foreign, foreign)
        np.testing.assert_array_equal(sklort.convert(model, table).predict(table), model.predict(table))

    @pytest.mark.parametrize("kind", ["XGBRFClassifier", "XGBRFRegressor"])
    def test_forests(self, kind):
        hold(self.made(kind), X, TWO, np.float32, **NEAR)

    def test_rankers(self):
        hold(self.made("XGBRanker"), X, THREE, np.float32, fit={"group": [100, 160]}, **NEAR)


class TestCatBoost:
    @pytest.fixture(autouse=True)
    def _package(self):
        self.catboost = pytest.importorskip("catboost")

    def made(self, kind, **parameters):
        quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
        return getattr(self.catboost, kind)(**{"iterations": 6, "depth": 4, **quiet, **parameters})

    @both
    @pytest.mark.parametrize("nan_mode", ["Min", "Max"])
    @pytest.mark.parametrize("y", [TWO, np.array(["no", "yes"])[TWO], THREE, np.array(["a", "b", "c"])[THREE]])
    def test_classifiers(self, y, nan_mode, dtype):
        hold(self.made("CatBoostClassifier", nan_mode=nan_mode), HOLED, y, dtype, rtol=1e-14, ml=(5, 3, 1))

    def test_more_classifiers(self):
        hold(self.made("CatBoostClassifier", loss_function="MultiClassOneVsAll"), X, THREE, np.float64, rtol=1e-14)
        model = self.made("CatBoostClassifier")
        model.fit(X, TWO)
        model.set_probability_threshold(0.3)
        agree(model, X, rtol=1e-14, reference=False)

    @pytest.mark.parametrize("policy", ["Lossguide", "Depthwise", "SymmetricTree"])
    def test_shapes_of_trees(self, policy):
        hold(self.made("CatBoostRegressor", grow_policy=policy), HOLED, SCORE, np.float64, rtol=1e-14)

    @pytest.mark.parametrize("loss", ["RMSE", "MAE", "Poisson", "Quantile", "Tweedie:variance_power=1.5", "MultiRMSE"])
    def test_losses(self, loss):
        y = np.c_[SCORE, POSITIVE] if loss == "MultiRMSE" else POSITIVE
        hold(self.made("CatBoostRegressor", loss_function=loss), X, y, np.float32, rtol=1e-14)

    def test_categories_are_refused(self):
        table = pd.DataFrame({"a": X[:, 0], "word": np.array(["u", "v", "w"])[THREE]})
        model = self.made("CatBoostClassifier", cat_features=["word"]).fit(table, TWO)
        with pytest.raises(ConversionError):
            convert_model(model, table)


@pytest.mark.parametrize(
    ("package", "kind", "quiet"),
    [
        ("lightgbm", "LGBMClassifier", {"verbose": -1, "n_estimators": 5, "min_child_samples": 5, "n_jobs": 1}),
        ("xgboost", "XGBClassifier", {"n_estimators": 5, "n_jobs": 1}),
        (
            "catboost",
            "CatBoostClassifier",
            {"iterations": 5, "verbose": 0, "allow_writing_files": False, "thread_count": 1},
        ),
    ],
)
def test_inside_pipelines(package, kind, quiet):
    """Behind a scaler and an encoder, in double: what crosses a threshold there crosses it here."""
    model = getattr(pytest.importorskip(package), kind)(**quiet)
    table = pd.DataFrame(HOLED, columns=list("abcde"))
    table["word"] = np.array(["u", "v", "w"])[X[:, 2].astype(int) % 3]
    columns = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["word"]))
    estimator = sklort.convert(make_pipeline(columns, model).fit(table, TWO), table)
    assert estimator.parity_report_.ok
    narrow = make_pipeline(StandardScaler(), model).fit(X.astype(np.float32), TWO)
    agree(narrow, X.astype(np.float32), rtol=2e-6, reference=False)
