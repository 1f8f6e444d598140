"""What a session says, through Python's logging: the logger is "sklort", and silent until the program configures one.

A message has one of onnxruntime's severities. A session or a run that has a severity of its own says nothing below it;
what is said goes to the logger, whose level, too, must let it through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sklort.exceptions import InvalidUse

LOGGER = logging.getLogger("sklort")
LOGGER.addHandler(logging.NullHandler())

VERBOSE, INFO, WARNING, ERROR, FATAL = range(5)
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
"""Python's levels, by severity."""


def check_severity(severity: int) -> int:
    """The severity, if it is one.

    Raises
    ------
    InvalidUse
        It is not.
    """
    if not VERBOSE <= severity <= FATAL:
        raise InvalidUse(
            f"a log severity is 0 (verbose), 1 (information), 2 (warning), 3 (error) or 4 (fatal), got {severity}"
        )
    return severity


class Log:
    """The voice of a session, or of a run.

    Parameters
    ----------
    severity : int
        The least that is said; -1 to leave it to the logger.
    name : str
        Put in front of what is said; may be empty.
    """

    def __init__(self, severity: int, name: str = "") -> None:
        self._severity = severity if severity == -1 else check_severity(severity)
        self._front = f"{name}: " if name else ""

    def says(self, severity: int) -> bool:
        """Whether a message of this severity would be heard."""
        return severity >= self._severity and LOGGER.isEnabledFor(LEVELS[severity])

    def say(self, severity: int, message: Callable[[], str]) -> None:
        """Say what `message` returns, if it would be heard."""
        if self.says(severity):
            LOGGER.log(LEVELS[severity], "%s%s", self._front, message())
