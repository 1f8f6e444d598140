"""What the plan hands to a provider, and what it gets back.

A part is a program of its own: values live in numbered slots, constants in theirs, and each step says which slots hold
values that nobody reads afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sklort.graph.ir import Array, Node
from sklort.graph.types import DType, Type

OMITTED = -1
"""The slot of an input or output that is left out."""


@dataclass(frozen=True, eq=False)
class Body:
    """A subgraph of a node as a part of its own, for providers that run it themselves.

    The part's inputs are the graph's own, then the values it captures; these lie in the slots `captured` of the part
    around it. `name` is the attribute.
    """

    name: str
    part: Part
    captured: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One kernel call. `captured` are the values that the node's subgraphs read from outside, by name."""

    node: Node
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    captured: tuple[tuple[str, int], ...] = ()
    release: tuple[int, ...] = ()
    bodies: tuple[Body, ...] = ()


@dataclass(frozen=True)
class Port:
    """A value entering or leaving a part. `type` is what the model declares: a promise for inputs, a request for
    outputs, None where it says nothing."""

    slot: int
    name: str
    type: Type | None


@dataclass(frozen=True, eq=False)
class Part:
    """Nodes that one provider runs together."""

    slots: int
    inputs: tuple[Port, ...]
    constants: tuple[tuple[int, Array], ...]
    steps: tuple[Step, ...]
    outputs: tuple[Port, ...]


class Stop(Protocol):
    """Set by another thread to end a run early, as a `threading.Event`."""

    def is_set(self) -> bool: ...

    def set(self) -> None: ...

    def clear(self) -> None: ...


STOPPED = "the run was ended: 'terminate' is set in its run options"
"""What a run says that was ended so; the native module has the same words."""

Seen = tuple[int, list[int]]
"""Element type (ONNX's number) and shape of a tensor that a step read or made."""

StepTime = tuple[int, int, int, int, list[Seen], list[Seen], int, int, int]
"""One execution of a step: its number, the thread, begin and end in nanoseconds of the monotonic clock, the tensors it
read and made, and how many bytes were fed, constant and made."""


class Runner(Protocol):
    """A compiled part or plan. Safe to call from several threads."""

    def run(
        self,
        values: list[Any],
        stop: Stop | None = None,
        times: list[StepTime] | None = None,
        into: list[Array | None] | None = None,
    ) -> list[Any]:
        """The outputs for these inputs, fresh arrays that share memory with nothing.

        `stop` ends the run, with the error `Fail`, once it is set. `times` is given an entry for every execution of a
        step: one for each block of rows, where the batch is cut into blocks. `into` has an array for each output that
        may be written there: a runner that does so returns that very array, and one that does not returns a fresh one.
        """
        ...

    def fast(self, X: Any) -> Any:
        """The outputs for a single array that needs no conversion at all, or None: call `run` instead."""
        ...

    def explain(self) -> list[str]:
        """One line for each step: its label, and how it runs where there is something to say."""
        ...


class Provider(Protocol):
    """Someone who can run nodes. A refusal is a sentence, None means yes."""

    @property
    def name(self) -> str:
        """The name that users write, e.g. ``CPUExecutionProvider``."""
        ...

    def unavailable(self) -> str | None:
        """Why this provider cannot be used in this process."""
        ...

    def holds(self, dtype: DType) -> bool:
        """Whether its values can have elements of this type."""
        ...

    def refuses(self, node: Node) -> str | None:
        """Why it does not run `node`."""
        ...

    def compile(self, part: Part) -> Runner:
        """Prepare a part, every node of which it did not refuse."""
        ...
