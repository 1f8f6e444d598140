"""The two lanes: one native call where X is what the graph reads, and the way round for every other X.

`Lanes` owns the compiled graphs of one fitted model, one for each dtype of X that came, and the function behind each
method of the estimator. It knows nothing of estimator conventions; `OnnxEstimator` knows nothing of graphs.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.acceptance import attempt
from sklort.estimator.inputs import GraphInput, Intake, Signature
from sklort.estimator.methods import METHODS
from sklort.estimator.outputs import FLATTEN, Form
from sklort.estimator.tables import Tables
from sklort.estimator.values import Unsure
from sklort.exceptions import ScikitLearnAnswered, SessionError, text_of
from sklort.providers.cpu import is_program, make_lane

Array = npt.NDArray[Any]

MOST_PROGRAMS = 8
MOST_TABLES = 32
"""Layouts of frames with a fast way, over all methods."""
MOST_DENSE = 8_000_000
"""Numbers of a sparse matrix that are made dense at a time."""


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
    """

    def __init__(self, graph: Graph, intake: Intake, model: Any = None) -> None:
        from sklort.session.inference_session import InferenceSession

        self.graph = graph
        loaded = isinstance(model, InferenceSession)
        self.session = model if loaded else InferenceSession(graph.model if model is None else model)
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
        ready = [v if v.dtype == d else v.astype(d) for v, d in zip(values, self.dtypes, strict=True)]
        return self.runners[method].run(ready)[0]


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


