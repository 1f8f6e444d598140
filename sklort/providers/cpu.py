"""The native CPU provider: a part becomes one native program, run in one call."""

from __future__ import annotations

import copyreg
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np

from sklort.graph.ir import AttributeKind, Node
from sklort.graph.types import DType, TensorType
from sklort.providers.part import Part, Port, Runner, Stop

_VALUES = frozenset(
    (
        AttributeKind.INT,
        AttributeKind.FLOAT,
        AttributeKind.STRING,
        AttributeKind.INTS,
        AttributeKind.FLOATS,
        AttributeKind.STRINGS,
        AttributeKind.TENSOR,
    )
)

_CONTROL_FLOW = frozenset(("If", "Loop", "Scan", "SequenceMap"))
"""Operators whose kernels run graphs."""

_FOREIGN = frozenset(dtype for dtype in DType if dtype > DType.BFLOAT16)
"""Element types narrower than a byte or rarer than bfloat16: native values do not have them."""


_FORESTS = frozenset(("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"))

FOREST_ENGINES = ("interleaved-walk", "gather-walk", "quickscorer", "compare-all")
"""What the option `forest_engine` may be, beside "auto"."""

F = TypeVar("F", bound=Callable[..., Any])


def _core() -> Any:
    from sklort._native import _core

    return _core


def entered_by(attribute: str) -> Callable[[F], F]:
    """Decorate a method: calls of it go through the native `entrance` in that slot of the instance where they can.

    The method itself is for every other call, and for introspection. Without the native module it is all there is.
    """

    def decorate(function: F) -> F:
        try:
            return cast(F, _core().method(function, attribute))
        except ImportError:
            return function

    return decorate


def make_entrance(inputs: Sequence[str], equal: Sequence[Sequence[tuple[int, int]]]) -> Any:
    """The short way into a session with these inputs, or None without the native module.

    Parameters
    ----------
    inputs : sequence of str
    equal : sequence
        Groups of (input, axis) whose sizes must be equal.
    """
    try:
        return _core().Entrance(list(inputs), [list(places) for places in equal])
    except ImportError:
        return None


def make_lane(slow: Callable[[Any], Any]) -> Any:
    """`slow` behind a native callable that can be given fast ways around it, or None without the native module."""
    try:
        lane = _core().lane(slow)
    except ImportError:
        return None
    copyreg.pickle(type(lane), _pickled_as_wrapped)
    return lane


def _pickled_as_wrapped(lane: Any) -> Any:
    return lane.__wrapped__.__reduce__()


def make_table_reader(
    kind: type,
    columns: Any,
    read: Sequence[tuple[int, str, str]],
    targets: Sequence[tuple[int, Sequence[int], Sequence[bool]]],
    limit: float,
) -> Any:
    """What reads frames of one layout into the inputs of a program, or None without the native module.

    Parameters
    ----------
    kind : type
        Of the frames: pandas', or one with ``__arrow_c_stream__``.
    columns : pandas.Index or list of str
    read : sequence of (int, str, str)
        For each column its element type in ONNX's numbers, 0 where it is not read; and among strings the words for NaN
        and for None, empty where a frame that holds them is declined.
    targets : sequence of (int, sequence of int, sequence of bool)
        For each input its element type, its columns, and which of them must not hold NaN.
    limit : float
        The largest magnitude that is read.
    """
    try:
        reader = _core().TableReader
    except ImportError:
        return None
    make = reader.of_arrow if hasattr(kind, "__arrow_c_stream__") and isinstance(columns, list) else reader.of_pandas
    return make(kind, columns, list(read), [(one, list(two), list(three)) for one, two, three in targets], limit)


def make_stop() -> Stop:
    """What ends the runs it is given to, when it is set."""
    try:
        return cast(Stop, _core().StopFlag())
    except ImportError:
        return threading.Event()


def is_program(runner: Any) -> bool:
    """Whether a plan runs as one native program, and nothing else."""
    return type(runner).__module__ == "sklort._native._core"


def give_memory_back() -> None:
    """Return freed memory to the system: what loading a large model took, a C library may keep for later."""
    with suppress(ImportError):
        _core().give_memory_back()


def forest_arrays(node: Node, doubles: bool) -> dict[str, Any]:
    """The forest of a node, packed for rows of float or of double, as arrays: for providers beside this one."""
    return cast("dict[str, Any]", _core().forest_arrays(node.op_type, node.version, _attributes(node), doubles))


def limit_threads(threads: int) -> None:
    """How many threads a run may use where its session does not say; 0 for the default."""
    with suppress(ImportError):
        _core().set_thread_limit(threads)


def thread_limit() -> int:
    """How many threads a run may use where its session does not say."""
    try:
        return cast(int, _core().thread_limit())
    except ImportError:
        return 1


def machine() -> str:
    """What the native module found: its instruction set and threads."""
    try:
        return f"native module: {_core().isa()}, {_core().thread_limit()} threads"
    except ImportError:
        return "without its native module"


def kernels() -> list[tuple[str, str, int, int]]:
    """Domain, operator, first and last version of every native kernel; none without the native module."""
    try:
        return sorted(_core().operators())
    except ImportError:
        return []


@contextmanager
def tuning() -> Iterator[None]:
    """Within it every forest that is run measures its engines on its rows, and keeps the fastest for such batches."""
    _core().begin_tuning()
    try:
        yield
    finally:
        _core().end_tuning()


