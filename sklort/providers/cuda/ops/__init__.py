"""The operators that have CUDA kernels, by domain and name."""

from __future__ import annotations

from sklort.providers.cuda.ops import (
    distance,
    elementwise,
    features,
    linear,
    linear_model,
    matmul,
    reduce,
    svm,
    tree_ensemble,
    views,
)
from sklort.providers.cuda.ops.operator import Operator

OPERATORS: dict[tuple[str, str], Operator] = {
    name: operator
    for room in (distance, elementwise, features, linear, linear_model, matmul, reduce, svm, tree_ensemble, views)
    for name, operator in room.OPERATORS.items()
}
