"""QuantileTransformer. Source of the rules: ``sklearn/preprocessing/_data.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from sklearn.preprocessing import QuantileTransformer

from sklort.conversion.converters.search import interpolate
from sklort.conversion.special import normal_distribution, normal_quantile
from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, Answers, Write, Writer

_BOUNDS = 1e-7


def _write(writer: Writer) -> Answers:
    model = writer.model
    given = writer.floats()
    rows = given.astype(DOUBLE)
    quantiles = np.asarray(model.quantiles_, np.float64).T
    references = np.asarray(model.references_, np.float64)
    count = len(quantiles)
    # Repeated quantiles: the mean of the last and of the first reference that belongs to them.
    upward = interpolate(writer, rows, list(quantiles), [references] * count)
    downward = interpolate(writer, -rows, [-q[::-1] for q in quantiles], [-references[::-1]] * count)
    out = (upward - downward) * 0.5
    low, high = quantiles[:, :1].T, quantiles[:, -1:].T
    normal = model.output_distribution == "normal"
    # scikit-learn compares and stores in the dtype of X.
    if normal:
        low_dtype, high_dtype = (b.astype(np.float64) for b in (low, high))
        below, above = given - _BOUNDS < low_dtype, given + _BOUNDS > high_dtype
    else:
        below, above = rows.equals(low), rows.equals(high)
    out = out.astype(given.dtype)
    out = below.where(np.array(0.0, given.dtype), above.where(np.array(1.0, given.dtype), out))
    if normal:
        ends = stats.norm.ppf(_BOUNDS - np.spacing(1)), stats.norm.ppf(1 - (_BOUNDS - np.spacing(1)))
        out = clip(normal_quantile(out), *ends).astype(given.dtype)
    return {"transform": out}


def inverse_quantiles(writer: Writer, model: Any, rows: Tensor) -> Tensor:
    """`QuantileTransformer.inverse_transform`."""
    quantiles = np.asarray(model.quantiles_, np.float64).T
    references = np.asarray(model.references_, np.float64)
    x = rows.astype(DOUBLE)
    normal = model.output_distribution == "normal"
    if normal:
        x = normal_distribution(x)
    found = interpolate(writer, x, [references] * len(quantiles), list(quantiles))
    low, high = quantiles[:, :1].T, quantiles[:, -1:].T
    below = (x - _BOUNDS < np.array(0.0)) if normal else x.equals(np.array(0.0))
    above = (x + _BOUNDS > np.array(1.0)) if normal else x.equals(np.array(1.0))
    return below.where(low, above.where(high, found)).astype(rows.dtype)


CONVERTERS: dict[type, Write] = {QuantileTransformer: _write}
