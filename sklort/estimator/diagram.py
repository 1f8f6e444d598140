"""What an estimator shows of itself: scikit-learn's diagram, and below it what is compiled, and where it runs."""

from __future__ import annotations

from html import escape
from typing import Any

from sklearn.utils import estimator_html_repr

from sklort.estimator.anatomy import leaves
from sklort.estimator.devices import Stranded
from sklort.estimator.methods import METHODS
from sklort.estimator.support import COMPILED, FALLEN, Step, SupportReport


def compilation(estimator: Any) -> SupportReport:
    """What of a fitted `OnnxEstimator` is compiled."""
    graph = estimator._compiled.graph
    if graph is None:
        return _in_parts(estimator)
    where = _providers(estimator, graph)
    model = estimator.estimator_
    if model is None:
        return SupportReport("a loaded model", (Step("model", estimator._kind or "", COMPILED, where),))
    steps = tuple(Step(path, type(part).__name__, COMPILED, where) for path, part in leaves(model))
    return SupportReport(type(model).__name__, steps, _handed_over(estimator, set(graph.outputs)), graph.notes)


def _in_parts(estimator: Any) -> SupportReport:
    steps, notes = [], []
    for piece in estimator._compiled.pieces:
        name = type(piece.model).__name__
        if piece.compiled is None:
            steps.append(Step(piece.path, name, FALLEN, FALLEN, piece.reason, piece.seconds))
            continue
        graph = piece.compiled._compiled.graph
        steps.append(Step(piece.path, name, COMPILED, _providers(piece.compiled, graph)))
        notes += [note for note in graph.notes if note not in notes]
    offered = {method for method in METHODS if hasattr(estimator._compiled.hybrid, method)}
    model = type(estimator.estimator_).__name__
    return SupportReport(model, tuple(steps), _handed_over(estimator, offered), tuple(notes))


def _handed_over(estimator: Any, offered: set[str]) -> tuple[str, ...]:
    return tuple(method for method in estimator._lanes.methods if method not in offered)


def _providers(estimator: Any, graph: Any) -> str:
    nodes = estimator.session_.explain(sorted(set(graph.outputs.values()))).nodes
    here = ", ".join(dict.fromkeys(node.provider for node in nodes)) or "CPUExecutionProvider"
    return f"{here}; a GPU for arrays that lie there and for large batches" if estimator._lanes.by_size else here


def to_html(estimator: Any) -> str:
    """For a notebook."""
    diagram = str(estimator_html_repr(estimator))
    if not estimator.__sklearn_is_fitted__():
        return diagram
    if isinstance(estimator._lanes, Stranded):
        return f'<div class="sklort">{diagram}<p>{escape(estimator._lanes.reason)}</p></div>'
    report = estimator.compilation_
    parity = estimator.parity_report_
    checked = "" if parity is None else f"<details><summary>parity</summary>{parity._repr_html_()}</details>"
    opened = "" if report.ok else " open"
    return (
        f'<div class="sklort">{diagram}<details{opened}><summary>{report.summary()}</summary>'
        f"{report._repr_html_()}</details>{checked}</div>"
    )
