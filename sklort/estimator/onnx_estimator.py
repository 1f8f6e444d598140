"""scikit-learn's face: an estimator whose predictions come from the compiled ONNX graph of another."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklort._version import __version__
from sklort.estimator.availability import can_score, last_step, offers, unfitted, wraps
from sklort.estimator.benchmark import benchmark
from sklort.estimator.compiled import Compiled, Fallback, Settings, compile_model, of_lanes
from sklort.estimator.containers import contained
from sklort.estimator.devices import Stranded, Where, check_device, move, on_host
from sklort.estimator.diagram import compilation, to_html
from sklort.estimator.hybrid import Hybrid
from sklort.estimator.lanes import Lanes
from sklort.estimator.methods import METHODS, ON_DEMAND, Predicting, is_forwarded
from sklort.estimator.on_demand import OnDemand
from sklort.estimator.persistence import not_savable, opened, warn_of_version
from sklort.estimator.prepare import Policy
from sklort.estimator.programs import Graph, Program
from sklort.estimator.report import ParityReport
from sklort.estimator.support import SupportReport
from sklort.exceptions import EPFail
from sklort.providers.cpu import tuning

Array = npt.NDArray[Any]


class OnnxEstimator(Predicting, MetaEstimatorMixin, BaseEstimator):
    """A scikit-learn estimator that predicts through ONNX and sklort's runtime, with the same answers.

    `fit` fits a clone of `estimator`, converts it to ONNX, checks the conversion on rows of X and on rows made from the
    model to break it, and compiles it. It has the methods that the wrapped estimator has, and it reads, refuses and
    returns what the wrapped estimator does. For a model that is fitted already see `convert`.

    Parameters
    ----------
    estimator : estimator
        Classifier, regressor, clusterer, outlier detector, transformer or pipeline.
    parity : bool or "warn", default=True
        What a difference between the two does: raise `ParityError`, warn, or, with False, nothing is compared.
    tolerance : float, optional
        Numbers pass when ``|a - b| <= tolerance * max(1, |a|)``. By default 1e-12, and 1e-5 for a float32 graph.
    target_opset : int or dict, optional
        The ONNX opset to write, as skl2onnx takes it.
    fallback : {"warn", "error"}, default="warn"
        What becomes of a step that cannot be converted: scikit-learn runs it, the rest is compiled, and a
        `FallbackWarning` names the step and its cost; or a `ConversionError`.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to compute. "cuda": on the first GPU, or an error. "auto": on a GPU, where there is one, what lies there
        and batches that are predicted to be faster there. All devices that may compute are compared.

    Attributes
    ----------
    estimator_ : estimator
        The fitted scikit-learn model; None after `sklort.load`. It answers, with a warning, for X that the graph
        cannot read and for a way to predict that the graph does not offer; and, without a warning, for all its other
        methods, such as `inverse_transform`. `apply` and `kneighbors` are compiled when they are first called.
    onnx_model_ : bytes
        The ONNX model; not there where a step runs in scikit-learn.
    session_ : InferenceSession
        As `onnx_model_`.
    compilation_ : SupportReport
        What is compiled, where it runs, and what scikit-learn runs.
    parity_report_ : ParityReport or None
    classes_, n_features_in_, feature_names_in_, ...
        And all other fitted attributes of `estimator_`.

    Notes
    -----
    A C-contiguous array of the dtype X had in `fit` is answered in one native call. float32 and float64 have a graph
    each, as scikit-learn computes in the dtype of X; the second is made when X of that dtype first comes.

    X on a GPU (of CuPy, torch, cuDF, or any array with ``__cuda_array_interface__`` or DLPack) is answered there, by
    arrays of CuPy; strings and sparse matrices come back. It is looked through for NaN, and the GPU is waited for.

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
        self,
        estimator: Any,
        *,
        parity: Policy = True,
        tolerance: float | None = None,
        target_opset: Any = None,
        fallback: Fallback = "warn",
        device: Where = "cpu",
    ) -> None:
        self.estimator = estimator
        self.parity = parity
        self.tolerance = tolerance
        self.target_opset = target_opset
        self.fallback = fallback
        self.device = device

    # What fit and from_onnx set; everything else that ends in "_" is asked of `estimator_`.
    estimator_: Any
    parity_report_: ParityReport | None
    _compiled: Compiled

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
            When a step of the fitted model cannot be written as ONNX and `fallback` is "error".
        ParityError
            When the converted model differs from it and `parity` is True.
        """
        model = self._clone()
        model.fit(X, y, **self._routed("fit", fit_params))
        return self._adopt(model, X)

    @available_if(wraps("fit_transform"))
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit as `fit` does and return the wrapped estimator's own ``fit_transform``."""
        model = self._clone()
        out = model.fit_transform(X, y, **self._routed("fit", fit_params))
        self._adopt(model, X)
        return contained(out, X, self)

    @available_if(wraps("fit_predict"))
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
        fallback: Fallback = "warn",
        device: Where = "cpu",
    ) -> OnnxEstimator:
        """A fitted scikit-learn model -> the same model on sklort's runtime, checked against the original.

        The model is not fitted again. Also called `from_fitted`, and `sklort.convert`.

        Parameters
        ----------
        estimator : fitted estimator
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            Rows the model accepts, of the dtype that will come. The comparison uses up to 2,000 of them.
        parity, tolerance, target_opset, fallback, device
            As for the class.

        Returns
        -------
        OnnxEstimator

        Raises
        ------
        NotFittedError
            When the model is not fitted.
        ConversionError
            When a step cannot be written as ONNX and `fallback` is "error".
        ParityError
            When the two differ; carries the report.
        """
        check_is_fitted(estimator)
        how = Settings(parity, tolerance, target_opset, fallback, device)
        return cls(estimator, **how._asdict())._adopt(estimator, X)

    from_fitted = convert

    @classmethod
    def from_onnx(cls, model: str | os.PathLike[str] | bytes, *, device: Where = "cpu") -> OnnxEstimator:
        """An estimator from an ONNX model alone; see `sklort.load`."""
        check_device(device)
        session, graph, intake, fitted = opened(model, gpu=device == "cuda")
        made = cls(None, device=device)
        made._kind = fitted.pop("kind")
        made.__dict__.update(fitted)
        if intake.layout != "texts":
            made.n_features_in_ = intake.n_features
        if intake.names is not None:
            made.feature_names_in_ = np.asarray(intake.names, dtype=object)
        made.estimator_ = None
        program = Program(graph, intake, session)
        made._lanes = lanes = Lanes({graph.signature: graph}, intake, None, None, program, device=device)
        made._compiled = of_lanes(lanes)
        lanes.owner = made
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the ONNX model, with all that `sklort.load` needs in its metadata, as one file.

        Raises
        ------
        ConversionError
            When a step runs in scikit-learn: only a pickle can hold it.
        """
        check_is_fitted(self)
        if self._compiled.hybrid is not None:
            raise not_savable(self.compilation_)
        with open(path, "wb") as file:
            file.write(self.onnx_model_)

    def set_params(self, **params: Any) -> OnnxEstimator:
        """scikit-learn's own; `device` moves a fitted estimator at once, without another comparison."""
        before, _ = self.device, super().set_params(**params)
        if self.__sklearn_is_fitted__() and self.device != before:
            move(self, before)
        return self

    def _clone(self) -> Any:
        if self.estimator is None:
            raise ValueError("an estimator loaded from ONNX has nothing to fit: set `estimator` first")
        return clone(self.estimator)

    def _adopt(self, model: Any, X: Any) -> OnnxEstimator:
        compiled, lanes, report = compile_model(model, X, self._settings(), self._part)
        self.estimator_ = model
        self.parity_report_ = report
        self._compiled = compiled
        self._lanes = lanes
        lanes.owner = self
        self.__dict__.pop("_demanded", None)
        return self

    def _settings(self) -> Settings:
        return Settings(self.parity, self.tolerance, self.target_opset, self.fallback, self.device)

    def _part(self, model: Any, X: Any, compare: bool) -> OnnxEstimator:
        """A part of the model, compiled as this estimator would be."""
        settings = self._settings()._replace(parity=self.parity and compare, fallback="error")
        return OnnxEstimator(model, **settings._asdict())._adopt(model, X)

    def _routed(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if not params or not get_config()["enable_metadata_routing"]:
            return params
        return dict(process_routing(self, method, **params).estimator[method])

    # -- the methods ----------------------------------------------------------------------------------------------

    @available_if(offers("transform"))
    def transform(self, X: Any, **params: Any) -> Any:
        """X transformed, in the container that `set_output` chose."""
        if "_compiled" not in self.__dict__:
            check_is_fitted(self)
        return contained(self._lanes.methods["transform"](X, **params), X, self)

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
            for method in self._compiled.graph.outputs if self._compiled.graph else self._lanes.methods:
                getattr(self, method)(X)
        return self

    benchmark = benchmark

    @available_if(can_score)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """The wrapped estimator's own kind of score, from the predictions of this one.

        Accuracy for classifiers and R² for regressors; an estimator with a score of its own is asked itself.
        """
        check_is_fitted(self)
        params = self._routed("score", params)
        X, y = on_host(X), on_host(y)  # what measures is scikit-learn's
        mixin = ClassifierMixin if is_classifier(self) else RegressorMixin
        if self.estimator_ is None or getattr(type(last_step(self.estimator_)), "score", None) is mixin.score:
            return float(mixin.score(self, X, y, **params))
        return float(self.estimator_.score(X, **params) if y is None else self.estimator_.score(X, y, **params))

    @available_if(wraps("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)

    @available_if(wraps("set_output"))
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
        return self._graph().model

    @property
    def session_(self) -> Any:
        self._graph()
        return self._lanes.session

    def _graph(self) -> Graph:
        graph = self._compiled.graph if self.__sklearn_is_fitted__() else None
        if graph is None:
            raise AttributeError  # `__getattr__` says why
        return graph

    @property
    def compilation_(self) -> SupportReport:
        if not self.__sklearn_is_fitted__():
            raise AttributeError
        return compilation(self)

    def __sklearn_is_fitted__(self) -> bool:
        return "_compiled" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        if self.estimator is not None:
            tags = deepcopy(get_tags(self.estimator))
        else:
            tags = super().__sklearn_tags__()
            tags.estimator_type = self.__dict__.get("_kind")
        tags.requires_fit = True  # to compile what a model without state does
        tags.array_api_support = False
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """What `fit` and `score` hand on to the wrapped estimator, by scikit-learn's metadata routing."""
        router = MetadataRouter(owner=type(self).__name__)
        if self.estimator is None:
            return router
        mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="score", callee="score")
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def _html_repr(self) -> str:
        return to_html(self)

    def _repr_html_inner(self) -> str:  # what versions before 1.7 call
        return to_html(self)

    def __getattr__(self, name: str) -> Any:
        """What is not in the instance: the lanes after unpickling, methods, fitted attributes of the model."""
        own = self.__dict__
        fitted = "_compiled" in own
        if name == "_lanes" and fitted:
            return self._reopen()
        model = own.get("estimator_", own.get("estimator"))
        if name in METHODS and not fitted and hasattr(model, name):
            return unfitted(self, name)
        if name in ("session_", "compilation_") and fitted and isinstance(self._lanes, Stranded):
            raise AttributeError(self._lanes.reason)
        if name in ("onnx_model_", "session_") and fitted:
            raise AttributeError(f"{type(self).__name__!r} has no {name!r}: it is compiled in parts, see compilation_")
        if fitted and name.endswith("_") and not name.startswith("_") and model is not None:
            return getattr(model, name)
        if fitted and name in ON_DEMAND and (name in self._lanes.methods or hasattr(model, name)):
            return self._on_demand(name)
        if name not in METHODS and is_forwarded(name, model):
            return getattr(model, name) if fitted else unfitted(self, name)
        reason = ""
        if name in METHODS and fitted and hasattr(model, name):
            reason = f": the ONNX graph does not offer it, estimator_.{name} does"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{reason}")

    def _on_demand(self, name: str) -> OnDemand:
        made: dict[str, OnDemand] = self.__dict__.setdefault("_demanded", {})
        if name not in made:
            compiled = self._lanes if name in self._lanes.methods and isinstance(self._lanes, Lanes) else None
            made[name] = OnDemand(self.estimator_, name, self.target_opset, compiled, self.device)
        return made[name]

    def _reopen(self) -> Lanes | Hybrid | Stranded:
        try:
            lanes = self._compiled.open(self.estimator_, self._settings())
        except EPFail as error:
            return Stranded(error, (method for method in METHODS if hasattr(self.estimator_, method)))
        except AttributeError as error:  # Python would take it for a missing `_lanes`
            raise RuntimeError(f"the ONNX model could not be compiled again: {error}") from error
        self.__dict__["_lanes"] = lanes
        lanes.owner = self
        return lanes

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_lanes", None)
        state.pop("_demanded", None)
        return {**state, "_sklort_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        warn_of_version(state.pop("_sklort_version", "an older version"))
        super().__setstate__(state)
