"""Every estimator that skl2onnx can convert, in its variants: parameters, labels and the dtype of the rows.

The estimators are those of skl2onnx's own table, so one that a new skl2onnx learns to convert is a new test here.
"""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

from skl2onnx._supported_operators import sklearn_operator_name_map
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector, is_regressor

from tests.conformance.catalogue_parameters import REQUIRED, VARIANTS

FLOATS = ("float32", "float64")
NUMBERS = (*FLOATS, "int64")
# Small and repeatable, wherever the constructor has the argument.
_SMALL: dict[str, Any] = {"n_estimators": 4, "random_state": 0, "n_init": 1}

_DATA = {
    "CategoricalNB": "counts",
    "ComplementNB": "counts",
    "MultinomialNB": "counts",
    "TfidfTransformer": "counts",
    "CountVectorizer": "documents",
    "TfidfVectorizer": "documents",
    "FeatureHasher": "words",
    "OneHotEncoder": "words",
    "OrdinalEncoder": "words",
    "TargetEncoder": "words",
    "DictVectorizer": "records",
    "KernelCenterer": "kernel",
    "KNNImputer": "holes",
    "SimpleImputer": "holes",
    "LabelBinarizer": "numbers as labels",
    "LabelEncoder": "numbers as labels",
}
_STRINGS = {"words", "words unknown", "documents", "words as labels"}
_ALSO_NUMBERS = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
_SEVERAL_NUMBERS = {"MultiOutputRegressor", "PLSRegression"} | {
    f"MultiTask{a}{b}" for a in ("Lasso", "ElasticNet") for b in ("", "CV")
}
_MANY_NUMBERS = {
    *("DecisionTreeRegressor", "ExtraTreeRegressor", "RandomForestRegressor", "ExtraTreesRegressor", "MLPRegressor"),
    *("KNeighborsRegressor", "RadiusNeighborsRegressor", "LinearRegression", "Ridge", "RidgeCV", "Lasso", "ElasticNet"),
    *("GaussianProcessRegressor", "Lars", "OrthogonalMatchingPursuit", "RANSACRegressor", "BaggingRegressor"),
}
_MARKS = {
    *("DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier"),
    *("KNeighborsClassifier", "RadiusNeighborsClassifier", "MLPClassifier", "OneVsRestClassifier", "RidgeClassifier"),
}
_NEED_LABELS = {
    *("GenericUnivariateSelect", "NeighborhoodComponentsAnalysis", "RFE", "RFECV", "SelectFdr", "SelectFpr"),
    *("SelectFromModel", "SelectFwe", "SelectKBest", "SelectPercentile"),
}
_POSITIVE = {"GammaRegressor", "PoissonRegressor"}
_LABELS = ("two", "three", "two words", "three words", "two flags", "two far", "three far")


