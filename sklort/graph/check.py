"""Is this a legal model? Every rule that the model alone decides, before anything is built from it.

Legality, not taste: what onnxruntime refuses for its own reasons (declared output types that differ from the inferred
ones) passes. `check_graph` is cheap and knows nothing of operators; tests run it after each graph pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterable
from difflib import get_close_matches

import onnx
from onnx.defs import OpSchema, SchemaError

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph
from sklort.graph.check_ml import ML_CHECKS
from sklort.graph.check_trees import TREE_CHECKS
from sklort.graph.check_types import check_types
from sklort.graph.ir import OWN_DOMAIN, AttributeKind, Graph, Model, Node

KNOWN_ELSEWHERE = frozenset(("com.microsoft", name) for name in ("CDist", "Solve", "Tokenizer", "MurmurHash3"))
"""Operators beyond ONNX that skl2onnx writes."""

OPERATOR_CHECKS: dict[tuple[str, str], Callable[[Node], None]] = {**TREE_CHECKS, **ML_CHECKS}

_KINDS = {
    "FLOAT": AttributeKind.FLOAT,
    "INT": AttributeKind.INT,
    "STRING": AttributeKind.STRING,
    "TENSOR": AttributeKind.TENSOR,
    "SPARSE_TENSOR": AttributeKind.TENSOR,
    "GRAPH": AttributeKind.GRAPH,
    "TYPE_PROTO": AttributeKind.TYPE,
    "FLOATS": AttributeKind.FLOATS,
    "INTS": AttributeKind.INTS,
    "STRINGS": AttributeKind.STRINGS,
    "TENSORS": AttributeKind.TENSORS,
    "SPARSE_TENSORS": AttributeKind.TENSORS,
    "GRAPHS": AttributeKind.GRAPHS,
    "TYPE_PROTOS": AttributeKind.TYPES,
}
_MOST = (1 << 31) - 1
"""Versions are C integers everywhere else."""
_EMPTY = {AttributeKind.INTS, AttributeKind.FLOATS, AttributeKind.STRINGS}


def check_model(model: Model, extra_operators: Container[tuple[str, str]] = ()) -> None:
    """Raise where `model` is not legal.

    Raises
    ------
    InvalidGraph
        No outputs; an unknown operator, or a domain that is not imported; wrong arity; an attribute that is unknown,
        missing or of the wrong kind; an input of a kind that the operator never takes; opset version 0.
    InvalidArgument
        A node reads a name that nothing makes.
    Fail
        A name made twice, a cycle, a graph output that nothing makes, an input without a type, an operator of an
        imported domain that nobody knows, parameters of an ``ai.onnx.ml`` operator that contradict each other.
    """
    graph = model.graph
    _check_opsets(model.opsets)
    if not graph.outputs:
        raise InvalidGraph(f"graph {graph.name!r} has no outputs: there is nothing to compute")
    for value in (*graph.inputs, *model.overridable):
        if value.type is None:
            raise Fail(f"the graph input {value.name!r} has no type; the model must declare one")
    check_graph(graph)
    _check_nodes(graph, model.opsets, extra_operators)
    check_types(graph)


def check_graph(graph: Graph, outside: Iterable[str] = ()) -> None:
    """Raise where names are undefined, made twice or read before they are made. `outside` are names to capture."""
    known, mine = set(outside), set[str]()  # a subgraph may reuse an outer name: the inner one counts inside
    for name in (*(value.name for value in graph.inputs), *graph.constants):
        if not name:
            raise Fail(f"graph {graph.name!r} has an input or initializer without a name")
        mine.add(name)
    known |= mine
    made = {name for node in graph.nodes for name in node.outputs if name}
    for node in graph.nodes:
        for name in node.reads:
            if name not in known:
                _refuse_name(name, node, graph, made, known)
        for name in node.outputs:
            if name and name in mine:
                raise Fail(f"{node.label} makes {name!r}, which is already defined; every value is made once")
        for inner in node.subgraphs:
            check_graph(inner, known)
        mine.update(filter(None, node.outputs))
        known.update(mine.intersection(node.outputs))
    for value in graph.outputs:
        if value.name not in known:
            close = get_close_matches(value.name, list(known), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise Fail(f"the graph output {value.name!r} is made by no node{hint}")


def _refuse_name(name: str, node: Node, graph: Graph, made: set[str], known: set[str]) -> None:
    if name not in made:
        close = get_close_matches(name, list(known | made), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InvalidArgument(
            f"{node.label} reads {name!r}, which is no input, no initializer and made by no node{hint}"
        )
    raise Fail(f"the graph is not acyclic: {_cycle(node, graph)}")


def _cycle(node: Node, graph: Graph) -> str:
    """One cycle, as a path of values, found by walking back from `node`."""
    maker = {name: other for other in graph.nodes for name in other.outputs if name}
    trail: list[Node] = []
    where: dict[int, int] = {}
    position = {id(other): i for i, other in enumerate(graph.nodes)}
    while id(node) not in where:
        where[id(node)] = len(trail)
        trail.append(node)
        # Sorted nodes: only a name made at or after the node itself can lead round the cycle.
        later = [maker[name] for name in node.reads if name in maker]
        later = [other for other in later if position[id(other)] >= position[id(node)]] or later
        if not later:
            break
        node = later[0]
    loop = trail[where.get(id(node), 0) :]
    return " needs ".join(other.label for other in (*loop[:8], loop[0]))


def _check_opsets(opsets: dict[str, int]) -> None:
    newest = {
        "": onnx.defs.onnx_opset_version(),
        "ai.onnx.ml": onnx.defs.onnx_ml_opset_version(),
    }
    for domain, version in opsets.items():
        name = domain or "ai.onnx"
        if version < 1:
            raise InvalidGraph(f"the model imports version {version} of {name}; versions begin at 1")
        if version > _MOST:
            raise InvalidGraph(f"the model imports version {version} of {name}, which cannot be meant")
        if version > newest.get(domain, version):
            warnings.warn(
                f"the model imports version {version} of {name}; the installed onnx {onnx.__version__} knows versions "
                f"up to {newest[domain]}: operators are taken as of that version, upgrade onnx if results are wrong",
                UserWarning,
                stacklevel=4,
            )


def _check_nodes(graph: Graph, opsets: dict[str, int], extra: Container[tuple[str, str]]) -> None:
    for node in graph.nodes:
        key = (node.domain, node.op_type)
        if node.domain == OWN_DOMAIN:
            raise Fail(
                f"{node.label}: the operators of {OWN_DOMAIN!r} are made by sklort while it optimises a graph, and "
                f"are no part of a model; use standard operators or those of com.microsoft, such as CDist"
            )
        schema = _schema(node)
        if schema is not None:
            _check_arity(node, schema)
            _check_attributes(node, schema)
            check = OPERATOR_CHECKS.get(key)
            if check is not None:
                check(node)
        elif key not in KNOWN_ELSEWHERE and key not in extra:
            _refuse_operator(node, opsets)
        elif not node.version:
            raise InvalidGraph(f"{node.label}: the model does not import the domain {node.domain!r}")
        for inner in node.subgraphs:
            _check_nodes(inner, opsets, extra)


def _kind_name(attribute: OpSchema.Attribute) -> str:
    return str(attribute.type).rpartition(".")[2]


def _schema(node: Node) -> OpSchema | None:
    if not node.version:
        return None
    try:
        return onnx.defs.get_schema(node.op_type, node.version, node.domain)
    except SchemaError:
        return None


def _refuse_operator(node: Node, opsets: dict[str, int]) -> None:
    domain = node.domain or "ai.onnx"
    known = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == node.domain}
    if not node.version:
        raise InvalidGraph(
            f"{node.label}: the model does not import the domain {domain!r}; it imports "
            f"{', '.join(sorted(name or 'ai.onnx' for name in opsets))}"
        )
    if not known:
        raise Fail(f"{node.label}: sklort knows no operator {node.op_type!r} of the domain {domain!r}")
    close = get_close_matches(node.op_type, sorted(known), n=1)
    if node.op_type in known:
        first = min(
            schema.since_version
            for schema in onnx.defs.get_all_schemas_with_history()
            if (schema.domain, schema.name) == (node.domain, node.op_type)
        )
        hint = f"; it came with version {first}"
    else:
        hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InvalidGraph(f"{node.label}: {domain} version {node.version} has no operator {node.op_type!r}{hint}")


def _check_arity(node: Node, schema: OpSchema) -> None:
    for what, given, formal, least, most in (
        ("input", node.inputs, schema.inputs, schema.min_input, schema.max_input),
        ("output", node.outputs, schema.outputs, schema.min_output, schema.max_output),
    ):
        # Omitted ones at the end are not kept, though some operators count them: Loop(n, "").
        while least > len(given) and formal[least - 1].option == OpSchema.FormalParameterOption.Optional:
            least -= 1
        if not least <= len(given) <= most:
            expected = str(least) if least == most else f"at least {least}" if most > 1000 else f"{least} to {most}"
            raise InvalidGraph(
                f"{node.label}: expected {expected} {what}{'' if expected == '1' else 's'}, got {len(given)}"
            )
        if what == "input":
            for name, parameter in zip(given, formal):
                if not name and parameter.option == OpSchema.FormalParameterOption.Single:
                    raise InvalidGraph(f"{node.label}: the input {parameter.name!r} is required and was omitted")


def _check_attributes(node: Node, schema: OpSchema) -> None:
    for name, attribute in node.attributes.items():
        expected = schema.attributes.get(name)
        if expected is None:
            close = get_close_matches(name, sorted(schema.attributes), n=1)
            hint = (
                f"; did you mean {close[0]!r}?"
                if close
                else f"; it has {', '.join(sorted(schema.attributes)) or 'none'}"
            )
            raise InvalidGraph(f"{node.label}: version {node.version} of the operator has no attribute {name!r}{hint}")
        kind = _KINDS.get(_kind_name(expected))
        empty = attribute.kind in _EMPTY and kind in _EMPTY and not len(attribute.value)
        if kind is not attribute.kind and not empty:
            raise InvalidGraph(
                f"{node.label}: the attribute {name!r} must hold {_kind_name(expected).lower()}, "
                f"it holds {attribute.kind.value}"
            )
    for name, expected in schema.attributes.items():
        if expected.required and name not in node.attributes:
            raise InvalidGraph(f"{node.label}: the attribute {name!r} is required and missing")
