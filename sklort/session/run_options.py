"""Options of one run, named as onnxruntime names them."""

from __future__ import annotations

from typing import Any

from sklort.providers.cpu import make_stop
from sklort.providers.part import Stop
from sklort.session.fields import Field, Options, flag, integer, text


class RunOptions(Options):
    """Options of one call of `InferenceSession.run`, or of several.

    Attributes
    ----------
    terminate : bool
        Ends the runs that were given these options, soon, with the error `Fail`; to be set from another thread. It
        stays set.
    log_severity_level, log_verbosity_level, logid : int, int, str
        What the run says to the logger "sklort" of Python's logging; -1 for the default.
    only_execute_path_to_fetches : bool
        Accepted: what the outputs that are asked for do not need is never computed.
    """

    __slots__ = ("_stop",)

    log_severity_level = Field(-1, integer)
    log_verbosity_level = Field(0, integer)
    logid = Field("", text)
    only_execute_path_to_fetches = Field(False, flag)

    def __init__(self) -> None:
        super().__init__()
        self._stop = make_stop()

    @property
    def terminate(self) -> bool:
        return self._stop.is_set()

    @terminate.setter
    def terminate(self, value: bool) -> None:
        try:
            raised = flag(value)
        except TypeError as error:
            raise TypeError(f"terminate {error}") from None
        if raised:
            self._stop.set()
        else:
            self._stop.clear()

    @property
    def stop(self) -> Stop:
        """What `terminate` sets, for runners."""
        return self._stop

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Keep an entry; the last one of a key counts. None has an effect."""
        self._add_entry(key, value)

    def get_run_config_entry(self, key: str) -> str:
        """The entry of a key.

        Raises
        ------
        InvalidUse
            There is none.
        """
        return self._get_entry(key)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "terminate": self.terminate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._stop = make_stop()
        super().__setstate__(state)


def check_options(options: Any) -> None:
    """Refuse what is neither options of a run nor None.

    Raises
    ------
    TypeError
    """
    if options is not None and not isinstance(options, RunOptions):
        raise TypeError(f"run_options must be a sklort.RunOptions or None, got {type(options).__name__}")
