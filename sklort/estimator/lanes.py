"""The two lanes: one native call where X is what the graph reads, and the way round for every other X.

`Lanes` owns the compiled graphs of one fitted model, one for each dtype of X that came, and the function behind each
method of the estimator. It knows nothing of estimator conventions; `OnnxEstimator` knows nothing of graphs.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from sklort.estimator import frames
from sklort.estimator.acceptance import attempt
from sklort.estimator.devices import FEW_ROWS, Gpu, Where, check_device, lies_there, no_gpu, refuse_there
from sklort.estimator.inputs import Intake, Signature
from sklort.estimator.methods import METHODS, Bound
from sklort.estimator.programs import Graph, Program
from sklort.estimator.tables import Tables
from sklort.estimator.values import Unsure
from sklort.exceptions import DeviceReset, ScikitLearnAnswered, SessionError, text_of
from sklort.providers.cpu import is_program, make_lane

Array = npt.NDArray[Any]

MOST_PROGRAMS = 8
MOST_TABLES = 32
"""Layouts of frames with a fast way, over all methods."""
MOST_DENSE = 8_000_000
"""Numbers of a sparse matrix that are made dense at a time."""


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
    device : {"cpu", "cuda", "auto"}
        Where to compute. "auto": on a GPU what lies there, and batches that are predicted to be faster there.

    Attributes
    ----------
    methods : dict of str to callable
        The functions behind the methods of the estimator; also attributes of their own.
    owner : estimator
        Whose lanes they are: set by it.
    """

    owner: Any = None

    def __init__(
        self,
        graphs: dict[Signature, Graph],
        intake: Intake,
        model: Any,
        convert: Callable[[Any], Graph | None] | None,
        program: Program | None = None,
        *,
        forward: bool = False,
        device: Where = "cpu",
    ) -> None:
        check_device(device)
        self.device = device
        self.gpu = Gpu() if device == "cuda" or (device == "auto" and no_gpu() is None) else None
        self.graphs = graphs
        self.intake = intake
        self.model = model
        signature, graph = next(iter(graphs.items()))
        self.program = program or Program(graph, intake, gpu=device == "cuda")
        self._programs: dict[Signature, Program | None] = {signature: self.program}
        self._there: dict[Signature, Program] = {}
        self._least: dict[str, float] = dict.fromkeys(graph.outputs, FEW_ROWS)
        self._convert = convert
        self._lock = threading.Lock()
        self._tables = Tables(intake)
        self._lanes: dict[str, Any] = {}
        self._known: set[Any] = set()
        self._sparse_stays: bool | None = None if model is not None else False
        self.methods = {method: self._method(method) for method in graph.outputs}
        if forward:
            missing = [method for method in METHODS if method not in self.methods and hasattr(model, method)]
            self.methods.update({method: Bound(self, method, hand_over(model, method)) for method in missing})
        self._open(self.program)
        for method, answer in self.methods.items():
            setattr(self, method, answer)

    @property
    def by_size(self) -> bool:
        """Whether both the CPU and a GPU compute."""
        return self.device == "auto" and self.gpu is not None

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
        if self.gpu is None:
            return cast(Callable[[Any], Any], lane)

        def answer(X: Any, **params: Any) -> Any:
            """Large arrays take the slow lane, where a provider is chosen."""
            large = type(X) is np.ndarray and X.ndim > 0 and X.shape[0] >= self._least[method]
            return (slow if large else lane)(X, **params)

        return Bound(self, method, answer)

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
            if lies_there(X):
                return self._answer_there(method, X, params)
            if params:
                return self.ask(method, X, Unsure(f"called with {', '.join(params)}"), **params)
            try:
                return self.compute(method, X)
            except DeviceReset:  # a fork: not a matter of X
                raise
            except (Unsure, SessionError) as doubt:
                return self.ask(method, X, doubt)

        return Bound(self, method, answer)

    def _answer_there(self, method: str, X: Any, params: dict[str, Any]) -> Any:
        """The answer to X on a GPU, as CuPy's arrays; labels that are strings, and sparse matrices, are the host's."""
        if self.gpu is None:
            raise refuse_there(X, self.device)
        doubt: Exception
        try:
            if not params:
                signature, values = self.gpu.admit(X, self.intake)
                return self._program_there(signature, X).run_there(method, values)
            doubt = Unsure(f"called with {', '.join(params)}")
        except DeviceReset:
            raise
        except (Unsure, SessionError) as error:
            doubt = error
        return self.gpu.there(self.ask(method, self.gpu.host(X), doubt, **params))

    def _program_there(self, signature: Signature, X: Any) -> Program:
        """The program on the GPU for this signature; `X`: rows of it, on the GPU or not."""
        assert self.gpu is not None
        program = self._programs.get(signature)
        if program is None:
            program = self._program(signature, self.gpu.host(X[:2000]))
        if program is None:
            raise Unsure(f"X of dtypes {', '.join(sorted(set(signature)))}, which could not be converted")
        if self.device == "cuda":
            return program
        with self._lock:
            if signature not in self._there:
                self._there[signature] = Program(program.graph, self.intake, gpu=True)
            return self._there[signature]

    def _faster(self, method: str, program: Program, signature: Signature, rows: int) -> Program:
        """This program, or that on the GPU where it is predicted to answer sooner."""
        if not self.by_size or rows < self._least[method]:
            return program
        there = self._program_there(signature, None)
        self._least[method] = there.worth_from(method)
        return there if rows >= self._least[method] else program

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
        answer = self._faster(method, program, signature, len(values[0])).run(method, values)
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
        return Program(graph, self.intake, gpu=self.device == "cuda")

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
