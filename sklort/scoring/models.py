"""The two kinds of model, seen alike: which columns they read, what they answer, and how.

A saved estimator has methods and knows its columns by name; it is opened without scikit-learn. Any other ONNX model has
inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sklort.estimator.lanes import Lanes
from sklort.estimator.methods import METHODS
from sklort.estimator.outputs import Form
from sklort.estimator.persistence import check_seal, opened
from sklort.estimator.programs import Program
from sklort.estimator.values import Unsure
from sklort.exceptions import ScoringError, SessionError
from sklort.session.inference_session import InferenceSession

Array = npt.NDArray[Any]

OBJECT = np.dtype(object)
_NAMES = {
    "predict": "prediction",
    "predict_proba": "probability",
    "predict_log_proba": "log_probability",
    "decision_function": "decision",
    "score_samples": "score",
    "transform": "transformed",
}
_BY_CLASS = ("predict_proba", "predict_log_proba", "decision_function")
_DTYPES = {
    "float": "float32",
    "double": "float64",
    "string": "object",
    **{name: name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")},
}
MOST_COLUMNS = 10_000
"""Of one answer: a table of more, such as all words of a language, is not what Parquet is for."""
_BLOCK = 1024
"""Rows turned from columns at a time: they stay in the cache."""


class Column(NamedTuple):
    """A column that a model reads: its name where the model knows it, the dtype, and whether NaN is taken."""

    name: str | None
    dtype: np.dtype[Any]
    nan: bool


class Answer(NamedTuple):
    """The columns of one answer."""

    names: tuple[str, ...]
    type: Any


class SavedModel:
    """An estimator that `OnnxEstimator.save` wrote.

    Attributes
    ----------
    columns : tuple of Column
    methods : tuple of str
    usual : tuple of str
        The method used where none is named.
    """

    kind = "method"

    def __init__(self, content: bytes) -> None:
        check_seal(content)
        session, graph, intake, fitted = opened(content)
        self._graph = graph
        self._classes = fitted.get("classes_")
        self._texts = intake.layout == "texts"
        self._lanes = Lanes({graph.signature: graph}, intake, None, None, Program(graph, intake, session))
        self._matrix = intake.layout == "matrix" and graph.inputs[0].dtype.kind == "f"
        self._nameless = replace(intake, names=None, acceptance=replace(intake.acceptance, framed=None))
        dtypes = {place: one.dtype for one in graph.inputs for place in one.columns}
        width = 1 if self._texts else intake.n_features
        names = intake.names or (None,) * width
        # A column that no step reads is checked for its name alone.
        self.columns = tuple(
            Column(names[i], dtypes.get(i, OBJECT if self._texts else np.dtype(np.float64)), _takes_nan(intake, i))
            for i in range(width)
        )
        self.methods = tuple(method for method in METHODS if method in graph.outputs)
        self.usual = self.methods[:1]

    def answer(self, method: str) -> Answer:
        """The columns that `method` makes."""
        form = self._graph.forms[method]
        if form.parts:
            classes = self._classes if isinstance(self._classes, list) else [None] * len(form.parts)
            names = [
                f"{_NAMES[method]}_{i}_{end}"
                for i, part in enumerate(form.parts)
                for end in _ends(part.tail, classes[i], method)
            ]
            return Answer(tuple(names), _arrow_type(np.dtype(form.parts[0].dtype)))
        if not form.tail:
            return Answer((_NAMES[method],), self._type(method, form))
        ends = _ends(form.tail, self._classes, method)
        return Answer(tuple(f"{_NAMES[method]}_{end}" for end in ends), self._type(method, form))

    def _type(self, method: str, form: Form) -> Any:
        dtype = np.dtype(form.dtype)
        if dtype == OBJECT and method == "predict" and self._classes is not None:
            every = self._classes if isinstance(self._classes, list) else [self._classes]
            odd = {type(label).__name__ for labels in every for label in labels.tolist()} - {"str"}
            if odd:
                raise ScoringError(
                    f"the labels of the model are objects of type {', '.join(sorted(odd))}, which no column of a table "
                    "holds: ask for predict_proba, or fit the model with labels that are all texts or all numbers"
                )
        return _arrow_type(dtype)

    def run(self, table: Any, methods: Sequence[str]) -> list[list[Array]]:
        """For each method its columns, from a table of exactly the model's columns."""
        X: Any = table
        if self._texts:
            X = table.column(0).to_numpy()
        elif self._matrix and len(methods) > 1:
            columns = [table.column(i).to_numpy() for i in range(table.num_columns)]
            X = _side_by_side(columns, table.num_rows, self.columns[0].dtype)
            try:
                return self._together(X, methods)
            except Unsure:
                X = table  # whose names and values the error will speak of
        return [_columns(self._lanes.methods[method](X)) for method in methods]

    def _together(self, X: Array, methods: Sequence[str]) -> list[list[Array]]:
        """Several answers from one run of the graph, which does once what they have in common."""
        _, values = self._nameless.admit(X)
        raw = self._lanes.session.compiled([self._graph.outputs[method] for method in methods]).run(values)
        return [_columns(self._graph.finish(method, one)) for method, one in zip(methods, raw, strict=True)]


