"""Any ONNX operator, one node at a time, through ``onnx.reference``: always there, the judge, never fast.

A node becomes a model of one node, evaluated with what its subgraphs capture as further inputs. The evaluator is made
when a step is prepared; operators that ONNX defines as a function of their input types get one for each combination
of types that comes along.
"""

from __future__ import annotations

import threading
import time
from importlib import import_module
from typing import Any

import numpy as np

from sklort.exceptions import Fail, SessionError
from sklort.graph.ir import Array, Node
from sklort.graph.save import node_model, opsets_of, type_proto
from sklort.graph.types import DType, SequenceType, TensorType, Type, dtype_of
from sklort.providers.part import OMITTED, STOPPED, Part, Port, Seen, Step, StepTime, Stop
from sklort.providers.requests import honour

_MODULES = {
    "": "onnx.reference.ops",
    "ai.onnx.ml": "onnx.reference.ops.aionnxml",
    "ai.onnx.preview": "onnx.reference.ops.aionnx_preview",
    "ai.onnx.preview.training": "onnx.reference.ops.aionnx_preview_training",
}
"""Where the evaluator keeps the operators of each domain."""


class ReferenceProvider:
    """See the module."""

    name = "ReferenceExecutionProvider"

    def unavailable(self) -> str | None:
        return None

    def holds(self, dtype: DType) -> bool:
        return True

    def refuses(self, node: Node) -> str | None:
        """A sentence for the operators that ``onnx.reference`` lacks."""
        if node.domain not in _MODULES:
            return f"onnx.reference has no operators of the domain {node.domain!r}"
        try:
            _follows_from_types(node)
        except (NotImplementedError, RuntimeError, ValueError):
            return f"onnx.reference does not implement {node.op_type}"
        for graph in node.subgraphs:
            for inner in graph.nodes:
                sentence = self.refuses(inner)
                if sentence:
                    return f"its subgraph holds {inner.label}: {sentence}"
        return None

    def compile(self, part: Part) -> ReferenceRunner:
        return ReferenceRunner(part)


