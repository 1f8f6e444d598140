"""The container that `transform` returns, as scikit-learn's `set_output` promises it."""

from __future__ import annotations

from typing import Any

from sklearn import config_context, get_config

from sklort.estimator import frames
from sklort.estimator.acceptance import attempt
from sklort.providers.placement import to_host

_NOTHING: dict[str, Any] = {}


def configured(model: Any) -> str | None:
    """What `set_output` of the model was told; of a pipeline it is its last step that is told."""
    own = getattr(model, "__dict__", _NOTHING)
    while own.get("steps"):
        own = getattr(own["steps"][-1][1], "__dict__", _NOTHING)
    chosen: str | None = own.get("_sklearn_output_config", _NOTHING).get("transform")
    return chosen


def answers_frames(model: Any, X: Any) -> bool:
    """Whether `transform` makes a frame of a frame without having been told to: a function is given X as it is."""
    framed = frames.named(X) if frames.kind_of(X) == "array" else X
    if framed is None or configured(model) not in (None, "default"):
        return False
    with config_context(transform_output="default"):
        answered = attempt(model, "transform", framed)
    return answered is not None and frames.kind_of(answered[0]) in ("pandas", "polars")


def contained(out: Any, X: Any, estimator: Any) -> Any:
    """`out` as an array or as a frame with the estimator's feature names, as configured.

    The choice is the estimator's own (`set_output`), else the wrapped model's, else the global configuration's.
    """
    own = estimator.__dict__  # looked up there: an attribute that is missing costs more than the transformation
    chosen = (
        own.get("_sklearn_output_config", _NOTHING).get("transform")
        or configured(own.get("estimator_"))
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
