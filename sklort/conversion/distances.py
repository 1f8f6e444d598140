"""Distances and kernels between rows and points that are known.

Sums over features are written as a Scan over the points, one column of the answer at a time, so that no tensor of rows
x points x features is ever stored; sklort's passes recognise the common bodies and put one kernel in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE, Writer
from sklort.exceptions import ConversionError

Body = Callable[[Any], str]


class _Body:
    """The nodes of a Scan's body: `rows` (n, d) against one `point` (d,)."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix  # the names of a body may not be those of the graph around it
        self.rows, self.point = f"{prefix}.rows", f"{prefix}.point"
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        output = f"{self.prefix}.{op_type.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any) -> str:
        name = f"{self.prefix}.constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def difference(self) -> str:
        return self.node("Sub", self.rows, self.point)

    def sum(self, name: str) -> str:
        return self.node("ReduceSum", name, self.constant(np.array([1], np.int64)), keepdims=0)


def _squares(body: _Body) -> str:
    return body.node("ReduceSumSquare", body.difference(), body.constant(np.array([1], np.int64)), keepdims=0)


def _absolutes(body: _Body) -> str:
    return body.sum(body.node("Abs", body.difference()))


def _largest(body: _Body) -> str:
    size = body.node("Abs", body.difference())
    return body.node("ReduceMax", size, body.constant(np.array([1], np.int64)), keepdims=0)


def _powers(p: float) -> Body:
    def write(body: _Body) -> str:
        size = body.node("Abs", body.difference())
        return body.sum(body.node("Pow", size, body.constant(np.array(p))))

    return write


def _quotient(body: _Body, above: str, below: str) -> str:
    """Zero where nothing is divided by nothing."""
    nothing = body.node("Equal", below, body.constant(np.array(0.0)))
    safe = body.node("Where", nothing, body.constant(np.array(1.0)), below)
    return body.node("Where", nothing, body.constant(np.array(0.0)), body.node("Div", above, safe))


def _canberra(body: _Body) -> str:
    sizes = body.node("Add", body.node("Abs", body.rows), body.node("Abs", body.point))
    return body.sum(_quotient(body, body.node("Abs", body.difference()), sizes))


def _bray_curtis(body: _Body) -> str:
    below = body.sum(body.node("Add", body.node("Abs", body.rows), body.node("Abs", body.point)))
    return _quotient(body, body.sum(body.node("Abs", body.difference())), below)


def _hamming(body: _Body) -> str:
    other = body.node("Not", body.node("Equal", body.rows, body.point))
    number = body.node("Cast", other, to=TensorProto.DOUBLE)
    return body.node("ReduceMean", number, body.constant(np.array([1], np.int64)), keepdims=0)


def _chi_square(body: _Body) -> str:
    difference = body.difference()
    square = body.node("Mul", difference, difference)
    return body.sum(_quotient(body, square, body.node("Add", body.rows, body.point)))


def _scanned(x: Tensor, points: np.ndarray, write: Body) -> Tensor:
    """(n, m) of what `write` makes of each row and point, both double."""
    body = _Body(x.writer.graph.fresh("scan"))
    column = write(body)
    kept = body.node("Identity", body.rows)
    width = points.shape[1]
    graph = helper.make_graph(
        body.nodes,
        "distances",
        [
            helper.make_tensor_value_info(body.rows, TensorProto.DOUBLE, [None, width]),
            helper.make_tensor_value_info(body.point, TensorProto.DOUBLE, [width]),
        ],
        [
            helper.make_tensor_value_info(kept, TensorProto.DOUBLE, [None, width]),
            helper.make_tensor_value_info(column, TensorProto.DOUBLE, [None]),
        ],
        body.constants,
    )
    writer = x.writer
    known = writer.constant(np.ascontiguousarray(points, np.float64), "points")
    _, columns = writer.nodes("Scan", [x.name, known], 2, body=graph, num_scan_inputs=1)
    return Tensor(writer, columns, DOUBLE).transpose()


def squared_distances(x: Tensor, points: np.ndarray) -> Tensor:
    """Sums of squared differences (n, m) of rows (n, d) and points (m, d), in double."""
    return _scanned(x.astype(DOUBLE), points, _squares)


def _unit(points: np.ndarray) -> np.ndarray:
    norms = np.sqrt((points * points).sum(axis=1, keepdims=True))
    return np.asarray(points / np.where(norms == 0, 1, norms))


def _cosines(x: Tensor, points: np.ndarray) -> Tensor:
    norms = (x * x).sum().apply("Sqrt")
    unit = x / norms.equals(0.0).where(np.array(1.0), norms)
    return unit @ _unit(points).T