def _follows_from_types(node: Node) -> bool:
    """Whether ONNX defines the operator as a function of its input types only; raises where there is no definition."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import RuntimeContextError

    load_op = import_module(_MODULES[node.domain]).load_op
    try:
        if node.domain:
            load_op(node.domain, node.op_type, node.version)
        else:
            load_op("", node.op_type, node.version, evaluator_cls=ReferenceEvaluator)
    except RuntimeContextError:
        return True
    return False


class ReferenceRunner:
    """A part as a loop over one-node evaluators."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._steps = [(step, _Kernel(step)) for step in part.steps]

    def run(
        self,
        values: list[Any],
        stop: Stop | None = None,
        times: list[StepTime] | None = None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        slots: list[Any] = [None] * self._part.slots
        for slot, array in self._part.constants:
            slots[slot] = array
        for port, value in zip(self._part.inputs, values):
            slots[port.slot] = _as_text(value) if _is_text(port) else value
        for number, (step, kernel) in enumerate(self._steps):
            if stop is not None and stop.is_set():
                raise Fail(STOPPED)
            begin = time.monotonic_ns()
            found = kernel(
                [None if slot == OMITTED else slots[slot] for slot in step.inputs],
                {name: slots[slot] for name, slot in step.captured},
            )
            if times is not None:
                times.append(self._timed(number, begin, slots, found))
            for slot, value in zip(step.outputs, found):
                if slot != OMITTED:
                    slots[slot] = value
            for slot in step.release:
                slots[slot] = None
        return [_fresh(honour(slots[port.slot], port)) for port in self._part.outputs]

    def _timed(self, number: int, begin: int, slots: list[Any], found: list[Any]) -> StepTime:
        end = time.monotonic_ns()
        constant = {slot for slot, _ in self._part.constants}
        read = {slot: slots[slot] for slot in self._part.steps[number].inputs if slot != OMITTED}
        given = {slot: value for slot, value in read.items() if isinstance(value, np.ndarray)}
        made = [value for value in found if isinstance(value, np.ndarray)]
        fed = sum(value.nbytes for slot, value in given.items() if slot not in constant)
        stored = sum(value.nbytes for slot, value in given.items() if slot in constant)
        thread = threading.get_native_id()
        sizes = fed, stored, sum(value.nbytes for value in made)
        return number, thread, begin, end, [*map(_seen, given.values())], [*map(_seen, made)], *sizes

    def fast(self, X: Any) -> Any:
        return None

    def explain(self) -> list[str]:
        return [step.node.label for step in self._part.steps]


def _seen(array: Array) -> Seen:
    return int(dtype_of(array)), list(array.shape)


class _Kernel:
    """One node, callable with its input values and captured values."""

    def __init__(self, step: Step) -> None:
        self._node = step.node
        self._names = tuple(dict.fromkeys([*filter(None, step.node.inputs), *(name for name, _ in step.captured)]))
        self._opsets = opsets_of(step.node)
        self._outputs = [name for name in step.node.outputs if name]
        self._alike = _alike(step.node)
        self._lock = threading.Lock()
        self._by_types: dict[tuple[Type | None, ...], Any] = {}
        self._evaluator = None
        if not _follows_from_types(step.node):
            try:
                self._evaluator = self._prepare(())
            except Exception as error:
                raise Fail(f"{step.node.label}: onnx.reference cannot prepare it: {_text(error)}") from error

    def _prepare(self, types: tuple[Type | None, ...]) -> Any:
        from onnx.reference import ReferenceEvaluator

        from sklort.providers.reference_loop import Loop
        from sklort.providers.reference_random import RANDOM

        model = node_model(self._node, self._opsets, self._names)
        for value, kind in zip(model.graph.input, types):
            if kind is not None:
                value.type.CopyFrom(type_proto(kind))
        return ReferenceEvaluator(model, new_ops=[Loop, *RANDOM])

    def _for(self, feed: dict[str, Any]) -> Any:
        if self._evaluator is not None:
            return self._evaluator
        types = tuple(_type_of(feed.get(name)) for name in self._names)
        with self._lock:
            if types not in self._by_types:
                self._by_types[types] = self._prepare(types)
            return self._by_types[types]

    def __call__(self, inputs: list[Any], captured: dict[str, Any]) -> list[Any]:
        inputs = _promoted(self._alike, _widened(self._node, inputs))
        feed = {name: value for name, value in zip(self._node.inputs, inputs) if name} | captured
        try:
            with np.errstate(all="ignore"):
                found = self._for(feed).run(None, feed)
        except SessionError:
            raise
        except Exception as error:
            shapes = ", ".join(_describe(value) for value in inputs)
            raise Fail(f"{self._node.label}: {_text(error)} (run by onnx.reference with {shapes})") from error
        by_name = dict(zip(self._outputs, found))
        return [by_name.get(name) for name in self._node.outputs]


def _alike(node: Node) -> list[list[int]]:
    """Positions of the inputs that the specification wants of one type, group by group."""
    import onnx

    try:
        formal = onnx.defs.get_schema(node.op_type, node.version, node.domain).inputs
    except onnx.defs.SchemaError:
        return []
    groups: dict[str, list[int]] = {}
    for i in range(len(node.inputs)):
        parameter = formal[min(i, len(formal) - 1)]
        if parameter.is_homogeneous:
            groups.setdefault(parameter.type_str, []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _promoted(groups: list[list[int]], inputs: list[Any]) -> list[Any]:
    """Numbers of several types where the specification wants one, as converters write them: promoted as NumPy does."""
    for group in groups:
        arrays = [inputs[i] for i in group if isinstance(inputs[i], np.ndarray) and inputs[i].dtype.kind in "iuf"]
        if len({array.dtype for array in arrays}) > 1:
            wide = np.result_type(*(array.dtype for array in arrays))
            numbers = [i for i in group if any(inputs[i] is array for array in arrays)]
            inputs = [value.astype(wide) if i in numbers else value for i, value in enumerate(inputs)]
    return inputs


def _widened(node: Node, inputs: list[Any]) -> list[Any]:
    """A forest with double thresholds compares a float X in double; the evaluator would answer in the type of X."""
    splits = node.attributes.get("nodes_splits") or node.attributes.get("nodes_values_as_tensor")
    if node.domain != "ai.onnx.ml" or splits is None or splits.value.dtype != np.float64:
        return inputs
    X = inputs[0]
    return [X.astype(np.float64) if X.dtype == np.float32 else X, *inputs[1:]]


def evaluate(node: Node, inputs: list[Array | None]) -> list[Any]:
    """The outputs of one node, for passes that fold constants."""
    step = Step(node, tuple(range(len(inputs))), tuple(range(len(node.outputs))))
    return _Kernel(step)(inputs, {})


def _is_text(port: Port) -> bool:
    return isinstance(port.type, TensorType) and port.type.dtype is DType.STRING


def _as_text(value: Any) -> Any:
    """Strings of any NumPy kind as an object array of `str`, each read within its width."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "S":
        value = np.char.decode(value, "utf-8")
    texts = np.empty(value.shape, dtype=object)
    texts[...] = value.astype(object)
    flat = texts.reshape(-1)
    flat[:] = [str(text) for text in flat]
    return flat.reshape(value.shape)


def _type_of(value: Any) -> Type | None:
    if isinstance(value, np.ndarray):
        return TensorType(dtype_of(value), (None,) * value.ndim)
    if isinstance(value, list) and value:
        element = _type_of(value[0])
        return SequenceType(element) if element else None
    return None


def _describe(value: Any) -> str:
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__


def _text(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _fresh(value: Any) -> Any:
    """A result that shares memory with no input, constant or other result."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "U":
            return value.astype(object)
        return np.array(value, order="C", copy=True)
    if isinstance(value, list):
        return [_fresh(entry) for entry in value]
    if value is not None and np.isscalar(value):
        return np.asarray(value)
    return value
