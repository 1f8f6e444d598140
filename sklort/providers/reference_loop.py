"""Loop for the reference provider: ``onnx.reference`` 1.23 stacks scan outputs along the wrong axis unless they are
vectors, and runs no iteration when the condition is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.ops.op_loop import Loop as OnnxLoop

from sklort.graph.proto import read_type
from sklort.graph.types import TensorType


class Loop(OnnxLoop):
    """Loop as the specification says; found by its name."""

    op_domain = ""
    body: Any
    _run_body: Any

    def _run(
        self,
        M: Any = None,
        cond: Any = None,
        *states: Any,
        context: Any = None,
        body: Any = None,
        attributes: Any = None,
        bindings: Any = None,
    ) -> tuple[Any, ...]:
        names, carried = self.body.input_names, list(states)
        scans: list[list[Any]] = [[] for _ in self.body.output_names[1 + len(states) :]]
        alive, turn = cond is None or bool(cond), 0
        while alive and (M is None or turn < int(M)):
            around = dict(context or {})
            around.update(zip(names, [np.array(turn, dtype=np.int64), np.array(alive), *carried]))
            found = self._run_body(around, attributes=attributes, bindings=bindings)
            alive, carried = bool(found[0]), list(found[1 : 1 + len(states)])
            for scan, value in zip(scans, found[1 + len(states) :]):
                scan.append(value)
            turn += 1
        empties = self.body.output_types[1 + len(states) :]
        return (*carried, *(np.stack(scan) if scan else _empty(kind) for scan, kind in zip(scans, empties)))


def _empty(proto: Any) -> Any:
    """What a scan output is after no iteration at all."""
    kind = read_type(proto, "scan output")
    if not isinstance(kind, TensorType):
        return np.empty(0, dtype=np.float32)
    shape = (dim if isinstance(dim, int) else 0 for dim in kind.shape or ())
    return np.empty((0, *shape), dtype=kind.dtype.numpy)
