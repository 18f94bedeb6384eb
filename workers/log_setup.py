"""How a worker process and its supervisor log: set up once in each, before anything is logged.

Only monarq's own loggers and arq's are set up; a program's own are left as its modules make them.
"""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from monarq.shared.errors import SettingsError

LEVELS: Final = {-1: "WARNING", 0: "INFO", 1: "DEBUG"}
FORMATS: Final = ("text", "json")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, pid, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields, enc_hook=repr).decode()


def configure_logging(verbosity: int = 0, log_format: str = "text", custom: str | None = None) -> None:
    """Sets up the loggers `monarq` and `arq`, to stderr.

    Args:
        verbosity: 0 is usual, 1 tells of every job, -1 of warnings only.
        log_format: "text" or "json".
        custom: the dotted path of a dict for `logging.config.dictConfig`, instead of all this; arq's
            --custom-log-dict.

    Raises:
        TargetError: there is nothing at the path.
        SettingsError: what is there is no such dict, or the format is unknown.
    """
    if log_format not in FORMATS:
        raise SettingsError(f"log_format is {log_format!r}; it must be one of {', '.join(FORMATS)}")
    config = log_config(verbosity, log_format) if custom is None else _find_config(custom)
    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise SettingsError(f"{custom or 'the log settings'} cannot be used by logging.config: {error}") from error


def log_config(verbosity: int, log_format: str) -> dict[str, Any]:
    """The dict for `logging.config.dictConfig`; arq's own lines keep the form that arq gives them."""
    level = LEVELS[max(-1, min(1, verbosity))]
    own = "json" if log_format == "json" else "text"
    arqs = "json" if log_format == "json" else "arq"
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%H:%M:%S"},
            "arq": {"format": "%(asctime)s: %(message)s", "datefmt": "%H:%M:%S"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {
            "monarq": {**handler, "formatter": own},
            "arq": {**handler, "formatter": arqs},
        },
        "loggers": {
            "monarq": {"handlers": ["monarq"], "level": level, "propagate": False},
            "arq": {"handlers": ["arq"], "level": level, "propagate": False},
        },
    }


def _find_config(path: str) -> dict[str, Any]:
    from monarq.workers.target import find_object

    found = find_object(path)
    if not isinstance(found, Mapping):
        raise SettingsError(f"{path} is {type(found).__name__}, no dict for logging.config")
    return dict(found)
