"""The ONNX model behind a scorer: a file or bytes, known by its digest, opened once in a process."""

from __future__ import annotations

import atexit
import os
import threading
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sklort.exceptions import DamagedModel, ScoringError, SessionError, text_of
from sklort.scoring.models import PlainModel, SavedModel

MOST_OPEN = 8
"""Models kept open in a process; the one not asked for longest is closed."""


class Source:
    """Where a model comes from. It travels as a path and a digest, or as the model's bytes.

    Parameters
    ----------
    model : path, bytes or fitted OnnxEstimator
    """

    def __init__(self, model: Any) -> None:
        self.path: str | None = None
        self.content: bytes | None = None
        if isinstance(model, bytes):
            self.content = model
        elif isinstance(model, str | os.PathLike):
            self.path = os.path.abspath(os.fspath(model))
        elif isinstance(getattr(model, "onnx_model_", None), bytes):
            self.content = model.onnx_model_
        else:
            raise TypeError(
                f"a model is the path or the bytes of an ONNX file, or an OnnxEstimator that is compiled whole, not "
                f"{type(model).__name__}"
            )
        self.digest = sha256(self._content()).hexdigest()

    def _content(self) -> bytes:
        return self.content if self.content is not None else Path(self.path or "").read_bytes()

    def read(self) -> bytes:
        """The bytes of the model.

        Raises
        ------
        ScoringError
            The file is another one than it was.
        """
        content = self._content()
        if self.path is not None and sha256(content).hexdigest() != self.digest:
            raise ScoringError(
                f"{self.path} is not the model that the scorer was made with: its content has changed. Make the scorer "
                "anew, and put a new model into a new file"
            )
        return content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return repr(self.path) if self.path is not None else f"<{len(self.content or b''):,} bytes>"


@lru_cache(maxsize=MOST_OPEN)
def _open(source: Source) -> SavedModel | PlainModel:
    content = source.read()
    try:
        return SavedModel(content) if b"sklort.format" in content else PlainModel(content)
    except (SessionError, DamagedModel, ScoringError) as error:
        if source.path is None:
            raise
        raise type(error)(f"{source.path}: {text_of(error)}") from error


_OPENING = threading.Lock()
atexit.register(_open.cache_clear)  # while the native module is still there


def opened(source: Source) -> SavedModel | PlainModel:
    """The model, opened by the first call of the process that asks for it."""
    with _OPENING:
        return _open(source)


def times_opened() -> int:
    """How often this process has opened a model."""
    return _open.cache_info().misses
