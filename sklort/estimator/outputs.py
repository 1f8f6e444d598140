"""What the graph returns -> what scikit-learn returns: label values, shapes, dtypes.

The form of every answer is taken from the model's own answer to a few rows, never derived from rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort.providers.placement import on_device, to_host

Array = npt.NDArray[Any]
Finish = Callable[[Any], Any]

FLATTEN: Finish = methodcaller("ravel")
"""For an output of one column where scikit-learn has no column."""


@dataclass(frozen=True)
class Form:
    """The form of one method's answer, leaving the number of rows open.

    Attributes
    ----------
    dtype : str
        ``numpy.dtype.str`` of the answer.
    tail : tuple of int
        The shape without its first axis: ``()`` for scikit-learn's 1-D answers.
    sparse : bool
        A SciPy CSR matrix.
    parts : tuple of Form
        For a multi-output classifier's list, or a tuple, the form of each element; else empty.
    """

    dtype: str
    tail: tuple[int, ...] = ()
    sparse: bool = False
    parts: tuple[Form, ...] = ()

    @classmethod
    def of(cls, answer: Any) -> Form:
        """The form of `answer`, what the model returned for at least one row."""
        if isinstance(answer, list | tuple):
            return cls(type(answer).__name__, parts=tuple(cls.of(part) for part in answer))
        if hasattr(answer, "tocsr"):
            return cls(np.dtype(answer.dtype).str, (int(answer.shape[1]),), sparse=True)
        array = np.asarray(answer)
        return cls(array.dtype.str, tuple(int(n) for n in array.shape[1:]))

    def finish(self, raw: Any) -> Any:
        """A graph output in this form.

        Parameters
        ----------
        raw : ndarray, or array on a GPU
            Labels of shape (n,) or (n, 1); values of shape (n, k), or (n_outputs, n, k) where the answer is a list.

        Returns
        -------
        ndarray or array on a GPU
            Where `raw` lies; a sparse matrix is SciPy's.
        """
        if self.parts:
            pairs = zip(self.parts, raw, strict=True)
            made = [part.finish(_array(one)[..., : (part.tail or (None,))[-1]]) for part, one in pairs]
            return tuple(made) if self.dtype == "tuple" else made
        array = _array(to_host(raw) if self.sparse else raw)
        if len(self.tail) == 0 and array.ndim == 2 and array.shape[1] == 2 and self.dtype[1] == "f":
            array = array[:, 1]
        if array.shape[1:] != self.tail:
            array = array.reshape(array.shape[0], *self.tail)
        if array.dtype.str != self.dtype:
            array = array.astype(self.dtype)
        if not self.sparse:
            return array
        from scipy.sparse import csr_matrix

        return csr_matrix(array)

    def shortcut(self, raw: Array) -> Finish | None:
        """How to finish an output like `raw` in one call that enters no Python frame.

        Returns
        -------
        callable or None
            None when `raw` is finished as it is.
        """
        same_dtype, same_shape = raw.dtype.str == self.dtype, raw.shape[1:] == self.tail
        if self.parts or self.sparse:
            return self.finish
        if same_dtype and same_shape:
            return None
        if same_shape:
            return methodcaller("astype", self.dtype)
        if same_dtype and not self.tail and raw.ndim == 2 and raw.shape[1] == 1:
            return FLATTEN
        return self.finish

    def as_json(self) -> list[Any]:
        return [self.dtype, list(self.tail), self.sparse, [part.as_json() for part in self.parts]]

    @classmethod
    def from_json(cls, data: list[Any]) -> Form:
        dtype, tail, sparse, parts = data
        return cls(str(dtype), tuple(int(n) for n in tail), bool(sparse), tuple(cls.from_json(p) for p in parts))


def _array(raw: Any) -> Any:
    """`raw` as an array: one of a GPU stays what it is."""
    return raw if on_device(raw) else np.asarray(raw)
