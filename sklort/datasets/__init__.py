"""Small models for trying things out, called as onnxruntime calls its own: the same inputs and outputs, new numbers."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path


def get_example(name: str) -> str:
    """The path of a model.

    Parameters
    ----------
    name : {"logreg_iris.onnx", "mul_1.onnx", "sigmoid.onnx"}

    Raises
    ------
    FileNotFoundError
        There is no such model.
    """
    found = {path.name: path for path in Path(__file__).parent.glob("*.onnx")}
    if name not in found:
        close = get_close_matches(str(name), list(found), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise FileNotFoundError(f"there is no example {name!r}, but {', '.join(map(repr, sorted(found)))}{hint}")
    return str(found[name])
