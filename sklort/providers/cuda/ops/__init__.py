"""The operators that have CUDA kernels, by domain and name."""

from __future__ import annotations

from sklort.providers.cuda.ops import elementwise, linear, linear_model, tree_ensemble
from sklort.providers.cuda.ops.operator import Operator

OPERATORS: dict[tuple[str, str], Operator] = {
    **tree_ensemble.OPERATORS,
    **linear.OPERATORS,
    **linear_model.OPERATORS,
    **elementwise.OPERATORS,
}
