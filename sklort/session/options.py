"""Options of a session, named as onnxruntime names them."""

from __future__ import annotations

from enum import IntEnum


class GraphOptimizationLevel(IntEnum):
    """How far the graph is rewritten. Levels above ORT_DISABLE_ALL run the passes that keep results to the bit."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class SessionOptions:
    """Options of an `InferenceSession`, read when it is made.

    Attributes
    ----------
    intra_op_num_threads : int
        Threads for one run; 0 lets the process-wide limit decide.
    graph_optimization_level : GraphOptimizationLevel
        Also settable as an int.
    """

    def __init__(self) -> None:
        self._threads = 0
        self._level = GraphOptimizationLevel.ORT_ENABLE_ALL

    @property
    def intra_op_num_threads(self) -> int:
        return self._threads

    @intra_op_num_threads.setter
    def intra_op_num_threads(self, threads: int) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int):
            raise TypeError(f"intra_op_num_threads must be an int, got {type(threads).__name__}")
        self._threads = max(threads, 0)

    @property
    def graph_optimization_level(self) -> GraphOptimizationLevel:
        return self._level

    @graph_optimization_level.setter
    def graph_optimization_level(self, level: int) -> None:
        self._level = GraphOptimizationLevel(level)