class PlainModel:
    """Any other ONNX model, whose methods are its outputs.

    One input of several columns is filled from the columns in their order; inputs of one column each by their names.
    """

    kind = "output"

    def __init__(self, content: bytes) -> None:
        self._session = InferenceSession(content)
        given = self._session.get_inputs()
        spoken = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in given)
        for one in given:
            shape = one.shape or []
            if _dtype(one.type) is None or len(shape) not in (1, 2) or isinstance(shape[0], int):
                raise ScoringError(
                    f"rows of a table go into inputs of one or more columns with an open number of rows; this model "
                    f"takes ({spoken}): save it with a batch axis, or run it by InferenceSession"
                )
        self._inputs = [(one.name, _dtype(one.type), len(one.shape)) for one in given]
        widths: list[Any] = [one.shape[1] if len(one.shape) == 2 else 1 for one in given]
        self._matrix = len(given) == 1 and widths[0] != 1
        if any(not isinstance(width, int) for width in widths) or (not self._matrix and set(widths) != {1}):
            raise ScoringError(
                f"the number of columns of an input is open, or there are several inputs of several columns ({spoken}):"
                " write it into the model, or run it by InferenceSession"
            )
        dtype = self._inputs[0][1] or OBJECT
        self.columns = (
            (Column(None, dtype, True),) * widths[0]
            if self._matrix
            else tuple(Column(name, dtype or OBJECT, True) for name, dtype, _ in self._inputs)
        )
        self.methods = tuple(one.name for one in self._session.get_outputs())
        self.usual = self.methods
        self._answers: dict[str, Answer] = {}

    def answer(self, method: str) -> Answer:
        """The columns of an output: as declared, or else as one row of zeros and empty texts tells."""
        if method not in self._answers:
            port = next(one for one in self._session.get_outputs() if one.name == method)
            self._answers[method] = _declared(port) or self._tried(method)
        return self._answers[method]

    def _tried(self, name: str) -> Answer:
        row = [np.zeros(1, dtype) if dtype != OBJECT else np.array([""], OBJECT) for _, dtype, _ in self.columns]
        try:
            (value,) = self._session.run([name], self._feed(row, 1))
        except SessionError as error:
            raise ScoringError(
                f"the model does not say how many columns its output {name!r} has, and refuses a row of zeros and "
                f"empty texts ({error}): write the shape of the output into the model"
            ) from error
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return Answer(tuple(f"{name}_{key}" for key in value[0]), pa.float32())
        array = np.asarray(value)
        if isinstance(value, list) or not array.ndim or len(array) != 1:
            raise ScoringError(f"output {name!r} has no row for each row of the input: name the outputs that have")
        return _numbered(name, int(np.prod(array.shape[1:])), array.dtype)

    def run(self, table: Any, methods: Sequence[str]) -> list[list[Array]]:
        """For each output its columns, from a table of exactly the model's columns."""
        columns = [table.column(i).to_numpy() for i in range(table.num_columns)]
        values = self._session.run(list(methods), self._feed(columns, table.num_rows))
        return [_columns(_unzipped(value)) for value in values]

    def _feed(self, columns: Sequence[Array], rows: int) -> dict[str, Array]:
        if self._matrix:
            name, dtype, _ = self._inputs[0]
            return {name: _side_by_side(columns, rows, dtype or OBJECT)}
        return {
            name: np.ascontiguousarray(column).reshape((rows, 1) if rank == 2 else (rows,))
            for (name, _, rank), column in zip(self._inputs, columns, strict=True)
        }


Model = SavedModel | PlainModel


def _takes_nan(intake: Any, place: int) -> bool:
    return bool(place < len(intake.acceptance.nan) and intake.acceptance.nan[place])


def _ends(tail: tuple[int, ...], classes: Any, method: str) -> list[str]:
    """What tells the columns of an answer apart: the classes where there is a column for each, else their numbers."""
    count = int(np.prod(tail))
    if count > MOST_COLUMNS:
        raise ScoringError(
            f"{method} answers with {count:,} columns, more than {MOST_COLUMNS:,} are not made into a table: put the "
            "next step of the pipeline into the model"
        )
    if method in _BY_CLASS and isinstance(classes, np.ndarray) and len(classes) == count:
        named = [str(label) for label in classes.tolist()]
        if len(set(named)) == count:
            return named
    return [str(i) for i in range(count)]


def _arrow_type(dtype: np.dtype[Any]) -> Any:
    return pa.string() if dtype.kind in "OUT" else pa.from_numpy_dtype(dtype)


def _dtype(declared: str) -> np.dtype[Any] | None:
    """The dtype of ``tensor(float)`` and the like; None for what is no plain tensor."""
    name = _DTYPES.get(declared.removeprefix("tensor(").removesuffix(")")) if declared.startswith("tensor(") else None
    return np.dtype(name) if name is not None else None


def _declared(port: Any) -> Answer | None:
    """The columns of an output whose type and width are in the model."""
    dtype, shape = _dtype(port.type), port.shape or []
    if dtype is None or len(shape) not in (1, 2) or isinstance(shape[0], int):
        return None
    if len(shape) == 2 and not isinstance(shape[1], int):
        return None
    return _numbered(port.name, shape[1] if len(shape) == 2 else 1, dtype)


def _numbered(name: str, count: int, dtype: np.dtype[Any]) -> Answer:
    return Answer((name,) if count == 1 else tuple(f"{name}_{i}" for i in range(count)), _arrow_type(dtype))


def _unzipped(value: Any) -> Any:
    """What ZipMap made of a matrix: the matrix again."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([list(row.values()) for row in value], dtype=np.float32)
    return value


def _side_by_side(columns: Sequence[Array], rows: int, dtype: np.dtype[Any]) -> Array:
    out = np.empty((rows, len(columns)), dtype)
    for at in range(0, rows, _BLOCK):
        block = out[at : at + _BLOCK]
        for i, column in enumerate(columns):
            block[:, i] = column[at : at + _BLOCK]
    return out


def _columns(answer: Any) -> list[Array]:
    """An answer as columns, each an array of one dimension."""
    if isinstance(answer, list):
        return [column for part in answer for column in _columns(part)]
    array = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    return list(np.ascontiguousarray(array.reshape(len(array), -1).T))
