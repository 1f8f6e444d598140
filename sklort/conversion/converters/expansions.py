"""Columns made of columns: polynomials, splines, bins, thresholds.

Source of the rules: ``sklearn/preprocessing/_polynomial.py``, ``_discretization.py``, ``_data.py``.
"""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
from scipy.interpolate import BSpline, PPoly
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, PolynomialFeatures, SplineTransformer

from sklort.conversion.converters.search import count_not_above
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, FLOAT, INT64, Answers, Write, Writer


def _write_polynomial(writer: Writer) -> Answers:
    """Every term of a degree is a term of the degree below times one column, as scikit-learn multiplies."""
    model = writer.model
    rows = writer.floats()
    choose = combinations if model.interaction_only else combinations_with_replacement
    count = int(model.n_features_in_)
    lowest, highest = model._min_degree, model._max_degree
    parts: list[Tensor] = [writer.for_each_row(np.ones(1, rows.dtype))] if model.include_bias else []
    previous = rows
    places: dict[tuple[int, ...], int] = {(i,): i for i in range(count)}
    for degree in range(1, highest + 1):
        terms = list(choose(range(count), degree))
        if not terms:
            break
        if degree > 1:
            rest, first = [places[t[1:]] for t in terms], [t[0] for t in terms]
            previous = previous.take(rest) * rows.take(first)
            places = {t: i for i, t in enumerate(terms)}
        if degree >= lowest:
            parts.append(previous)
    return {"transform": writer.beside(parts)}


def _pieces(spline: BSpline) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inner knots, left ends of the intervals, coefficients (degree + 1, intervals, splines), highest power first."""
    knots, degree = spline.t, spline.k
    last = len(knots) - degree - 1
    pieces = [PPoly.from_spline((knots, column, degree)).c[:, degree:last] for column in spline.c.T]
    return knots[degree + 1 : last], knots[degree:last], np.stack(pieces, axis=2)


def _evaluated(writer: Writer, x: Tensor, spline: BSpline) -> Tensor:
    """The values (n, splines) of a vector of splines at x (n, 1); beyond the knots the outermost pieces go on."""
    inner, left, pieces = _pieces(spline)
    at = count_not_above(writer, x, [inner]).flat() if len(inner) else writer.for_each_row(np.array([0])).flat()
    offset = x - writer.tensor(left).take(at, axis=0).column()
    value = writer.tensor(pieces[0]).take(at, axis=0)
    for piece in pieces[1:]:
        value = value * offset + writer.tensor(piece).take(at, axis=0)
    return value


def _remainder(x: Tensor, period: float) -> Tensor:
    """``numpy.mod`` by a positive number."""
    rest = x.writer.node("Mod", [x.name, x.writer.constant(np.array(period, x.dtype))], fmod=1)
    tensor = Tensor(x.writer, rest, x.dtype)
    return (tensor < 0.0).where(tensor + period, tensor)


def _spline(writer: Writer, x: Tensor, spline: BSpline, edge: int) -> Tensor:
    """The values of one column; the outermost intervals start at the knot number `edge` from both ends."""
    way = writer.model.extrapolation
    low, high = float(spline.t[edge]), float(spline.t[-edge - 1])
    if way == "periodic":
        low, high = float(spline.t[spline.k]), float(spline.t[len(spline.t) - spline.k - 1])
        x = _remainder(x - low, high - low) + low if high > low else x * 0.0
        return _evaluated(writer, x, spline)
    if way == "continue":
        return _evaluated(writer, x, spline)
    below, above = x < low, x > high
    if way == "error":
        return _evaluated(writer, x, spline) + writer.refuse_where(below | above)
    value = _evaluated(writer, clip(x, low, high), spline)
    if way == "constant":
        if spline.k:
            return value
        # Without a degree scikit-learn knows no value beyond the knots, and raises above them.
        return below.where(np.array(0.0), value) + writer.refuse_where(above)
    for end, beyond, first in ((low, below, True), (high, above, False)):
        splines = np.arange(spline.c.shape[1])
        near = splines < _reach(edge) if first else splines >= len(splines) - _reach(edge)
        height, slope = (np.where(near, spline(end, nu=nu), 0.0).reshape(1, -1) for nu in (0, 1))
        value = beyond.where((x - end) * slope + height, value)
    return value


def _reach(edge: int) -> int:
    """How many splines scikit-learn continues as lines, and what it then takes for the next column's edge."""
    return edge + 1 if edge <= 1 else edge


def _write_spline(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    count = model.bsplines_[0].c.shape[1]
    parts, edge = [], int(model.degree)
    for i, spline in enumerate(model.bsplines_):
        x = rows.take([i]).astype(DOUBLE)
        value = _spline(writer, x, spline, edge)
        edge = _reach(edge) if model.extrapolation == "linear" else edge
        if getattr(model, "handle_missing", "error") == "zeros":
            value = x.is_nan().where(np.array(0.0), value)
        parts.append(value if model.include_bias else value.take(np.arange(count - 1)))
    return {"transform": writer.beside(parts).astype(rows.dtype)}


def _write_bins(writer: Writer) -> Answers:
    model = writer.model
    rows = writer.floats()
    dtype = rows.dtype if model.dtype is None else np.dtype(model.dtype)
    numbers = count_not_above(writer, rows.astype(dtype), [np.asarray(e)[1:-1] for e in model.bin_edges_])
    if model.encode == "ordinal":
        return {"transform": numbers.astype(dtype)}
    parts = []
    for i, bins in enumerate(model.n_bins_):
        hot = writer.node(
            "OneHotEncoder", [numbers.take([i]).name], domain="ai.onnx.ml", cats_int64s=list(range(int(bins))), zeros=1
        )
        parts.append(Tensor(writer, hot, FLOAT).reshape(-1, int(bins)))
    return {"transform": writer.beside(parts).astype(dtype)}


def _write_binarizer(writer: Writer) -> Answers:
    rows = writer.matrix()
    rows = rows if rows.dtype.kind in "fi" else rows.astype(INT64)
    threshold: Any = writer.model.threshold
    return {"transform": (rows > threshold).astype(rows.dtype)}


CONVERTERS: dict[type, Write] = {
    Binarizer: _write_binarizer,
    KBinsDiscretizer: _write_bins,
    PolynomialFeatures: _write_polynomial,
    SplineTransformer: _write_spline,
}
