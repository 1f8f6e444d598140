"""``Sum(f1(leaf1(X)), f2(leaf2(X)), ...)`` becomes one forest whose leaves hold the results of the f.

skl2onnx writes an IsolationForest tree by tree: a TreeEnsembleRegressor gives the number of the leaf, two LabelEncoders
the depth and the samples of that leaf, and twenty small nodes the path length that a sample should expect in it; a Sum
adds the trees. All of it behind a tree is a function f of its leaf, computed row by row from constants. So f is
evaluated here, once for each leaf, and its results become the leaf values of one TreeEnsembleRegressor with all trees.
A Gather of columns in front of a tree becomes other feature numbers.

The same leaf, always: thresholds, modes and the ways of NaN are copied as they are, and X is read as before.

Not bitwise, closer. A leaf's value is computed by the graph's own operators in the graph's own types, but for Log and
Exp, which are taken in double and rounded to that type: the nearest that any kernel can come. What was a sum of floats,
rounded at every tree, is a sum in double, in the order of the trees, rounded once. Nothing is fused above another tree:
not even one unit may move a value across a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from sklort.exceptions import SklortError, text_of
from sklort.graph.ir import Array, Attribute, AttributeKind, Node
from sklort.graph.types import DType
from sklort.passes.rule import Edit, Facts, Found, Rule

_ML = "ai.onnx.ml"
_ROW_BY_ROW = frozenset(
    (
        *("Abs", "Add", "And", "Cast", "Ceil", "Div", "Equal", "Exp", "Floor", "Greater", "GreaterOrEqual", "Identity"),
        *("Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Reciprocal", "Reshape", "Sqrt"),
        *("Sub", "Where", "Xor"),
    )
)
"""Standard operators whose rows depend on the same rows of their inputs; Reshape, to one column, is looked at again."""
_LEAST_VERSION = 9
"""From which all of them broadcast as NumPy does."""
_WIDENED = frozenset(("Log", "Exp"))
_CASTS = frozenset((DType.FLOAT, DType.DOUBLE, DType.INT32, DType.INT64, DType.BOOL))
_SEVERAL = "several trees"


@dataclass(frozen=True)
class _Term:
    """One input of the sum: f, as nodes in an order in which they can run, of a tree's output."""

    name: str
    tree: Node
    nodes: tuple[Node, ...]


def _match(node: Node, facts: Facts) -> Found | None:
    if node.op_type not in ("Sum", "Add") or node.domain or not node.inputs:
        return None
    origins = _origins(facts)
    trees = [origins.get(name) for name in node.inputs]
    if not all(isinstance(tree, Node) for tree in trees):
        return None
    if node.op_type == "Add" and trees[0] is trees[1]:
        return None  # a step of an f
    terms: dict[str, _Term] = {}
    for name, tree in zip(node.inputs, trees):
        if isinstance(tree, Node) and name not in terms:
            terms[name] = _Term(name, tree, _between(tree, name, facts))
    facts.memo[id(node)] = [terms[name] for name in node.inputs]
    every = chain.from_iterable((term.tree, *term.nodes) for term in terms.values())
    return (node, *{id(each): each for each in every}.values())


def _origins(facts: Facts) -> dict[str, Node | str]:
    """For the values that are computed from the outputs of regressors: the tree, or that there are several."""
    known: dict[str, Node | str] | None = facts.memo.get(_SEVERAL)
    if known is not None:
        return known
    origins: dict[str, Node | str] = {}
    for node in facts.graph.nodes:
        if node.op_type == "TreeEnsembleRegressor" and node.domain == _ML:
            origins[node.outputs[0]] = node
            continue
        found = [origins[name] for name in node.reads if name in origins]
        if found:
            alone = all(each is found[0] for each in found)
            origins.update((name, found[0] if alone else _SEVERAL) for name in node.outputs if name)
    facts.memo[_SEVERAL] = origins
    return origins


