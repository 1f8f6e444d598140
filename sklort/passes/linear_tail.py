"""What follows the scores of a linear model: links and labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklort.graph.ir import Array, Node
from sklort.graph.types import DType
from sklort.passes.columns import ML
from sklort.passes.linear import Linear, private_reader, row_of
from sklort.passes.rule import Facts


def with_tail(found: Linear, facts: Facts) -> Linear:
    """With the links and labels that are computed from the scores."""
    scores = found.scores
    for reader in facts.readers.get(scores, []):
        if found.linked or reader.domain:
            continue
        if reader.op_type == "Softmax" and _along_columns(reader, -1 if reader.version >= 13 else 1):
            found = replace(found, link="SOFTMAX", linked=reader.outputs[0], consumed=(*found.consumed, reader))
        elif reader.op_type == "Sigmoid":
            found = _with_sigmoid(found, reader, facts)
    for reader in facts.readers.get(scores, []):
        if found.label or reader.domain:
            continue
        if reader.op_type == "ArgMax" and found.weights.shape[1] > 1:
            found = _with_best(found, reader, facts)
        elif reader.op_type == "Reshape" and found.weights.shape[1] == 1:
            found = _with_positive(found, reader, facts)
    if found.linked and not found.label:
        found = _with_best_of_linked(found, facts)
    inside = {id(each) for each in found.consumed}
    read = any(id(each) not in inside for each in facts.readers.get(scores, []))
    needed = read or scores in facts.outputs or scores in facts.captured
    return found if needed else replace(found, scores="")


def _along_columns(node: Node, otherwise: int) -> bool:
    axis = node.attributes.get("axis")
    return (otherwise if axis is None else axis.value) in (1, -1)


def _with_sigmoid(found: Linear, sigmoid: Node, facts: Facts) -> Linear:
    """Its values, or with those of 1 - p beside them."""
    (name,) = sigmoid.outputs
    readers = facts.readers.get(name, [])
    plain = replace(found, link="LOGISTIC", linked=name, consumed=(*found.consumed, sigmoid))
    if found.weights.shape[1] != 1 or len(readers) != 2 or name in facts.outputs or name in facts.captured:
        return plain
    rest = next((each for each in readers if each.op_type == "Sub" and not each.domain), None)
    both = next((each for each in readers if each.op_type == "Concat" and not each.domain), None)
    if rest is None or both is None or not _along_columns(both, 0) or rest.inputs[1] != name:
        return plain
    one = row_of(facts.graph.constants.get(rest.inputs[0]), 1, found.weights.dtype)
    if one is None or one[0] != 1 or both.inputs != (rest.outputs[0], name):
        return plain
    if private_reader(rest.outputs[0], facts) is not both:
        return plain
    return replace(found, link="SHARE", linked=both.outputs[0], consumed=(*found.consumed, sigmoid, rest, both))


def _with_best(found: Linear, best: Node, facts: Facts) -> Linear:
    last = best.attributes.get("select_last_index")
    if not _along_columns(best, 0) or (last is not None and last.value):
        return found
    keep = best.attributes.get("keepdims")
    kept = keep is None or bool(keep.value)
    (name,) = best.outputs
    if not kept:
        labelled = _gathered(found, name, facts)
        if labelled is not None:
            return replace(labelled, nan_wins=True, consumed=(*labelled.consumed, best))
        return replace(found, nan_wins=True, label=name, consumed=(*found.consumed, best))
    chain = _extracted(found, name, facts)
    return found if chain is None else replace(chain, nan_wins=True, consumed=(*chain.consumed, best))


def _with_best_of_linked(found: Linear, facts: Facts) -> Linear:
    """ArgMax of the probabilities."""
    if found.weights.shape[1] == 1 and found.link != "SHARE":
        return found
    for reader in facts.readers.get(found.linked, []):
        if reader.op_type == "ArgMax" and not reader.domain:
            labelled = _with_best(found, reader, facts)
            return labelled if labelled is found else replace(labelled, best_of_linked=True)
    return found


def _labels(constant: Array | None, count: int) -> Array | None:
    if constant is None or constant.ndim != 1 or constant.size != count:
        return None
    return constant if constant.dtype in (np.dtype(np.int64), np.dtype(object)) else None


def _gathered(found: Linear, index: str, facts: Facts) -> Linear | None:
    """Gather(classes, index)."""
    reader = private_reader(index, facts)
    if reader is None or reader.op_type != "Gather" or reader.domain or reader.inputs[1] != index:
        return None
    axis = reader.attributes.get("axis")
    classes = _labels(facts.graph.constants.get(reader.inputs[0]), max(found.weights.shape[1], 2))
    if classes is None or (axis is not None and axis.value not in (0, -1)):
        return None
    return replace(found, classes=classes, label=reader.outputs[0], consumed=(*found.consumed, reader))


def _extracted(found: Linear, index: str, facts: Facts) -> Linear | None:
    """ArrayFeatureExtractor(classes, index) with index (n, 1), as one row, cast if need be and reshaped."""
    node = private_reader(index, facts)
    if node is None or (node.domain, node.op_type) != (ML, "ArrayFeatureExtractor") or node.inputs[1] != index:
        return None
    values = facts.graph.constants.get(node.inputs[0])
    if values is None or values.shape != (max(found.weights.shape[1], 2),) or values.dtype.kind not in "iO":
        return None
    consumed, flat = [*found.consumed, node], False
    while True:
        name = node.outputs[0]
        if flat and values.dtype in (np.dtype(np.int64), np.dtype(object)):
            return replace(found, classes=values, label=name, consumed=tuple(consumed))
        reader = private_reader(name, facts)
        if reader is None or reader.domain:
            return None
        if reader.op_type == "Cast" and values.dtype != object:
            to = reader.attributes["to"].value
            if to not in (DType.INT64, DType.INT32, DType.FLOAT, DType.DOUBLE):
                return None
            cast = values.astype(DType(to).numpy)
            if (cast != values).any():
                return None
            values = cast
        elif reader.op_type == "Reshape" and _constant_list(reader.inputs[1], facts) == [-1]:
            flat = True
        else:
            return None
        consumed.append(reader)
        node = reader


def _constant_list(name: str, facts: Facts) -> list[Any] | None:
    constant = facts.graph.constants.get(name)
    return None if constant is None else list(constant.reshape(-1).tolist())


def _with_positive(found: Linear, flat: Node, facts: Facts) -> Linear:
    """Gather(classes, Cast(Greater(Reshape(scores, [-1]), 0)))."""
    if len(flat.inputs) < 2 or _constant_list(flat.inputs[1], facts) != [-1]:
        return found
    (name,) = flat.outputs
    readers = facts.readers.get(name, [])
    above = next((each for each in readers if each.op_type == "Greater" and each.inputs[0] == name), None)
    if above is None or above.domain or above.version < 7:
        return found
    bound = row_of(facts.graph.constants.get(above.inputs[1]), 1, found.weights.dtype)
    cast = private_reader(above.outputs[0], facts)
    if bound is None or bound[0] != 0 or np.ndim(facts.graph.constants[above.inputs[1]]) > 1:
        return found
    if cast is None or cast.op_type != "Cast" or cast.domain or cast.attributes["to"].value != DType.INT64:
        return found
    consumed = (*found.consumed, above, cast)
    if len(readers) == 1 and name not in facts.outputs and name not in facts.captured:
        consumed = (*consumed, flat)
    labelled = _gathered(found, cast.outputs[0], facts)
    if labelled is not None:
        return replace(labelled, consumed=(*labelled.consumed, *consumed[len(found.consumed) :]))
    return replace(found, label=cast.outputs[0], consumed=consumed)
