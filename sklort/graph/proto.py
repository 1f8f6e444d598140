"""The leaves of a protobuf as plain data: tensors, types and attributes.

With `load` and `save` the only place that touches ONNX protobufs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, SparseTensorProto, TensorProto, TypeProto

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf
from sklort.graph.ir import Array, Attribute, AttributeKind, Graph
from sklort.graph.types import (
    Dim,
    DType,
    MapType,
    OptionalType,
    SequenceType,
    SparseTensorType,
    TensorType,
    Type,
    dtype_of,
)

KINDS = {
    AttributeProto.INT: AttributeKind.INT,
    AttributeProto.FLOAT: AttributeKind.FLOAT,
    AttributeProto.STRING: AttributeKind.STRING,
    AttributeProto.INTS: AttributeKind.INTS,
    AttributeProto.FLOATS: AttributeKind.FLOATS,
    AttributeProto.STRINGS: AttributeKind.STRINGS,
    AttributeProto.TENSOR: AttributeKind.TENSOR,
    AttributeProto.TENSORS: AttributeKind.TENSORS,
    AttributeProto.SPARSE_TENSOR: AttributeKind.TENSOR,
    AttributeProto.SPARSE_TENSORS: AttributeKind.TENSORS,
    AttributeProto.GRAPH: AttributeKind.GRAPH,
    AttributeProto.GRAPHS: AttributeKind.GRAPHS,
    AttributeProto.TYPE_PROTO: AttributeKind.TYPE,
    AttributeProto.TYPE_PROTOS: AttributeKind.TYPES,
}
"""Sparse tensors are densified, so they are tensors from here on."""

_FIELDS = {
    DType.FLOAT: "float_data",
    DType.DOUBLE: "double_data",
    DType.INT64: "int64_data",
    DType.INT32: "int32_data",
    DType.UINT64: "uint64_data",
    DType.UINT32: "uint64_data",
    DType.INT16: "int32_data",
    DType.INT8: "int32_data",
    DType.UINT16: "int32_data",
    DType.UINT8: "int32_data",
    DType.BOOL: "int32_data",
}
_PACKED = (DType.INT4, DType.UINT4, DType.INT2, DType.UINT2, DType.FLOAT4E2M1)
_DENSE_LIMIT = 1 << 31
_LARGEST = 1 << 56
"""Elements; NumPy refuses shapes beyond the address space even where a size of 0 leaves nothing to store."""


def text(value: Any, what: str) -> str:
    """A text field; protobuf hands out those that are no UTF-8 as bytes.

    Raises
    ------
    InvalidProtobuf
        It is not UTF-8.
    """
    if isinstance(value, str):
        return value
    raise InvalidProtobuf(f"{what} is not UTF-8 text: {bytes(value)[:80]!r}; the model is damaged")


def repeated(values: Any, dtype: Any) -> Array:
    """A repeated number field as a 1-D array."""
    if hasattr(values, "__array__"):  # protobuf 5 and later copy in one go
        return np.array(values, dtype=dtype)
    return np.fromiter(values, dtype, count=len(values))


class TensorReader:
    """Tensors as arrays; data kept outside the model is read from `folder` and nowhere else, or taken from `given`."""

    def __init__(self, folder: Path, given: Mapping[str, Array] | None = None) -> None:
        self.folder = folder
        self.given = given or {}

    def tensor(self, proto: TensorProto, label: str) -> Array:
        """The array of a tensor.

        Raises
        ------
        Fail
            The data and the shape disagree, the element type is unknown, external data cannot be read.
        """
        dtype, shape = _dtype(proto.data_type, label), tuple(proto.dims)
        if any(dim < 0 for dim in shape):
            raise Fail(f"{label}: the shape {list(shape)} has a negative size")
        if len(shape) > 64 or math.prod(filter(None, shape)) > _LARGEST:
            raise Fail(f"{label}: no array can have the shape {list(shape)[:8]}")
        if proto.data_location == TensorProto.EXTERNAL:
            return self._external(proto, dtype, shape, label)
        if dtype is DType.STRING:
            return _strings(proto, shape, label)
        if proto.HasField("raw_data"):
            return _from_bytes(proto.raw_data, dtype, shape, label)
        field = _FIELDS.get(dtype)
        if field is None:
            try:
                return np.asarray(onnx.numpy_helper.to_array(proto))
            except Exception as error:
                raise Fail(f"{label}: cannot read a tensor({dtype.label}) of shape {list(shape)}: {error}") from error
        values = repeated(getattr(proto, field), np.int64 if field == "int32_data" else dtype.numpy)
        return _shaped(values.astype(dtype.numpy, copy=False), shape, label)

    def sparse(self, proto: SparseTensorProto, label: str) -> Array:
        """The dense array of a sparse tensor: indices are flat ``[nnz]`` or coordinates ``[nnz, rank]``."""
        values, shape = self.tensor(proto.values, label), tuple(proto.dims)
        size = math.prod(shape)
        if size > _DENSE_LIMIT:
            raise Fail(f"{label}: the sparse tensor of shape {list(shape)} is too large to be made dense")
        indices = self.tensor(proto.indices, label).astype(np.int64)
        if indices.ndim == 2 and indices.shape[1] == len(shape):
            if (indices < 0).any() or (indices >= np.array(shape, dtype=np.int64)).any():
                raise Fail(f"{label}: a sparse index lies outside the shape {list(shape)}")
            indices = np.ravel_multi_index(tuple(indices.T), shape).astype(np.int64)
        if indices.shape != values.shape or indices.ndim != 1:
            raise Fail(f"{label}: {values.size} sparse values come with indices of shape {list(indices.shape)}")
        if indices.size and (indices.min() < 0 or indices.max() >= size):
            raise Fail(f"{label}: a sparse index lies outside the shape {list(shape)}")
        dense = np.full(size, "", dtype=object) if values.dtype == object else np.zeros(size, dtype=values.dtype)
        dense[indices] = values
        return dense.reshape(shape)

    def _external(self, proto: TensorProto, dtype: DType, shape: tuple[int, ...], label: str) -> Array:
        given = self.given.get(proto.name)
        if given is not None:
            if dtype_of(given) is not dtype or given.shape != shape:
                raise InvalidArgument(
                    f"{label}: expected a tensor({dtype.label}) of shape {list(shape)} in place of its external data, "
                    f"got an array of {given.dtype} with shape {list(given.shape)}"
                )
            return given.copy()
        entries = {entry.key: entry.value for entry in proto.external_data}
        location = entries.get("location", "")
        folder = self.folder.resolve()
        path = (folder / location).resolve()
        if not location or Path(location).is_absolute() or not path.is_relative_to(folder):
            raise Fail(
                f"{label}: its data lies in {location!r}, outside the model's directory {str(folder)!r}; "
                f"external data is read from inside that directory only"
            )
        if dtype is DType.STRING:
            raise Fail(f"{label}: strings cannot be kept as external data")
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", -1))
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read(length if length >= 0 else -1)
        except (OSError, ValueError) as error:
            raise Fail(f"{label}: cannot read its external data from {str(path)!r}: {error}") from error
        if 0 <= length != len(data):
            raise Fail(f"{label}: expected {length} bytes at offset {offset} of {str(path)!r}, found {len(data)}")
        return _from_bytes(data, dtype, shape, label)


def _dtype(number: int, label: str) -> DType:
    try:
        dtype = DType(number)
        if dtype is not DType.UNDEFINED:
            _ = dtype.numpy
            return dtype
    except (ValueError, KeyError):
        pass
    raise Fail(f"{label}: element type {number} is undefined or unknown")


def _from_bytes(data: bytes, dtype: DType, shape: tuple[int, ...], label: str) -> Array:
    size = math.prod(shape)
    if dtype in _PACKED:
        proto = TensorProto(data_type=int(dtype), dims=shape, raw_data=data)
        bits = 2 if dtype in (DType.INT2, DType.UINT2) else 4
        if len(data) != (size * bits + 7) // 8:
            raise Fail(f"{label}: shape {list(shape)} does not fit {len(data)} bytes of {dtype.label}")
        return np.asarray(onnx.numpy_helper.to_array(proto))
    numpy = dtype.numpy
    if len(data) != size * numpy.itemsize:
        raise Fail(
            f"{label}: shape {list(shape)} of {dtype.label} needs {size * numpy.itemsize} bytes, "
            f"the model has {len(data)}"
        )
    array = np.frombuffer(data, dtype=numpy.newbyteorder("<") if numpy.itemsize > 1 else numpy)
    return array.astype(numpy, copy=False).reshape(shape)


def _strings(proto: TensorProto, shape: tuple[int, ...], label: str) -> Array:
    try:
        values = [item.decode("utf-8") for item in proto.string_data]
    except UnicodeDecodeError as error:
        raise Fail(f"{label}: a string is not UTF-8: {error}") from error
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return _shaped(array, shape, label)


def _shaped(values: Array, shape: tuple[int, ...], label: str) -> Array:
    if values.size != math.prod(shape):
        raise Fail(f"{label}: shape {list(shape)} needs {math.prod(shape)} elements, the model has {values.size}")
    return values.reshape(shape)


def read_type(proto: TypeProto, label: str) -> Type | None:
    """The type, or None where the protobuf leaves it out."""
    match proto.WhichOneof("value"):
        case "tensor_type":
            tensor = proto.tensor_type
            dtype = _dtype(tensor.elem_type, label)
            return TensorType(dtype, _shape(tensor.shape) if tensor.HasField("shape") else None)
        case "sparse_tensor_type":
            sparse = proto.sparse_tensor_type
            dtype = _dtype(sparse.elem_type, label)
            return SparseTensorType(dtype, _shape(sparse.shape) if sparse.HasField("shape") else None)
        case "sequence_type":
            element = read_type(proto.sequence_type.elem_type, label)
            return SequenceType(element) if element else None
        case "optional_type":
            element = read_type(proto.optional_type.elem_type, label)
            return OptionalType(element) if element else None
        case "map_type":
            value = read_type(proto.map_type.value_type, label)
            return MapType(_dtype(proto.map_type.key_type, label), value) if value else None
        case _:
            return None


def _shape(proto: Any) -> tuple[Dim, ...]:
    def dim(entry: Any) -> Dim:
        if entry.HasField("dim_value"):
            return int(entry.dim_value) if entry.dim_value >= 0 else None
        return text(entry.dim_param, "the name of a dimension") or None

    return tuple(dim(entry) for entry in proto.dim)


def kind_of(proto: AttributeProto) -> AttributeKind | None:
    """The kind of an attribute; models older than IR 2 do not write it, so it follows from what is there."""
    if proto.type:
        return KINDS.get(proto.type)
    for name in ("f", "i", "s", "t", "g", "sparse_tensor", "tp"):
        if proto.HasField(name):
            number = {"f": 1, "i": 2, "s": 3, "t": 4, "g": 5, "sparse_tensor": 11, "tp": 13}[name]
            return KINDS[AttributeProto.AttributeType.ValueType(number)]
    for name, kind in (("floats", AttributeKind.FLOATS), ("ints", AttributeKind.INTS)):
        if len(getattr(proto, name)):
            return kind
    return AttributeKind.STRINGS if len(proto.strings) else None


def read_attribute(proto: AttributeProto, reader: TensorReader, label: str, graph: Any) -> Attribute:
    """An attribute as plain data; `graph` reads a GraphProto.

    Raises
    ------
    InvalidGraph
        The kind is missing or unknown, or a string is not UTF-8.
    """
    kind = kind_of(proto)
    label = f"attribute {text(proto.name, 'the name of an attribute')!r} of {label}"
    try:
        value = _value(proto, kind, reader, label, graph)
    except UnicodeDecodeError as error:
        raise InvalidGraph(f"{label} is not UTF-8 text: {error}") from error
    if kind is None or value is None:
        raise InvalidGraph(f"{label} has no known kind (number {proto.type})")
    return Attribute(kind, value)


def _value(proto: AttributeProto, kind: AttributeKind | None, reader: TensorReader, label: str, graph: Any) -> Any:
    match kind:
        case AttributeKind.INT:
            return int(proto.i)
        case AttributeKind.FLOAT:
            return float(proto.f)
        case AttributeKind.STRING:
            return proto.s.decode("utf-8")
        case AttributeKind.INTS:
            return repeated(proto.ints, np.int64)
        case AttributeKind.FLOATS:
            return repeated(proto.floats, np.float32)
        case AttributeKind.STRINGS:
            texts = {item: item.decode("utf-8") for item in set(proto.strings)}  # nodes_modes: many, few different
            return tuple(map(texts.__getitem__, proto.strings))
        case AttributeKind.TENSOR if proto.type == AttributeProto.SPARSE_TENSOR:
            return reader.sparse(proto.sparse_tensor, label)
        case AttributeKind.TENSOR:
            return reader.tensor(proto.t, label)
        case AttributeKind.TENSORS:
            dense = [reader.tensor(tensor, label) for tensor in proto.tensors]
            return tuple(dense + [reader.sparse(tensor, label) for tensor in proto.sparse_tensors])
        case AttributeKind.GRAPH:
            found: Graph = graph(proto.g)
            return found
        case AttributeKind.GRAPHS:
            return tuple(graph(entry) for entry in proto.graphs)
        case AttributeKind.TYPE:
            return read_type(proto.tp, label)
        case AttributeKind.TYPES:
            return tuple(read_type(entry, label) for entry in proto.type_protos)
    return None