def _between(tree: Node, name: str, facts: Facts) -> tuple[Node, ...]:
    """The nodes from a tree to a value computed from it, each after those whose results it reads."""
    origins = _origins(facts)
    ordered: dict[int, Node] = {}
    stack = [(name, False)]
    while stack:
        current, entered = stack.pop()
        node = facts.maker[current]
        if node is tree or id(node) in ordered:
            continue
        if entered:
            ordered[id(node)] = node
            continue
        stack.append((current, True))
        stack.extend((read, False) for read in reversed(node.reads) if read in origins)
    return tuple(ordered.values())


def _unless(found: Found, facts: Facts) -> str | None:
    total = found[0]
    terms: list[_Term] = facts.memo[id(total)]
    inside = {id(node) for node in found}
    for node in found[1:]:
        reason = _tree_reason(node, facts) if _is_tree(node) else _step_reason(node, facts)
        if reason is not None:
            return reason
        for name in node.outputs:
            if name in facts.outputs:
                return f"{name!r} is a graph output"
            reader = next((each for each in facts.readers.get(name, []) if id(each) not in inside), None)
            if reader is not None:
                return f"{name!r} is read by {reader.label}, too"
    sources = list(dict.fromkeys(_columns(term.tree, facts)[0] for term in terms))
    if len(sources) > 1:
        return f"its trees read {sources[0]!r} and {sources[1]!r}"
    below = facts.tree_below(total)
    if below is not None:
        return f"{below.label} compares what is computed from it"
    if facts.evaluate is None:
        return "nothing here can evaluate what follows a leaf"
    try:
        values = _leaf_values(terms, facts)
    except SklortError as error:
        return f"what follows a leaf cannot be evaluated: {text_of(error)}"
    except _Uncertain as error:
        return str(error)
    wrong = next((value for value in values if value.dtype != np.float32), None)
    if wrong is not None:
        return f"its terms are {wrong.dtype}, not float: a TreeEnsembleRegressor gives float"
    facts.memo["values", id(total)] = values
    return None


def _is_tree(node: Node) -> bool:
    return node.op_type == "TreeEnsembleRegressor"


def _tree_reason(tree: Node, facts: Facts) -> str | None:
    """Why the output of a regressor may be anything but the value of one leaf."""
    plain = {name: attribute.value for name, attribute in tree.attributes.items()}
    if plain.get("n_targets", 1) != 1:
        return f"{tree.label} has {plain['n_targets']} targets"
    if plain.get("post_transform", "NONE") != "NONE":
        return f"{tree.label} has the post_transform {plain['post_transform']}"
    if any(name.startswith("base_values") for name in plain):
        return f"{tree.label} has base_values"
    trees = len(np.unique(plain.get("nodes_treeids", ())))
    if trees != 1:
        return f"{tree.label} has {trees} trees, and gives no single leaf's value"
    leaves = np.sort(plain["nodes_nodeids"][_is_leaf(tree)])
    if not np.array_equal(np.sort(plain.get("target_nodeids", ())), leaves):
        return f"{tree.label} does not have one weight for each leaf"
    columns = _columns(tree, facts)[1]
    used = plain["nodes_featureids"][~_is_leaf(tree)]
    if columns is not None and len(used) and used.max() >= len(columns):
        return f"{tree.label} tests feature {used.max()} of {len(columns)}"
    return None


def _step_reason(node: Node, facts: Facts) -> str | None:
    """Why a node may not be a function of the leaf, row by row."""
    if node.domain == _ML:
        known = node.op_type == "LabelEncoder" and node.version >= 2
    else:
        known = not node.domain and node.op_type in _ROW_BY_ROW and node.version >= _LEAST_VERSION
    if not known:
        return f"{node.label} is not known to work row by row"
    if node.op_type == "Cast" and node.attributes["to"].value not in _CASTS:
        return f"{node.label} casts to what is neither a common number nor bool"
    origins = _origins(facts)
    for position, name in enumerate(node.inputs):
        constant = facts.graph.constants.get(name)
        if node.op_type == "Reshape" and position == 1:
            if constant is None or constant.tolist() != [-1, 1]:
                return f"{node.label} does not shape one column"
        elif name not in origins and constant is None:
            return f"{node.label} reads {name!r}, which is no constant"
        elif constant is not None and (constant.size != 1 or constant.ndim > 2):
            return f"{node.label} reads {name!r}, which is no single number"
    return None


