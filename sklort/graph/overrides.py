"""What a caller wants otherwise than the model says, applied while it is loaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sklort.exceptions import InvalidArgument
from sklort.graph.ir import Array
from sklort.graph.types import DType, TensorType, Type, dtype_of


@dataclass(frozen=True)
class Overrides:
    """Sizes and constants.

    Attributes
    ----------
    sizes : dict of str to int
        For sizes that the model names; a negative one leaves the name.
    denotations : dict of str to int
        For sizes without a number, by what they denote.
    constants : dict of str to ndarray
        In place of initializers of the same element type.
    external : dict of str to ndarray
        In place of initializers whose data lie in files of their own.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    denotations: dict[str, int] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    external: dict[str, Array] = field(default_factory=dict)

    def copy(self) -> Overrides:
        """The same, to be changed by itself; arrays are shared."""
        return Overrides(dict(self.sizes), dict(self.denotations), dict(self.constants), dict(self.external))

    def fixed(self, kind: Type | None, proto: Any) -> Type | None:
        """A type with its sizes fixed. `proto`: its TypeProto, which holds the denotations."""
        if not isinstance(kind, TensorType) or not kind.shape or not (self.sizes or self.denotations):
            return kind
        shape = list(kind.shape)
        for i, dim in enumerate(shape):
            size = self.sizes.get(dim, -1) if isinstance(dim, str) else -1
            if size < 0 and not isinstance(dim, int):
                size = self.denotations.get(proto.tensor_type.shape.dim[i].denotation, -1)
            if size >= 0:
                shape[i] = size
        return replace(kind, shape=tuple(shape))

    def replaced(self, constants: Mapping[str, Array]) -> dict[str, Array]:
        """The constants of a graph, with those of `self` in their place.

        Raises
        ------
        InvalidArgument
            One has another element type than the model's.
        """
        found = dict(constants)
        for name, array in self.constants.items():
            if name not in constants:
                warnings.warn(f"the model has no initializer {name!r}: the one given is left out", stacklevel=6)
                continue
            found[name] = array.copy()
            wanted, given = dtype_of(constants[name]), dtype_of(array)
            if wanted is not given:
                raise InvalidArgument(
                    f"the initializer {name!r} is a tensor({wanted.label}), the one given in its place has "
                    f"dtype {array.dtype}{'' if given is DType.UNDEFINED else f' (tensor({given.label}))'}"
                )
        return found
