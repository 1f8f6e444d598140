"""Random operators for the reference provider: without a seed of their own they follow `sklort.set_seed`."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.ops.op_bernoulli import Bernoulli as OnnxBernoulli
from onnx.reference.ops.op_dropout import Dropout_12 as OnnxDropout
from onnx.reference.ops.op_random_normal import RandomNormal as OnnxRandomNormal
from onnx.reference.ops.op_random_normal_like import RandomNormalLike as OnnxRandomNormalLike
from onnx.reference.ops.op_random_uniform import RandomUniform as OnnxRandomUniform
from onnx.reference.ops.op_random_uniform_like import RandomUniformLike as OnnxRandomUniformLike

from sklort.providers.seed import next_seed


def _state(seed: Any) -> np.random.RandomState:
    return np.random.RandomState(next_seed() if seed is None or np.isnan(seed) else int(seed))


class Bernoulli(OnnxBernoulli):
    op_domain = ""
    _get_state = staticmethod(_state)


class Dropout(OnnxDropout):
    """Of all versions: before 12 nothing is dropped, whatever the attributes."""

    op_domain = ""

    def _run(self, *inputs: Any, seed: int | None = None, **_: Any) -> tuple[Any, ...]:
        found: Any = super()._run(*inputs, seed=next_seed() if seed is None else seed)  # type: ignore[no-untyped-call]
        return tuple(found)


class RandomNormal(OnnxRandomNormal):
    op_domain = ""
    _get_state = staticmethod(_state)


class RandomNormalLike(OnnxRandomNormalLike):
    op_domain = ""
    _get_state = staticmethod(_state)


class RandomUniform(OnnxRandomUniform):
    op_domain = ""
    _get_state = staticmethod(_state)


class RandomUniformLike(OnnxRandomUniformLike):
    op_domain = ""
    _get_state = staticmethod(_state)


RANDOM = (Bernoulli, Dropout, RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike)
