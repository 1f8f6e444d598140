"""Settings that were measured to be the fastest: `sklort tune` writes them, whoever opens a session reads them."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from sklort.exceptions import InvalidUse
from sklort.providers.cpu import FOREST_ENGINES
from sklort.session.options import SessionOptions
from sklort.timing.machine import description

FORMAT = 1
CPU = "CPUExecutionProvider"


def settings(threads: int, engine: str) -> dict[str, Any]:
    """What a file of settings says, as plain data: 0 threads and the engine "auto" are the defaults."""
    return {"intra_op_num_threads": threads, "forest_engine": engine}


def arguments(found: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `InferenceSession` for `settings`."""
    options = SessionOptions()
    options.intra_op_num_threads = found["intra_op_num_threads"]
    return {"sess_options": options, "providers": [(CPU, {"forest_engine": found["forest_engine"]})]}


def tuned(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Keyword arguments for `InferenceSession`, from a file that ``sklort tune`` wrote.

    Answers do not depend on them. Where they were measured on another machine, a warning says so.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        ``sess_options`` and ``providers``.

    Raises
    ------
    OSError
        There is no such file.
    InvalidUse
        It is not what ``sklort tune`` writes.

    Notes
    -----
    As in ``sklort.InferenceSession("model.onnx", **sklort.tuned("model.tuned.json"))``.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        form, found = data["sklort_tuned"], data["settings"]
        threads, engine = found["intra_op_num_threads"], found["forest_engine"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidUse(f"{os.fspath(path)} is no file of settings: sklort tune writes them ({error!r})") from None
    if form != FORMAT:
        raise InvalidUse(f"{os.fspath(path)} has format {form!r}, this sklort reads {FORMAT}: run sklort tune again")
    if type(threads) is not int or threads < 0 or engine not in ("auto", *FOREST_ENGINES):
        raise InvalidUse(
            f"{os.fspath(path)} asks for {threads!r} threads and the engine {engine!r}: run sklort tune again"
        )
    if data.get("machine") != description():
        warnings.warn(
            f"{os.fspath(path)} was measured on another machine ({data.get('machine')}): what is fastest here may "
            "differ, sklort tune finds out",
            UserWarning,
            stacklevel=2,
        )
    return arguments(found)
