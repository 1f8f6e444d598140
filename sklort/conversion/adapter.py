"""Our converters in the shape skl2onnx calls them.

A `Converter` says what answers an estimator has, of which dtype and width, and writes them. `conversion_function`,
`shape_calculator` and `parser` turn it into the three callables that ``skl2onnx.convert_sklearn`` takes in
``custom_conversion_functions``, ``custom_shape_calculators`` and ``custom_parsers``. These reach estimators nested in
pipelines and in skl2onnx's own meta-estimators, and leave its process-wide registry (``update_registered_converter``)
alone, which other users of skl2onnx in the process share.

The type of an output variable is a promise to whoever declared it. Variables that our parser declares get the dtype
scikit-learn answers with; variables declared by a converter of skl2onnx (a base estimator of VotingClassifier, say)
keep the type given there, and the answer, computed in scikit-learn's dtype all the same, is cast to it last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sklort.conversion.labels import label_dtype
from sklort.conversion.writer import Writer, common_dtype, dtype_of, tensor_type, width_of
from sklort.exceptions import ConversionError

Answers = dict[str, tuple[str, np.dtype]]
Kind = Literal["classifier", "regressor", "transformer"]


def _same_dtype(model: Any, came: np.dtype) -> np.dtype:
    return came


def _same_width(model: Any, came: int | None) -> int | None:
    return came


@dataclass(frozen=True)
class Converter:
    """How one type of estimator is written.

    Parameters
    ----------
    kind : {"classifier", "regressor", "transformer"}
    write : callable(Writer) -> dict of str to (output name, dtype)
        Writes the nodes. Classifiers answer "predict" and, where they have them, "predict_proba" (n, n_classes) and
        "decision_function" (as scikit-learn: (n,) if binary); regressors "predict" (n, n_outputs); transformers
        "transform".
    dtype : callable(model, dtype of the input matrix) -> dtype of scores, values or transformed matrix width :
    callable(model, columns of the input or None) -> columns of "predict" of a regressor, "transform" of a transformer
    answers : callable(model) -> names of the answers `write` will give columnwise : bool
        The columns of the input may differ in dtype: each is treated on its own.
    """

    kind: Kind
    write: Callable[[Writer], Answers]
    dtype: Callable[[Any, np.dtype], np.dtype] = _same_dtype
    width: Callable[[Any, int | None], int | None] = _same_width
    answers: Callable[[Any], tuple[str, ...]] | None = None
    columnwise: bool = False

    def names(self, model: Any) -> tuple[str, ...]:
        if self.answers is not None:
            return self.answers(model)
        return ("transform",) if self.kind == "transformer" else ("predict",)


def _roles(operator: Any, converter: Converter, writer: Writer | None = None) -> tuple[str, ...]:
    """What each output variable of `operator` shall carry."""
    declared = getattr(operator, "answers", None)
    if declared is not None:
        return tuple(declared)
    names = converter.names(operator.raw_operator)
    if converter.kind != "classifier":
        return names
    raw = writer is not None and writer.option("raw_scores", False)
    second = "predict_proba" if "predict_proba" in names and not raw else "paired_scores"
    return ("predict", second)[: len(operator.outputs)]


def _paired_scores(writer: Writer, answers: Answers) -> tuple[str, np.dtype]:
    """Scores as skl2onnx's meta-estimators expect them: two columns, -d and d, where scikit-learn has one d."""
    name, dtype = answers["decision_function"]
    if len(writer.model.classes_) > 2:
        return name, dtype
    column = writer.node("Reshape", [name, writer.constant(np.array([-1, 1], np.int64))])
    return writer.node("Concat", [writer.node("Neg", [column]), column], axis=1), dtype


def conversion_function(converter: Converter) -> Callable[[Any, Any, Any], None]:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        writer = Writer(scope, operator, container)
        if writer.option("nocl", False):
            raise ConversionError(f"skl2onnx asks for class indices (option nocl) of {writer.where}: not supported")
        answers = converter.write(writer)
        for variable, role in zip(operator.outputs, _roles(operator, converter, writer), strict=True):
            if role == "paired_scores":
                name, dtype = _paired_scores(writer, answers)
            else:
                name, dtype = answers[role]
            name = writer.cast(name, dtype, dtype_of(variable.type))
            writer.node("Identity", [name], to=variable.full_name)

    return convert


def shape_calculator(converter: Converter) -> Callable[[Any], None]:
    def calculate(operator: Any) -> None:
        model = operator.raw_operator
        kinds = [dtype_of(v.type) for v in operator.inputs]
        widths = [width_of(v.type) for v in operator.inputs]
        came = None if None in widths else sum(w for w in widths if w is not None)
        ours = hasattr(operator, "answers")
        for variable, role in zip(operator.outputs, _roles(operator, converter), strict=True):
            if role == "predict" and converter.kind == "classifier":
                variable.type = tensor_type(label_dtype(model.classes_, type(model).__name__), [None])
                continue
            if role == "decision_function" and len(model.classes_) <= 2:
                shape: list[int | None] = [None]
            elif role in ("predict_proba", "decision_function", "paired_scores"):
                shape = [None, len(model.classes_)]
            else:
                shape = [None, converter.width(model, came)]
            if ours:
                came_as = kinds[0] if converter.columnwise else common_dtype(kinds, type(model).__name__)
                variable.type = tensor_type(converter.dtype(model, came_as), shape)
            else:
                variable.type.shape = shape

    return calculate


def parser(converter: Converter, final: Any) -> Callable[..., Any]:
    """A parser that declares every answer where the estimator is `final`, and the first ones elsewhere."""

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        operator = scope.declare_local_operator(f"Sklort{type(model).__name__}", model)
        operator.inputs = inputs
        operator.answers = converter.names(model) if model is final else converter.names(model)[:2]
        for answer in operator.answers:
            operator.outputs.append(scope.declare_local_variable(answer, tensor_type(np.dtype(np.float64))))
        return operator.outputs

    return parse
