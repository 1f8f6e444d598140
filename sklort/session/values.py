"""From what a caller feeds to what a program takes: every check of a value, with its name in the error.

Arrays are never cast: a dtype that differs is an error that says how to convert. Lists have no dtype, so they take the
declared one, with a warning where that loses something.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sklort.exceptions import InvalidArgument, UnsupportedValue
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.graph.ir import Array, ValueInfo
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
from sklort.providers.placement import on_device
from sklort.session.nearest import did_you_mean, nearest
from sklort.session.ort_value import OrtValue

_NO_SYMBOL = frozenset(("None", "none", "?", "-1", "unknown"))
"""Names that converters give to every free size alike: they promise nothing about equality."""

_REMEDIES = (
    ("scipy.sparse", "densify it with .toarray()"),
    ("pandas", "convert it with .to_numpy(dtype=...)"),
    ("polars", "convert it with .to_numpy()"),
    ("torch", "convert it with .numpy()"),
)


class FeedReader:
    """Checks what is fed against the declared inputs, quickly where there is nothing to say.

    Parameters
    ----------
    inputs : sequence of ValueInfo
        Must be fed, unless their type is optional.
    optional : sequence of ValueInfo
        May be fed.
    strict_strings : bool
        Refuse what is no str among strings: None, NaN, bytes and numbers, which otherwise are taken as their text.

    Attributes
    ----------
    adopt : callable or None
        Makes an array of a GPU, whoever's, one that the session's provider takes; None where no provider takes any.
    """

    adopt: Callable[[Any], Any] | None = None

    def __init__(
        self, inputs: Sequence[ValueInfo], optional: Sequence[ValueInfo] = (), *, strict_strings: bool = False
    ) -> None:
        self._strict_strings = strict_strings
        self._declared = {value.name: value for value in (*inputs, *optional)}
        self._inputs = {value.name: i for i, value in enumerate(inputs)}
        self._required = [value.name for value in inputs if not isinstance(value.type, OptionalType)]
        self._plain = [(value, *_plain(value)) for value in self._declared.values()]
        places: dict[str, list[tuple[str, int]]] = {}
        for value in self._declared.values():
            for axis, dim in enumerate(_shape(value)):
                if isinstance(dim, str) and dim not in _NO_SYMBOL:
                    places.setdefault(dim, []).append((value.name, axis))
        self._symbols = {symbol: found for symbol, found in places.items() if len(found) > 1}

    @property
    def equal_sizes(self) -> list[list[tuple[int, int]]]:
        """Groups of (input, axis) whose sizes share a name, so that they must be equal. What may be left out is not."""
        groups = [
            [(self._inputs[name], axis) for name, axis in places if name in self._inputs]
            for places in self._symbols.values()
        ]
        return [group for group in groups if len(group) > 1]

    def read(self, feed: Any) -> dict[str, Any]:
        """The values of `feed`, in the order in which the inputs are declared.

        Raises
        ------
        TypeError
            `feed` is no mapping.
        ValueError
            An input is missing, or its value is None.
        InvalidArgument
            A name the model does not have; a dtype, rank or size that differs from the declared one; sizes that share
            a name and differ.
        UnsupportedValue
            A kind of object or dtype that no input takes.
        """
        if not isinstance(feed, Mapping):
            raise TypeError(f"expected input_feed as a dict of input name to value, got {type(feed).__name__}")
        if feed.keys() != self._declared.keys():
            _check_names(self._required, self._declared, feed)
        found: dict[str, Any] = {}
        for declared, dtype, rank, sizes in self._plain:
            name = declared.name
            if name not in feed:
                if isinstance(declared.type, OptionalType):
                    found[name] = None
                continue
            value = feed[name]
            plain = type(value) is np.ndarray and value.dtype == dtype and (rank is None or value.ndim == rank)
            if not plain or any(value.shape[axis] != size for axis, size in sizes):
                value = value.held if isinstance(value, OrtValue) else value
                value = self._read_there(value, declared) if on_device(value) else read_value(value, declared)
            if self._strict_strings and dtype == np.dtype(object):
                _check_strings(value, name)
            found[name] = value
        for symbol, places in self._symbols.items():
            _check_symbol(symbol, places, found)
        return found

    def _read_there(self, value: Any, declared: ValueInfo) -> Any:
        """An array of a GPU, checked as one of the host is; it stays where it is."""
        name, kind = declared.name, declared.type
        kind = kind.element if isinstance(kind, OptionalType) else kind
        if self.adopt is None:
            raise InvalidArgument(
                f"the input {name!r} is a {_class_of(value)} on a GPU, and this session runs on the CPU: make it with "
                "providers=['CUDAExecutionProvider'], or feed a NumPy array, for CuPy that of .get()"
            )
        if not isinstance(kind, TensorType):
            raise InvalidArgument(f"the input {name!r} takes {_expected(kind)}, got a {_class_of(value)} on a GPU")
        array = self.adopt(value)
        if dtype_of(array) is not kind.dtype:
            raise InvalidArgument(
                f"the input {name!r} has dtype {array.dtype} on a GPU, expected {_expected(kind)}; convert it there, "
                f"for CuPy with {name}.astype(numpy.{kind.dtype.numpy})"
            )
        if kind.shape:
            _check_shape(array, name, kind)
        return array


def _class_of(value: Any) -> str:
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__qualname__}"


def _shape(value: ValueInfo) -> tuple[Dim, ...]:
    return (value.type.shape or ()) if isinstance(value.type, TensorType) else ()


def _plain(value: ValueInfo) -> tuple[np.dtype[Any] | None, int | None, list[tuple[int, int]]]:
    """Dtype, rank and fixed sizes of an array that needs no further look; no dtype where there is no such array."""
    shape = _shape(value)
    dtype = value.type.dtype.numpy if isinstance(value.type, TensorType) else None
    return dtype, len(shape) or None, [(axis, dim) for axis, dim in enumerate(shape) if isinstance(dim, int)]


def _check_strings(array: Array, name: str) -> None:
    if array.dtype.kind == "U":
        return
    for at, value in np.ndenumerate(array):
        if not isinstance(value, str):
            raise InvalidArgument(
                f"the input {name!r} has {value!r}, a {type(value).__name__}, at {list(at)}, and the session takes "
                "strings alone (sklort.strict_strings): fill what is missing, and convert the rest with str"
            )


def _check_names(required: list[str], declared: Mapping[str, ValueInfo], feed: Mapping[Any, Any]) -> None:
    missing = [name for name in required if name not in feed]
    extra = [name for name in feed if name not in declared]
    if missing:
        hints = [f"{given!r} for {name!r}" for name in missing for given in nearest(name, extra)]
        hint = f"; did you mean {', '.join(hints)}?" if hints else ""
        raise ValueError(
            f"the inputs {_list(missing)} are missing; the model needs {_list(required)}, "
            f"got {_list(feed) or 'none'}{hint}"
        )
    if extra:
        hint = did_you_mean(extra[0], declared)
        raise InvalidArgument(f"the model has no input {extra[0]!r}; it takes {_list(declared) or 'none'}{hint}")


def _list(names: Iterable[Any]) -> str:
    return ", ".join(map(repr, names))


def read_value(value: Any, declared: ValueInfo) -> Any:
    """One value, checked against its declared type; arrays are passed on as they are, in native byte order."""
    name, kind = declared.name, declared.type
    if isinstance(value, OrtValue):
        value = value.held
    if value is None:
        if isinstance(kind, OptionalType):
            return None
        raise ValueError(f"the input {name!r} is None; expected {_expected(kind)}")
    match kind:
        case OptionalType():
            return read_value(value, ValueInfo(name, kind.element))
        case MapType():
            return _read_map(value, name, kind)
        case SequenceType():
            return _read_sequence(value, name, kind)
        case SparseTensorType():
            raise NotImplementedHere(f"the input {name!r} is a {kind}; sparse inputs are not supported")
        case TensorType():
            return _read_tensor(value, name, kind)
    return value


def _expected(kind: Type | None) -> str:
    if not isinstance(kind, TensorType):
        return str(kind or "a value")
    return f"{kind} (NumPy {'str' if kind.dtype is DType.STRING else kind.dtype.numpy})"


def _read_tensor(value: Any, name: str, kind: TensorType) -> Array:
    if isinstance(value, (np.ndarray, np.generic)):
        array = _read_array(np.asanyarray(value), name, kind)
    elif isinstance(value, (list, tuple)):
        array = _read_list(value, name, kind)
    else:
        origin = type(value).__module__
        remedy = next(
            (text for module, text in _REMEDIES if origin.startswith(module)), "wrap it with numpy.array(...)"
        )
        raise UnsupportedValue(
            f"the input {name!r} takes a NumPy array or a list, got {type(value).__qualname__}; {remedy}"
        )
    if kind.shape:
        _check_shape(array, name, kind)
    return array


def _read_array(array: Array, name: str, kind: TensorType) -> Array:
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise UnsupportedValue(
            f"the input {name!r} is a masked array with {int(np.ma.getmaskarray(array).sum())} masked values; "
            f"fill them first, for example with .filled(numpy.nan)"
        )
    if array.dtype.kind == "T":
        array = array.astype(object)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    found = dtype_of(array)
    if found is kind.dtype:
        return array
    if found is DType.UNDEFINED:
        raise UnsupportedValue(
            f"the input {name!r} has dtype {array.dtype}, which no model takes; expected {_expected(kind)}"
        )
    remedy = f"{name}.astype({'str' if kind.dtype is DType.STRING else f'numpy.{kind.dtype.numpy}'})"
    raise InvalidArgument(
        f"the input {name!r} has dtype {array.dtype}, expected {_expected(kind)}; convert it with {remedy}"
    )


def _read_list(value: Any, name: str, kind: TensorType) -> Array:
    target = kind.dtype.numpy
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            natural = np.array(value, dtype=object if kind.dtype is DType.STRING else None)
            array = natural if kind.dtype is DType.STRING else np.array(value, dtype=target)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnsupportedValue(
            f"the list for the input {name!r} does not make an array of {target}: {error}"
        ) from error
    loss = _loss(natural, array)
    if loss:
        warnings.warn(f"the list for the input {name!r} becomes {target}: {loss}", UserWarning, stacklevel=6)
    return array


def _loss(natural: Array, array: Array) -> str | None:
    """What became of values that the declared type cannot hold; rounding to float32 is not worth a word."""
    if array.dtype.kind == "f":
        if natural.dtype.kind == "O" and any(item is None for item in natural.reshape(-1)):
            return "None became nan"
        if natural.dtype.kind == "f" and (np.isinf(array) & ~np.isinf(natural)).any():
            return "numbers too large for it became infinite"
    elif array.dtype.kind in "iu" and natural.dtype.kind == "f" and (natural != array).any():
        return "fractions were cut off"
    elif array.dtype.kind == "b" and natural.dtype.kind in "iuf" and not np.isin(natural, (0, 1)).all():
        return "numbers other than 0 and 1 became True"
    return None


def _check_shape(array: Array, name: str, kind: TensorType) -> None:
    assert kind.shape is not None
    expected = tuple("any" if dim is None else dim for dim in kind.shape)
    if array.ndim != len(kind.shape):
        remedy = (
            f"; reshape it with {name}.reshape(1, -1) if it is one row" if (array.ndim, len(expected)) == (1, 2) else ""
        )
        raise InvalidArgument(
            f"the input {name!r} has {array.ndim} dimensions (shape {array.shape}), expected {len(expected)}: "
            f"({', '.join(map(str, expected))}){remedy}"
        )
    wrong = [i for i, dim in enumerate(kind.shape) if isinstance(dim, int) and dim != array.shape[i]]
    if wrong:
        where = ", ".join(f"dimension {i} is {array.shape[i]}, expected {kind.shape[i]}" for i in wrong)
        raise InvalidArgument(f"the input {name!r} has shape {array.shape}: {where}")


def _check_symbol(symbol: str, places: list[tuple[str, int]], found: Mapping[str, Any]) -> None:
    first: tuple[int, str, int] | None = None
    for name, axis in places:
        array: Any = found.get(name)
        if not hasattr(array, "shape"):
            continue
        if first is None:
            first = array.shape[axis], name, axis
        elif first[0] != array.shape[axis]:
            raise InvalidArgument(
                f"dimension {axis} of the input {name!r} is {array.shape[axis]} and dimension {first[2]} of "
                f"{first[1]!r} is {first[0]}; the model calls both {symbol!r}, so they must be equal"
            )


def _read_map(value: Any, name: str, kind: MapType) -> Any:
    if isinstance(value, (list, tuple)) and all(isinstance(row, Mapping) for row in value):
        return [_read_map(row, name, kind) for row in value]
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"the input {name!r} takes a dict ({kind}), or a list of dicts, got {_describe(value)}")
    texts = kind.key is DType.STRING
    wrong = [key for key in value if isinstance(key, str) is not texts]
    if wrong:
        what = "str" if texts else "int"
        raise InvalidArgument(f"the input {name!r} is a {kind}: keys must be {what}, got {wrong[0]!r}")
    element = kind.value.dtype if isinstance(kind.value, TensorType) else DType.UNDEFINED
    convert: type = {"f": float, "i": int, "O": str}[element.numpy.kind if element else "O"]
    try:
        return {key if texts else int(key): convert(item) for key, item in value.items()}
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"a value of the input {name!r} ({kind}) cannot be used: {error}") from error


def _read_sequence(value: Any, name: str, kind: SequenceType) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise InvalidArgument(f"the input {name!r} takes a list ({kind}), got {_describe(value)}")
    return [read_value(item, ValueInfo(f"{name}[{i}]", kind.element)) for i, item in enumerate(value)]


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return type(value).__qualname__
