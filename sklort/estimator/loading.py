"""Saved estimators, opened again: as scikit-learn's where scikit-learn is, and without it where it is not."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sklort.estimator.devices import Where, check_device
from sklort.estimator.lanes import Lanes
from sklort.estimator.methods import METHODS, Predicting, TwoLaneMethod
from sklort.estimator.persistence import opened
from sklort.estimator.programs import Program

if TYPE_CHECKING:
    from sklort.estimator.onnx_estimator import OnnxEstimator


def load(path: str | os.PathLike[str] | bytes, *, device: Where = "cpu") -> OnnxEstimator | LoadedModel:
    """An estimator from a file that `OnnxEstimator.save` wrote, or from any ONNX model of one matrix.

    Parameters
    ----------
    path : path or bytes
    device : {"cpu", "cuda", "auto"}
        As for `OnnxEstimator`: a file belongs to no device.

    Returns
    -------
    OnnxEstimator
        Fitted, without a scikit-learn model inside: X that the graph cannot read is refused. Where scikit-learn is not
        installed, a `LoadedModel`, which predicts just the same.

    Raises
    ------
    DamagedModel
        The file is not as it was written.
    ValueError
        It was written by a later sklort, or is a model of something else than one matrix.
    """
    try:
        from sklort.estimator.onnx_estimator import OnnxEstimator
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":
            raise
        return LoadedModel(path, device=device)
    return OnnxEstimator.from_onnx(path, device=device)


class LoadedModel(Predicting):
    """A saved estimator without scikit-learn: the same methods, and the same answers.

    Parameters
    ----------
    model : path or bytes
        What `OnnxEstimator.save` wrote.
    device : {"cpu", "cuda", "auto"}

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_
        As they were in the estimator that was saved, where it had them.
    onnx_model_ : bytes
    session_ : InferenceSession
    parity_report_ : ParityReport or None
        Of the conversion.
    versions_ : dict of str to str
        The packages it was made with.
    """

    transform = TwoLaneMethod("transform", "X transformed.")

    def __init__(self, model: str | os.PathLike[str] | bytes, *, device: Where = "cpu") -> None:
        check_device(device)
        session, graph, intake, fitted = opened(model, gpu=device == "cuda")
        self.device = device
        self._kind = fitted.pop("kind")
        self.__dict__.update(fitted)
        if intake.layout != "texts":
            self.n_features_in_ = intake.n_features
        if intake.names is not None:
            self.feature_names_in_ = np.asarray(intake.names, dtype=object)
        self.onnx_model_ = graph.model
        self.session_ = session
        program = Program(graph, intake, session)
        self._lanes = Lanes({graph.signature: graph}, intake, None, None, program, device=device)
        self._lanes.owner = self

    def __getattr__(self, name: str) -> Any:
        offered = ", ".join(self.__dict__["_lanes"].methods) if name in METHODS and "_lanes" in self.__dict__ else ""
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
            + (f": the saved model offers {offered}" if offered else "")
        )

    def __repr__(self) -> str:
        return (
            f"LoadedModel({self._kind or 'model'} of {self.n_features_in_} features: {', '.join(self._lanes.methods)})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(LoadedModel, device=self.device), (self.onnx_model_,)
