"""A converted model, and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.estimator.devices import FEW_ROWS, cores, providers_of
from sklort.estimator.inputs import GraphInput, Intake, Signature
from sklort.estimator.outputs import FLATTEN, Form
from sklort.estimator.values import Unsure
from sklort.providers.cpu import is_program

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Graph:
    """A converted model for one signature: all that has to be kept of it.

    Attributes
    ----------
    signature : tuple of str
        The dtypes of X it was converted with.
    model : bytes
        The serialised ONNX model.
    inputs : tuple of GraphInput
    outputs : dict of str to str
        Method -> name of the graph output.
    forms : dict of str to Form
        Method -> what scikit-learn returns for this dtype of X.
    notes : tuple of str
    """

    signature: Signature
    model: bytes
    inputs: tuple[GraphInput, ...]
    outputs: dict[str, str]
    forms: dict[str, Form]
    notes: tuple[str, ...] = ()

    def finish(self, method: str, raw: Any) -> Any:
        """What scikit-learn's `method` returns, from the output of the graph."""
        return self.forms[method].finish(raw)

    def shortcut(self, method: str, raw: Array) -> tuple[Callable[[Any], Any] | None, bool]:
        """`finish` for outputs like `raw`, without a Python frame where there is a way.

        Returns
        -------
        finish : callable or None
            None for nothing to do.
        flat : bool
            Whether the one column of `raw` is to become an array of one dimension first.
        """
        short = self.forms[method].shortcut(raw)
        return (None, True) if short is FLATTEN else (short, False)


class Program:
    """A graph made ready to run: one runner for each method.

    Parameters
    ----------
    graph : Graph
    intake : Intake
    model : ModelProto or InferenceSession, optional
        `graph.model` before it was serialised, or loaded already, to save reading it again.
    gpu : bool
        Compute on a GPU.
    """

    def __init__(self, graph: Graph, intake: Intake, model: Any = None, *, gpu: bool = False) -> None:
        from sklort.session.inference_session import InferenceSession

        self.graph = graph
        if isinstance(model, InferenceSession):
            self.session = model
        else:
            self.session = InferenceSession(graph.model if model is None else model, providers=providers_of(gpu))
        self.dtypes = [one.dtype for one in graph.inputs]
        self.runners: dict[str, Any] = {
            method: self.session.compiled([output]) for method, output in graph.outputs.items()
        }
        guard = _guard(graph, intake)
        self.guarded: dict[str, Any] = {}
        if guard is not None:
            for method, runner in self.runners.items():
                if is_program(runner):  # a plan of several parts has no fast lane
                    self.guarded[method] = runner.guarded(*guard)
        self.fast = {method: runner.fast for method, runner in self.guarded.items()}

    def run(self, method: str, values: list[Array]) -> Any:
        """The finished answer of `method` to values in graph order."""
        return self.graph.finish(method, self.raw(method, values))

    def raw(self, method: str, values: list[Array]) -> Any:
        """The same, unfinished."""
        ready = [v if v.dtype == d else _read_as(v, d) for v, d in zip(values, self.dtypes, strict=True)]
        return self.runners[method].run(ready)[0]

    def run_there(self, method: str, values: list[Any]) -> Any:
        """The finished answer of `method` to values on a GPU, where it stays."""
        pairs = zip(self.graph.inputs, values, strict=True)
        feed = {one.name: value.astype(one.dtype, copy=False) for one, value in pairs}
        return self.graph.finish(method, self.session.run([self.graph.outputs[method]], feed)[0])

    def worth_from(self, method: str) -> float:
        """From how many rows of the host on this program, on a GPU, is predicted to be faster than the CPU."""
        rows = getattr(self.runners[method], "worth_from", lambda _: None)(cores())
        return np.inf if rows is None else max(rows, FEW_ROWS)


def _read_as(values: Array, dtype: np.dtype[Any]) -> Array:
    """`values` as what the graph reads; rounding is let pass, another number is not."""
    with np.errstate(invalid="ignore"):
        read = values.astype(dtype)
    if dtype.kind in "iub" and values.dtype.kind == "f" and not np.array_equal(read, values):
        raise Unsure(f"a number that {dtype} cannot hold, which the model reads here")
    return read


def _guard(graph: Graph, intake: Intake) -> tuple[bool, float] | None:
    """What the native call must look at, so that no X is answered that scikit-learn refuses or warns about.

    Returns
    -------
    (nan, limit) or None
        Whether NaN is taken, and the largest magnitude that is. None when there is no fast lane: the graph does not
        read a bare matrix of X's own dtype.
    """
    acceptance, own = intake.acceptance, graph.inputs[0].dtype
    if intake.layout != "matrix" or graph.signature != (own.name,) or own.kind != "f":
        return None
    if intake.names is not None and acceptance.bare_refused:
        return None
    return acceptance.nan_everywhere, acceptance.limit
