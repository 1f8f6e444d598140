"""scikit-learn's face: an estimator whose predictions come from the compiled ONNX graph of another."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from operator import attrgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklort.estimator.containers import contained
from sklort.estimator.lanes import METHODS, Graph, Lanes
from sklort.estimator.parity import ParityReport
from sklort.estimator.persistence import restore
from sklort.estimator.prepare import Policy, later_conversion, prepare
from sklort.providers.cpu import tuning

Array = npt.NDArray[Any]


class _TwoLaneMethod(property):
    """A method that is looked up without entering Python, so that a call is none of its frames.

    The getter, written in C, finds the function behind the method in `_lanes`. Where there is none it raises
    AttributeError, and Python goes on to `OnnxEstimator.__getattr__`, which decides whether the method exists.
    On the class it can be called as a function is: ``OnnxEstimator.predict(estimator, X)``.
    """

    def __init__(self, name: str, doc: str) -> None:
        super().__init__(attrgetter(f"_lanes.{name}"))
        self.__doc__ = doc
        self.__name__ = name

    def __call__(self, estimator: Any, X: Any) -> Any:
        return getattr(estimator, self.__name__)(X)


def _offers(method: str) -> Callable[[OnnxEstimator], bool]:
    """For `available_if`: the fitted graph offers `method`, or, before fit, the wrapped estimator has it."""

    def check(self: OnnxEstimator) -> bool:
        if self.__sklearn_is_fitted__():
            return method in self._lanes.methods
        getattr(self.estimator, method)  # its own AttributeError says more than ours
        return True

    return check


def _wraps(method: str) -> Callable[[OnnxEstimator], bool]:
    """For `available_if`: the wrapped estimator has `method`."""

    def check(self: OnnxEstimator) -> bool:
        getattr(self._original, method)
        return True

    return check


def _can_score(self: OnnxEstimator) -> bool:
    """For `available_if`: by the wrapped estimator, or by the kind of a loaded one."""
    if self._original is not None:
        return hasattr(self._original, "score")
    return self.__dict__.get("_kind") in ("classifier", "regressor")


class OnnxEstimator(MetaEstimatorMixin, BaseEstimator):
    """A scikit-learn estimator that predicts through ONNX and sklort's runtime, with the same answers.

    `fit` fits a clone of `estimator`, converts it to ONNX, checks the conversion on rows of X and on rows made from the
    model to break it, and compiles it. It has the methods that the wrapped estimator has and its conversion offers, and
    it reads, refuses and returns what the wrapped estimator does. For a model that is fitted already see `convert`.

    Parameters
    ----------
    estimator : estimator
        Classifier, regressor, outlier detector, transformer or pipeline.
    parity : bool or "warn", default=True
        What a difference between the two does: raise `ParityError`, warn, or, with False, nothing is compared.
    tolerance : float, optional
        Numbers pass when ``|a - b| <= tolerance * max(1, |a|)``. By default 1e-12, and 1e-5 for a float32 graph.
    target_opset : int or dict, optional
        The ONNX opset to write, as skl2onnx takes it.

    Attributes
    ----------
    estimator_ : estimator
        The fitted scikit-learn model; None after `sklort.load`. It answers, with a warning, for X that the graph
        cannot read.
    onnx_model_ : bytes
        The ONNX model.
    session_ : InferenceSession
    parity_report_ : ParityReport or None
    classes_, n_features_in_, feature_names_in_, ...
        And all other fitted attributes of `estimator_`.

    Notes
    -----
    A C-contiguous array of the dtype X had in `fit` is answered in one native call. float32 and float64 have a graph
    each, as scikit-learn computes in the dtype of X; the second is made when X of that dtype first comes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklort import OnnxEstimator
    >>> X, y = load_iris(return_X_y=True)
    >>> fast = OnnxEstimator(RandomForestClassifier(random_state=0)).fit(X, y)
    >>> fast.predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self, estimator: Any, *, parity: Policy = True, tolerance: float | None = None, target_opset: Any = None
    ) -> None:
        self.estimator = estimator
        self.parity = parity
        self.tolerance = tolerance
        self.target_opset = target_opset

    # -- made -----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> OnnxEstimator:
        """Fit a clone of the wrapped estimator, convert it and compile it.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
        y : array-like, optional
        **fit_params
            For the `fit` of the wrapped estimator.

        Returns
        -------
        OnnxEstimator
            Itself.

        Raises
        ------
        ConversionError
            When the fitted model cannot be written as ONNX.
        ParityError
            When the converted model differs from it and `parity` is True.
        """
        model = self._clone()
        model.fit(X, y, **self._routed("fit", fit_params))
        return self._adopt(model, X)

    @available_if(_wraps("fit_transform"))
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit as `fit` does and return the wrapped estimator's own ``fit_transform``."""
        model = self._clone()
        out = model.fit_transform(X, y, **self._routed("fit", fit_params))
        self._adopt(model, X)
        return out

    @available_if(_wraps("fit_predict"))
    def fit_predict(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit as `fit` does and return the wrapped estimator's own ``fit_predict``."""
        model = self._clone()
        out = model.fit_predict(X, y, **self._routed("fit", fit_params))
        self._adopt(model, X)
        return out

    @classmethod
    def convert(
        cls,
        estimator: Any,
        X: Any,
        *,
        parity: Policy = True,
        tolerance: float | None = None,
        target_opset: Any = None,
    ) -> OnnxEstimator:
        """An `OnnxEstimator` from a fitted model, which is not fitted again.

        Parameters
        ----------
        estimator : fitted estimator
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            Rows the model accepts, of the dtype that will come. The comparison uses up to 2,000 of them.
        parity, tolerance, target_opset
            As for the class.

        Raises
        ------
        NotFittedError
            When the model is not fitted.
        ConversionError, ParityError
            As in `fit`.
        """
        check_is_fitted(estimator)
        made = cls(estimator, parity=parity, tolerance=tolerance, target_opset=target_opset)
        return made._adopt(estimator, X)

    @classmethod
    def from_onnx(cls, model: str | os.PathLike[str] | bytes) -> OnnxEstimator:
        """An estimator from an ONNX model alone; see `sklort.load`."""
        content = model if isinstance(model, bytes) else _read(model)
        made = cls(None)
        program = None
        from sklort.session.inference_session import InferenceSession

        graph, intake, fitted = restore(InferenceSession(content), content)
        made._kind = fitted.pop("kind")
        made.__dict__.update(fitted)
        made.n_features_in_ = intake.n_features
        if intake.names is not None:
            made.feature_names_in_ = np.asarray(intake.names, dtype=object)
        made.estimator_ = None
        made.parity_report_ = None
        made._intake = intake
        made._graphs = {graph.signature: graph}
        made._lanes = Lanes(made._graphs, intake, None, None, program)
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the ONNX model, with all that `sklort.load` needs in its metadata, as one file."""
        with open(path, "wb") as file:
            file.write(self.onnx_model_)

    def _clone(self) -> Any:
        if self.estimator is None:
            raise ValueError("an estimator loaded from ONNX has nothing to fit: set `estimator` first")
        return clone(self.estimator)

    def _adopt(self, model: Any, X: Any) -> OnnxEstimator:
        lanes, report = prepare(model, X, parity=self.parity, tolerance=self.tolerance, target_opset=self.target_opset)
        self.estimator_ = model
        self.parity_report_: ParityReport | None = report
        self._intake = lanes.intake
        self._graphs: dict[tuple[str, ...], Graph] = lanes.graphs
        self._lanes = lanes
        return self

    def _routed(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if not params or not get_config()["enable_metadata_routing"]:
            return params
        return dict(process_routing(self, method, **params).estimator[method])

    # -- the methods ----------------------------------------------------------------------------------------------

    predict = _TwoLaneMethod("predict", "Labels, or values, of X: of shape (n_samples,) or (n_samples, n_outputs).")
    predict_proba = _TwoLaneMethod("predict_proba", "Class probabilities of X: of shape (n_samples, n_classes).")
    predict_log_proba = _TwoLaneMethod("predict_log_proba", "Logarithms of the class probabilities of X.")
    decision_function = _TwoLaneMethod("decision_function", "Confidence scores of X, shaped as scikit-learn's.")
    score_samples = _TwoLaneMethod("score_samples", "Scores of the rows of X: of shape (n_samples,).")

    @available_if(_offers("transform"))
    def transform(self, X: Any) -> Any:
        """X transformed, in the container that `set_output` chose."""
        if "_graphs" not in self.__dict__:
            check_is_fitted(self)
        return contained(self._lanes.methods["transform"](X), X, self)

    def tune(self, X: Any) -> OnnxEstimator:
        """Measure the engines for ensembles of trees on X, and keep the fastest for batches of about its size.

        Answers do not depend on it, and neither a copy nor a saved model keeps it.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Typical rows, and as many as are typical.

        Returns
        -------
        OnnxEstimator
            This one.
        """
        check_is_fitted(self)
        with tuning(), np.errstate(all="ignore"):
            for method in self._lanes.methods:
                getattr(self, method)(X)
        return self

    @available_if(_can_score)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """The wrapped estimator's own kind of score, from the predictions of this one.

        Accuracy for classifiers and R² for regressors; an estimator with a score of its own is asked itself.
        """
        check_is_fitted(self)
        params = self._routed("score", params)
        mixin = ClassifierMixin if is_classifier(self) else RegressorMixin
        if self.estimator_ is None or getattr(type(_last_step(self.estimator_)), "score", None) is mixin.score:
            return float(mixin.score(self, X, y, **params))
        return float(self.estimator_.score(X, **params) if y is None else self.estimator_.score(X, y, **params))

    @available_if(_wraps("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)

    @available_if(_wraps("set_output"))
    def set_output(self, *, transform: Literal["default", "pandas", "polars"] | None = None) -> OnnxEstimator:
        """Choose the container that `transform` returns."""
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    # -- scikit-learn's conventions ---------------------------------------------------------------------------------

    @property
    def _original(self) -> Any:
        """The wrapped estimator: the fitted one where there is one."""
        return self.__dict__.get("estimator_", self.estimator)

    @property
    def onnx_model_(self) -> bytes:
        return next(iter(self._graphs.values())).model

    @property
    def session_(self) -> Any:
        return self._lanes.program.session

    def __sklearn_is_fitted__(self) -> bool:
        return "_graphs" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        if self.estimator is not None:
            return deepcopy(get_tags(self.estimator))
        tags = super().__sklearn_tags__()
        tags.estimator_type = self.__dict__.get("_kind")
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="score", callee="score")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    def __getattr__(self, name: str) -> Any:
        """What is not in the instance: the lanes after unpickling, methods, fitted attributes of the model."""
        fitted = "_graphs" in self.__dict__
        if name == "_lanes" and fitted:
            return self._reopen()
        if name in METHODS and not fitted and hasattr(self.__dict__.get("estimator"), name):
            return self._unfitted(name)
        if fitted and name.endswith("_") and not name.startswith("_") and self.__dict__.get("estimator_") is not None:
            return getattr(self.estimator_, name)
        reason = ""
        if name in METHODS and fitted and hasattr(self.__dict__.get("estimator_"), name):
            reason = f": the ONNX graph does not offer it, estimator_.{name} does"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{reason}")

    def _unfitted(self, name: str) -> Callable[[Any], Any]:
        def method(X: Any) -> Any:
            check_is_fitted(self)
            return getattr(self, name)(X)

        method.__name__ = method.__qualname__ = name
        return method

    def _reopen(self) -> Lanes:
        """Compile the graphs again, after unpickling or copying."""
        later = None
        if self.estimator_ is not None:
            later = later_conversion(self.estimator_, self._intake, self.parity, self.tolerance, self.target_opset)
        try:
            lanes = Lanes(self._graphs, self._intake, self.estimator_, later)
        except AttributeError as error:  # Python would take it for a missing `_lanes`
            raise RuntimeError(f"the ONNX model could not be compiled again: {error}") from error
        self.__dict__["_lanes"] = lanes
        return lanes

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_lanes", None)
        return state


def _read(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _last_step(model: Any) -> Any:
    """The estimator at the end of nested pipelines."""
    while getattr(model, "steps", None):
        model = model.steps[-1][1]
    return model


def convert(
    estimator: Any, X: Any, *, parity: Policy = True, tolerance: float | None = None, target_opset: Any = None
) -> OnnxEstimator:
    """A fitted scikit-learn model -> the same model on sklort's runtime, checked against the original.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
        Rows the model accepts, of the dtype that will come. The comparison uses up to 2,000 of them.
    parity : bool or "warn", default=True
        What a difference between the two does: raise `ParityError`, warn, or, with False, nothing is compared.
    tolerance : float, optional
        Numbers pass when ``|a - b| <= tolerance * max(1, |a|)``. By default 1e-12, and 1e-5 for a float32 graph.
    target_opset : int or dict, optional
        The ONNX opset to write, as skl2onnx takes it.

    Returns
    -------
    OnnxEstimator

    Raises
    ------
    ConversionError
        When the model cannot be written as ONNX.
    ParityError
        When the two differ; carries the report.
    """
    return OnnxEstimator.convert(estimator, X, parity=parity, tolerance=tolerance, target_opset=target_opset)