def distances(x: Tensor, points: np.ndarray, metric: Any, given: Mapping[str, Any] | None = None) -> Tensor:
    """Distances (n, m) of rows (n, d) from points (m, d) as scikit-learn means `metric`, in double.

    Raises
    ------
    ConversionError
        The metric is a Python function, or one that no operators say.
    """
    parameters = dict(given or {})
    x, points = x.astype(DOUBLE), np.asarray(points, np.float64)
    weights = parameters.get("w")
    if metric == "minkowski":
        p = float(parameters.get("p", 2))
        if weights is not None:
            scale = np.asarray(weights, np.float64) ** (1 / p)
            x, points = x * scale.reshape(1, -1), points * scale
        metric, parameters = {1.0: "manhattan", 2.0: "euclidean", np.inf: "chebyshev"}.get(p, "minkowski"), {"p": p}
    if metric in ("euclidean", "l2", "p"):
        return squared_distances(x, points).apply("Sqrt")
    if metric == "sqeuclidean":
        return squared_distances(x, points)
    if metric == "minkowski":
        p = float(parameters["p"])
        return _scanned(x, points, _powers(p)) ** np.float64(1 / p)
    if metric == "seuclidean" and "V" in parameters:
        scale = 1 / np.sqrt(np.asarray(parameters["V"], np.float64))
        return squared_distances(x * scale.reshape(1, -1), points * scale).apply("Sqrt")
    if metric == "mahalanobis" and "VI" in parameters:
        root = np.linalg.cholesky(np.asarray(parameters["VI"], np.float64))
        return squared_distances(x @ root, points @ root).apply("Sqrt")
    if metric == "cosine":
        return clip(1.0 - _cosines(x, points), 0.0, 2.0)
    if metric == "correlation":
        mean = x.sum() / float(points.shape[1])
        return 1.0 - _cosines(x - mean, points - points.mean(axis=1, keepdims=True))
    if metric in _BODIES:
        return _scanned(x, points, _BODIES[metric])
    named = getattr(metric, "__name__", metric)
    raise ConversionError(f"{x.writer.where} measures with {named!r}, which has no ONNX form")


_BODIES: dict[Any, Body] = {
    "manhattan": _absolutes,
    "cityblock": _absolutes,
    "l1": _absolutes,
    "chebyshev": _largest,
    "infinity": _largest,
    "canberra": _canberra,
    "braycurtis": _bray_curtis,
    "hamming": _hamming,
}


def kernel_values(x: Tensor, points: np.ndarray, kernel: Any, given: Mapping[str, Any]) -> Tensor:
    """``sklearn.metrics.pairwise.pairwise_kernels`` of rows (n, d) and points (m, d), in double."""
    x, points = x.astype(DOUBLE), np.asarray(points, np.float64)
    gamma = given.get("gamma")
    slope = 1.0 / points.shape[1] if gamma is None else float(gamma)
    if kernel == "linear":
        return x @ points.T
    if kernel == "rbf":
        return (squared_distances(x, points) * -slope).apply("Exp")
    # A factor behind a matrix product is put into the points: onnxruntime would make it a float32 of one operator.
    if kernel in ("poly", "polynomial"):
        return raised(x @ (points.T * slope) + float(given.get("coef0", 1)), given.get("degree", 3))
    if kernel == "sigmoid":
        return (x @ (points.T * slope) + float(given.get("coef0", 1))).apply("Tanh")
    if kernel == "laplacian":
        return (_scanned(x, points, _absolutes) * -slope).apply("Exp")
    if kernel == "cosine":
        return _cosines(x, points)
    if kernel == "additive_chi2":
        return -_scanned(x, points, _chi_square)
    if kernel == "chi2":
        return (_scanned(x, points, _chi_square) * -(1.0 if gamma is None else float(gamma))).apply("Exp")
    named = getattr(kernel, "__name__", kernel)
    raise ConversionError(f"{x.writer.where} uses the kernel {named!r}, which has no ONNX form")


def raised(base: Tensor, degree: Any) -> Tensor:
    """`base` to a power, by products where it is a small whole number, as libsvm and NumPy do."""
    if float(degree).is_integer() and 1 <= degree <= 8:
        result = base
        for _ in range(int(degree) - 1):
            result = result * base
        return result
    return base ** np.float64(degree)


def nearest(writer: Writer, measured: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest distances of each row, ascending, and their numbers; the lower number first of equals."""
    k = writer.constant(np.array([count], np.int64))
    values, places = writer.nodes("TopK", [measured.name, k], 2, axis=1, largest=0)
    return Tensor(writer, values, DOUBLE), Tensor(writer, places, np.dtype(np.int64))
