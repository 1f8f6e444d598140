"""Why an estimator of scikit-learn has no ONNX form."""

from __future__ import annotations

NOT_CONVERTED: dict[str, str] = {}
"""Estimator -> the reason, as one clause."""
