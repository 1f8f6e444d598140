"""Our converters, by type of estimator. A new family is one file with a table ``CONVERTERS``, named here."""

from __future__ import annotations

from sklort.conversion.adapter import Converter
from sklort.conversion.converters import encoders, imputers, linear, scalers, texts, trees

CONVERTERS: dict[type, Converter] = {
    **trees.CONVERTERS,
    **linear.CONVERTERS,
    **scalers.CONVERTERS,
    **imputers.CONVERTERS,
    **encoders.CONVERTERS,
    **texts.CONVERTERS,
}
