"""libsvm's probabilities of several classes: those of pairs, coupled by an iteration (Wu, Lin and Weng, second method).

The iteration is a Loop over all rows at once, in double; a row that has settled keeps what it has, as libsvm stops for
each row by itself. Source of the rules: ``multiclass_probability`` in libsvm's ``svm.cpp``.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from onnx import TensorProto, helper

from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import BOOL, DOUBLE, Writer

_LEAST = 1e-7  # libsvm keeps probabilities of pairs this far from 0 and 1


def coupled(writer: Writer, pairs: Tensor, slopes: np.ndarray, offsets: np.ndarray, count: int) -> Tensor:
    """Probabilities (n, count) from libsvm's scores of pairs (n, pairs) and the parameters of their sigmoids."""
    first = clip((-(pairs * slopes.reshape(1, -1) + offsets.reshape(1, -1))).apply("Sigmoid"), _LEAST, 1 - _LEAST)
    many = count * (count - 1) // 2
    columns = writer.beside([first, 1.0 - first, writer.for_each_row(np.zeros(1))])
    places = np.full((count, count), 2 * many)
    for k, (i, j) in enumerate(combinations(range(count), 2)):
        places[i, j], places[j, i] = k, many + k
    won = columns.take(places.ravel()).reshape(-1, count, count)  # [i, j]: i against j
    squares = (won * won).sum(keep=True)  # over i: (n, 1, j)
    q = squares * np.eye(count) - won * won.transpose(0, 2, 1)
    start = writer.for_each_row(np.full(count, 1.0 / count))
    return _settled(writer, q, start, count)


def _settled(writer: Writer, q: Tensor, start: Tensor, count: int) -> Tensor:
    graph = writer.graph
    inner = graph.inside()
    body = Writer(inner, writer.model, [])
    step, going, given = (inner.fresh(name) for name in ("step", "going", "shares"))
    p = Tensor(body, given, DOUBLE)
    matrix = Tensor(body, q.name, DOUBLE)
    active, moved = _moved(p, matrix, count)
    p_out = active.where(moved, p)
    flags = active.astype(np.int64)
    any_active = Tensor(body, body.node("ReduceMax", [flags.name], keepdims=0), np.dtype(np.int64)) > np.array(0)
    proto = inner.proto
    proto.name = "coupling"
    proto.input.extend(
        [
            helper.make_tensor_value_info(step, TensorProto.INT64, []),
            helper.make_tensor_value_info(going, TensorProto.BOOL, []),
            helper.make_tensor_value_info(given, TensorProto.DOUBLE, [None, count]),
        ]
    )
    proto.output.extend(
        [
            helper.make_tensor_value_info(any_active.name, TensorProto.BOOL, []),
            helper.make_tensor_value_info(p_out.name, TensorProto.DOUBLE, [None, count]),
        ]
    )
    most = writer.constant(np.array(max(100, count), np.int64))
    begin = writer.constant(np.array(True, BOOL))
    return Tensor(writer, writer.node("Loop", [most, begin, start.name], body=proto), DOUBLE)


def _moved(p: Tensor, q: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Which rows have not settled (n, 1), and one round over the classes."""
    product = (q * p.reshape(0, 1, count)).sum(axis=2, keep=False)
    total = (p * product).sum()
    active = (product - total).apply("Abs").max() >= 0.005 / count
    shares = [p.take([t]) for t in range(count)]
    products = [product.take([t]) for t in range(count)]
    cells = [
        [q.take([t * count + j]) for j in range(count)] for q in [q.reshape(-1, count * count)] for t in range(count)
    ]
    for t in range(count):
        change = (total - products[t]) / cells[t][t]
        shares[t] = shares[t] + change
        scale = 1.0 + change
        total = (total + change * (change * cells[t][t] + products[t] * 2.0)) / scale / scale
        products = [(one + change * cells[t][j]) / scale for j, one in enumerate(products)]
        shares = [one / scale for one in shares]
    return active, shares[0].concat(*shares[1:])
