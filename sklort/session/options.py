"""Options of a session, named as onnxruntime names them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from enum import IntEnum
from typing import Any

import numpy as np

from sklort.exceptions import Fail
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import Array
from sklort.graph.overrides import Overrides
from sklort.session.fields import Field, Options, flag, integer, member, path, text


class GraphOptimizationLevel(IntEnum):
    """How far the graph is rewritten.

    ORT_DISABLE_ALL: outputs that nobody asked for are left out, and that is all. ORT_ENABLE_BASIC: nodes that change
    nothing go, equal nodes are merged, constants are computed. From ORT_ENABLE_EXTENDED on: nodes are fused.
    """

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(IntEnum):
    """Accepted: rows and nodes are spread over threads in either mode."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(IntEnum):
    """Accepted: memory is reused in any order."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


class SessionOptions(Options):
    """Options of an `InferenceSession`, which copies them when it is made.

    Attributes
    ----------
    graph_optimization_level : GraphOptimizationLevel
        As all enumerations here also settable by number.
    intra_op_num_threads : int
        Threads for one run; 0 or less lets the process-wide limit decide.
    use_per_session_threads : bool
        Without it `intra_op_num_threads` does not count. Threads belong to the process in either case.
    enable_profiling, profile_file_prefix : bool, str
        See `sklort.session.profiling`.
    optimized_model_filepath : str
        Where the graph is saved after the passes that make standard operators; empty for nowhere.
    log_severity_level, log_verbosity_level, logid : int, int, str
        What is said to the logger "sklort" of Python's logging, see `sklort.session.logs`; -1 for the default.
    use_deterministic_compute : bool
        Accepted: results never depend on threads or batches.
    execution_mode, execution_order, inter_op_num_threads, enable_mem_pattern, enable_mem_reuse, enable_cpu_mem_arena
        Accepted, without effect: memory is always kept for the next run, and reused within one.
    """

    __slots__ = ("_overrides",)

    graph_optimization_level = Field(GraphOptimizationLevel.ORT_ENABLE_ALL, member(GraphOptimizationLevel))
    execution_mode = Field(ExecutionMode.ORT_SEQUENTIAL, member(ExecutionMode))
    execution_order = Field(ExecutionOrder.DEFAULT, member(ExecutionOrder))
    intra_op_num_threads = Field(0, integer)
    inter_op_num_threads = Field(0, integer)
    use_per_session_threads = Field(True, flag)
    enable_profiling = Field(False, flag)
    profile_file_prefix = Field("onnxruntime_profile_", path)
    optimized_model_filepath = Field("", path)
    enable_mem_pattern = Field(True, flag)
    enable_mem_reuse = Field(True, flag)
    enable_cpu_mem_arena = Field(True, flag)
    log_severity_level = Field(-1, integer)
    log_verbosity_level = Field(0, integer)
    logid = Field("", text)
    use_deterministic_compute = Field(False, flag)

    def __init__(self) -> None:
        super().__init__()
        self._overrides = Overrides()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_overrides": self._overrides.copy()}

    @property
    def threads(self) -> int:
        """Threads for one run; 0 lets the process-wide limit decide."""
        return max(self.intra_op_num_threads, 0) if self.use_per_session_threads else 0

    def without_files(self) -> SessionOptions:
        """A copy for a model that is changed already, which saves no model again."""
        other = copy(self)
        other._overrides = Overrides()
        other.optimized_model_filepath = ""
        return other

    @property
    def overrides(self) -> Overrides:
        """What is changed in a model while it is loaded."""
        return self._overrides

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Keep an entry; the last one of a key counts. Unknown keys are kept, too.

        ``session.record_ep_graph_assignment_info`` = ``1`` lets a session answer `get_provider_graph_assignment_info`.
        ``sklort.strict_strings`` = ``1`` refuses what is no str among strings; without it None, NaN, bytes and numbers
        become their text, as in onnxruntime.
        """
        self._add_entry(key, value)

    def get_session_config_entry(self, key: str) -> str:
        """The entry of a key.

        Raises
        ------
        InvalidUse
            There is none.
        """
        return self._get_entry(key)

    def has_entry(self, key: str, value: str) -> bool:
        """Whether a key has this entry."""
        return self._entries.get(key) == value

    def check_format(self) -> None:
        """Refuse a format of models other than ONNX.

        Raises
        ------
        Fail
        """
        if self.has_entry("session.load_model_format", "ORT"):
            raise Fail(
                "the entry 'session.load_model_format' is 'ORT': the private format of onnxruntime is not supported; "
                "give the ONNX model that it was made from"
            )

    def add_free_dimension_override_by_name(self, name: str, size: int) -> None:
        """Fix the sizes that the model calls `name`, here and in what `get_inputs` says. Unknown names are ignored."""
        self._overrides.sizes[text(name)] = _size(size)

    def add_free_dimension_override_by_denotation(self, denotation: str, size: int) -> None:
        """Fix the sizes that have this denotation (``DATA_BATCH``, for example). Unknown ones are ignored."""
        self._overrides.denotations[text(denotation)] = _size(size)

    def add_initializer(self, name: str, value: Any) -> None:
        """Use a value, an OrtValue or an array, in place of the constant `name` of the model.

        Raises
        ------
        TypeError
            It is neither.
        """
        self._overrides.constants[text(name)] = _array(value)

    def add_external_initializers(self, names: Sequence[str], values: Sequence[Any]) -> None:
        """Use values in place of constants whose data lie in files of their own: the files are not read."""
        if isinstance(names, str) or len(names) != len(values):
            raise TypeError(f"expected as many values as names, got {len(values)} and {len(names)}")
        self._overrides.external.update({text(name): _array(value) for name, value in zip(names, values)})

    def register_custom_ops_library(self, path: str) -> None:
        """Raise: libraries of operators are compiled against onnxruntime, and of no use without it.

        Raises
        ------
        Fail
            There is no such file.
        NotImplemented
            There is one.
        """
        if not os.path.exists(path):
            raise Fail(f"no library of operators at {os.fspath(path)!r}")
        raise NotImplementedHere(
            f"{os.fspath(path)!r}: libraries of custom operators call into onnxruntime and cannot be loaded here; "
            f"write the operator as a function of standard ones (onnx.helper.make_function)"
        )

    def has_providers(self) -> bool:
        """False: providers are given to the session."""
        return False


def _size(value: Any) -> int:
    try:
        return integer(value)
    except TypeError as error:
        raise TypeError(f"the size {error}") from None


def _array(value: Any) -> Array:
    """What an OrtValue holds, or the array itself; the caller may change it before a session is made."""
    if isinstance(value, np.ndarray):
        return value
    numpy = getattr(value, "numpy", None)
    if not callable(numpy):
        raise TypeError(f"expected an OrtValue or a NumPy array, got {type(value).__name__}")
    return np.asarray(numpy())
