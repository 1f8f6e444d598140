"""One model file, loaded: what it takes, what it answers, and the functions that compute it.

A file that `OnnxEstimator.save` wrote keeps its estimator's manners: columns by name, NaN and magnitudes that
scikit-learn refuses, class values. Any other ONNX file is its graph. scikit-learn is imported for neither.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from sklort.estimator.methods import METHODS
from sklort.estimator.persistence import check_seal, restore
from sklort.exceptions import InvalidArgument
from sklort.providers.cpu import is_program
from sklort.serving.manners import Manners, manners_of
from sklort.serving.tensors import OBJECT, Port
from sklort.session.inference_session import InferenceSession
from sklort.session.run_options import RunOptions


class Computer(NamedTuple):
    """What computes some outputs: one value for each input, in order, becomes one for each output.

    Attributes
    ----------
    fast : callable
        ``fast(values)``: None where `Manners.check` is to look at the values first.
    run : callable
        ``run(values, options)`` for values that were looked at; the options are those of the run, or None.
    """

    fast: Callable[[list[Any]], Sequence[Any] | None]
    run: Callable[[list[Any], RunOptions | None], Sequence[Any]]


class Column(NamedTuple):
    """A named value of a row: where it goes.

    Attributes
    ----------
    name : str
    port : int
        The number of the input.
    at : int
        Its first place in a row of that input.
    width : int
        How many values it is: more than one only where a whole input is named.
    """

    name: str
    port: int
    at: int = 0
    width: int = 1


class Answer(NamedTuple):
    """What a model can be asked for by name.

    Attributes
    ----------
    output : str
        The output of the graph.
    finish : callable
        From that output to what is answered: an array, or a list of them.
    """

    output: str
    finish: Callable[[Any], Any]


class Backend(Protocol):
    """What the service needs of a model. `Model` is the one there is; a benchmark has others."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    columns: tuple[Column, ...]
    named: bool
    known: frozenset[str]
    extra: bool
    answers: dict[str, Answer]
    usual: tuple[str, ...]
    classes: bytes | None
    manners: Manners | None
    by_rows: bool
    about: dict[str, Any]

    def compute(self, outputs: tuple[str, ...]) -> Computer:
        """What computes these outputs, in this order."""
        ...


@dataclass
class Model:
    """See the module.

    Attributes
    ----------
    inputs, outputs : tuple of Port
        Of the graph, as far as the protocol has their types.
    columns : tuple of Column
        What a row consists of; empty where rows have no such form, and only tensors will do.
    named : bool
        Whether a row must come with names.
    known : frozenset of str
        Columns of its fit that it does not read: a row may have them.
    extra : bool
        Whether it may have any others.
    answers : dict of str to Answer
        By a method of scikit-learn; of a plain ONNX file by the name of an output.
    usual : tuple of str
        The answers that are given when none is asked for.
    classes : bytes or None
        The class values, as JSON.
    manners : Manners or None
    by_rows : bool
        Whether requests may be computed together: each row of an output depends on that row of the inputs alone.
    """

    session: InferenceSession
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    columns: tuple[Column, ...]
    named: bool
    answers: dict[str, Answer]
    usual: tuple[str, ...]
    classes: bytes | None = None
    manners: Manners | None = None
    by_rows: bool = False
    known: frozenset[str] = frozenset()
    extra: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    def compute(self, outputs: tuple[str, ...]) -> Computer:
        """What computes these outputs, in this order."""
        if self.manners is None:
            return _through_session(self.session, outputs)
        manners, runner = self.manners, self.session.compiled(outputs)
        limited = any(port.dtype.kind == "f" and manners.limit < np.finfo(port.dtype).max for port in self.inputs)

        def run(values: list[Any], options: RunOptions | None) -> Sequence[Any]:
            return runner.run(values, options.stop if options is not None else None)

        if len(self.inputs) == 1 and self.inputs[0].dtype.kind == "f" and is_program(runner):
            return Computer(_guarded(runner, manners, single=len(outputs) == 1), run)
        if limited:
            return Computer(lambda values: runner.run(values) if manners.within(values) else None, run)
        return Computer(runner.run, run)


def _through_session(session: InferenceSession, outputs: tuple[str, ...]) -> Computer:
    names = [arg.name for arg in session.get_inputs()]

    def run(values: list[Any], options: RunOptions | None = None) -> Sequence[Any]:
        return session.run(outputs, dict(zip(names, values)), options)

    return Computer(run, run)


