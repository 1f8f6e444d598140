"""What an estimator keeps of a converted model, and how it is made: whole, or in parts where it must be."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sklort.estimator.devices import Where, check_device
from sklort.estimator.hybrid import Hybrid, Piece, take_apart
from sklort.estimator.inputs import Intake, Signature
from sklort.estimator.lanes import Lanes
from sklort.estimator.parity import TOLERANCE
from sklort.estimator.prepare import Policy, act_on, compare_hybrid, later_conversion, prepare, rows_to_compare
from sklort.estimator.programs import Graph
from sklort.estimator.report import ParityReport
from sklort.exceptions import ConversionError, FallbackWarning

Fallback = Literal["warn", "error"]


class Settings(NamedTuple):
    """The parameters of `OnnxEstimator` that say how to convert."""

    parity: Policy = True
    tolerance: float | None = None
    target_opset: Any = None
    fallback: Fallback = "warn"
    device: Where = "cpu"

    def check(self) -> None:
        """Raise ValueError for a value that means nothing."""
        if self.parity not in (True, False, "warn"):
            raise ValueError(f"parity must be True, False or 'warn', got {self.parity!r}")
        if self.fallback not in ("warn", "error"):
            raise ValueError(f"fallback must be 'warn' or 'error', got {self.fallback!r}")
        check_device(self.device)


@dataclass
class Compiled:
    """A converted model: everything that is pickled, while lanes are opened anew.

    Attributes
    ----------
    graphs : dict of tuple to Graph
        By signature; empty for a model that is compiled in parts.
    intake : Intake or None
        As `graphs`.
    hybrid : estimator or None
        The model in parts.
    pieces : tuple of Piece
        What those parts are.
    """

    graphs: dict[Signature, Graph] = field(default_factory=dict)
    intake: Intake | None = None
    hybrid: Any = None
    pieces: tuple[Piece, ...] = ()

    @property
    def graph(self) -> Graph | None:
        """The graph of the dtype that X had in `fit`."""
        return next(iter(self.graphs.values()), None)

    @property
    def compiled_parts(self) -> list[Any]:
        """The estimators that stand for parts of the model."""
        return [piece.compiled for piece in self.pieces if piece.compiled is not None]

    def open(self, model: Any, settings: Settings) -> Lanes | Hybrid:
        """Compile the graphs again, after unpickling or copying; `model` is None for a loaded one."""
        forward = model is not None and settings.fallback == "warn"
        if self.intake is None:
            return Hybrid(self.hybrid, model, forward=forward)
        later = None
        if model is not None:
            how = settings.parity, settings.tolerance, settings.target_opset, settings.device
            later = later_conversion(model, self.intake, *how)
        return Lanes(self.graphs, self.intake, model, later, forward=forward, device=settings.device)


def of_lanes(lanes: Lanes) -> Compiled:
    """What to keep of a model that is compiled whole."""
    return Compiled(lanes.graphs, lanes.intake)


def compile_model(
    model: Any, X: Any, settings: Settings, part: Callable[[Any, Any, bool], Any]
) -> tuple[Compiled, Lanes | Hybrid, ParityReport | None]:
    """Convert a fitted model, check it, and make it ready to run.

    Parameters
    ----------
    model : fitted estimator
    X : rows that it accepts
    settings : Settings
    part : callable
        ``part(model, X, compare) -> OnnxEstimator``: how a part of the model is compiled.

    Raises
    ------
    ConversionError
        A step cannot be converted and `settings.fallback` is "error".
    ParityError
        The two differ and `settings.parity` is True.
    """
    settings.check()
    sample = rows_to_compare(X)
    try:
        lanes, report = prepare(
            model,
            sample,
            parity=settings.parity,
            tolerance=settings.tolerance,
            target_opset=settings.target_opset,
            forward=settings.fallback == "warn",
            device=settings.device,
        )
    except ConversionError as error:
        if settings.fallback == "error":
            raise
        return _in_parts(model, sample, str(error), settings, part)
    return of_lanes(lanes), lanes, report


def _in_parts(
    model: Any, sample: Any, reason: str, settings: Settings, part: Callable[[Any, Any, bool], Any]
) -> tuple[Compiled, Hybrid, ParityReport | None]:
    made, pieces = take_apart(model, sample, reason, part)
    hybrid = Hybrid(made, model, forward=True)
    report = None
    if settings.parity and made is not model:
        known = [piece.compiled.parity_report_ for piece in pieces if piece.compiled is not None]
        widest = max((one.tolerance for one in known if one is not None), default=TOLERANCE["float64"])
        report = compare_hybrid(model, hybrid, sample, settings.tolerance or widest)
        act_on(report, settings.parity)
    rest = "Nothing of the model is compiled" if made is model else "The rest is compiled"
    warnings.warn(
        f"scikit-learn runs what cannot be converted, no faster than before. {rest}.\n"
        + "\n".join(piece.words for piece in pieces if piece.compiled is None),
        FallbackWarning,
        stacklevel=5,
    )
    return Compiled(hybrid=made, pieces=pieces), hybrid, report