@dataclass(frozen=True, order=True)
class Variant:
    """One way to use one estimator."""

    estimator: str
    parameters: str  # a key of VARIANTS[estimator], or "default"
    target: str  # of catalogue_data.target
    dtype: str  # of the rows: float32, float64, int64, string
    zipmap: bool = False  # whether probabilities come as maps, as they do unless told otherwise

    @property
    def id(self) -> str:
        parts = [self.estimator, self.parameters, self.target, "zipmap" if self.zipmap else "", self.dtype]
        return " | ".join(part for part in parts if part)

    @property
    def arguments(self) -> dict[str, Any]:
        return {} if self.parameters == "default" else VARIANTS[self.estimator][self.parameters]

    @property
    def data(self) -> str:
        """Which rows, of catalogue_data.rows."""
        kind = self.arguments.get("DATA", _DATA.get(self.estimator, "plain"))
        if self.estimator.startswith("RadiusNeighbors") and self.dtype == "int64":
            return "counts"  # rows that have neighbours within the radius
        if kind in _STRINGS and self.dtype != "string":
            return "counts"
        return "integers" if self.dtype == "int64" and kind in ("plain", "positive") else str(kind)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the conversion."""
        return {name[1:]: value for name, value in self.arguments.items() if name.startswith(":")}

    def make(self) -> Any:
        """The estimator, not fitted."""
        given = {name: value for name, value in self.arguments.items() if name[0] != ":" and not name.isupper()}
        return construct(self.estimator, given)


@cache
def estimators() -> dict[str, type]:
    """The classes that skl2onnx knows how to convert, without what other tests may have registered."""
    known = [kind for kind in sklearn_operator_name_map if kind.__module__.split(".")[0] in ("sklearn", "skl2onnx")]
    return {kind.__name__: kind for kind in sorted(known, key=lambda kind: kind.__name__)}


def construct(name: str, given: dict[str, Any]) -> Any:
    kind = estimators()[name]
    accepted = inspect.signature(kind.__init__).parameters
    arguments = {key: value for key, value in _SMALL.items() if key in accepted}
    arguments |= REQUIRED.get(name, {}) | given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are deprecated
        return clone(kind(**arguments))


def _default(name: str) -> list[Variant]:
    """The default parameters of one estimator, on all the rows and labels that suit it."""
    model, data = construct(name, {}), _DATA.get(name, "plain")
    if data in _STRINGS or data in ("numbers as labels", "records"):
        dtypes = {"numbers as labels": ("int64",), "records": ("float32",)}.get(data, ("string",))
        found = [Variant(name, "default", "two" if name == "TargetEncoder" else "", dtype) for dtype in dtypes]
        if name in _ALSO_NUMBERS:
            found += [Variant(name, "default", "two" if name == "TargetEncoder" else "", dtype) for dtype in NUMBERS]
        return found
    if name == "_ConstantPredictor":
        return [Variant(name, "default", target, dtype) for target in ("ones", "zeros") for dtype in NUMBERS]
    if name == "MultiOutputClassifier":
        return [Variant(name, "default", target, dtype) for target in ("marks", "two outputs") for dtype in NUMBERS]
    if is_classifier(model) and name not in _NEED_LABELS:
        return _classifier(name)
    if is_regressor(model):
        target = "numbers" if name in _SEVERAL_NUMBERS else "positive number" if name in _POSITIVE else "number"
        found = [Variant(name, "default", target, dtype) for dtype in NUMBERS]
        return found + [Variant(name, "default", "numbers", dtype) for dtype in FLOATS if name in _MANY_NUMBERS]
    return [
        Variant(name, "default", "three" if name in _NEED_LABELS else "", dtype)
        for dtype in NUMBERS
        if not (data == "holes" and dtype == "int64")
    ]


def _classifier(name: str) -> list[Variant]:
    labels = [label for label in _LABELS if not (name == "TunedThresholdClassifierCV" and "three" in label)]
    found = [Variant(name, "default", label, "float32") for label in labels]
    found += [
        Variant(name, "default", label, "float64") for label in labels if label in ("two", "three", "three words")
    ]
    found += [Variant(name, "default", "two", "int64")]
    found += [
        Variant(name, "default", label, dtype, True) for label, dtype in (("two words", "float32"), ("two", "float64"))
    ]
    return found + [Variant(name, "default", "marks", dtype) for dtype in FLOATS if name in _MARKS]


def _others(name: str, parameters: str) -> list[Variant]:
    arguments = VARIANTS[name][parameters]
    model = Variant(name, parameters, "", "").make()
    data = arguments.get("DATA", _DATA.get(name, "plain"))
    if data in _STRINGS:
        return [Variant(name, parameters, arguments.get("TARGET", "two" if name == "TargetEncoder" else ""), "string")]
    if data == "numbers as labels":
        return [Variant(name, parameters, "", "int64")]
    if "TARGET" in arguments:
        return [Variant(name, parameters, arguments["TARGET"], dtype) for dtype in FLOATS]
    if name == "MultiOutputClassifier":
        return [Variant(name, parameters, "two outputs", dtype) for dtype in FLOATS]
    if is_classifier(model) and name not in _NEED_LABELS:
        if name == "GaussianProcessClassifier":  # more classes are refused, which the default variants show
            return [Variant(name, parameters, "two", dtype) for dtype in FLOATS]
        several = "two far" if name == "TunedThresholdClassifierCV" else "three"
        pairs = ((several, "float32"), ("two words", "float32"), (several, "float64"))
        return [Variant(name, parameters, label, dtype) for label, dtype in pairs]
    target = "number" if is_regressor(model) else ""
    target = "positive number" if name in _POSITIVE else "numbers" if name in _SEVERAL_NUMBERS else target
    return [Variant(name, parameters, "three" if name in _NEED_LABELS else target, dtype) for dtype in FLOATS]


@cache
def catalogue() -> tuple[Variant, ...]:
    """All variants, ordered so that those that share a fitted model follow each other."""
    found: list[Variant] = []
    for name in estimators():
        found += _default(name)
        for parameters in VARIANTS.get(name, {}):
            found += _others(name, parameters)
    return tuple(sorted(set(found)))


def answers_of(model: Any, options: dict[str, Any]) -> tuple[str, ...]:
    """The methods that the outputs of the converted model stand for, in their order."""
    name = type(model).__name__
    extra = tuple(key for key in ("score_samples", "decision_path", "decision_leaf") if options.get(key))
    if name == "NearestNeighbors":
        return ("kneighbors",)
    if options.get("return_std") or options.get("return_cov"):
        return ("predict_with_spread",)
    if name in _NEED_LABELS:
        return ("transform",)
    if is_classifier(model):
        scores = hasattr(model, "predict_proba") and not (
            options.get("raw_scores") and hasattr(model, "decision_function")
        )
        if not scores and not hasattr(model, "decision_function"):
            return ("predict", *extra)
        return ("predict", "predict_proba" if scores else "decision_function", *extra)
    if is_outlier_detector(model):
        return ("predict", "decision_function", *extra)
    if is_clusterer(model):
        return ("predict", "transform")
    if hasattr(model, "predict_proba"):
        return ("predict", "predict_proba", *extra)
    if is_regressor(model) or not hasattr(model, "transform"):
        return ("predict", *extra)
    return ("transform",)
