"""Where an estimator computes: its providers, and rows that lie on a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from sklort.estimator.inputs import Intake, Signature, say
from sklort.estimator.values import EXACT_INTEGER, Unsure
from sklort.exceptions import EPFail, UnsupportedValue
from sklort.providers.placement import on_device
from sklort.providers.registry import make_provider

Where = Literal["cpu", "cuda", "auto"]
_DEVICES = ("cpu", "cuda", "auto")
_CUDA = "CUDAExecutionProvider"
FEW_ROWS = 256
"""Below this nobody looks whether a batch would be faster on a GPU."""


def check_device(device: Any) -> None:
    """Refuse what is no device.

    Raises
    ------
    ValueError
        There is no such device.
    EPFail
        A GPU is asked for, and there is none.
    """
    if device not in _DEVICES:
        raise ValueError(f"device must be 'cpu', 'cuda' or 'auto', got {device!r}")
    reason = no_gpu() if device == "cuda" else None
    if reason:
        raise EPFail(
            f"device='cuda' needs a GPU: {reason}. device='cpu' computes without one, and device='auto' where there is "
            "none; set_params(device='cpu') moves an estimator that is fitted already"
        )


def move(estimator: Any, before: Where) -> None:
    """Let a fitted estimator compute where its parameter `device` says now; where it cannot, it stays as it was.

    Raises
    ------
    ValueError, EPFail
        As `check_device`.
    """
    estimator.device, wanted = before, estimator.device
    check_device(wanted)
    estimator.device = wanted
    estimator.__dict__.pop("_lanes", None)
    estimator.__dict__.pop("_demanded", None)
    for each in estimator._compiled.compiled_parts:
        each.set_params(device=wanted)


def no_gpu() -> str | None:
    """Why there is no GPU to compute on; None when there is one."""
    return make_provider(_CUDA).unavailable()


def providers_of(gpu: bool) -> list[Any]:
    """What a session is made with."""
    return [(_CUDA, {"require": "1"}), "CPUExecutionProvider"] if gpu else ["CPUExecutionProvider"]


def lies_there(X: Any) -> bool:
    """Whether X lies in the memory of a GPU: an array of CuPy, torch or another library, or a frame of cuDF."""
    return type(X) is not np.ndarray and (on_device(X) or _is_cudf(X))


def _is_cudf(X: Any) -> bool:
    return type(X).__module__.partition(".")[0] == "cudf" and hasattr(X, "to_cupy") and hasattr(X, "columns")


def refuse_there(X: Any, device: str) -> UnsupportedValue:
    """The error for X on a GPU where the estimator computes on the CPU."""
    kind = f"{type(X).__module__.partition('.')[0]}.{type(X).__qualname__}"
    because = f"{device!r} found no GPU ({no_gpu()})" if device == "auto" else f"device={device!r}"
    return UnsupportedValue(
        f"X is a {kind} on a GPU, and this estimator computes on the CPU: {because}. set_params(device='cuda') moves "
        "it to the GPU; or give a NumPy array, for CuPy X.get()"
    )


def cores() -> int:
    """How many processors there are for the CPU's side."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_host(X: Any) -> Any:
    """X as it is, or a copy on the host of what lies on a GPU."""
    return Gpu().host(X) if lies_there(X) else X


class Gpu:
    """What the lanes of a model need of a GPU: rows read there, and copies of few."""

    def __init__(self) -> None:
        self._provider: Any = make_provider(_CUDA)

    def adopt(self, value: Any) -> Any:
        """An array of any library on the GPU, or of the host, as CuPy's."""
        return self._provider.adopt(value)

    def host(self, X: Any) -> Any:
        """X as it is, or a copy on the host of what lies on a GPU."""
        if _is_cudf(X):
            return X.to_pandas()
        return self.adopt(X).get() if on_device(X) else X

    def there(self, answer: Any) -> Any:
        """An answer of the host on the GPU, where it is numbers."""
        if isinstance(answer, list):
            return [self.there(one) for one in answer]
        return self.adopt(answer) if isinstance(answer, np.ndarray) and answer.dtype.kind in "biuf" else answer

    def admit(self, X: Any, intake: Intake) -> tuple[Signature, list[Any]]:
        """The values of the graph inputs, in order, from X on a GPU, where they stay; and the signature they need.

        Raises
        ------
        Unsure
            When only the model can say what becomes of this X.
        """
        if intake.layout == "texts":
            raise Unsure("numbers where texts are expected")
        array = self._matrix(X, intake)
        if _is_cudf(X):
            intake = replace(intake, names=None)  # they have been looked at
        # What may come is a matter of dtype and shape: a row of zeros is asked in place of the array.
        signature, _ = intake.admit(np.zeros((min(len(array), 1), array.shape[1]), array.dtype))
        limit = intake.acceptance.limit
        if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
            limit = min(limit, float(EXACT_INTEGER - 1))
        values = []
        for one, name in zip(intake.inputs, signature, strict=True):
            value = array if one.columns == tuple(range(array.shape[1])) else array[:, _columns(one.columns)]
            value = value.astype(name, copy=False)
            nan = [intake.acceptance.nan[i] for i in one.columns]
            if value.dtype.kind == "f" and not self._provider.within(value, nan, limit):
                raise Unsure(f"NaN in a column that takes none, or values beyond {limit:g}")
            values.append(value)
        return signature, values

    def _matrix(self, X: Any, intake: Intake) -> Any:
        if not _is_cudf(X):
            array = self.adopt(X)
            if array.ndim != 2:
                raise Unsure(f"an array of {array.ndim} dimensions")
            return array
        names = list(X.columns)
        plain = bool(names) and all(isinstance(name, str) for name in names)
        positions, warned = intake.positions(tuple(names) if plain else None, names)
        say(warned)
        array = self.adopt(X.to_cupy())
        return array if positions == tuple(range(len(names))) else array[:, list(positions)]


class Stranded:
    """In place of the lanes of an estimator that was made for a GPU, where there is none: every method says so."""

    def __init__(self, error: EPFail, methods: Iterable[str]) -> None:
        def answer(X: Any, **params: Any) -> Any:
            raise error

        self.reason = error.text
        self.methods = dict.fromkeys(methods, answer)
        for method in self.methods:
            setattr(self, method, answer)

    @property
    def session(self) -> Any:
        raise AttributeError(self.reason)


def _columns(columns: tuple[int, ...]) -> Any:
    """An index for columns: a slice, which makes a view, where they are neighbours."""
    first, last = columns[0], columns[-1]
    return slice(first, last + 1) if columns == tuple(range(first, last + 1)) else list(columns)
