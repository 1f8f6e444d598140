"""A model that cannot be converted whole: what can be is compiled, part by part, and scikit-learn runs the rest.

The result is a scikit-learn model like the one given, of the same classes, in which compiled estimators stand for the
parts that could be converted. How the parts work together is scikit-learn's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sklort.estimator import frames
from sklort.estimator.acceptance import attempt
from sklort.estimator.anatomy import anatomy_of, is_step
from sklort.estimator.lanes import hand_over
from sklort.estimator.methods import METHODS, Bound
from sklort.estimator.support import in_words
from sklort.exceptions import ConversionError

Convert = Callable[[Any, Any, bool], Any]
"""``convert(model, X, compare) -> OnnxEstimator``, or ConversionError. `compare`: check it against the model."""


@dataclass(frozen=True)
class Piece:
    """One part of a model that was taken apart.

    Attributes
    ----------
    path : str
    model : estimator
        The part, fitted by scikit-learn.
    compiled : OnnxEstimator or None
        What stands for it; None where scikit-learn runs it.
    reason : str
    seconds : tuple of (int, float)
        For a part that scikit-learn runs: how long it takes for so many rows.
    """

    path: str
    model: Any
    compiled: Any = None
    reason: str = ""
    seconds: tuple[tuple[int, float], ...] = ()

    @property
    def words(self) -> str:
        """Where, what, why and how long."""
        cost = in_words(self.seconds)
        name = type(self.model).__name__
        return f"{self.path} ({name}): {self.reason}" + (f". It takes {cost}" if cost else "")


class Hybrid:
    """The lanes of a model that is compiled in parts: the same methods, each scikit-learn's own.

    Parameters
    ----------
    model : estimator
        Made of compiled and other parts.
    original : fitted estimator
        Answers what `model` does not offer.
    forward : bool
        As for `Lanes`.

    Attributes
    ----------
    methods : dict of str to callable
        Also attributes of their own.
    owner : estimator
        Whose lanes they are: set by it.
    """

    owner: Any = None

    def __init__(self, model: Any, original: Any, *, forward: bool) -> None:
        self.model = model
        self.methods = {method: getattr(model, method) for method in METHODS if hasattr(model, method)}
        if forward:
            missing = [method for method in METHODS if method not in self.methods and hasattr(original, method)]
            self.methods.update({method: Bound(self, method, hand_over(original, method)) for method in missing})
        for method, answer in self.methods.items():
            setattr(self, method, answer)

    @property
    def session(self) -> Any:
        raise AttributeError("compiled in parts: each has a session of its own")


def take_apart(model: Any, X: Any, reason: str, convert: Convert) -> tuple[Any, tuple[Piece, ...]]:
    """`model` with every part compiled that can be.

    Parameters
    ----------
    model : fitted estimator
        Known not to convert whole.
    X : rows that it accepts
    reason : str
        Why it does not.
    convert : callable

    Returns
    -------
    model, pieces
        `model` itself where no part could be compiled.
    """
    pieces: list[Piece] = []
    made = _Surgeon(convert, pieces).parts(model, X, "", reason)
    return made, tuple(pieces)


class _Surgeon:
    def __init__(self, convert: Convert, pieces: list[Piece]) -> None:
        self.convert = convert
        self.pieces = pieces

    def parts(self, model: Any, X: Any, path: str, reason: str) -> Any:
        """A model that does not convert whole."""
        anatomy = anatomy_of(model)
        if anatomy is None:
            return self._left(model, X, path, reason)
        before = len(self.pieces)
        if isinstance(model, Pipeline):
            made = self._pipeline(model, anatomy.rows(model, X), path)
        else:
            seen = zip(anatomy.parts(model), anatomy.rows(model, X), strict=True)
            made = anatomy.rebuilt(
                model, [self._part(part, rows, _join(path, name), _promised(part)) for (name, part), rows in seen]
            )
        if all(piece.compiled is None for piece in self.pieces[before:]):
            return model
        if not _answers_alike(model, made, X):
            del self.pieces[before:]
            return self._left(model, X, path, reason)
        if all(piece.compiled is not None for piece in self.pieces[before:]):  # the reason lies in none of the parts
            name = path or type(model).__name__.lower()
            self.pieces.append(Piece(name, model, None, f"only its parts are compiled: {reason}"))
        return made

    def _part(self, model: Any, X: Any, path: str, wanted: frozenset[str]) -> Any:
        try:
            compiled = self._compiled(model, X, wanted, compare=True)
        except ConversionError as error:
            return self.parts(model, X, path, str(error))
        self.pieces.append(Piece(path, model, compiled))
        return compiled

    def _compiled(self, model: Any, X: Any, wanted: frozenset[str], *, compare: bool) -> Any:
        compiled = self.convert(model, X, compare)
        lacking = wanted - set(compiled._lanes.methods)
        if lacking:
            raise ConversionError(f"the ONNX graph does not offer {', '.join(sorted(lacking))}")
        return compiled

    def _left(self, model: Any, X: Any, path: str, reason: str) -> Any:
        self.pieces.append(Piece(path or type(model).__name__.lower(), model, None, reason, _timed(model, X)))
        return model

    def _pipeline(self, model: Pipeline, rows: list[Any], path: str) -> Pipeline:
        """Neighbouring steps that convert become one."""
        named = [(name, step) for name, step in model.steps if is_step(step)]
        last = len(named) - 1
        reasons: list[str | None] = []
        for i, ((_, step), seen) in enumerate(zip(named, rows, strict=True)):
            try:
                self._compiled(step, seen, frozenset(["transform"]) if i < last else frozenset(), compare=False)
            except ConversionError as error:
                reasons.append(str(error))
            else:
                reasons.append(None)
        steps: list[tuple[str, Any]] = []
        start = 0
        while start <= last:
            stop = start + 1
            why = reasons[start]
            if why is not None:
                name, step = named[start]
                steps.append((name, self.parts(step, rows[start], _join(path, name), why)))
            else:
                while stop <= last and reasons[stop] is None:
                    stop += 1
                steps += self._run(named[start:stop], rows[start:stop], path, final=stop > last)
            start = stop
        return Pipeline(steps)

    def _run(self, named: list[tuple[str, Any]], rows: list[Any], path: str, *, final: bool) -> list[tuple[str, Any]]:
        wanted = frozenset() if final else frozenset(["transform"])
        if len(named) > 1:
            try:
                compiled = self._compiled(Pipeline(named), rows[0], wanted, compare=True)
            except ConversionError:
                pass
            else:
                self.pieces += [Piece(_join(path, name), step, compiled) for name, step in named]
                return [(named[-1][0], compiled)]
        return [
            (
                name,
                self._part(step, seen, _join(path, name), wanted if i == len(named) - 1 else frozenset(["transform"])),
            )
            for i, ((name, step), seen) in enumerate(zip(named, rows, strict=True))
        ]


def _join(path: str, name: str) -> str:
    return f"{path}__{name}" if path else name


def _promised(part: Any) -> frozenset[str]:
    """What an owner may ask of a part."""
    methods = {method for method in METHODS if hasattr(part, method)} - {"predict_log_proba"}
    return frozenset(methods - {"transform"} if "predict" in methods else methods)


def _answers_alike(model: Any, other: Any, X: Any) -> bool:
    """Whether both answer every method for a few rows; what they answer is compared later."""
    few = frames.take_rows(X, np.arange(min(2, frames.height(X)))) if hasattr(X, "shape") else X[:2]
    methods = [method for method in METHODS if hasattr(other, method)]
    return all(attempt(other, m, few) is not None for m in methods if attempt(model, m, few) is not None)


def _timed(model: Any, X: Any) -> tuple[tuple[int, float], ...]:
    """How long scikit-learn takes for one row and for all of X."""
    method = next((one for one in ("transform", *METHODS) if hasattr(model, one)), None)
    if method is None:
        return ()
    found = []
    for n in sorted({1, int(X.shape[0]) if hasattr(X, "shape") else len(X)}):
        rows = X[:n] if not hasattr(X, "shape") else frames.take_rows(X, np.arange(n))
        times = []
        for _ in range(3 if n == 1 else 1):
            started = perf_counter()
            if attempt(model, method, rows) is None:
                return ()
            times.append(perf_counter() - started)
        found.append((n, min(times)))
    return tuple(found)
