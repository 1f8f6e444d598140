"""What a session says of its model, in onnxruntime's terms."""

from __future__ import annotations

from dataclasses import dataclass, field

from sklort.graph.ir import Model, ValueInfo
from sklort.graph.types import Dim, SparseTensorType, TensorType


@dataclass(frozen=True)
class NodeArg:
    """An input or output.

    Attributes
    ----------
    name : str
    type : str
        For example ``tensor(float)`` or ``seq(map(int64,tensor(float)))``.
    shape : list of int, str or None
        Fixed, named and unnamed sizes; empty for scalars, for an unknown rank, and for what is no tensor.
    """

    name: str
    type: str
    shape: list[Dim]

    @classmethod
    def of(cls, value: ValueInfo) -> NodeArg:
        tensor = isinstance(value.type, (TensorType, SparseTensorType))
        shape = value.type.shape if tensor else None  # type: ignore[union-attr]
        return cls(value.name, str(value.type) if value.type else "", list(shape or ()))

    def __hash__(self) -> int:
        return hash((self.name, self.type, tuple(self.shape)))

    def __str__(self) -> str:
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"


@dataclass
class ModelMetadata:
    """Who made a model, and what they wrote into it."""

    producer_name: str = ""
    producer_version: str = ""
    graph_name: str = ""
    domain: str = ""
    description: str = ""
    graph_description: str = ""
    version: int = 0
    custom_metadata_map: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> ModelMetadata:
        return cls(
            producer_name=model.producer_name,
            producer_version=model.producer_version,
            graph_name=model.graph.name,
            domain=model.domain,
            description=model.doc_string,
            graph_description=model.graph_doc_string,
            version=model.model_version,
            custom_metadata_map=dict(model.metadata),
        )
