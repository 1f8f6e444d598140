"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from ..adapter import Converter
from . import encoders, imputers, linear, scalers, trees

CONVERTERS: dict[type, Converter] = {
    **trees.CONVERTERS,
    **linear.CONVERTERS,
    **scalers.CONVERTERS,
    **imputers.CONVERTERS,
    **encoders.CONVERTERS,
}
