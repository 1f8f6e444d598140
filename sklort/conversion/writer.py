"""Writing ONNX nodes for one fitted estimator.

`Writer` is all a converter of ours sees of skl2onnx: names, constants, nodes, and the typed inputs of the estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

from sklort.exceptions import ConversionError

STRING = np.dtype(object)

_TENSOR_TYPES: dict[np.dtype, tuple[type, int]] = {
    np.dtype(np.float32): (FloatTensorType, TensorProto.FLOAT),
    np.dtype(np.float64): (DoubleTensorType, TensorProto.DOUBLE),
    np.dtype(np.int64): (Int64TensorType, TensorProto.INT64),
    np.dtype(np.bool_): (BooleanTensorType, TensorProto.BOOL),
    STRING: (StringTensorType, TensorProto.STRING),
}


def tensor_type(dtype: np.dtype, shape: list[int | None] | None = None) -> Any:
    """The skl2onnx type of a tensor of `dtype`."""
    return _TENSOR_TYPES[np.dtype(dtype)][0](shape)


def dtype_of(variable_type: Any) -> np.dtype:
    """The numpy dtype of a skl2onnx tensor type; strings are object."""
    for dtype, (kind, _) in _TENSOR_TYPES.items():
        if isinstance(variable_type, kind):
            return dtype
    raise ConversionError(f"no tensor of {type(variable_type).__name__} can be an input of a converted model")


def width_of(variable_type: Any) -> int | None:
    """Number of columns of a skl2onnx tensor type; None if unknown."""
    shape = variable_type.shape
    return shape[1] if shape is not None and len(shape) == 2 else None


def common_dtype(dtypes: list[np.dtype], where: str) -> np.dtype:
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


@dataclass(frozen=True)
class Value:
    """A named tensor of the graph, two-dimensional unless said otherwise."""

    name: str
    dtype: np.dtype
    width: int | None = None


class Writer:
    """Appends nodes to the graph skl2onnx is building.

    Parameters
    ----------
    scope, operator, container
        What skl2onnx hands to a conversion function.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self._scope = scope
        self._container = container
        self.model = operator.raw_operator
        self.inputs = [Value(v.full_name, dtype_of(v.type), width_of(v.type)) for v in operator.inputs]

    @property
    def where(self) -> str:
        return type(self.model).__name__

    def name(self, seed: str) -> str:
        return str(self._scope.get_unique_variable_name(seed))

    def node(
        self,
        op_type: str,
        inputs: list[str],
        *,
        domain: str = "",
        to: str | None = None,
        **attrs: Any,
    ) -> str:
        """Add a node with one output and return the output's name (`to`, or a fresh one)."""
        output = to or self.name(op_type.lower())
        label = self._scope.get_unique_operator_name(f"{self.where}_{op_type}")
        self._container.add_node(op_type, inputs, [output], op_domain=domain, name=label, **attrs)
        return output

    def add_attributes(self, attributes: list[onnx.AttributeProto]) -> None:
        """Give ready-made attributes to the node added last; large arrays pass without a Python object per element."""
        self._container.nodes[-1].attribute.extend(attributes)

    def constant(self, array: Any, seed: str = "constant") -> str:
        """Add an initializer. Strings (object or U) become a string tensor."""
        array = np.asarray(array)
        name = self.name(seed)
        if array.dtype.kind in "OU":
            content = [str(v).encode("utf-8") for v in array.ravel()]
            self._container.add_initializer(name, TensorProto.STRING, list(array.shape), content)
        else:
            tensor = numpy_helper.from_array(np.ascontiguousarray(array))
            self._container.add_initializer(name, tensor.data_type, list(array.shape), tensor)
        return name

    def cast(self, name: str, came: np.dtype, wanted: np.dtype) -> str:
        """`name` as `wanted`; no node where it already is."""
        if came == wanted:
            return name
        output = self.name("cast")
        label = self._scope.get_unique_operator_name(f"{self.where}_Cast")
        self._container.add_node("Cast", [name], [output], name=label, to=_TENSOR_TYPES[np.dtype(wanted)][1])
        return output

    def matrix(self, dtype: np.dtype | None = None) -> Value:
        """All inputs side by side as one matrix of `dtype` (by default the common one)."""
        kind = common_dtype([v.dtype for v in self.inputs], self.where)
        wanted = np.dtype(dtype) if dtype is not None else kind
        if kind == STRING and wanted != STRING:
            raise ConversionError(f"{self.where} computes on numbers but receives a column of strings: encode it first")
        names = [self.cast(v.name, v.dtype, wanted) for v in self.inputs]
        widths = [v.width for v in self.inputs]
        width = None if None in widths else sum(w for w in widths if w is not None)
        name = names[0] if len(names) == 1 else self.node("Concat", names, axis=1)
        return Value(name, wanted, width)

    def option(self, key: str, default: Any) -> Any:
        """An option skl2onnx's meta-estimators set on the estimator inside them."""
        try:
            options = self._container.get_options(self.model, {key: default}, fail=False)
        except (NameError, RuntimeError, ValueError, KeyError):
            return default
        return default if options is None else options.get(key, default)