class CpuProvider:
    """See the module.

    Parameters
    ----------
    threads : int
        For one run; 0 lets the process-wide limit decide.
    forest_engine : {"auto", "interleaved-walk", "gather-walk", "quickscorer", "compare-all"}
        How ensembles of trees are evaluated, where the engine takes the ensemble. The answers are the same, to the bit.

    Raises
    ------
    InvalidArgument
        There is no such engine.
    """

    name = "CPUExecutionProvider"

    def __init__(self, threads: int = 0, forest_engine: str = "auto") -> None:
        self._threads = threads
        self._engine = {} if forest_engine == "auto" else {"sklort_engine": forest_engine}
        self._claims: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._absent: str | None = None
        try:
            operators = _core().operators()
            self._prepared = _core().Prepared()
            self._keyed: dict[int, object] = {}
        except ImportError as error:
            self._absent = f"the native module is not built ({error}); install sklort with a C++20 compiler at hand"
            return
        _core().check_forest_engine(forest_engine)
        for domain, op_type, first, last in operators:
            self._claims.setdefault((domain, op_type), []).append((first, last))

    def unavailable(self) -> str | None:
        return self._absent

    @property
    def operators(self) -> frozenset[tuple[str, str]]:
        """Domain and name of what it can run in some version."""
        return frozenset(self._claims)

    def holds(self, dtype: DType) -> bool:
        return dtype not in _FOREIGN

    def refuses(self, node: Node) -> str | None:
        """A sentence for operators, versions and attributes that have no native kernel."""
        if self._absent:
            return self._absent
        claims = self._claims.get((node.domain, node.op_type))
        if claims is None:
            return f"there is no native kernel for {node.op_type}"
        if not any(first <= node.version <= last for first, last in claims):
            known = ", ".join(f"{first} to {last}" for first, last in claims)
            return f"the native kernel knows versions {known}, not {node.version}"
        for name, attribute in node.attributes.items():
            runs = attribute.kind is AttributeKind.GRAPH and node.op_type in _CONTROL_FLOW
            if attribute.kind not in _VALUES and attribute.kind is not AttributeKind.TYPE and not runs:
                return f"the native kernel takes no {attribute.kind.value} attribute ({name})"
        for name, graph in node.named_subgraphs:
            for inner in graph.nodes:
                sentence = self.refuses(inner)
                if sentence:
                    return f"its {name} holds {inner.label}: {sentence}"
        return cast("str | None", _core().refuses(node.domain, node.op_type, node.version, _attributes(node)))

    def _key(self, node: Node) -> int:
        """What prepared operators are found by: the identity of the attributes, which must therefore stay alive."""
        self._keyed[id(node.attributes)] = node.attributes
        return id(node.attributes)

    def compile(self, part: Part) -> Runner:
        """The native program of a part."""
        return cast(Runner, self._program(part))

    def is_by_rows(self, part: Part) -> bool:
        """Whether each row of the outputs depends on that row of the inputs alone: the batch may be cut anywhere.

        Of a Reshape that makes an output it is known only when it runs: where its result has as many rows as the batch,
        each of them holds the elements of that row.
        """
        reads = [frozenset(step.inputs) for step in part.steps]
        last = [
            step
            for i, step in enumerate(part.steps)
            if step.node.op_type == "Reshape" and step.outputs[0] not in frozenset().union(*reads[i + 1 :])
        ]
        if last and len(part.steps) > len(last):
            before = {step.outputs[0]: step.inputs[0] for step in last}
            outputs = tuple(replace(port, slot=before.get(port.slot, port.slot)) for port in part.outputs)
            part = replace(part, steps=tuple(step for step in part.steps if step not in last), outputs=outputs)
        if len(part.steps) == 1:
            node = part.steps[0].node  # of a step alone that cuts its own batch, the program says nothing
            if node.op_type in _FORESTS or node.op_type in ("LinearModel", "LinearClassifier", "LinearRegressor"):
                return True
        return int(self._program(part).block_rows) > 0

    def _program(self, part: Part) -> Any:
        builder = _core().ProgramBuilder(part.slots, self._prepared)
        for port in part.inputs:
            builder.input(port.slot, port.name, _dtype(port), _shape(port))
        for slot, array in part.constants:
            builder.constant(slot, np.ascontiguousarray(array).reshape(array.shape))
        for step in part.steps:
            node = step.node
            builder.step(
                node.label,
                node.domain,
                node.op_type,
                node.version,
                {**_attributes(node), **(self._engine if node.op_type in _FORESTS else {})},
                list(step.inputs),
                list(step.outputs),
                list(step.release),
                0 if step.bodies else self._key(node),
                [(body.name, self._program(body.part), list(body.captured)) for body in step.bodies],
                list(node.inputs),
            )
        for port in part.outputs:
            builder.output(port.slot, port.name, _dtype(port), _shape(port))
        return builder.build(self._threads)


def _attributes(node: Node) -> dict[str, object]:
    """What a kernel reads: graphs become programs, and native values need no types."""
    return {name: attribute.value for name, attribute in node.attributes.items() if attribute.kind in _VALUES}


def _dtype(port: Port) -> int:
    return int(port.type.dtype) if isinstance(port.type, TensorType) else 0


def _shape(port: Port) -> list[int] | None:
    if not isinstance(port.type, TensorType) or port.type.shape is None:
        return None
    return [dim if isinstance(dim, int) else -1 for dim in port.type.shape]