class Lanes:
    """Every way to an answer for one fitted model.

    Parameters
    ----------
    graphs : dict of tuple to Graph
        By signature; the first is of the dtype the model was converted with. Grows when another dtype comes.
    intake : Intake
    model : fitted estimator or None
        Judges every X that is not plainly acceptable, and answers where it can.
    convert : callable or None
        ``convert(X) -> Graph | None`` for a dtype of X that has not come before; None means: the model must answer.
    program : Program, optional
        Of the first graph, where it is made already.
    forward : bool
        Let the model answer the methods that it has and the graph does not offer.

    Attributes
    ----------
    methods : dict of str to callable
        The functions behind the methods of the estimator; also attributes of their own.
    """

    def __init__(
        self,
        graphs: dict[Signature, Graph],
        intake: Intake,
        model: Any,
        convert: Callable[[Any], Graph | None] | None,
        program: Program | None = None,
        *,
        forward: bool = False,
    ) -> None:
        self.graphs = graphs
        self.intake = intake
        self.model = model
        signature, graph = next(iter(graphs.items()))
        self.program = program or Program(graph, intake)
        self._programs: dict[Signature, Program | None] = {signature: self.program}
        self._convert = convert
        self._lock = threading.Lock()
        self._tables = Tables(intake)
        self._lanes: dict[str, Any] = {}
        self._known: set[Any] = set()
        self._sparse_stays: bool | None = None if model is not None else False
        self.methods = {method: self._method(method) for method in graph.outputs}
        if forward:
            missing = [method for method in METHODS if method not in self.methods and hasattr(model, method)]
            self.methods.update({method: hand_over(model, method) for method in missing})
        self._open(self.program)
        for method, answer in self.methods.items():
            setattr(self, method, answer)

    @property
    def session(self) -> Any:
        """The session of the first graph."""
        return self.program.session

    def _method(self, method: str) -> Callable[[Any], Any]:
        slow = self._slow(method)
        lane = make_lane(slow) if is_program(self.program.runners[method]) else None
        if lane is None:
            return slow
        self._lanes[method] = lane
        return cast(Callable[[Any], Any], lane)

    def _open(self, program: Program) -> None:
        """Give the methods a fast way for arrays of the dtype that `program` reads."""
        bare = self.intake.acceptance.bare if self.intake.names is not None else None
        for method, lane in self._lanes.items():
            runner = program.guarded.get(method)
            if runner is None:
                continue
            try:
                sample = runner.fast(np.zeros((1, self.intake.n_features), dtype=program.dtypes[0]))
            except SessionError:  # the model refuses zeros
                continue
            if isinstance(sample, np.ndarray):
                lane.add(runner, *program.graph.shortcut(method, sample), bare)

    def _remember(self, method: str, X: Any, signature: Signature, values: list[Array], program: Program) -> None:
        """Give `method` a fast way for frames like `X`, which has just been answered."""
        lane = self._lanes.get(method)
        if lane is None or signature != tuple(dtype.name for dtype in program.dtypes):
            return
        found = self._tables.reader(X, signature, values)
        if found is None or (method, found[0]) in self._known or len(self._known) == MOST_TABLES:
            return
        runner, raw = program.runners[method], program.raw(method, [value[:1] for value in values])
        if is_program(runner) and isinstance(raw, np.ndarray):
            self._known.add((method, found[0]))
            lane.add(runner, *program.graph.shortcut(method, raw), table=found[1])

    def _slow(self, method: str) -> Callable[[Any], Any]:
        def answer(X: Any, **params: Any) -> Any:
            if params:
                return self.ask(method, X, Unsure(f"called with {', '.join(params)}"), **params)
            try:
                return self.compute(method, X)
            except (Unsure, SessionError) as doubt:
                return self.ask(method, X, doubt)

        answer.__name__ = answer.__qualname__ = method
        return answer

    def compute(self, method: str, X: Any) -> Any:
        """The answer of our own runtime, whatever X is held in.

        Raises
        ------
        Unsure, SessionError
            When it has none.
        """
        if frames.kind_of(X) == "sparse":
            if method == "transform" and self._stays_sparse(X):
                raise Unsure("X and its transformation are sparse")
            most = max(1, MOST_DENSE // max(1, self.intake.n_features))
            if X.shape[0] > most:
                rows = X.tocsr()
                return frames.stack_answers(
                    [self.compute(method, rows[at : at + most]) for at in range(0, X.shape[0], most)]
                )
        signature, values = self.intake.admit(X)
        program = self._program(signature, X)
        if program is None:
            raise Unsure(f"X of dtypes {', '.join(sorted(set(signature)))}, which could not be converted")
        answer = program.run(method, values)
        self._remember(method, X, signature, values, program)
        return answer

    def _stays_sparse(self, X: Any) -> bool:
        """Whether the model transforms sparse rows to sparse ones, where our arrays would hold all the zeros."""
        if self._sparse_stays is None:
            answered = attempt(self.model, "transform", X.tocsr()[:1])
            self._sparse_stays = answered is not None and hasattr(answered[0], "tocsr")
        return self._sparse_stays

    def _program(self, signature: Signature, X: Any) -> Program | None:
        program = self._programs.get(signature)
        if program is not None or signature in self._programs:
            return program
        with self._lock:
            if signature not in self._programs and len(self._programs) < MOST_PROGRAMS:
                self._programs[signature] = made = self._make(signature, X)
                if made is not None and made is not self.program:
                    self._open(made)
            return self._programs.get(signature)

    def _make(self, signature: Signature, X: Any) -> Program | None:
        graph = self.graphs.get(signature)
        if graph is None:
            if self._convert is None:
                return self._cast(signature)
            graph = self._convert(X)
            if graph is None:
                return None
            self.graphs[signature] = graph
        return Program(graph, self.intake)

    def _cast(self, signature: Signature) -> Program:
        """Without the scikit-learn model there is one graph, and X is cast to what it reads."""
        for came, read in zip(signature, self.program.dtypes, strict=True):
            if not np.can_cast(came, read, "safe"):
                warnings.warn(f"X of dtype {came} is cast to {read}, which the loaded model reads", stacklevel=5)
                break
        return self.program

    def ask(self, method: str, X: Any, doubt: Exception, **params: Any) -> Any:
        """Let the scikit-learn model raise its own error, or answer.

        Raises
        ------
        Exception
            Whatever the model raises for X; ValueError when there is no model.
        """
        if self.model is None:
            refuse(X, self.intake, doubt)
        answer = getattr(self.model, method)(X, **params)
        warnings.warn(
            f"scikit-learn answered {method}, not sklort: {text_of(doubt)}", ScikitLearnAnswered, stacklevel=3
        )
        return answer


def hand_over(model: Any, method: str) -> Callable[[Any], Any]:
    """The function behind a method that only the scikit-learn model has."""

    def answer(X: Any, **params: Any) -> Any:
        out = getattr(model, method)(X, **params)
        warnings.warn(
            f"scikit-learn answered {method}, not sklort: the ONNX graph does not offer it",
            ScikitLearnAnswered,
            stacklevel=2,
        )
        return out

    answer.__name__ = answer.__qualname__ = method
    return answer


def refuse(X: Any, intake: Intake, doubt: Exception) -> NoReturn:
    """Raise scikit-learn's error for an X that a loaded model, without its scikit-learn original, cannot take."""
    try:
        from sklearn.base import BaseEstimator
        from sklearn.utils.validation import validate_data
    except ImportError:
        raise ValueError(f"X cannot be read by this model: {text_of(doubt)}") from doubt

    if intake.layout == "texts":
        raise ValueError(f"X cannot be read by this model: {text_of(doubt)}") from doubt

    class OnnxEstimator(BaseEstimator):  # validate_data speaks of the class by its name
        n_features_in_: int

    asked = OnnxEstimator()
    asked.n_features_in_ = intake.n_features
    if intake.names is not None:
        asked.feature_names_in_ = np.asarray(intake.names, dtype=object)
    finite: bool | str = "allow-nan" if all(intake.acceptance.nan) else True
    numbers = all(one.dtype.kind != "O" for one in intake.inputs)
    validate_data(
        asked,
        X,
        reset=False,
        dtype="numeric" if numbers else None,
        ensure_all_finite=finite if intake.acceptance.limit < np.inf and numbers else False,
    )
    raise ValueError(f"X cannot be read by this model: {text_of(doubt)}") from doubt


def cheapest(methods: Iterable[str]) -> str:
    """The method to ask when any will do."""
    known = list(methods)
    return next((method for method in METHODS if method in known), known[0])