def _guarded(runner: Any, manners: Manners, *, single: bool) -> Callable[[list[Any]], Sequence[Any] | None]:
    """One native call for the one matrix of a model, which looks at its values on the way."""
    native = runner.guarded(all(manners.nan[0]), manners.limit).fast
    if not single:
        return lambda values: native(values[0])

    def fast(values: list[Any]) -> Sequence[Any] | None:
        found = native(values[0])
        return None if found is None else (found,)

    return fast


def load(path: str | os.PathLike[str]) -> Model:
    """Open a model file.

    Raises
    ------
    OSError, DamagedModel, SessionError, ValueError
        It cannot be read, or is not what it should be.
    """
    content = Path(path).read_bytes()
    check_seal(content)
    if b"sklort.format" in content:
        return _estimator(InferenceSession(content), content)
    return _graph(InferenceSession(os.fspath(path)))  # by its path: weights may lie beside it


def _estimator(session: InferenceSession, content: bytes) -> Model:
    graph, intake, fitted = restore(session, content)
    inputs, outputs = _inputs(session), _outputs(session)
    number = {port.name: at for at, port in enumerate(inputs)}
    columns: tuple[Column, ...] = (Column("text", 0),)
    if intake.layout != "texts":
        names = intake.names or tuple(map(str, range(intake.n_features)))
        places = {
            column: Column(names[column], number[one.name], at)
            for one in intake.inputs
            for at, column in enumerate(one.columns)
        }
        columns = tuple(places[at] for at in sorted(places))
    methods: list[str] = [method for method in METHODS if method in graph.outputs]
    answers = {method: Answer(graph.outputs[method], _finish(graph.forms[method])) for method in methods}
    usual: list[str] = [method for method in ("predict", "predict_proba") if method in answers]
    usual = usual or [method for method in ("transform", *methods) if method in answers][:1]
    classes = fitted.get("classes_")
    return Model(
        session,
        inputs,
        outputs,
        columns,
        named=intake.names is not None,
        answers=answers,
        usual=tuple(usual),
        classes=None if classes is None else orjson.dumps(_plain(classes)),
        manners=manners_of(intake, content),
        by_rows=not any(form.parts for form in graph.forms.values()),
        known=frozenset(intake.names or ()),
        extra=intake.acceptance.extra,
        about={"kind": fitted["kind"], "made_with": fitted["versions_"]},
    )


def _finish(form: Any) -> Callable[[Any], Any]:
    # Texts are objects in a graph; JSON has one kind of them. What is sparse is dense here.
    same = () if form.parts else (np.dtype(form.dtype), *((OBJECT,) if form.dtype[1] in "OU" else ()))
    tail, whole, sparse = form.tail, form.finish, form.sparse

    def finish(raw: Any) -> Any:
        return raw if sparse or (raw.dtype in same and raw.shape[1:] == tail) else whole(raw)

    return finish


def _plain(classes: Any) -> Any:
    return [_plain(one) for one in classes] if isinstance(classes, list) else classes.tolist()


def _graph(session: InferenceSession) -> Model:
    inputs, outputs = _inputs(session), _outputs(session)
    columns: list[Column] = []
    for number, port in enumerate(inputs):
        rest = port.shape[1:]
        width = rest[0] if rest else 1
        if len(port.shape) not in (1, 2) or port.shape[0] != -1 or width < 1:
            columns = []
            break
        columns.append(Column(port.name, number, 0, width))
    named = len(columns) > 1
    if len(columns) == 1 and columns[0].width > 1:
        columns = [Column(str(at), 0, at) for at in range(columns[0].width)]
    answers = {arg.name: Answer(arg.name, _as_it_is) for arg in session.get_outputs()}
    runner = session.compiled()
    return Model(
        session,
        inputs,
        outputs,
        tuple(columns),
        named=named,
        answers=answers,
        usual=tuple(answers),
        by_rows=is_program(runner) and getattr(runner, "block_rows", 0) > 0,
        about={"producer": session.get_modelmeta().producer_name},
    )


def _as_it_is(raw: Any) -> Any:
    return raw


def _inputs(session: InferenceSession) -> tuple[Port, ...]:
    found = []
    for arg in session.get_inputs():
        port = Port.of(arg)
        if port is None:
            raise InvalidArgument(f"the model's input {arg.name!r} is a {arg.type}, which no request can hold")
        found.append(port)
    return tuple(found)


def _outputs(session: InferenceSession) -> tuple[Port, ...]:
    return tuple(port for port in map(Port.of, session.get_outputs()) if port is not None)
