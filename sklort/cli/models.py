"""Fitted scikit-learn models from files. What could run code is opened only when the user says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PICKLES = (".pkl", ".pickle", ".joblib")


def load_model(path: Path, *, allow_pickle: bool = False, trust: Sequence[str] = ()) -> Any:
    """A fitted estimator from a skops file, or from a pickle.

    Parameters
    ----------
    path : Path
    allow_pickle : bool
        Open pickles. Opening one runs the code in it.
    trust : sequence of str
        Types that a skops file may hold beside those that skops trusts itself.

    Raises
    ------
    ValueError
        It is a pickle and `allow_pickle` is False; it holds a type that is not trusted; it is no model.
    """
    with path.open("rb") as file:
        head = file.read(2)
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        raise ValueError(f"{path} is an ONNX model: a fitted scikit-learn model is expected here")
    if suffix == ".skops" or (suffix not in PICKLES and head == b"PK"):
        model = _skops(path, trust)
    elif not allow_pickle:
        raise ValueError(
            f"{path} is opened by unpickling, which runs whatever code is in the file: add --allow-pickle if you trust "
            "where it comes from, or save the model with skops (skops.io.dump)"
        )
    else:
        model = _pickle(path)
    if not (hasattr(model, "predict") or hasattr(model, "transform")):
        raise ValueError(f"{path} holds a {type(model).__name__}, not a fitted estimator")
    return model


def _skops(path: Path, trust: Sequence[str]) -> Any:
    from skops import io

    try:
        strange = [name for name in io.get_untrusted_types(file=path) if name not in trust]
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a skops file: {error}") from error
    if strange:
        flags = " ".join(f"--trust {name}" for name in strange)
        raise ValueError(f"{path} holds types that skops does not trust: if you do, add {flags}")
    return io.load(path, trusted=list(trust))


def _pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path} needs the module {error.name!r}: install it, or set PYTHONPATH to the folder it lies in"
        ) from error
    except Exception as error:
        raise ValueError(f"{path} cannot be unpickled: {type(error).__name__}: {error}") from error
