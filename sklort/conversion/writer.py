"""Writing ONNX nodes for one fitted estimator.

`Graph` is the graph being written, `Writer` what a converter sees of it: the fitted model, its typed inputs, nodes and
constants, and the answers of estimators inside the model, whoever writes them. Formulas are easiest written on
`Tensor`, see ``tensor.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper, numpy_helper

from sklort.conversion.tensor import Tensor
from sklort.exceptions import ConversionError

STRING = np.dtype(object)
BOOL = np.dtype(np.bool_)
INT64 = np.dtype(np.int64)
FLOAT = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)

ELEMENTS: dict[np.dtype, int] = {
    FLOAT: TensorProto.FLOAT,
    DOUBLE: TensorProto.DOUBLE,
    INT64: TensorProto.INT64,
    np.dtype(np.int32): TensorProto.INT32,
    BOOL: TensorProto.BOOL,
    STRING: TensorProto.STRING,
}
"""Element types of the tensors we write; strings are object in NumPy."""

Answer = Tensor | tuple[str, np.dtype] | list[Tensor]
Answers = Mapping[str, Any]
"""What an estimator answers: method -> `Answer`, a tensor or its name and dtype; a list where scikit-learn gives one.

Shapes are scikit-learn's, but that "predict" of a regressor is (n, outputs) also where scikit-learn has (n,).
"""


Attribute = int | list[bytes] | NDArray[Any]
"""What an attribute holds. An array of int64 or float32 is a list of numbers, any other array a tensor."""


def common_dtype(dtypes: Sequence[np.dtype], where: str) -> np.dtype:
    """The dtype scikit-learn computes in when columns or matrices of these dtypes become one matrix.

    NumPy's promotion (int64 with float32 gives float64); strings only beside strings.

    Raises
    ------
    ConversionError
        Strings beside numbers.
    """
    kinds = set(dtypes)
    if STRING in kinds:
        if len(kinds) > 1:
            raise ConversionError(
                f"{where} receives strings and numbers in one matrix, which ONNX cannot hold: "
                "encode the string columns in a ColumnTransformer first"
            )
        return STRING
    return np.dtype(np.result_type(*kinds))


@dataclass
class Graph:
    """A graph that grows in the order it is computed.

    Parameters
    ----------
    opsets : dict of str to int
        The versions nodes may be written for.
    write : callable(Writer) -> answers
        Writes any estimator: a converter of ours, or skl2onnx's.
    """

    opsets: dict[str, int]
    write: Callable[[Writer], Answers]
    model: ModelProto = field(default_factory=ModelProto)
    ours: set[str] = field(default_factory=set)
    theirs: set[str] = field(default_factory=set)
    narrowed: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=lambda: {""})
    _count: dict[str, int] = field(default_factory=dict)
    _reserved: set[str] = field(default_factory=set)

    @property
    def proto(self) -> GraphProto:
        """The graph inside `model`, written where it stays: a large forest is never copied."""
        return self.model.graph

    def reserve(self, name: str) -> None:
        """Keep `name` for an input."""
        self._reserved.add(name)

    def inside(self) -> Graph:
        """An empty graph for the body of a Loop: no name of it is one of this graph."""
        return replace(self, model=ModelProto())

    def fresh(self, seed: str) -> str:
        """A name no tensor of the graph has."""
        while True:
            number = self._count[seed] = self._count.get(seed, 0) + 1
            if (name := f"{seed}_{number}") not in self._reserved:
                return name

    def free(self, title: str) -> str:
        """`title`, or a name like it where it is taken."""
        return self.fresh(title) if title in self._reserved else title

    def add(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], domain: str, **attributes: Any) -> None:
        node = helper.make_node(op_type, inputs, outputs, domain=domain, name=self.fresh(f"n_{op_type}"), **attributes)
        self.proto.node.append(node)
        self.domains.add(domain)


def _fill(proto: AttributeProto, value: Attribute) -> None:
    if isinstance(value, int):
        proto.type, proto.i = AttributeProto.INT, value
    elif isinstance(value, list):
        proto.type = AttributeProto.STRINGS
        proto.strings.extend(value)
    elif value.dtype == np.int64:
        proto.type = AttributeProto.INTS
        proto.ints.extend(value.tolist())
    elif value.dtype == np.float32:
        proto.type = AttributeProto.FLOATS
        proto.floats.extend(value.tolist())
    else:
        proto.type = AttributeProto.TENSOR
        proto.t.CopyFrom(numpy_helper.from_array(value, proto.name))


class Writer:
    """Appends the nodes of one estimator to a graph.

    Parameters
    ----------
    graph : Graph
    model : fitted estimator
    inputs : sequence of Tensor
        What it is fed with, each two-dimensional: one matrix, or a DataFrame's columns one by one.
    """

    def __init__(self, graph: Graph, model: Any, inputs: Sequence[Tensor]) -> None:
        self.graph = graph
        self.model = model
        self.inputs = list(inputs)

    @property
    def where(self) -> str:
        return type(self.model).__name__

    def node(self, op_type: str, inputs: Sequence[str], *, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self.nodes(op_type, inputs, 1, domain=domain, **attributes)[0]

    def nodes(
        self, op_type: str, inputs: Sequence[str], count: int, *, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with `count` outputs and return their names."""
        outputs = [self.graph.fresh(op_type.lower()) for _ in range(count)]
        self.graph.add(op_type, inputs, outputs, domain, **attributes)
        return outputs

    def add_attributes(self, attributes: Mapping[str, Attribute]) -> None:
        """Give large attributes to the node added last; arrays pass without a Python object per element kept."""
        node = self.graph.proto.node[-1]
        for name, value in attributes.items():
            _fill(node.attribute.add(name=name), value)

    def constant(self, array: Any, seed: str = "constant") -> str:
        """Add an initializer and return its name. Strings (object or U) become a string tensor."""
        array = np.asarray(array)
        name = self.graph.fresh(seed)
        if array.dtype.kind in "OU":
            words = [str(v).encode("utf-8") for v in array.ravel()]
            tensor = TensorProto(name=name, data_type=TensorProto.STRING, dims=array.shape, string_data=words)
        else:
            tensor = numpy_helper.from_array(array.copy(order="C"), name)
        self.graph.proto.initializer.append(tensor)
        return name

    def tensor(self, array: Any, seed: str = "constant") -> Tensor:
        """A constant as a `Tensor`."""
        array = np.asarray(array)
        return Tensor(self, self.constant(array, seed), STRING if array.dtype.kind in "OU" else array.dtype)

    def cast(self, name: str, came: np.dtype, wanted: np.dtype) -> str:
        """`name` as `wanted`; no node where it already is."""
        return name if came == wanted else self.node("Cast", [name], to=ELEMENTS[np.dtype(wanted)])

    def columns(self, count: int) -> list[Tensor]:
        """The inputs as `count` matrices of one column each."""
        found: list[Tensor] = []
        for value in self.inputs:
            width = value.width if value.width is not None else count if len(self.inputs) == 1 else None
            if width is None:
                raise ConversionError(f"{self.where}: the number of columns of one of its inputs is unknown")
            found += (
                [value.with_width(1)] if width == 1 else [value.take([i], axis=1).with_width(1) for i in range(width)]
            )
        if len(found) != count:
            raise ConversionError(f"{self.where} was fitted on {count} columns but receives {len(found)}")
        return found

    def matrix(self, dtype: np.dtype | None = None) -> Tensor:
        """All inputs side by side as one matrix of `dtype` (by default the common one)."""
        kind = common_dtype([v.dtype for v in self.inputs], self.where)
        wanted = np.dtype(dtype) if dtype is not None else kind
        if kind == STRING and wanted != STRING:
            raise ConversionError(f"{self.where} computes on numbers but receives a column of strings: encode it first")
        return self.beside([v.astype(wanted) for v in self.inputs])

    def floats(self) -> Tensor:
        """All inputs side by side as ``check_array(dtype=[float64, float32])`` makes them: what is no float, double."""
        kind = common_dtype([v.dtype for v in self.inputs], self.where)
        return self.matrix(kind if kind in (FLOAT, DOUBLE) else DOUBLE)

    def beside(self, parts: Sequence[Tensor]) -> Tensor:
        """Matrices of one dtype side by side."""
        if len(parts) == 1:
            return parts[0]
        widths = [p.width for p in parts]
        width = None if None in widths else sum(w for w in widths if w is not None)
        return Tensor(self, self.node("Concat", [p.name for p in parts], axis=1), parts[0].dtype, width)

    def for_each_row(self, values: Any) -> Tensor:
        """`values` (k,) in every row: (n, k)."""
        row = self.tensor(np.asarray(values).reshape(1, -1))
        rows = self.node("Shape", [self.inputs[0].name], start=0, end=1)
        shape = self.node("Concat", [rows, self.constant(np.array([1], np.int64))], axis=0)
        return Tensor(self, self.node("Expand", [row.name, shape]), row.dtype)

    def refuse_where(self, bad: Tensor) -> Tensor:
        """Zeros (n, 1) in double, and an error when the model runs on rows where `bad` (n, 1) is true.

        ONNX has no operator that raises; looking up an entry that is not there is an error in every runtime.
        """
        table = self.tensor(np.zeros(1))
        beyond = np.array(np.iinfo(np.int32).max, np.int64)
        return table.take(bad.where(beyond, np.array(0, np.int64)), axis=0)

    def answers(self, model: Any, inputs: Sequence[Tensor] | None = None) -> dict[str, Any]:
        """Write another estimator, fed with `inputs` (by default those of this one), and return its answers."""
        given = self.inputs if inputs is None else list(inputs)
        writer = Writer(self.graph, model, given)
        return {method: writer.as_tensor(answer) for method, answer in self.graph.write(writer).items()}

    def answer(self, model: Any, methods: Sequence[str] | str, inputs: Sequence[Tensor] | None = None) -> Tensor:
        """The first of `methods` that the estimator `model` has in scikit-learn, written."""
        wanted = [methods] if isinstance(methods, str) else list(methods)
        method = next((m for m in wanted if hasattr(model, m)), None)
        found = self.answers(model, inputs)
        if method not in found or isinstance(found[method], list):
            raise ConversionError(
                f"{method or ' / '.join(wanted)} of {type(model).__name__} in {self.where} has no ONNX form"
            )
        return found[method]  # type: ignore[no-any-return]

    def as_tensor(self, answer: Answer) -> Any:
        if isinstance(answer, list):
            return [self.as_tensor(one) for one in answer]
        return answer if isinstance(answer, Tensor) else Tensor(self, *answer)


Write = Callable[[Writer], Answers]
"""A converter: writes the nodes of the fitted estimator `Writer.model` and returns its answers."""
