"""Logs as lines of JSON: one object for each event, with what belongs to it as fields."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

import orjson

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: time, level, logger, message, and what came as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said.update((key, value) for key, value in vars(record).items() if key not in _USUAL)
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(said, default=str).decode()


def configuration(level: str = "info") -> dict[str, Any]:
    """For `logging.config.dictConfig`: lines of JSON on standard error, ours and uvicorn's."""
    levels = {"sklort": "WARNING", "sklort.serving": level.upper(), "uvicorn": level.upper()}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {
            name: {"handlers": [] if "." in name else ["stderr"], "level": one, "propagate": "." in name}
            for name, one in levels.items()
        },
    }
