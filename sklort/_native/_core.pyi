from collections.abc import Sequence


class StopFlag:
    """
    Ends the runs that were given it, when it is set; as a threading.Event.
    """

    def __init__(self) -> None: ...

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def is_set(self) -> bool: ...

class Program:
    """A compiled plan."""

    def fast(self, x: object | None) -> object:
        """
        Run on one C-contiguous ndarray of the declared dtype and shape; None when `x` is anything else.
        """

    def run(self, values: list, stop: StopFlag | None = None, times: object | None = None, into: object | None = None) -> list:
        """
        Run on one value for each input, in order; returns one for each output.

        `stop`: ends the run when it is set. `times`: a list, which is given a tuple for each execution of a step: its number, thread, begin and end in nanoseconds, (element type, shape) of the tensors read and made, and the bytes that were fed, constant and made. `into`: a list of an array or None for each output; an output that comes out with the type and shape of its array is written there, and the array is returned.
        """

    def guarded(self, nan: bool, limit: float) -> Program:
        """
        The same program, whose `fast` returns None for arrays that hold a magnitude above `limit`, or NaN unless `nan`.
        """

    @property
    def block_rows(self) -> int:
        """The rows that run at once; 0 when a batch cannot be cut."""

    def explain(self) -> list[str]:
        """One line for each step."""

class Entrance:
    """The short way into a session, for calls of `run` with plain arrays."""

    def __init__(self, inputs: Sequence[str], equal: Sequence[Sequence[tuple[int, int]]]) -> None:
        """
        Names of the inputs; and groups of (input, axis) whose sizes must be equal.
        """

    def add(self, outputs: tuple, program: object) -> None:
        """Remember the program of some outputs; the first one is of all."""

def method(function: object, attribute: str) -> object:
    """
    `function`, for a class body: calls go through the Entrance in the slot `attribute` of the instance where they can.
    """

class TableReader:
    """Reads data frames of one layout into the inputs of a program."""

    @staticmethod
    def of_pandas(type: type, columns: object, read: Sequence[tuple[int, str, str]], targets: Sequence[tuple[int, Sequence[int], Sequence[bool]]], limit: float) -> TableReader:
        """
        Of pandas: frames with these columns, an Index. `read`: of each column its element type, 0 where it is not read, and what stands for NaN and for None among strings, empty where nothing does. `targets`: for each input its element type, its columns, and which of them must not hold NaN.
        """

    @staticmethod
    def of_arrow(type: type, columns: Sequence[str], read: Sequence[tuple[int, str, str]], targets: Sequence[tuple[int, Sequence[int], Sequence[bool]]], limit: float) -> TableReader:
        """The same of frames with an `__arrow_c_stream__`."""

    def arrays(self, frame: object) -> object:
        """What the inputs would be given; None when the frame is declined."""

def lane(slow: object) -> object:
    """
    `slow` behind a callable that can be given fast ways for some X: add(program, finish, flat, warning, table).
    """

class Prepared:
    """Operators that several programs of one model share."""

    def __init__(self) -> None: ...

class ProgramBuilder:
    """Takes a plan, step by step."""

    def __init__(self, slots: int, prepared: Prepared | None = None) -> None: ...

    def input(self, slot: int, name: str, dtype: int, shape: Sequence[int] | None) -> None: ...

    def constant(self, slot: int, array: object) -> None: ...

    def step(self, label: str, domain: str, op_type: str, version: int, attributes: dict, inputs: Sequence[int], outputs: Sequence[int], release: Sequence[int], key: int = 0, subgraphs: Sequence[tuple[str, Program, Sequence[int]]] = [], names: Sequence[str] = []) -> None:
        """
        `subgraphs`: for each the attribute, its program, and the slots of this one for what it captures. `names` of the inputs, for messages.
        """

    def output(self, slot: int, name: str, dtype: int, shape: Sequence[int] | None = None) -> None: ...

    def build(self, threads: int = 0) -> Program: ...

def operators() -> list:
    """Domain, operator, first and last opset version of each native kernel."""

def refuses(domain: str, op_type: str, version: int, attributes: dict) -> str | None:
    """Why there is no native kernel for such a node; None when there is one."""

def isa() -> str:
    """The instruction set the hot loops use."""

def isas() -> list[str]:
    """The instruction sets this machine has, best first."""

def choose_isa(name: str) -> None:
    """Use another instruction set; '' chooses the best."""

def forest_arrays(op_type: str, version: int, attributes: dict, doubles: bool) -> dict:
    """
    The forest of a node as arrays, packed as common/tree.h says or, where `refuses` is not empty, branch by branch.
    """

def check_forest_engine(name: str) -> None:
    """Raise InvalidArgument unless a forest engine has this name."""

def begin_tuning() -> None:
    """From now on forests that are run measure their engines on their rows."""

def end_tuning() -> None:
    """Ends what begin_tuning began."""

def give_memory_back() -> None:
    """Return freed memory to the system, where the C library has a way."""

def thread_limit() -> int:
    """How many threads a program may use."""

def set_thread_limit(threads: int) -> None:
    """Change that for the process; 0 restores the default."""
