"""What a conversion gives: the ONNX model, and how its inputs and outputs answer to scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class ModelInput:
    """One input of the graph and what it carries.

    Parameters
    ----------
    name : str
        Name of the graph input.
    columns : tuple of str or None
        The DataFrame columns it carries, in order; None for the whole matrix X.
    dtype : numpy.dtype
        Element type fed to the graph: float32, float64, int64, bool, or object for strings.
    missing : bool
        Of strings: whether some may be missing. The graph knows the words of `sklort.graph.missing` for them, and lets
        them go nowhere else.
    """

    name: str
    columns: tuple[str, ...] | None
    dtype: np.dtype
    missing: bool = False


@dataclass(frozen=True)
class Conversion:
    """A fitted scikit-learn model written as ONNX.

    Parameters
    ----------
    onnx_model : onnx.ModelProto
    inputs : tuple of ModelInput
        In the order of the graph's inputs.
    outputs : dict of str to str
        Estimator method -> name of the graph output with its answer. Shapes are scikit-learn's; labels are int64
        (boolean labels as 0 and 1, integral float labels as integers) or strings; numbers have the dtype scikit-learn
        returned for the sample.
    layout : {"matrix", "columns"}
        "matrix": one input with the whole of X, shape (n, n_features). "columns": one (n, 1) input per column.
    notes : tuple of str
        Whose converters wrote the graph, and where it falls short of scikit-learn's precision.
    """

    onnx_model: onnx.ModelProto
    inputs: tuple[ModelInput, ...]
    outputs: dict[str, str]
    layout: Literal["matrix", "columns"]
    notes: tuple[str, ...]
