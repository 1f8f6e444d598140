"""Every estimator of scikit-learn, fitted, converted by `sklort.conversion`, run and compared: one verdict for each."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - makes them known
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from sklort.conversion import convert_model
from sklort.conversion.reasons import NOT_CONVERTED
from sklort.exceptions import ConversionError
from tests.conformance.catalogue_data import FIT, as_fed, rows, target
from tests.conformance.catalogue_parameters import REQUIRED
from tests.conformance.evaluation import Backend, distance

# Labels must be equal; for numbers max |a - b| / (1 + |b|) at most this.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9, "string": 1e-9}
_LINE = LogisticRegression()
_GIVEN: dict[str, dict[str, Any]] = {
    **REQUIRED,
    "BernoulliRBM": {"n_iter": 2, "n_components": 3},
    "CCA": {"n_components": 1},
    "ClassifierChain": {"estimator": _LINE},
    "DictionaryLearning": {
        "max_iter": 3,
        "n_components": 3,
        "transform_algorithm": "threshold",
        "transform_alpha": 0.2,
    },
    "FeatureAgglomeration": {"n_clusters": 2},
    "FixedThresholdClassifier": {"estimator": _LINE},
    "FrozenEstimator": {"estimator": StandardScaler().fit(rows("plain")[0])},
    "FunctionTransformer": {"func": np.log1p},
    "HashingVectorizer": {"n_features": 64},
    "HalvingGridSearchCV": {"estimator": _LINE, "param_grid": {"C": [0.5, 1.0]}, "cv": 2},
    "HalvingRandomSearchCV": {"estimator": _LINE, "param_distributions": {"C": [0.5, 1.0]}, "n_candidates": 2, "cv": 2},
    "MiniBatchDictionaryLearning": {"max_iter": 3, "n_components": 3, "transform_algorithm": "threshold"},
    "MissingIndicator": {"features": "all"},
    "OutputCodeClassifier": {"estimator": _LINE},
    "PLSCanonical": {"n_components": 1},
    "PLSSVD": {"n_components": 1},
    "PolynomialCountSketch": {"n_components": 20},
    "QuantileTransformer": {"n_quantiles": 50},
    "RBFSampler": {"n_components": 20},
    "RandomizedSearchCV": {"estimator": _LINE, "param_distributions": {"C": [0.5, 1.0]}, "n_iter": 2, "cv": 2},
    "RegressorChain": {"estimator": Ridge()},
    "SelfTrainingClassifier": {"estimator": _LINE},
    "SequentialFeatureSelector": {"estimator": _LINE, "n_features_to_select": 2, "cv": 2},
    "SparseCoder": {"dictionary": np.eye(4)[:3], "transform_algorithm": "threshold"},
    "SparseRandomProjection": {"n_components": 2},
    "SpectralBiclustering": {"n_clusters": 2},
    "SpectralCoclustering": {"n_clusters": 2},
    "TunedThresholdClassifierCV": {"estimator": _LINE, "cv": 3},
}
_SMALL: dict[str, Any] = {"n_estimators": 4, "random_state": 0, "n_init": 1, "novelty": True}
_DATA = {
    **dict.fromkeys(("CategoricalNB", "ComplementNB", "MultinomialNB", "TfidfTransformer"), "counts"),
    **dict.fromkeys(("KNNImputer", "SimpleImputer", "IterativeImputer", "MissingIndicator"), "holes"),
    **dict.fromkeys(("AdditiveChi2Sampler", "FunctionTransformer", "SkewedChi2Sampler"), "positive"),
    **dict.fromkeys(("OneHotEncoder", "OrdinalEncoder", "TargetEncoder"), "words"),
    **dict.fromkeys(("CountVectorizer", "HashingVectorizer", "TfidfVectorizer"), "documents"),
    "IsotonicRegression": "column",
    "LatentDirichletAllocation": "counts",
    "KernelCenterer": "kernel",
}
_TARGETS = {
    **dict.fromkeys(("ClassifierChain", "MultiOutputClassifier"), "marks"),
    **dict.fromkeys(("RegressorChain", "MultiOutputRegressor", "PLSSVD", "PLSCanonical", "CCA"), "numbers"),
    **dict.fromkeys(("GammaRegressor", "PoissonRegressor"), "positive number"),
    **dict.fromkeys(("FixedThresholdClassifier", "TunedThresholdClassifierCV", "TargetEncoder"), "two words"),
    **{f"MultiTask{kind}{cv}": "numbers" for kind in ("Lasso", "ElasticNet") for cv in ("", "CV")},
}


@dataclass(frozen=True)
class Verdict:
    """How far an estimator comes.

    `by` is who writes it ("" where nobody), `stage` how far it comes on a runtime, `answers` the methods its graph has,
    `sentence` what stopped it.
    """

    by: str
    stage: str
    answers: tuple[str, ...] = ()
    sentence: str = ""


@cache
def names() -> dict[str, type]:
    return dict(all_estimators())


def dtypes(name: str) -> tuple[str, ...]:
    if name == "LatentDirichletAllocation":
        return ("float64",)  # fitted on float32 it is refused
    return ("string",) if _DATA.get(name) in ("words", "documents") else ("float32", "float64")


def make(name: str) -> Any:
    kind = names()[name]
    accepted = inspect.signature(kind.__init__).parameters
    given = {key: value for key, value in _SMALL.items() if key in accepted} | _GIVEN.get(name, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are deprecated
        return kind(**given)


def _asked_target(name: str, model: Any) -> Any:
    kind = _TARGETS.get(name, "number" if is_regressor(model) and not is_classifier(model) else "three words")
    if name == "SelfTrainingClassifier":
        return np.where(np.arange(FIT) % 3 == 0, -1, target("three"))
    if name in ("LabelPropagation", "LabelSpreading"):
        return target("three")
    return target(kind)


@cache
def fitted(name: str, dtype: str) -> tuple[Any, Any]:
    """The estimator fitted on rows of `dtype`, and new rows."""
    fit, ask = rows(_DATA.get(name, "plain"))
    fit, ask = as_fed(fit, dtype), as_fed(ask, dtype)
    if _DATA.get(name) == "documents":
        fit, ask = fit.ravel(), ask.ravel()
    if name == "IsotonicRegression":
        ask = np.clip(ask, fit.min(), fit.max())
    model = make(name)
    y = _asked_target(name, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if _DATA.get(name) in ("documents", "kernel"):
            return model.fit(fit), ask
        return model.fit(fit, y), ask


def _expected(answer: Any) -> Any:
    if isinstance(answer, list):
        widest = max(part.shape[1] for part in answer)
        return np.stack([np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in answer])
    return answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)


def _one(name: str, dtype: str, backend: Backend) -> Verdict:
    model, ask = fitted(name, dtype)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conversion = convert_model(model, ask)
    except ConversionError as error:
        return Verdict("", "not converted", (), str(error))
    theirs = next((n for n in conversion.notes if n.startswith("written by skl2onnx")), "")
    by = "skl2onnx" if name in theirs.removeprefix("written by skl2onnx: ").split(", ") else "sklort"
    answers = tuple(sorted(conversion.outputs))
    try:
        session = backend(conversion.onnx_model)
    except Exception as error:  # noqa: BLE001 - any runtime's
        return Verdict(by, "refused to load", answers, str(error))
    fed = {i.name: np.asarray(ask).astype(i.dtype).reshape(len(ask), -1) for i in conversion.inputs}
    worst, sentence = 0.0, ""
    for method, output in conversion.outputs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = _expected(getattr(model, method)(ask))
        try:
            found = np.asarray(session.run([output], fed)[0])
        except Exception as error:  # noqa: BLE001 - any runtime's
            return Verdict(by, "fails to run", answers, str(error))
        error, said = distance(found, expected)
        if error > worst:
            worst, sentence = error, f"{method}: {said}"
    stage = "matches" if worst <= TOLERANCE[dtype] else "differs"
    return Verdict(by, stage, answers, "" if stage == "matches" else sentence)


_ORDER = ("not converted", "refused to load", "fails to run", "differs", "matches")


def verdict(name: str, backend: Backend) -> Verdict:
    """The worse of the verdicts on the dtypes of rows; without a fit where a reason is known."""
    if name in NOT_CONVERTED:
        return Verdict("", "not converted", (), NOT_CONVERTED[name])
    found = [_one(name, dtype, backend) for dtype in dtypes(name)]
    return min(found, key=lambda one: _ORDER.index(one.stage))
