"""Functions that ONNX has no operator for, to a few units in the last place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklort.conversion.tensor import Tensor, clip
from sklort.conversion.writer import DOUBLE

_EXP_MINUS_2 = 0.13533528323661269189
_ROOT_2_PI = 2.50662827463100050242

# The rational approximations of the inverse normal distribution in Moshier's Cephes, which SciPy uses.
_CENTRE = (
    (
        -59.9633501014107895267, 98.0010754185999661536, -56.6762857469070293439, 13.9312609387279679503,
        -1.23916583867381258016,
    ),
    (
        1.0, 1.95448858338141759834, 4.67627912898881538453, 86.3602421390890590575, -225.462687854119370527,
        200.260212380060660359, -82.0372256168333339912, 15.9056225126211695515, -1.18331621121330003142,
    ),
)  # fmt: skip
_TAIL = (
    (
        4.05544892305962419923, 31.5251094599893866154, 57.1628192246421288162, 44.0805073893200834700,
        14.6849561928858024014, 2.18663306850790267539, -0.140256079171354495875, -0.0350424626827848203418,
        -0.000857456785154685413611,
    ),
    (
        1.0, 15.7799883256466749731, 45.3907635128879210584, 41.3172038254672030440, 15.0425385692907503408,
        2.50464946208309415979, -0.142182922854787788574, -0.0380806407691578277194,
        -0.000933259480895457427372,
    ),
)  # fmt: skip

# And those of the error function, within 1 of zero and beyond.
_ERF = (
    (
        9.60497373987051638749,
        90.0260197203842689217,
        2232.00534594684319226,
        7003.32514112805075473,
        55592.3013010394962768,
    ),
    (
        1.0,
        33.5617141647503099647,
        521.357949780152679795,
        4594.32382970980127987,
        22629.0000613890934246,
        49267.3942608635921086,
    ),
)
_ERFC = (
    (
        2.46196981473530512524e-10,
        0.564189564831068821977,
        7.46321056442269912687,
        48.6371970985681366614,
        196.520832956077098242,
        526.445194995477358631,
        934.528527171957607540,
        1027.55188689515710272,
        557.535335369399327526,
    ),
    (
        1.0,
        13.2281951154744992508,
        86.7072140885989742329,
        354.937778887819891062,
        975.708501743205489753,
        1823.90916687909736289,
        2246.33760818710981792,
        1656.66309194161350182,
        557.535340817727675546,
    ),
)


def log1p(x: Tensor) -> Tensor:
    """``log(1 + x)``: the error that 1 + x makes is divided out again."""
    u = x + 1.0
    plain = u.apply("Log")
    exact = u.equals(1.0)
    infinite = u.is_inf()
    divisor = (exact | infinite).where(np.array(1.0, x.dtype), u - 1.0)
    return exact.where(x, infinite.where(plain, plain * (x / divisor)))


def expm1(x: Tensor) -> Tensor:
    """``exp(x) - 1``: the error that exp makes is divided out again."""
    u = x.apply("Exp")
    shifted = u - 1.0
    same, lost, infinite = u.equals(1.0), shifted.equals(-1.0), u.is_inf()
    logarithm = (same | lost | infinite).where(np.array(1.0, x.dtype), u.apply("Log"))
    return same.where(x, (lost | infinite).where(shifted, shifted * x / logarithm))


def _horner(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    value = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


def normal_quantile(p: Tensor) -> Tensor:
    """``scipy.stats.norm.ppf`` for p between 1e-9 and 1 - 1e-9, and the value at these ends beyond; double."""
    p = clip(p.astype(DOUBLE), 1e-9, 1 - 1e-9)
    high = p > 1 - _EXP_MINUS_2
    y = high.where(1.0 - p, p)
    central = y > _EXP_MINUS_2
    from_middle = y - 0.5
    square = from_middle * from_middle
    inner = (
        from_middle + from_middle * (square * _horner(square, _CENTRE[0]) / _horner(square, _CENTRE[1]))
    ) * _ROOT_2_PI
    root = (y.apply("Log") * -2.0).apply("Sqrt")
    z = 1.0 / root
    outer = root - root.apply("Log") / root - z * _horner(z, _TAIL[0]) / _horner(z, _TAIL[1])
    tail = high.where(outer, -outer)
    return central.where(inner, tail)


def erf(x: Tensor) -> Tensor:
    """The error function, which onnxruntime has in float32 only; double."""
    size = clip(x.apply("Abs"), None, 6.0)  # beyond, it is 1
    square = size * size
    near = size * _horner(square, _ERF[0]) / _horner(square, _ERF[1])
    far = 1.0 - (-square).apply("Exp") * _horner(size, _ERFC[0]) / _horner(size, _ERFC[1])
    return (size < 1.0).where(near, far) * x.apply("Sign")


def normal_distribution(x: Tensor) -> Tensor:
    """``scipy.stats.norm.cdf`` to 1e-16 absolute."""
    return (erf(x * float(np.sqrt(0.5))) + 1.0) * 0.5
