"""Objects of options, as onnxruntime's are: fields of one type each, unknown ones refused, and entries of text."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np

from sklort.exceptions import InvalidUse

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

_LONGEST_KEY = 1024


class Field(Generic[T]):
    """A field of an `Options` class.

    Parameters
    ----------
    default : value
    check : callable
        From what is assigned to what is kept; raises TypeError or ValueError with the end of a sentence that begins
        with the field's name.
    """

    def __init__(self, default: T, check: Callable[[Any], T]) -> None:
        self._default, self._check = default, check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Field[T]: ...

    @overload
    def __get__(self, instance: Options, owner: type) -> T: ...

    def __get__(self, instance: Options | None, owner: type) -> Field[T] | T:
        if instance is None:
            return self
        value: T = instance._values.get(self._name, self._default)
        return value

    def __set__(self, instance: Options, value: Any) -> None:
        try:
            instance._values[self._name] = self._check(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._name} {error}") from None


class Options:
    """What options have in common: they can be copied, pickled and referred to weakly, and take no unknown field."""

    __slots__ = ("__weakref__", "_entries", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._entries: dict[str, str] = {}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in {**self._values, **self._entries}.items())
        return f"{type(self).__name__}({given})"

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__setstate__(self.__getstate__())
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {"_values": dict(self._values), "_entries": dict(self._entries)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def _add_entry(self, key: Any, value: Any) -> None:
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"an entry is a key and a value, both str, got {key!r} and {value!r}")
        if not 0 < len(key) <= _LONGEST_KEY:
            raise InvalidUse(f"the key of an entry must have 1 to {_LONGEST_KEY} letters, got {len(key)}")
        self._entries[key] = value

    def _get_entry(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(f"the key of an entry is a str, got {key!r}")
        if key not in self._entries:
            known = ", ".join(map(repr, self._entries)) or "none"
            raise InvalidUse(f"{type(self).__name__} has no entry {key!r} (set: {known})")
        return self._entries[key]


def integer(value: Any) -> int:
    """An int of 32 bits; whatever counts as one in Python."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"must be an int, got {type(value).__name__}") from None
    if not -(1 << 31) <= number < 1 << 31:
        raise TypeError(f"must be an int of 32 bits, got {number}")
    return number


def flag(value: Any) -> bool:
    """A bool, or a number that stands for one."""
    if not isinstance(value, (bool, int, np.bool_)):
        raise TypeError(f"must be a bool, got {type(value).__name__}")
    return bool(value)


def text(value: Any) -> str:
    """A str."""
    if not isinstance(value, str):
        raise TypeError(f"must be a str, got {type(value).__name__}")
    return value


def path(value: Any) -> str:
    """A path, as text."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"must be a path, got {type(value).__name__}")
    return os.fsdecode(os.fspath(value))


E = TypeVar("E", bound=IntEnum)


def member(kind: type[E]) -> Callable[[Any], E]:
    """A member of an enumeration, or its number."""

    def check(value: Any) -> E:
        try:
            return kind(operator.index(value))
        except TypeError:
            raise TypeError(f"must be a {kind.__name__} or its number, got {type(value).__name__}") from None
        except ValueError:
            known = ", ".join(f"{each.name} ({each.value})" for each in kind)
            raise ValueError(f"must be one of {known}, got {value!r}") from None

    return check
