"""The container that `transform` returns, as scikit-learn's `set_output` promises it."""

from __future__ import annotations

from typing import Any

from sklearn import get_config

from sklort.estimator import frames
from sklort.providers.placement import to_host

_NOTHING: dict[str, str] = {}


def contained(out: Any, X: Any, estimator: Any) -> Any:
    """`out` as an array or as a frame with the estimator's feature names, as configured.

    The choice is the estimator's own (`set_output`), else the wrapped model's, else the global configuration's.
    """
    own = estimator.__dict__  # looked up there: an attribute that is missing costs more than the transformation
    wrapped = own.get("estimator_")
    chosen = (
        own.get("_sklearn_output_config", _NOTHING).get("transform")
        or getattr(wrapped, "_sklearn_output_config", _NOTHING).get("transform")
        or get_config()["transform_output"]
    )
    if chosen == "default" or frames.kind_of(out) in ("pandas", "polars"):
        return out
    if hasattr(out, "toarray"):
        raise ValueError(
            f"{chosen.capitalize()} output does not support sparse data. "
            "Set sparse_output=False to output a frame, or turn it off with set_output(transform='default')."
        )
    out = to_host(out)
    names = estimator.get_feature_names_out()
    if chosen == "polars":
        import polars as pl

        return pl.DataFrame(out, schema=list(names), orient="row")
    import pandas as pd

    return pd.DataFrame(out, columns=names, index=X.index if frames.kind_of(X) == "pandas" else None, copy=False)