def _columns(tree: Node, facts: Facts) -> tuple[str, Array | None]:
    """What the tree reads, past a choice of columns, and the columns in the tree's order; None for all as they are."""
    name = tree.inputs[0]
    gather = facts.maker.get(name)
    if gather is None or gather.op_type != "Gather" or gather.domain:
        return name, None
    axis = gather.attributes.get("axis")
    columns = facts.graph.constants.get(gather.inputs[1])
    if axis is None or axis.value != 1 or columns is None or columns.ndim != 1 or not len(columns):
        return name, None
    if (columns < 0).any():  # counted from the end of an unknown width
        return name, None
    return gather.inputs[0], columns


class _Uncertain(Exception):
    """A result that may be another where the node runs."""


def _leaf_values(terms: Sequence[_Term], facts: Facts) -> list[Array]:
    """For each term f(leaf), in the order of the tree's weights.

    Terms that differ in their LabelEncoders alone are evaluated together, one under the other: a hundred trees cost
    little more than one.
    """
    alike: dict[Any, list[int]] = {}
    for i, term in enumerate(terms):
        alike.setdefault(_shape_of(term, facts), []).append(i)
    found: dict[int, Array] = {}
    for members in alike.values():
        group = [terms[i] for i in members]
        leaves = [_leaves(term.tree) for term in group]
        cuts = np.cumsum([len(each) for each in leaves])[:-1]
        found.update(zip(members, _evaluated(group, leaves, cuts, facts)))
    return [found[i] for i in range(len(terms))]


def _leaves(tree: Node) -> Array:
    """What the tree gives for each leaf, as a column: its weight added to zero, as float."""
    with np.errstate(over="ignore"):
        return np.add(_numbers(tree, "target_weights"), 0.0).astype(np.float32).reshape(-1, 1)


def _evaluated(group: Sequence[_Term], leaves: Sequence[Array], cuts: Array, facts: Facts) -> list[Array]:
    """The results of terms that are alike, each for its leaves."""
    first = group[0]
    known = {first.tree.outputs[0]: np.concatenate(leaves)}
    for nodes in zip(*(term.nodes for term in group)):
        node = nodes[0]
        inputs = [known[name] if name in known else facts.graph.constants[name] for name in node.inputs]
        if node.op_type == "LabelEncoder":
            parts = np.split(inputs[0], cuts)
            result = np.concatenate([_run(each, [part], facts) for each, part in zip(nodes, parts)])
        else:
            result = _run(node, inputs, facts)
        known[node.outputs[0]] = result
    return [part.reshape(-1) for part in np.split(known[first.name], cuts)]


def _run(node: Node, inputs: list[Array], facts: Facts) -> Array:
    assert facts.evaluate is not None
    dtype = inputs[0].dtype
    if node.op_type in _WIDENED:
        inputs = [array.astype(np.float64) for array in inputs]
    with np.errstate(all="ignore"):
        result = np.asarray(facts.evaluate(node, [*inputs])[0])
    if node.op_type in _WIDENED:
        result = result.astype(dtype)
    whole = result.dtype.kind in "iu"
    if whole and node.op_type == "Div" and not inputs[1].all():
        raise _Uncertain(f"{node.label} divides an integer by zero")
    if whole and node.op_type == "Cast" and not np.array_equal(result, np.trunc(inputs[0])):
        raise _Uncertain(f"{node.label} casts a number that its target type cannot hold")
    return result


def _shape_of(term: _Term, facts: Facts) -> tuple[Any, ...]:
    """What two terms share that compute the same function of what their LabelEncoders give."""
    numbers = {term.tree.outputs[0]: 0}
    steps = []
    for node in term.nodes:
        reads = tuple(numbers[name] if name in numbers else _bits(facts.graph.constants[name]) for name in node.inputs)
        encodes = node.op_type == "LabelEncoder"
        attributes = tuple(
            sorted((key, _kind(each) if encodes else each.value) for key, each in node.attributes.items())
        )
        steps.append((node.op_type, node.version, reads, attributes))
        numbers[node.outputs[0]] = len(numbers)
    return (*steps, numbers[term.name])


