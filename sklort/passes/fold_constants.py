"""A node whose inputs are all constants becomes constants.

Only operators whose result is exact or correctly rounded everywhere: a constant folded here must equal what the node
would have given where it runs.
"""

from __future__ import annotations

import numpy as np

from sklort.exceptions import SklortError, text_of
from sklort.graph.ir import Array, Node
from sklort.graph.types import DType, dtype_of
from sklort.passes.random_operators import RANDOM
from sklort.passes.rule import Edit, Facts, Found, Rule

EXACT = frozenset(
    (
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "GatherElements"),
        *("GatherND", "Expand", "Tile", "Concat", "Split", "Shape", "Size", "ConstantOfShape", "Range", "Where"),
        *("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Floor", "Ceil", "Not", "And", "Or", "Xor"),
        *("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "IsNaN", "EyeLike", "Cast"),
    )
)
LIMIT = 1 << 20
"""Elements of a folded result that is larger than what it is made from."""


def _match(node: Node, facts: Facts) -> Found | None:
    if node.domain or node.subgraphs or not node.outputs:
        return None
    constants = facts.graph.constants
    return (node,) if all(name in constants for name in node.inputs if name) else None


def _unless(found: Found, facts: Facts) -> str | None:
    (node,) = found
    constants = facts.graph.constants
    if node.op_type in RANDOM:
        return f"{node.op_type} draws anew each time"
    if node.op_type not in EXACT:
        return f"{node.op_type} may round differently where it runs"
    if facts.evaluate is None:
        return "nothing here can evaluate it"
    inputs = [constants[name] for name in node.inputs if name]
    if node.op_type == "Cast":
        to = node.attributes["to"].value
        if not isinstance(to, int):
            return "its target type is spelled as before opset 6"
        if DType.STRING in (dtype_of(inputs[0]), to):
            return "text and numbers turn into each other where the node runs"
        if to not in (1, 10, 11) and inputs[0].dtype.kind == "f" and not _castable(inputs[0], DType(to)):
            return "a value lies outside the type it is cast to"
    if node.op_type == "Div" and any(array.dtype.kind in "iu" and not array.all() for array in inputs[1:]):
        return "it divides an integer by zero"
    if node.op_type in ("ConstantOfShape", "Expand", "Tile", "Range", "EyeLike") and _size(node, inputs) > LIMIT:
        return f"the result has more than {LIMIT} elements"
    try:
        facts.memo[id(node)] = facts.evaluate(node, [constants[name] if name else None for name in node.inputs])
    except SklortError as error:
        return f"it cannot be evaluated: {text_of(error)}"
    return None


def _castable(array: Array, dtype: DType) -> bool:
    if dtype.numpy.kind not in "iu":
        return True
    limits = np.iinfo(dtype.numpy)
    return bool(
        np.isfinite(array).all() and (array > float(limits.min) - 1).all() and (array < float(limits.max)).all()
    )


def _size(node: Node, inputs: list[Array]) -> int:
    """The number of elements that an operator which can grow its input will make, at most."""
    match node.op_type:
        case "ConstantOfShape":
            return int(np.prod(inputs[0].astype(np.float64)))
        case "Range":
            start, stop, step = (float(array) for array in inputs)
            return int(abs((stop - start) / step)) if step else LIMIT + 1
        case "EyeLike":
            return inputs[0].size
        case _:
            return int(max(inputs[0].size, 1) * np.prod(inputs[-1].astype(np.float64)))


def _make(found: Found, facts: Facts) -> Edit:
    (node,) = found
    made = {name: np.asarray(array) for name, array in zip(node.outputs, facts.memo[id(node)]) if name}
    return Edit(drop=(node,), constants=made)


RULE = Rule("fold_constants", _match, _unless, _make)