def _kind(attribute: Attribute) -> tuple[str, str]:
    return attribute.kind.value, str(getattr(attribute.value, "dtype", ""))


def _bits(constant: Array) -> tuple[str, tuple[int, ...], bytes]:
    return constant.dtype.str, constant.shape, constant.tobytes()


def _is_leaf(tree: Node) -> Array:
    modes = tree.attributes["nodes_modes"].value
    return np.fromiter(map("LEAF".__eq__, modes), dtype=bool, count=len(modes))


def _numbers(tree: Node, name: str) -> Array:
    """The floats of an attribute, or of its double twin: load has seen that one of them is empty."""
    given = [tree.attributes[each].value for each in (name, f"{name}_as_tensor") if each in tree.attributes]
    values: Array = next(each for each in given if each.size).reshape(-1)
    return values


def _make(found: Found, facts: Facts) -> Edit:
    total = found[0]
    terms: list[_Term] = facts.memo[id(total)]
    forest = _forest(terms, facts.memo["values", id(total)], total, facts)
    return Edit(drop=found[1:], swap={id(total): forest})


def _forest(terms: Sequence[_Term], values: Sequence[Array], total: Node, facts: Facts) -> Node:
    """All trees, in the order of the sum, with `values` on their leaves."""
    trees = [term.tree for term in terms]

    def lists(name: str) -> list[Array]:
        return [tree.attributes[name].value for tree in trees]

    def numbered(name: str) -> Array:
        return np.repeat(np.arange(len(trees)), [len(each) for each in lists(name)])

    tracks = "nodes_missing_value_tracks_true"
    sizes = [len(each) for each in lists("nodes_nodeids")]
    empty = Attribute(AttributeKind.INTS, np.zeros(0, np.int64))
    given = [tree.attributes.get(tracks, empty).value for tree in trees]
    ints = {name: np.concatenate(lists(name)) for name in ("nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids")}
    ints["nodes_treeids"] = numbered("nodes_nodeids")
    ints["nodes_featureids"] = np.concatenate([_features(tree, facts) for tree in trees])
    ints[tracks] = np.concatenate([each if len(each) else np.zeros(n, np.int64) for each, n in zip(given, sizes)])
    ints["target_nodeids"] = np.concatenate(lists("target_nodeids"))
    ints["target_treeids"] = numbered("target_nodeids")
    ints["target_ids"] = np.zeros(len(ints["target_nodeids"]), np.int64)
    thresholds = np.concatenate([_numbers(tree, "nodes_values") for tree in trees])
    if thresholds.dtype == np.float32:
        floats = {"nodes_values": Attribute(AttributeKind.FLOATS, thresholds)}
    else:
        floats = {"nodes_values_as_tensor": Attribute(AttributeKind.TENSOR, thresholds)}
    attributes = {
        "n_targets": Attribute(AttributeKind.INT, 1),
        "nodes_modes": Attribute(AttributeKind.STRINGS, tuple(chain.from_iterable(lists("nodes_modes")))),
        "target_weights": Attribute(AttributeKind.FLOATS, np.concatenate(values)),
        **{name: Attribute(AttributeKind.INTS, array) for name, array in ints.items()},
        **floats,
    }
    source = _columns(trees[0], facts)[0]
    return Node("TreeEnsembleRegressor", _ML, trees[0].version, (source,), total.outputs, attributes, total.name)


def _features(tree: Node, facts: Facts) -> Array:
    features: Array = tree.attributes["nodes_featureids"].value
    columns = _columns(tree, facts)[1]
    return features if columns is None else columns.astype(np.int64)[np.where(_is_leaf(tree), 0, features)]


RULE = Rule("fuse_isolation_forest", _match, _unless, _make, bitwise=False, closer=True)
